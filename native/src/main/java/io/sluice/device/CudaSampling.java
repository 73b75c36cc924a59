package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.SamplingParams;
import io.sluice.batching.StepPlan;
import io.sluice.batching.StepResult;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;

/// What the sampling kernel is told about each row and what it answers: written and read in pinned memory,
/// which has two sides, so that the next step can be described while one is under way. Descriptions and
/// answers pass through the device, where the next step finds the tokens. Hot path: no allocation (but for
/// the iterator over a `logitBias`). The device's thread only.
///
/// Histories and masks have one side: what they say follows from the last token, so nothing is under way
/// when such a step is described.
final class CudaSampling implements AutoCloseable {

    /// Steps that can be described at once.
    static final int SIDES = 2;

    private static final long ROW_BYTES = 80;
    private static final long SAMPLED_BYTES = 12 + 8L * SamplingParams.TOP_LOGPROBS_MAX;

    /// Logit biases and masked end tokens of one row that there is room for.
    static final int BIASES_MAX = 1024;

    static final int MASKED_MAX = 64;

    private final CudaDevice device;
    private final MemorySegment pinned; // all that follows
    private final MemorySegment rows; // sampling [side, row]
    private final MemorySegment biasTokens; // int [side, row, BIASES_MAX]
    private final MemorySegment biases; // float [side, row, BIASES_MAX]
    private final MemorySegment maskedTokens; // int [side, row, MASKED_MAX]
    private final MemorySegment history; // int [row, contextMax]
    private final MemorySegment masks; // int [row, maskInts], bit token % 32: may be chosen
    private final MemorySegment sampled; // sampled [side, row]
    private final CudaRegion scratch;
    private final long rowsOnDevice; // sampling [row]
    private final long sampledOnDevice; // sampled [row]
    private final int rowCount; // of a side
    private final int blocks; // of threads that work at once, at most
    private final long changed; // float [block, vocab]
    private final long weights; // double [block, vocab]
    private final long counts; // int [block, vocab], zero
    private final int contextMax;
    private final int maskInts;
    private long used; // of `pinned`

    CudaSampling(CudaDevice device, ModelLimits limits) {
        this.device = device;
        contextMax = limits.contextMax();
        int vocabSize = limits.vocabSize();
        rowCount = limits.sequencesMax();
        maskInts = Math.ceilDiv(vocabSize, Integer.SIZE);
        int multiprocessors = device.facts().multiprocessors();
        blocks = blocks(limits, multiprocessors);
        scratch = new CudaRegion(device, bytes(limits, multiprocessors));
        long numbers = (long) blocks * vocabSize;
        changed = scratch.take(numbers * Float.BYTES);
        weights = scratch.take(numbers * Double.BYTES);
        counts = scratch.take(numbers * Integer.BYTES);
        rowsOnDevice = scratch.take(rowCount * ROW_BYTES);
        sampledOnDevice = scratch.take(rowCount * SAMPLED_BYTES);
        long count = rowCount;
        long[] sizes = {
            SIDES * ROW_BYTES,
            SIDES * BIASES_MAX * Integer.BYTES,
            SIDES * BIASES_MAX * Float.BYTES,
            SIDES * MASKED_MAX * Integer.BYTES,
            (long) contextMax * Integer.BYTES,
            (long) maskInts * Integer.BYTES,
            SIDES * SAMPLED_BYTES
        };
        try {
            device.fill(counts, 0, numbers * Integer.BYTES);
            pinned = device.allocPinned(Arrays.stream(sizes)
                    .map(size -> CudaRegion.aligned(count * size))
                    .sum());
        } catch (RuntimeException | Error e) {
            scratch.close();
            throw e;
        }
        rows = take(count * sizes[0]);
        biasTokens = take(count * sizes[1]);
        biases = take(count * sizes[2]);
        maskedTokens = take(count * sizes[3]);
        history = take(count * sizes[4]);
        masks = take(count * sizes[5]);
        sampled = take(count * sizes[6]);
    }

    private MemorySegment take(long bytes) {
        MemorySegment part = pinned.asSlice(used, bytes);
        used += CudaRegion.aligned(bytes);
        return part;
    }

    /// Device memory that the scratch takes.
    static long bytes(ModelLimits limits, int multiprocessors) {
        long numbers = (long) blocks(limits, multiprocessors) * limits.vocabSize();
        return CudaRegion.aligned(numbers * Float.BYTES)
                + CudaRegion.aligned(numbers * Double.BYTES)
                + CudaRegion.aligned(numbers * Integer.BYTES)
                + CudaRegion.aligned(limits.sequencesMax() * ROW_BYTES)
                + CudaRegion.aligned(limits.sequencesMax() * SAMPLED_BYTES);
    }

