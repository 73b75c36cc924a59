package io.sluice.benchmarks.traffic;

import io.sluice.batching.Caller;
import io.sluice.batching.Deadlines;
import io.sluice.batching.GenerationRequest;
import io.sluice.batching.PrefixScope;
import io.sluice.batching.SamplingParams;
import java.util.Map;

/// One request as a simulated client sends it. A value.
///
/// @param index its place in the workload
/// @param arrivalNs when it is first sent
/// @param row its lengths and prefixes
/// @param maxNewTokens the output that the client allows for: more than it will be
/// @param contentKey what its tokens are made of, where the trace names no prefixes
record TrafficRequest(
        int index, long arrivalNs, TraceRow row, Caller caller, int maxNewTokens, PrefixScope scope, long contentKey) {

    /// The token that ends every output.
    static final int END_TOKEN = 0;

    TrafficRequest {
        if (maxNewTokens < row.outputTokens()) throw new IllegalArgumentException("more output than allowed for");
    }

    int promptTokens() {
        return row.promptTokens();
    }

    int outputTokens() {
        return row.outputTokens();
    }

    /// Prompt and the longest possible output.
    long tokenCountMax() {
        return (long) promptTokens() + maxNewTokens;
    }

    /// The request for an engine of this vocabulary. What the simulated device must know of it, its index and
    /// how long its output is, travels as the seed of its sampling.
    GenerationRequest forEngine(int vocabSize) {
        return new GenerationRequest(
                "request-" + index,
                prompt(vocabSize),
                maxNewTokens,
                1,
                new SamplingParams(
                        1f,
                        1f,
                        0,
                        0f,
                        ((long) index << 32) | outputTokens(),
                        0f,
                        0f,
                        1f,
                        0,
                        Map.of(),
                        SamplingParams.NO_LOGPROBS),
                new int[] {END_TOKEN},
                caller,
                scope,
                Deadlines.NONE);
    }

    /// The request's index, from the seed of its sampling.
    static int index(SamplingParams sampling) {
        return (int) (sampling.seed() >>> 32);
    }

    /// The length of the request's output, from the seed of its sampling.
    static int outputTokens(SamplingParams sampling) {
        return (int) sampling.seed();
    }

    private int[] prompt(int vocabSize) {
        int[] tokens = new int[promptTokens()];
        for (int from = 0; from < tokens.length; from += TraceRow.HASHED_TOKENS) {
            long key = contentKey(from);
            int to = Math.min(tokens.length, from + TraceRow.HASHED_TOKENS);
            for (int position = from; position < to; position++) {
                tokens[position] = Mix.token(key, position, vocabSize);
            }
        }
        return tokens;
    }

    /// What the prompt's tokens around `position` are made of.
    private long contentKey(int position) {
        return row.hashIds().isEmpty() ? contentKey : row.hashIds().get(position / TraceRow.HASHED_TOKENS);
    }

    /// A number that equal blocks of the same tenant, after equal blocks, have in common; for engines that
    /// keep no tokens. `from` and `to` are positions of the block's first token and behind its last.
    long blockKey(int from, int to) {
        boolean shared = to <= scope.sharedTokens();
        boolean ownOutput = to > promptTokens();
        long content = ownOutput ? Mix.of(contentKey, -1) : contentKey(from);
        return Mix.of(shared ? scope.sharedSalt() : scope.salt(), content, from);
    }
}
