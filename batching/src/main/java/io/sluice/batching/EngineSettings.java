package io.sluice.batching;

/// What an operator decides about one engine. A value.
///
/// @param waitingMax admitted requests that may wait for a first step; beyond it requests are refused
/// @param prefixCaching reuse the computed blocks of equal prompt beginnings
/// @param sliceTokensMax the most prompt tokens of one sequence in one step, so that a long prompt freezes nobody
public record EngineSettings(int waitingMax, boolean prefixCaching, int sliceTokensMax) {
    public EngineSettings {
        if (waitingMax < 1) throw new IllegalArgumentException("waitingMax must be at least 1, got " + waitingMax);
        if (sliceTokensMax < 1) {
            throw new IllegalArgumentException("sliceTokensMax must be at least 1, got " + sliceTokensMax);
        }
    }
}
