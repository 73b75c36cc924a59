package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import java.lang.foreign.MemorySegment;
import java.util.Map;

/// What the sampling kernel is told about each row, written in pinned memory that it reads, and what it answers there.
/// Scratch is on the device. Hot path: no allocation (but for the iterator over a `logitBias`). The device's thread
/// only.
///
/// The kernel has masks as bit sets too, for grammars; no plan brings any yet, so `masks` is empty and every row's
/// `maskRow` -1.
final class CudaSampling implements AutoCloseable {
    private static final long ROW_BYTES = 80;
    private static final long SAMPLED_BYTES = 12 + 8L * SamplingParams.TOP_LOGPROBS_MAX;

    /// Logit biases and masked end tokens of one row that there is room for.
    static final int BIASES_MAX = 1024;

    static final int MASKED_MAX = 64;

    private final CudaDevice device;
    private final MemorySegment rows; // sampling [row]
    private final MemorySegment biasTokens; // int [row, BIASES_MAX]
    private final MemorySegment biases; // float [row, BIASES_MAX]
    private final MemorySegment maskedTokens; // int [row, MASKED_MAX]
    private final MemorySegment history; // int [row, contextMax]
    private final MemorySegment sampled; // sampled [row]
    private final int blocks; // of threads that work at once, at most
    private final long changed; // float [block, vocab]
    private final long weights; // double [block, vocab]
    private final long counts; // int [block, vocab], zero
    private final int contextMax;

    CudaSampling(CudaDevice device, ModelLimits limits) {
        this.device = device;
        contextMax = limits.contextMax();
        int vocabSize = limits.vocabSize();
        long count = limits.sequencesMax();
        rows = device.allocPinned(count * ROW_BYTES);
        biasTokens = device.allocPinned(count * BIASES_MAX * Integer.BYTES);
        biases = device.allocPinned(count * BIASES_MAX * Float.BYTES);
        maskedTokens = device.allocPinned(count * MASKED_MAX * Integer.BYTES);
        history = device.allocPinned(count * contextMax * Integer.BYTES);
        sampled = device.allocPinned(count * SAMPLED_BYTES);
        blocks = blocks(limits, device.facts().multiprocessors());
        long scratch = (long) blocks * vocabSize;
        changed = device.alloc(scratch * Float.BYTES);
        weights = device.alloc(scratch * Double.BYTES);
        counts = device.alloc(scratch * Integer.BYTES);
        device.fill(counts, 0, scratch * Integer.BYTES);
    }

    /// Device memory that the scratch takes.
    static long bytes(ModelLimits limits, int multiprocessors) {
        return (long) blocks(limits, multiprocessors)
                * limits.vocabSize()
                * (Float.BYTES + Double.BYTES + Integer.BYTES);
    }

    /// A multiprocessor holds one block of the sampling kernel.
    private static int blocks(ModelLimits limits, int multiprocessors) {
        return Math.min(limits.sequencesMax(), multiprocessors);
    }

    /// Says how row `row` of the logits is chosen from: as the plan's slice asks.
    ///
    /// @throws IllegalArgumentException if it asks for more biases or masked tokens than there is room for
    void put(int row, StepPlan plan, int slice) {
        SamplingParams params = plan.sampling(slice);
        int position = plan.firstPosition(slice) + plan.length(slice);
        long at = row * ROW_BYTES;
        rows.set(JAVA_LONG, at, params.seed());
        rows.set(JAVA_LONG, at + 8, position);
        rows.set(JAVA_FLOAT, at + 16, params.temperature());
        rows.set(JAVA_FLOAT, at + 20, params.topP());
        rows.set(JAVA_FLOAT, at + 24, params.minP());
        rows.set(JAVA_FLOAT, at + 28, params.frequencyPenalty());
        rows.set(JAVA_FLOAT, at + 32, params.presencePenalty());
        rows.set(JAVA_FLOAT, at + 36, params.repetitionPenalty());
        rows.set(JAVA_INT, at + 40, params.topK());
        rows.set(JAVA_INT, at + 44, params.topLogprobs());
        rows.set(JAVA_INT, at + 48, row * BIASES_MAX);
        rows.set(JAVA_INT, at + 52, putBiases(row, params.logitBias()));
        boolean masks = position - plan.promptLength(slice) < params.minTokens();
        rows.set(JAVA_INT, at + 56, row * MASKED_MAX);
        rows.set(JAVA_INT, at + 60, masks ? putMasked(row, plan.endTokens(slice)) : 0);
        rows.set(JAVA_INT, at + 64, Math.multiplyExact(row, contextMax));
        rows.set(JAVA_INT, at + 68, params.usesHistory() ? putHistory(row, plan, slice) : 0);
        rows.set(JAVA_INT, at + 72, plan.promptLength(slice));
        rows.set(JAVA_INT, at + 76, -1);
    }

