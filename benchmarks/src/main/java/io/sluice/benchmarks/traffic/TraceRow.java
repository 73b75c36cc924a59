package io.sluice.benchmarks.traffic;

import java.util.List;
import java.util.Locale;

/// One request of a trace. A value; the constructor is the proof of validity.
///
/// @param arrivalNs since the trace's first request
/// @param promptTokens at least 1
/// @param outputTokens at least 1
/// @param hashIds one id for each 512 tokens of the prompt, the last of them perhaps begun only; prompts
/// whose ids begin alike begin alike. Empty if the trace does not say
public record TraceRow(long arrivalNs, int promptTokens, int outputTokens, List<Integer> hashIds) {

    /// Prompt tokens that one hash id stands for.
    public static final int HASHED_TOKENS = 512;

    /// Longer prompts and outputs than any model has a context for are broken rows.
    static final int TOKENS_MAX = 1 << 24;

    public TraceRow {
        if (arrivalNs < 0) throw new IllegalArgumentException("it arrives before the first request");
        requireTokens("prompt", promptTokens);
        requireTokens("output", outputTokens);
        hashIds = List.copyOf(hashIds);
        int expected = Math.ceilDiv(promptTokens, HASHED_TOKENS);
        if (!hashIds.isEmpty() && hashIds.size() != expected) {
            throw new IllegalArgumentException(String.format(
                    Locale.ROOT,
                    "%d prompt tokens have %d hash ids of %d tokens, not %d",
                    promptTokens,
                    expected,
                    HASHED_TOKENS,
                    hashIds.size()));
        }
    }

    TraceRow at(long otherArrivalNs) {
        return new TraceRow(otherArrivalNs, promptTokens, outputTokens, hashIds);
    }

    private static void requireTokens(String what, int count) {
        if (count < 1 || count > TOKENS_MAX) {
            throw new IllegalArgumentException(
                    "the " + what + " must have between 1 and " + TOKENS_MAX + " tokens, got " + count);
        }
    }
}
