/// The simulator held against the real server.
@NullMarked
package io.sluice.benchmarks.predict;

import org.jspecify.annotations.NullMarked;
