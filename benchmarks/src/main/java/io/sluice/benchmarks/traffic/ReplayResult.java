package io.sluice.benchmarks.traffic;

import java.util.List;

/// All that a replay brought. A value.
///
/// @param outcomes one for each request of the workload, in its order
/// @param occupancy of the engine, while requests were measured
/// @param retryAfter what refused requests were told, and what was true
/// @param last what the engine said of itself at the end
/// @param exhaustions steps in which running requests had to give way because there was no free block
/// @param endNs when everything had ended
record ReplayResult(
        Workload workload,
        Policy policy,
        List<Outcome> outcomes,
        Occupancy.Mean occupancy,
        List<RetryAfterCheck.Told> retryAfter,
        SimulatedEngine.State last,
        long exhaustions,
        long endNs) {
    ReplayResult {
        outcomes = List.copyOf(outcomes);
        retryAfter = List.copyOf(retryAfter);
    }

    /// Preemptions that requests know of; as many as the engine counts, unless it does not tell them.
    long attributedPreemptions() {
        long sum = 0;
        for (Outcome outcome : outcomes) {
            sum += switch (outcome) {
                case Outcome.Served it -> it.preemptions();
                case Outcome.Broken it -> it.preemptions();
                case Outcome.Refused _ -> 0;
            };
        }
        return sum;
    }
}
