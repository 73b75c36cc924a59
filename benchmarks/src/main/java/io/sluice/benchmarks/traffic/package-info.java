/// Traffic in simulation: request traces replayed through the production engine, and through plainer
/// policies, on a device that is a cost model and a clock that does not wait.
@NullMarked
package io.sluice.benchmarks.traffic;

import org.jspecify.annotations.NullMarked;
