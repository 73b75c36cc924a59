package io.sluice.device;

import io.sluice.batching.SamplingParams;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Sampling as its definition reads: everything sorted, nothing reused. What `Sampler` is compared with.
final class PlainSampler {
    private PlainSampler() {}

    /// Probability of each token, 0 for those that may not be chosen.
    static double[] probabilities(
            float[] rawLogits,
            SamplingParams params,
            int[] history,
            int promptLength,
            int outputLength,
            int[] endTokens) {
        float[] logits = rawLogits.clone();
        params.logitBias().forEach((token, bias) -> logits[token] += bias);
        if (outputLength < params.minTokens()) {
            for (int token : endTokens) logits[token] = Float.NEGATIVE_INFINITY;
        }
        for (int token = 0; token < logits.length; token++) {
            int inPrompt = 0;
            int inOutput = 0;
            for (int i = 0; i < history.length; i++) {
                if (history[i] != token) continue;
                if (i < promptLength) inPrompt++;
                else inOutput++;
            }
            float penalty = params.repetitionPenalty();
            if (inPrompt + inOutput > 0) {
                logits[token] = logits[token] > 0 ? logits[token] / penalty : logits[token] * penalty;
            }
            if (inOutput > 0) {
                logits[token] -= params.frequencyPenalty() * inOutput + params.presencePenalty();
            }
        }
        if (params.isGreedy()) return greedy(logits);
        List<Integer> kept = new ArrayList<>();
        for (int token = 0; token < logits.length; token++) kept.add(token);
        kept.sort(Comparator.comparingDouble((Integer token) -> -logits[token]));
        if (params.topK() > 0 && params.topK() < kept.size()) {
            float last = logits[kept.get(params.topK() - 1)];
            kept.removeIf(token -> logits[token] < last);
        }
        double[] weights = new double[logits.length];
        double total = 0;
        for (int token : kept) {
            weights[token] = Math.exp(((double) logits[token] - logits[kept.getFirst()]) / params.temperature());
            total += weights[token];
        }
        double mass = 0;
        double lightest = 0;
        for (int token : kept) {
            if (mass >= params.topP() * total && params.topP() < 1) break;
            mass += weights[token];
            lightest = weights[token];
        }
        double least = Math.max(lightest, params.minP());
        kept.removeIf(token -> weights[token] < least);
        double keptTotal = kept.stream().mapToDouble(token -> weights[token]).sum();
        double[] probabilities = new double[logits.length];
        for (int token : kept) probabilities[token] = weights[token] / keptTotal;
        return probabilities;
    }

    /// The token at which the running sum of probabilities passes `uniform`.
    static int draw(double[] probabilities, double uniform) {
        double sum = 0;
        for (int token = 0; token < probabilities.length; token++) {
            sum += probabilities[token];
            if (sum > uniform) return token;
        }
        throw new AssertionError("probabilities sum to " + sum);
    }

    static double logProbability(float[] logits, int token) {
        double max = Double.NEGATIVE_INFINITY;
        for (float logit : logits) max = Math.max(max, logit);
        double sum = 0;
        for (float logit : logits) sum += Math.exp(logit - max);
        return logits[token] - max - Math.log(sum);
    }

    private static double[] greedy(float[] logits) {
        int best = 0;
        for (int token = 1; token < logits.length; token++) {
            if (logits[token] > logits[best]) best = token;
        }
        double[] probabilities = new double[logits.length];
        probabilities[best] = 1;
        return probabilities;
    }
}
