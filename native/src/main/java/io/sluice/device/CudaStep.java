package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.StepPlan;
import java.lang.foreign.MemorySegment;
import java.util.Objects;

/// The plan of a step as the CUDA kernels read it: written in pinned memory, then copied to the device as
/// one. Pinned memory has two sides, so that a plan can be written while the copy of the one before is
/// still on its way. Made once for the largest step. Hot path, no allocation. The device's thread only.
///
/// A plan is padded to more rows and slices than it has, for a graph that was recorded for as many: rows of
/// token 0 that are written nowhere, slices without tokens, samples of row 0.
final class CudaStep implements AutoCloseable {
    private final CudaDevice device;
    private final ModelLimits limits;
    private final AttentionPlan attention;
    private final MemorySegment pinned; // both sides
    private final CudaRegion onDevice;
    private final long start; // on the device
    private final Side[] sides;

    /// One plan in pinned memory; the same offsets on the device.
    private static final class Side {
        private final MemorySegment all;
        private final MemorySegment tokens; // int [token]
        private final MemorySegment fedFrom; // int [token] row of the step before that sampled it; -1: none did
        private final MemorySegment positions; // int [token]
        private final MemorySegment slots; // long [token] block * blockSize + offset; -1: padding
        private final MemorySegment blockTables; // int [slice, sequenceBlocksMax]
        private final MemorySegment tokenStart; // int [slice + 1]
        private final MemorySegment firstPosition; // int [slice]
        private final MemorySegment sampleRows; // int [sampling slice] the row of its last token
        private final MemorySegment items; // attention_item [itemsMax]
        private final MemorySegment merges; // merge_item [stepTokensMax]
        private final MemorySegment counts; // int [2] of items, of merges
        private final MemorySegment copiesOut; // int [copy, 2] device block, host block
        private final MemorySegment copiesIn; // int [copy, 2] device block, host block
        private long used;

        private Side(MemorySegment all, ModelLimits limits, int itemsMax) {
            this.all = all;
            int tokenCount = limits.stepTokensMax();
            int sliceCount = limits.sequencesMax();
            tokens = take(tokenCount, Integer.BYTES);
            fedFrom = take(tokenCount, Integer.BYTES);
            positions = take(tokenCount, Integer.BYTES);
            slots = take(tokenCount, Long.BYTES);
            blockTables = take((long) sliceCount * limits.sequenceBlocksMax(), Integer.BYTES);
            tokenStart = take(sliceCount + 1L, Integer.BYTES);
            firstPosition = take(sliceCount, Integer.BYTES);
            sampleRows = take(sliceCount, Integer.BYTES);
            items = take((long) itemsMax * AttentionPlan.ITEM_INTS, Integer.BYTES);
            merges = take((long) tokenCount * AttentionPlan.ITEM_INTS, Integer.BYTES);
            counts = take(2, Integer.BYTES);
            copiesOut = take(2L * limits.hostBlockCount(), Integer.BYTES);
            copiesIn = take(2L * limits.hostBlockCount(), Integer.BYTES);
        }

        private MemorySegment take(long count, int size) {
            MemorySegment part = all.asSlice(used, count * size);
            used += CudaRegion.aligned(count * size);
            return part;
        }

        private long offset(MemorySegment part) {
            return part.address() - all.address();
        }
    }

    CudaStep(CudaDevice device, ModelLimits limits, AttentionPlan attention, int itemsMax) {
        this.device = device;
        this.limits = limits;
        this.attention = attention;
        long bytes = bytes(limits, itemsMax);
        pinned = device.allocPinned(CudaSampling.SIDES * bytes);
        try {
            onDevice = new CudaRegion(device, bytes);
        } catch (RuntimeException | Error e) {
            device.freePinned(pinned);
            throw e;
        }
        start = onDevice.take(bytes);
        sides = new Side[CudaSampling.SIDES];
        for (int i = 0; i < sides.length; i++) sides[i] = new Side(pinned.asSlice(i * bytes, bytes), limits, itemsMax);
    }

    /// Bytes of a plan.
    static long bytes(ModelLimits limits, int itemsMax) {
        long tokenCount = limits.stepTokensMax();
        long sliceCount = limits.sequencesMax();
        return 3 * CudaRegion.aligned(tokenCount * Integer.BYTES)
                + CudaRegion.aligned(tokenCount * Long.BYTES)
                + CudaRegion.aligned(sliceCount * limits.sequenceBlocksMax() * Integer.BYTES)
                + 3 * CudaRegion.aligned((sliceCount + 1) * Integer.BYTES)
                + CudaRegion.aligned((long) itemsMax * AttentionPlan.ITEM_INTS * Integer.BYTES)
                + CudaRegion.aligned(tokenCount * AttentionPlan.ITEM_INTS * Integer.BYTES)
                + CudaRegion.aligned(2 * Integer.BYTES)
                + 2 * CudaRegion.aligned(2L * limits.hostBlockCount() * Integer.BYTES);
    }

