/// The frontend's ceiling: the real server with a device that computes nothing, and a client that only counts.
@NullMarked
package io.sluice.benchmarks.frontend;

import org.jspecify.annotations.NullMarked;
