package io.sluice.benchmarks.traffic;

import io.sluice.batching.Admission;
import io.sluice.batching.FinishReason;

/// What became of one request of a trace. A value.
sealed interface Outcome {
    TrafficRequest request();

    /// All tokens came.
    ///
    /// @param attempts how often it was sent until it was admitted
    /// @param cachedTokens prompt tokens that were found in the prefix cache
    /// @param preemptions how often it lost its blocks and was computed again
    record Served(TrafficRequest request, int attempts, Timing timing, int cachedTokens, int preemptions)
            implements Outcome {}

    /// It was turned away, and its client gave up.
    ///
    /// @param attempts how often it was sent
    /// @param last the engine's last answer
    record Refused(TrafficRequest request, int attempts, Admission.Refused last) implements Outcome {}

    /// It was admitted, and ended without all of its tokens.
    record Broken(TrafficRequest request, FinishReason reason, int tokens, int preemptions) implements Outcome {}
}
