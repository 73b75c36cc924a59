@NullMarked
package io.sluice.server.output;

import org.jspecify.annotations.NullMarked;
