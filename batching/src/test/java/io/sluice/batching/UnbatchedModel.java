package io.sluice.batching;

import java.util.Arrays;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/// The simulation's language model: one number stands for the keys and values of a position, and covers the
/// position, its token and all tokens before it. `answer` computes a whole output straight on, without
/// blocks, batches or steps.
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

    /// The same among the tokens that a constraint allows; `StepResult.NO_TOKEN` if it allows none.
    static int next(long fingerprint, long seed, int vocabSize, IntPredicate allowed) {
        int start = next(fingerprint, seed, vocabSize);
        for (int i = 0; i < vocabSize; i++) {
            int token = (start + i) % vocabSize;
            if (allowed.test(token)) return token;
        }
        return StepResult.NO_TOKEN;
    }

    /// The log-probability that goes with a token at a position: anything that can be checked.
    static float logprob(int token, int position) {
        return -(token * 64 + position) / 8f;
    }

    /// Prompt and whole output of one choice, an end token included, and how it ends.
    record Answer(int[] tokens, FinishReason ending) {}

    static Answer answer(GenerationRequest request, long seed, int vocabSize) {
        TokenConstraint.Progress progress =
                request.constraint() == null ? null : request.constraint().begin();
        int promptLength = request.prompt().length;
        int[] tokens = Arrays.copyOf(request.prompt(), promptLength + request.maxNewTokens());
        long fingerprint = ROOT;
        for (int position = 0; ; position++) {
            if (position >= promptLength) {
                int token = progress == null
                        ? next(fingerprint, seed, vocabSize)
                        : next(fingerprint, seed, vocabSize, allowed(request, progress, vocabSize));
                if (token == StepResult.NO_TOKEN)
                    return new Answer(Arrays.copyOf(tokens, position), FinishReason.FAILED);
                tokens[position] = token;
                FinishReason ending = ending(request, progress, token, position == tokens.length - 1);
                if (ending != null) return new Answer(Arrays.copyOf(tokens, position + 1), ending);
            }
            fingerprint = fingerprint(fingerprint, tokens[position], position);
        }
    }

    private static @Nullable FinishReason ending(
            GenerationRequest request, TokenConstraint.@Nullable Progress progress, int token, boolean last) {
        if (request.isEndToken(token)) return FinishReason.STOP;
        if (progress != null && !progress.accept(token)) return FinishReason.FAILED;
        if (progress != null && progress.isOver()) return FinishReason.STOP;
        return last ? FinishReason.LENGTH : null;
    }

    private static IntPredicate allowed(GenerationRequest request, TokenConstraint.Progress progress, int vocabSize) {
        long[] mask = new long[(vocabSize + 63) >>> 6];
        progress.fill(mask);
        boolean mayEnd = progress.isComplete();
        return token -> request.isEndToken(token) ? mayEnd : (mask[token >> 6] & 1L << token) != 0;
    }

    static long mix(long z) {
        z = (z ^ (z >>> 33)) * 0xff51afd7ed558ccdL;
        z = (z ^ (z >>> 33)) * 0xc4ceb9fe1a85ec53L;
        return z ^ (z >>> 33);
    }
}
