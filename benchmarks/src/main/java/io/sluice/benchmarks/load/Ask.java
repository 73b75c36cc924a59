package io.sluice.benchmarks.load;

/// One request that is to be sent. A value.
///
/// @param atNs when, since the run's start; meaningless in a closed loop
/// @param promptTokens about how long its prompt is
/// @param outputTokens how long its output is to be, or at most is
/// @param prompt the words of its prompt
record Ask(int index, long atNs, Key key, int promptTokens, int outputTokens, PromptText prompt) {}
