@NullMarked
package io.sluice.server.batches;

import org.jspecify.annotations.NullMarked;
