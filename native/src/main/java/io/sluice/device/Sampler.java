package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.batching.PromptLogprobs;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;

/// Chooses a slice's next token from its logits, as its `SamplingParams` say and in the order that they document. Hot
/// path: no allocation (but for the iterator over a `logitBias`). One thread; each thread has a sampler of its own.
///
/// Greedy takes the lowest id among equal maxima. Ids that tie with the last one kept by `topK` or `topP` are kept
/// too, so that the order of ids decides nothing. The draw walks the kept ids in their order.
final class Sampler {
    private static final int MAGNITUDE_MIN = (int) (Double.doubleToRawLongBits(0x1p-40) >>> 44);
    private static final int MAGNITUDES = (int) (Double.doubleToRawLongBits(1) >>> 44) - MAGNITUDE_MIN + 1;

    private final int vocabSize;
    private final float[] logits; // [vocab], changed on the way
    private final double[] weights; // [vocab], proportional to probability; 0 if not kept
    private final double[] massOfMagnitude = new double[MAGNITUDES];
    private final int[] outputCount; // [vocab], occurrences in the output; all 0 between calls
    private final boolean[] seen; // [vocab], occurrence in prompt or output; all false between calls
    private final SmallestFirst heap; // at most vocab numbers
    private final int[] topTokens = new int[SamplingParams.TOP_LOGPROBS_MAX];
    private final float[] topLogits = new float[SamplingParams.TOP_LOGPROBS_MAX];

    Sampler(int vocabSize) {
        this.vocabSize = vocabSize;
        logits = new float[vocabSize];
        weights = new double[vocabSize];
        outputCount = new int[vocabSize];
        seen = new boolean[vocabSize];
        heap = new SmallestFirst(vocabSize);
    }

    /// True if the token is the one with the largest logit as it is, and nothing else is asked for.
    static boolean takesLargest(SamplingParams params) {
        return params.isGreedy()
                && params.topLogprobs() == SamplingParams.NO_LOGPROBS
                && params.logitBias().isEmpty()
                && params.minTokens() == 0
                && !params.usesHistory();
    }

    /// Takes the largest logit among the tokens that the slice's constraint allows, the lowest id among equals: what
    /// `sample` does if nothing else is asked for, without touching the others.
    static void takeLargestAllowed(StepPlan plan, int slice, int sample, MemorySegment row, StepResult result) {
        int words = (plan.limits().vocabSize() + 63) >>> 6;
        float best = Float.NEGATIVE_INFINITY;
        int token = StepResult.NO_TOKEN;
        for (int word = 0; word < words; word++) {
            for (long left = plan.allowed(slice, sample, word); left != 0; left &= left - 1) {
                int candidate = (word << 6) + Long.numberOfTrailingZeros(left);
                float logit = row.getAtIndex(JAVA_FLOAT, candidate);
                if (!(logit > best)) continue;
                best = logit;
                token = candidate;
            }
        }
        result.put(slice, sample, Float.isFinite(best) ? token : StepResult.NO_TOKEN, 0f);
    }

    /// Chooses sample `sample` of `slice`, which is wanted, and puts token and log-probabilities into `result`. Logits
    /// that are not numbers, or that leave no token to choose, give `StepResult.NO_TOKEN`.
    ///
    /// @param row the slice's logits, float32, [vocab]; not changed
    void sample(StepPlan plan, int slice, int sample, MemorySegment row, StepResult result) {
        SamplingParams params = plan.sampling(slice);
        MemorySegment.copy(row, JAVA_FLOAT, 0, logits, 0, vocabSize);
        float max = Exponentials.max(logits);
        if (!Float.isFinite(max)) {
            result.put(slice, sample, StepResult.NO_TOKEN, 0f);
            return;
        }
        boolean reports = params.topLogprobs() != SamplingParams.NO_LOGPROBS;
        // Log-probabilities are those of the unmodified logits: computed before anything is changed.
        double logTotal = reports ? logTotal(max) : 0;
        int topCount = reports ? selectTop(params.topLogprobs()) : 0;
        if (modify(plan, slice, sample, params)) max = Exponentials.max(logits);

        int token = max == Float.NEGATIVE_INFINITY
                ? StepResult.NO_TOKEN
                : choose(params, plan.samplePosition(slice, sample), max);
        boolean scored = reports && token != StepResult.NO_TOKEN;
        result.put(slice, sample, token, scored ? (float) (row.getAtIndex(JAVA_FLOAT, token) - logTotal) : 0f);
        for (int rank = 0; rank < topCount; rank++) {
            result.addTop(slice, topTokens[rank], (float) (topLogits[rank] - logTotal));
        }
    }

