package io.sluice.batching;

import java.util.Arrays;

/// The simulation's language model: one number stands for the keys and values of a position, and covers the position,
/// its token and all tokens before it. `answer` computes a whole output straight on, without blocks, batches or steps.
final class UnbatchedModel {

    /// The fingerprint before the first position.
    static final long ROOT = 0x5eed;

    private UnbatchedModel() {}

    /// What the cache must hold at `position`.
    static long fingerprint(long previous, int token, int position) {
        return mix(previous * 31 + mix(token + 1L) + position * 0x9e3779b97f4a7c15L) | 1; // never 0: that is no content
    }

    /// The token after the position whose fingerprint this is.
    static int next(long fingerprint, long seed, int vocabSize) {
        return (int) Long.remainderUnsigned(mix(fingerprint ^ mix(seed)), vocabSize);
    }

    /// The log-probability that goes with a token at a position: anything that can be checked.
    static float logprob(int token, int position) {
        return -(token * 64 + position) / 8f;
    }

    /// Prompt and whole output of one choice, an end token included.
    static int[] answer(GenerationRequest request, long seed, int vocabSize) {
        int promptLength = request.prompt().length;
        int[] tokens = Arrays.copyOf(request.prompt(), promptLength + request.maxNewTokens());
        long fingerprint = ROOT;
        for (int position = 0; ; position++) {
            if (position >= promptLength) {
                tokens[position] = next(fingerprint, seed, vocabSize);
                boolean last = request.isEndToken(tokens[position]) || position == tokens.length - 1;
                if (last) return Arrays.copyOf(tokens, position + 1);
            }
            fingerprint = fingerprint(fingerprint, tokens[position], position);
        }
    }

    private static long mix(long z) {
        z = (z ^ (z >>> 33)) * 0xff51afd7ed558ccdL;
        z = (z ^ (z >>> 33)) * 0xc4ceb9fe1a85ec53L;
        return z ^ (z >>> 33);
    }
}
