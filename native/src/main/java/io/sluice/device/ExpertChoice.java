package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.sluice.modelstore.DecoderTraits.Experts;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/// Decides which experts compute each token of a step, from the router's logits: the likeliest, of two
/// equal ones the first. A token's choice depends on its own logits alone. Hot path, no allocation. Engine
/// thread only.
final class ExpertChoice {
    private final Experts experts;
    private final Kernels.Rows logits; // [token, expert]
    private final MemorySegment logitNumbers;
    private final MemorySegment rows; // int [token x perToken]: of each expert in turn, the tokens that take it
    private final MemorySegment weights; // float, likewise: how much of the expert's output they take

    private final int[] chosen; // [token, perToken]
    private final float[] shares; // [token, perToken]
    private final boolean[] taken; // [expert] by the token in hand
    private final int[] starts; // [expert + 1] where the expert's rows begin
    private final int[] filled; // [expert] rows that are there already

    /// @param logits room for `tokensMax` rows
    /// @param rows room for `tokensMax * perToken` numbers, like `weights`
    ExpertChoice(Experts experts, Kernels.Rows logits, int tokensMax, MemorySegment rows, MemorySegment weights) {
        this.experts = experts;
        this.logits = logits;
        this.rows = rows;
        this.weights = weights;
        logitNumbers = Region.view(logits.address(), (long) tokensMax * logits.stride() * Float.BYTES);
        chosen = new int[tokensMax * experts.perToken()];
        shares = new float[tokensMax * experts.perToken()];
        taken = new boolean[experts.count()];
        starts = new int[experts.count() + 1];
        filled = new int[experts.count()];
    }

    /// Where the router's logits are expected.
    Kernels.Rows logits() {
        return logits;
    }

    /// Reads the logits of the first `tokenCount` tokens.
    void choose(int tokenCount) {
        for (int token = 0; token < tokenCount; token++) chooseFor(token);
        group(tokenCount);
    }

    /// Tokens that take the expert.
    int count(int expert) {
        return starts[expert + 1] - starts[expert];
    }

    /// Address of their rows, ascending: int [count].
    long rows(int expert) {
        return rows.address() + (long) starts[expert] * Integer.BYTES;
    }

    /// Address of their weights: float [count].
    long weights(int expert) {
        return weights.address() + (long) starts[expert] * Float.BYTES;
    }

    private void chooseFor(int token) {
        int first = token * experts.perToken();
        Arrays.fill(taken, false);
        float largest = Float.NEGATIVE_INFINITY;
        for (int i = 0; i < experts.perToken(); i++) {
            int best = likeliest(token);
            taken[best] = true;
            chosen[first + i] = best;
            if (i == 0) largest = logit(token, best);
            shares[first + i] = (float) Math.exp(logit(token, best) - largest);
        }
        double sum = 0;
        if (experts.normalised()) {
            for (int i = 0; i < experts.perToken(); i++) sum += shares[first + i];
        } else {
            for (int expert = 0; expert < experts.count(); expert++) sum += Math.exp(logit(token, expert) - largest);
        }
        for (int i = 0; i < experts.perToken(); i++) shares[first + i] = (float) (shares[first + i] / sum);
    }

    /// The likeliest that is not taken; if logits are not numbers, any.
    private int likeliest(int token) {
        int best = -1;
        float bestLogit = 0;
        for (int expert = 0; expert < experts.count(); expert++) {
            if (taken[expert]) continue;
            float logit = logit(token, expert);
            if (best < 0 || logit > bestLogit) {
                best = expert;
                bestLogit = logit;
            }
        }
        return best;
    }

    private float logit(int token, int expert) {
        return logitNumbers.getAtIndex(JAVA_FLOAT, (long) token * logits.stride() + expert);
    }

    private void group(int tokenCount) {
        int choices = tokenCount * experts.perToken();
        Arrays.fill(starts, 0);
        Arrays.fill(filled, 0);
        for (int i = 0; i < choices; i++) starts[chosen[i] + 1]++;
        for (int expert = 0; expert < experts.count(); expert++) starts[expert + 1] += starts[expert];
        for (int i = 0; i < choices; i++) {
            int expert = chosen[i];
            int at = starts[expert] + filled[expert]++;
            rows.setAtIndex(JAVA_INT, at, i / experts.perToken());
            weights.setAtIndex(JAVA_FLOAT, at, shares[i]);
        }
    }
}
