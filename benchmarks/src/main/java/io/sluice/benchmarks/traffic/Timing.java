package io.sluice.benchmarks.traffic;

/// When one answer came. A value; nanoseconds since its client first meant to ask.
///
/// @param tokens of the answer; at least 1
/// @param p99GapNs of the gaps between its tokens the one that 99 % do not exceed; 0 if there is none
public record Timing(long firstTokenNs, long lastTokenNs, int tokens, long p99GapNs) {
    public Timing {
        if (tokens < 1) throw new IllegalArgumentException("an answer without tokens has no timing");
    }

    /// The mean time of each token after the first; 0 if there is none.
    public long meanGapNs() {
        return tokens == 1 ? 0 : (lastTokenNs - firstTokenNs) / (tokens - 1);
    }
}