    /// A multiprocessor holds one block of the sampling kernel.
    private static int blocks(ModelLimits limits, int multiprocessors) {
        return Math.min(limits.sequencesMax(), multiprocessors);
    }

    /// Says how row `row` of the logits is chosen from: as the plan's slice asks.
    ///
    /// @throws IllegalArgumentException if it asks for more biases or masked tokens than there is room for
    void put(int side, int row, StepPlan plan, int slice) {
        SamplingParams params = plan.sampling(slice);
        int position = plan.firstPosition(slice) + plan.length(slice);
        int place = place(side, row);
        long at = place * ROW_BYTES;
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
        rows.set(JAVA_INT, at + 48, place * BIASES_MAX);
        rows.set(JAVA_INT, at + 52, putBiases(place, params.logitBias()));
        boolean masks = position - plan.promptLength(slice) < params.minTokens();
        rows.set(JAVA_INT, at + 56, place * MASKED_MAX);
        rows.set(JAVA_INT, at + 60, masks ? putMasked(place, plan.endTokens(slice)) : 0);
        rows.set(JAVA_INT, at + 64, Math.multiplyExact(row, contextMax));
        rows.set(JAVA_INT, at + 68, params.usesHistory() ? putHistory(row, plan, slice) : 0);
        rows.set(JAVA_INT, at + 72, plan.promptLength(slice));
        rows.set(JAVA_INT, at + 76, plan.isConstrained(slice) ? putMask(row, plan, slice) : -1);
    }

    /// Makes row `row` greedy, with nothing to report: nobody will ask for its token.
    void putNothing(int side, int row) {
        long at = place(side, row) * ROW_BYTES;
        rows.asSlice(at, ROW_BYTES).fill((byte) 0);
        rows.set(JAVA_INT, at + 44, SamplingParams.NO_LOGPROBS);
        rows.set(JAVA_INT, at + 76, -1);
    }

    private int place(int side, int row) {
        return side * rowCount + row;
    }

    /// Queues the copy of the first `count` descriptions to the device.
    void upload(int side, int count) {
        device.copy(rowsOnDevice, rows.address() + place(side, 0) * ROW_BYTES, count * ROW_BYTES);
    }

    /// Queues the copy of what was sampled for the first `count` rows to where `get` reads it.
    void download(int side, int count) {
        device.copy(sampled.address() + place(side, 0) * SAMPLED_BYTES, sampledOnDevice, count * SAMPLED_BYTES);
    }

    private int putBiases(int place, Map<Integer, Float> logitBias) {
        if (logitBias.size() > BIASES_MAX) {
            throw new IllegalArgumentException(
                    "logit_bias of " + logitBias.size() + " tokens: at most " + BIASES_MAX + " are served");
        }
        long at = (long) place * BIASES_MAX;
        int count = 0;
        for (Map.Entry<Integer, Float> bias : logitBias.entrySet()) {
            biasTokens.setAtIndex(JAVA_INT, at + count, bias.getKey());
            biases.setAtIndex(JAVA_FLOAT, at + count, bias.getValue());
            count++;
        }
        return count;
    }

    /// The plan's mask has words of 64 bits, the kernel's of 32.
    private int putMask(int row, StepPlan plan, int slice) {
        long at = (long) row * maskInts;
        for (int i = 0; i < maskInts; i++) {
            masks.setAtIndex(JAVA_INT, at + i, (int) (plan.allowed(slice, 0, i / 2) >>> (i % 2 * Integer.SIZE)));
        }
        return row;
    }

    private int putMasked(int place, int[] tokens) {
        if (tokens.length > MASKED_MAX) {
            throw new IllegalArgumentException(tokens.length + " end tokens: at most " + MASKED_MAX + " are served");
        }
        for (int i = 0; i < tokens.length; i++) {
            maskedTokens.setAtIndex(JAVA_INT, (long) place * MASKED_MAX + i, tokens[i]);
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
    void get(int side, int row, int slice, StepResult result) {
        long at = place(side, row) * SAMPLED_BYTES;
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
        return rowsOnDevice;
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
        return masks.address();
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

    /// What was sampled last, on the device.
    long sampled() {
        return sampledOnDevice;
    }

    @Override
    public void close() {
        scratch.close();
        device.freePinned(pinned);
    }
}
