@NullMarked
package io.sluice.server.generation;

import org.jspecify.annotations.NullMarked;
