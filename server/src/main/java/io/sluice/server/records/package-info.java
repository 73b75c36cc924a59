@NullMarked
package io.sluice.server.records;

import org.jspecify.annotations.NullMarked;
