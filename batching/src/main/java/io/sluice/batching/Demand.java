package io.sluice.batching;

/// What a request is expected to take, over all its choices. A value.
///
/// @param ns of the engine's time, its part of full batches; `UNMEASURED` before the first step
/// @param weightedTokens as fairness counts them: `FairQueue.PROMPT_COST` for a prompt token, `OUTPUT_COST`
/// for an output token
/// @param promptTokens to compute before its first token
/// @param blocks at its longest
/// @param seats sequences that run at once
record Demand(long ns, long weightedTokens, long promptTokens, long blocks, int seats) {

    /// `ns` while nobody knows what anything takes.
    static final long UNMEASURED = 1;

    boolean isMeasured() {
        return ns > UNMEASURED;
    }
}
