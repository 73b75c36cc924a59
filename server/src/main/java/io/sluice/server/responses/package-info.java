@NullMarked
package io.sluice.server.responses;

import org.jspecify.annotations.NullMarked;
