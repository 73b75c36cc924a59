package io.sluice.batching;

import java.time.Duration;

/// What an operator decides about one engine. A value.
///
/// @param waitingMax admitted requests that may wait for a first step; beyond it requests are refused
/// @param prefixCaching reuse the computed blocks of equal prompt beginnings
/// @param sliceTokensMax the most prompt tokens of one sequence in one step, so that a long prompt freezes
/// nobody
/// @param lagTokensMax a sequence stands still while its reader is so many tokens behind
/// @param stallNs a sequence that has stood still for this long ends
/// @param speculation whether tokens are proposed to sequences that write
public record EngineSettings(
        int waitingMax,
        boolean prefixCaching,
        int sliceTokensMax,
        int lagTokensMax,
        long stallNs,
        SpeculationSettings speculation) {

    /// `lagTokensMax` where nobody said otherwise: seconds of text, and a few kilobytes.
    public static final int LAG_TOKENS_MAX = 512;

    /// `stallNs` where nobody said otherwise.
    public static final long STALL_NS = Duration.ofMinutes(1).toNanos();

    public EngineSettings {
        requirePositive("waitingMax", waitingMax);
        requirePositive("sliceTokensMax", sliceTokensMax);
        requirePositive("lagTokensMax", lagTokensMax);
        requirePositive("stallNs", stallNs);
    }

    public EngineSettings(int waitingMax, boolean prefixCaching, int sliceTokensMax) {
        this(waitingMax, prefixCaching, sliceTokensMax, LAG_TOKENS_MAX, STALL_NS);
    }

    /// Without proposed tokens.
    public EngineSettings(int waitingMax, boolean prefixCaching, int sliceTokensMax, int lagTokensMax, long stallNs) {
        this(waitingMax, prefixCaching, sliceTokensMax, lagTokensMax, stallNs, SpeculationSettings.OFF);
    }

    /// The same with proposed tokens.
    public EngineSettings with(SpeculationSettings proposed) {
        return new EngineSettings(waitingMax, prefixCaching, sliceTokensMax, lagTokensMax, stallNs, proposed);
    }

    /// The same with another number of requests that may wait.
    EngineSettings withWaitingMax(int count) {
        return new EngineSettings(count, prefixCaching, sliceTokensMax, lagTokensMax, stallNs, speculation);
    }

    private static void requirePositive(String name, long value) {
        if (value < 1) throw new IllegalArgumentException(name + " must be at least 1, got " + value);
    }
}
