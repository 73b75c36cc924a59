package io.sluice.benchmarks.traffic;

/// One request of a real run, as its client saw it. A value.
///
/// @param atNs when it was meant to be sent, since the first
/// @param promptTokens as the server counted them
/// @param firstNs from then to its first token
/// @param lastNs from then to its last
public record Observed(long atNs, int promptTokens, int outputTokens, long firstNs, long lastNs) {}