    /// Tells how probable the prompt's token after token `index` of `slice` was. Nothing follows the prompt's last one.
    ///
    /// @param row the logits after token `index`, float32, [vocab]; not changed
    void report(StepPlan plan, int slice, int index, MemorySegment row, PromptLogprobs report) {
        int token = plan.promptTokenAfter(slice, index);
        int position = plan.firstPosition(slice) + index + 1;
        if (token == StepPlan.NO_TOKEN || report.isKnown(position)) return;
        MemorySegment.copy(row, JAVA_FLOAT, 0, logits, 0, vocabSize);
        float max = Exponentials.max(logits);
        double logTotal = Float.isFinite(max) ? logTotal(max) : Double.NaN;
        float logit = logits[token];
        int rank = 1;
        for (float other : logits) {
            if (other > logit) rank++;
        }
        report.set(position, (float) (logit - logTotal), rank);
        int topCount = selectTop(report.topMax());
        for (int i = 0; i < topCount; i++) {
            report.addTop(position, topTokens[i], (float) (topLogits[i] - logTotal));
        }
    }

    /// Logarithm of the sum of all exponentials.
    private double logTotal(float max) {
        Exponentials.fill(logits, max, 1f, weights);
        return max + Math.log(Exponentials.sum(weights));
    }

    /// Puts the `count` largest logits into `topTokens`, largest first, the lower id first among equals.
    private int selectTop(int count) {
        int size = 0;
        for (int token = 0; token < vocabSize; token++) {
            float logit = logits[token];
            if (size == count && (count == 0 || !(logit > topLogits[count - 1]))) continue;
            int at = size < count ? size++ : count - 1;
            for (; at > 0 && topLogits[at - 1] < logit; at--) {
                topLogits[at] = topLogits[at - 1];
                topTokens[at] = topTokens[at - 1];
            }
            topLogits[at] = logit;
            topTokens[at] = token;
        }
        return size;
    }

    /// Applies what changes single logits; false if nothing did.
    private boolean modify(StepPlan plan, int slice, int sample, SamplingParams params) {
        boolean modified = false;
        if (!params.logitBias().isEmpty()) {
            for (Map.Entry<Integer, Float> bias : params.logitBias().entrySet()) {
                int token = bias.getKey();
                if (token >= 0 && token < vocabSize) logits[token] += bias.getValue();
            }
            modified = true;
        }
        int outputLength = plan.samplePosition(slice, sample) - plan.promptLength(slice);
        if (outputLength < params.minTokens()) {
            for (int endToken : plan.endTokens(slice)) {
                if (endToken < vocabSize) logits[endToken] = Float.NEGATIVE_INFINITY;
            }
            modified = true;
        }
        if (params.usesHistory()) {
            try {
                penalise(plan, slice, sample, params);
            } catch (RuntimeException e) { // what was counted must not count for the next slice
                Arrays.fill(seen, false);
                Arrays.fill(outputCount, 0);
                throw e;
            }
            modified = true;
        }
        if (plan.isConstrained(slice)) {
            keepAllowed(plan, slice, sample);
            modified = true;
        }
        return modified;
    }

    private void keepAllowed(StepPlan plan, int slice, int sample) {
        for (int first = 0, word = 0; first < vocabSize; first += 64, word++) {
            long forbidden = ~plan.allowed(slice, sample, word);
            int end = Math.min(64, vocabSize - first);
            if (forbidden == 0) continue;
            for (int i = 0; i < end; i++) {
                if ((forbidden >>> i & 1) != 0) logits[first + i] = Float.NEGATIVE_INFINITY;
            }
        }
    }

