@NullMarked
package io.sluice.server.quota;

import org.jspecify.annotations.NullMarked;