    /// Makes row `row` greedy, with nothing to report: nobody will ask for its token.
    void putNothing(int row) {
        rows.asSlice(row * ROW_BYTES, ROW_BYTES).fill((byte) 0);
        rows.set(JAVA_INT, row * ROW_BYTES + 44, SamplingParams.NO_LOGPROBS);
        rows.set(JAVA_INT, row * ROW_BYTES + 76, -1);
    }

    private int putBiases(int row, Map<Integer, Float> logitBias) {
        if (logitBias.size() > BIASES_MAX) {
            throw new IllegalArgumentException(
                    "logit_bias of " + logitBias.size() + " tokens: at most " + BIASES_MAX + " are served");
        }
        long at = (long) row * BIASES_MAX;
        int count = 0;
        for (Map.Entry<Integer, Float> bias : logitBias.entrySet()) {
            biasTokens.setAtIndex(JAVA_INT, at + count, bias.getKey());
            biases.setAtIndex(JAVA_FLOAT, at + count, bias.getValue());
            count++;
        }
        return count;
    }

    private int putMasked(int row, int[] tokens) {
        if (tokens.length > MASKED_MAX) {
            throw new IllegalArgumentException(tokens.length + " end tokens: at most " + MASKED_MAX + " are served");
        }
        for (int i = 0; i < tokens.length; i++) {
            maskedTokens.setAtIndex(JAVA_INT, (long) row * MASKED_MAX + i, tokens[i]);
        }
        return tokens.length;
    }

    private int putHistory(int row, StepPlan plan, int slice) {
        int length = plan.historyLength(slice);
        for (int i = 0; i < length; i++) {
            history.setAtIndex(JAVA_INT, (long) row * contextMax + i, plan.history(slice, i));
        }
        return length;
    }

    /// What was sampled for row `row`, once the device is done, as the slice's result.
    void get(int row, int slice, StepResult result) {
        long at = row * SAMPLED_BYTES;
        result.set(slice, sampled.get(JAVA_INT, at), sampled.get(JAVA_FLOAT, at + 4));
        int count = sampled.get(JAVA_INT, at + 8);
        long tokens = at + 12;
        long logprobs = tokens + 4L * SamplingParams.TOP_LOGPROBS_MAX;
        for (int rank = 0; rank < count; rank++) {
            result.addTop(
                    slice, sampled.get(JAVA_INT, tokens + 4L * rank), sampled.get(JAVA_FLOAT, logprobs + 4L * rank));
        }
    }

    long rows() {
        return rows.address();
    }

    long biasTokens() {
        return biasTokens.address();
    }

    long biases() {
        return biases.address();
    }

    long maskedTokens() {
        return maskedTokens.address();
    }

    long history() {
        return history.address();
    }

    long masks() {
        return 0;
    }

    long changed() {
        return changed;
    }

    long weights() {
        return weights;
    }

    long counts() {
        return counts;
    }

    int blocks() {
        return blocks;
    }

    long sampled() {
        return sampled.address();
    }

    @Override
    public void close() {
        device.free(changed);
        device.free(weights);
        device.free(counts);
        device.freePinned(rows);
        device.freePinned(biasTokens);
        device.freePinned(biases);
        device.freePinned(maskedTokens);
        device.freePinned(history);
        device.freePinned(sampled);
    }
}
