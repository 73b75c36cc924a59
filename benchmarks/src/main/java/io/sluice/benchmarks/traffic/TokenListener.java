package io.sluice.benchmarks.traffic;

/// Hears of every token of a replay, at the moment its client has it. Hot path. One thread.
interface TokenListener {

    /// Somebody who listens to nothing.
    TokenListener NOBODY = new TokenListener() {};

    /// The request's first token has come.
    default void first(TrafficRequest request, long nowNs) {}

    /// A further token has come, `gapNs` after the one before it.
    default void next(TrafficRequest request, long nowNs, long gapNs) {}
}