    private void penalise(StepPlan plan, int slice, int sample, SamplingParams params) {
        int length = plan.historyLength(slice) + sample; // guesses that were right are of its past
        int promptLength = plan.promptLength(slice);
        for (int i = 0; i < length; i++) {
            int token = plan.history(slice, i);
            if (i >= promptLength) outputCount[token]++;
            if (seen[token]) continue;
            seen[token] = true;
            float logit = logits[token];
            logits[token] = logit > 0 ? logit / params.repetitionPenalty() : logit * params.repetitionPenalty();
        }
        for (int i = 0; i < length; i++) {
            int token = plan.history(slice, i);
            seen[token] = false;
            if (outputCount[token] == 0) continue;
            logits[token] -= params.frequencyPenalty() * outputCount[token] + params.presencePenalty();
            outputCount[token] = 0;
        }
    }

    /// @param position the number of tokens before the one to choose
    private int choose(SamplingParams params, int position, float max) {
        if (params.isGreedy()) return Exponentials.indexOf(logits, max);
        int topK = params.topK();
        if (topK > 0 && topK < vocabSize) keepTopK(topK);
        Exponentials.fill(logits, max, 1f / params.temperature(), weights);
        double total = Exponentials.sum(weights);
        if (params.topP() < 1f) total = keepTopP(params.topP(), total);
        if (params.minP() > 0f) total = keepAtLeast(params.minP()); // the largest weight is 1
        return draw(Philox.uniform(params.seed(), position) * total);
    }

    /// Leaves the `count` largest logits and masks the others.
    private void keepTopK(int count) {
        heap.clear();
        for (int token = 0; token < vocabSize; token++) {
            float logit = logits[token];
            if (heap.size() < count) {
                heap.add(logit);
            } else if (logit > heap.smallest()) {
                heap.replaceSmallest(logit);
            }
        }
        double threshold = heap.smallest();
        for (int token = 0; token < vocabSize; token++) {
            if (logits[token] < threshold) logits[token] = Float.NEGATIVE_INFINITY;
        }
    }

    /// Leaves the fewest, heaviest tokens that together have the share `topP` of `total`; returns their weight.
    /// Without sorting them all: weights are summed by magnitude, and only those of the magnitude at which the
    /// share is reached are put in order.
    private double keepTopP(float topP, double total) {
        double wanted = topP * total;
        Arrays.fill(massOfMagnitude, 0);
        for (double weight : weights) massOfMagnitude[magnitude(weight)] += weight;
        int last = MAGNITUDES - 1;
        double kept = 0;
        while (last > 0 && kept + massOfMagnitude[last] < wanted) kept += massOfMagnitude[last--];

        heap.clear();
        for (double weight : weights) {
            if (magnitude(weight) == last && weight > 0) heap.add(-weight);
        }
        double threshold = 0;
        while (kept < wanted && heap.size() > 0) {
            threshold = -heap.removeSmallest();
            kept += threshold;
        }
        return keepAtLeast(threshold);
    }

    /// Magnitudes grow by 2^(1/256) from 2^-40 to 1; the lowest also has everything below.
    private static int magnitude(double weight) {
        return Math.max(0, (int) (Double.doubleToRawLongBits(weight) >>> 44) - MAGNITUDE_MIN);
    }

    /// Leaves the weights that are not below `threshold`; returns their sum.
    private double keepAtLeast(double threshold) {
        for (int token = 0; token < vocabSize; token++) {
            weights[token] = weights[token] >= threshold ? weights[token] : 0;
        }
        return Exponentials.sum(weights);
    }

    /// The token at which the running sum of weights passes `target`.
    private int draw(double target) {
        double sum = 0;
        int last = 0;
        for (int token = 0; token < vocabSize; token++) {
            if (weights[token] == 0) continue;
            sum += weights[token];
            last = token;
            if (sum > target) break;
        }
        return last; // if rounding left the sum short of the target: the last token that may be chosen
    }
}