    /// Writes the plan on a side, padded to `rows` tokens and `slices` slices, and queues its copy to the
    /// device. The kernels trust it: what is impossible ends here.
    ///
    /// @param fedRows by slice of the step before: the row that sampled for it. Read for slices that take a
    /// token from there
    /// @return how many slices sample
    /// @throws IndexOutOfBoundsException if there is no such token or block
    int fill(int index, StepPlan plan, int rows, int slices, int[] fedRows) {
        Side side = sides[index];
        int samples = 0;
        int token = 0;
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            int first = plan.firstPosition(slice);
            int feeding = plan.feedingSlice(slice);
            for (int i = 0; i < plan.length(slice); i++, token++) {
                int position = first + i;
                long block = plan.block(slice, position / limits.blockSize());
                side.tokens.setAtIndex(JAVA_INT, token, Objects.checkIndex(plan.token(token), limits.vocabSize()));
                side.fedFrom.setAtIndex(JAVA_INT, token, feeding < 0 ? -1 : fedRows[feeding]);
                side.positions.setAtIndex(JAVA_INT, token, Objects.checkIndex(position, limits.contextMax()));
                side.slots.setAtIndex(JAVA_LONG, token, block * limits.blockSize() + position % limits.blockSize());
            }
            for (int i = 0; i < plan.blockCount(slice); i++) {
                int block = Objects.checkIndex(plan.block(slice, i), limits.blockCount());
                side.blockTables.setAtIndex(JAVA_INT, (long) slice * limits.sequenceBlocksMax() + i, block);
            }
            side.firstPosition.setAtIndex(JAVA_INT, slice, first);
            side.tokenStart.setAtIndex(JAVA_INT, slice, plan.tokenStart(slice));
            if (plan.samples(slice)) side.sampleRows.setAtIndex(JAVA_INT, samples++, token - 1);
        }
        pad(side, token, rows, plan.sliceCount(), slices, samples);
        attention.fill(plan, side.items, side.merges);
        side.counts.setAtIndex(JAVA_INT, 0, attention.itemCount());
        side.counts.setAtIndex(JAVA_INT, 1, attention.mergeCount());
        upload(index);
        return samples;
    }

    private static void pad(Side side, int token, int rows, int slice, int slices, int samples) {
        for (int i = token; i < rows; i++) {
            side.tokens.setAtIndex(JAVA_INT, i, 0);
            side.fedFrom.setAtIndex(JAVA_INT, i, -1);
            side.positions.setAtIndex(JAVA_INT, i, 0);
            side.slots.setAtIndex(JAVA_LONG, i, -1L);
        }
        for (int i = slice; i < slices; i++) side.firstPosition.setAtIndex(JAVA_INT, i, 0);
        for (int i = slice; i <= slices; i++) side.tokenStart.setAtIndex(JAVA_INT, i, token);
        for (int i = samples; i < slices; i++) side.sampleRows.setAtIndex(JAVA_INT, i, 0);
    }

    /// Says which row's logits the `index`-th sample stands for, in place of what the plan says.
    void sampleRow(int side, int index, int row) {
        sides[side].sampleRows.setAtIndex(JAVA_INT, index, row);
    }

    void upload(int side) {
        device.copy(start, sides[side].all.address(), sides[side].all.byteSize());
    }

    /// Writes the plan's copies between cache and host memory.
    ///
    /// @throws IndexOutOfBoundsException if there is no such block
    void fillCopies(int side, StepPlan plan) {
        for (int i = 0; i < plan.copiesOutCount(); i++) {
            putPair(sides[side].copiesOut, i, plan.copyOutBlock(i), plan.copyOutHostBlock(i));
        }
        for (int i = 0; i < plan.copiesInCount(); i++) {
            putPair(sides[side].copiesIn, i, plan.copyInBlock(i), plan.copyInHostBlock(i));
        }
    }

    private void putPair(MemorySegment pairs, int index, int block, int hostBlock) {
        pairs.setAtIndex(JAVA_INT, 2L * index, Objects.checkIndex(block, limits.blockCount()));
        pairs.setAtIndex(JAVA_INT, 2L * index + 1, Objects.checkIndex(hostBlock, limits.hostBlockCount()));
    }

    /// The kernels read these where they were written.
    long copiesOut(int side) {
        return sides[side].copiesOut.address();
    }

    long copiesIn(int side) {
        return sides[side].copiesIn.address();
    }

    long tokens() {
        return start + sides[0].offset(sides[0].tokens);
    }

    /// For each token, the row of the step before that sampled it, or -1.
    long fedFrom() {
        return start + sides[0].offset(sides[0].fedFrom);
    }

    long positions() {
        return start + sides[0].offset(sides[0].positions);
    }

    long slots() {
        return start + sides[0].offset(sides[0].slots);
    }

    long sampleRows() {
        return start + sides[0].offset(sides[0].sampleRows);
    }

    CudaKv.Slices slices(int count) {
        Side side = sides[0];
        return new CudaKv.Slices(
                start + side.offset(side.blockTables),
                limits.sequenceBlocksMax(),
                start + side.offset(side.tokenStart),
                start + side.offset(side.firstPosition),
                count);
    }

    /// What the plan says of attention. The launch is as large for every plan, since a graph's cannot change.
    CudaKv.Work work(long partials) {
        Side side = sides[0];
        long counts = start + side.offset(side.counts);
        return new CudaKv.Work(
                start + side.offset(side.items),
                counts,
                attention.launchedItems(),
                start + side.offset(side.merges),
                counts + Integer.BYTES,
                attention.launchedItems(),
                partials);
    }

    @Override
    public void close() {
        onDevice.close();
        device.freePinned(pinned);
    }
}
