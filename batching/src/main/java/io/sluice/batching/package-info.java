@NullMarked
package io.sluice.batching;

import org.jspecify.annotations.NullMarked;
