package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.StepPlan;
import io.sluice.modelstore.DecoderTraits;
import io.sluice.modelstore.ModelConfig;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// The memory that a step computes in, made once for the largest step: the plan as the kernels read it, and
/// activations. Hot path, no allocation. Engine thread only.
final class StepBuffers implements AutoCloseable {
    private final Region memory;
    private final KvLayout kv;
    private final ModelLimits limits;
    private final int hiddenSize;

    private final MemorySegment tokens; // int [token]
    private final MemorySegment positions; // int [token]
    private final MemorySegment slots; // long [token] block * blockSize + offset
    private final MemorySegment blockTables; // int [slice, sequenceBlocksMax]
    private final MemorySegment tokenStart; // int [slice + 1]
    private final MemorySegment firstPosition; // int [slice]
    private final MemorySegment tileStart; // int [slice + 1]
    private final MemorySegment sampleRows; // int [sampling slice] the row of its last token
    private final Kernels.Slices slices;

    /// Activations: `[token, width]`, but for the last two `[sampling slice, width]`. The residual stream and what adds
    /// to it are float32; what enters a product is what `Products` wants there.
    final Kernels.Rows hidden; // residual stream

    final Input normed; // RMSNorm of hidden
    final Kernels.Rows queriesKeysValues;
    final Input attended; // [token, heads headDim]
    final Kernels.Rows gateUp; // [token, 2 intermediate]
    final Input gated; // [token, intermediate]
    final Kernels.Rows branch; // what an expert, or a branch with a norm of its own, gives; no rows if there is none
    final Kernels.Rows before; // residual stream that all experts start from; no rows without experts
    final Input last; // final norm of the sampling rows
    final Kernels.Rows finals; // the same as float32, for embeddings
    final Kernels.Rows logits; // [sampling slice, vocab]
    private final @Nullable ExpertChoice experts;
    private final MemorySegment argmaxScratch;
    private final MemorySegment largest; // int [sampling slice] the token with the largest logit

    StepBuffers(Kernels kernels, ModelConfig config, ModelLimits limits, KvLayout kv, Products products) {
        this.kv = kv;
        this.limits = limits;
        memory = new Region(kernels, bytes(config, limits, products));
        int tokenCount = limits.stepTokensMax();
        int sliceCount = limits.sequencesMax();
        tokens = take(tokenCount, Integer.BYTES);
        positions = take(tokenCount, Integer.BYTES);
        slots = take(tokenCount, Long.BYTES);
        blockTables = take((long) sliceCount * limits.sequenceBlocksMax(), Integer.BYTES);
        tokenStart = take(sliceCount + 1, Integer.BYTES);
        firstPosition = take(sliceCount, Integer.BYTES);
        tileStart = take(sliceCount + 1, Integer.BYTES);
        sampleRows = take(sliceCount, Integer.BYTES);
        slices = new Kernels.Slices(
                blockTables.address(),
                limits.sequenceBlocksMax(),
                tokenStart.address(),
                firstPosition.address(),
                tileStart.address());
        Widths widths = new Widths(config);
        hidden = rows(tokenCount, widths.hidden);
        normed = inputs(tokenCount, widths.hidden, products);
        queriesKeysValues = rows(tokenCount, widths.queriesKeysValues);
        attended = inputs(tokenCount, widths.attended, products);
        gateUp = rows(tokenCount, widths.gateUp);
        gated = inputs(tokenCount, widths.gated, products);
        branch = rows(widths.hasBranches ? tokenCount : 0, widths.hidden);
        before = rows(widths.experts > 0 ? tokenCount : 0, widths.hidden);
        experts = config.traits()
                .experts()
                .map(kinds -> choice(kinds, tokenCount))
                .orElse(null);
        last = inputs(sliceCount, widths.hidden, products);
        finals = rows(sliceCount, widths.hidden);
        hiddenSize = widths.hidden;
        logits = rows(sliceCount, widths.logits);
        argmaxScratch = take(Kernels.argmaxScratchBytes(sliceCount, widths.logits), 1);
        largest = take(sliceCount, Integer.BYTES);
    }

    private ExpertChoice choice(DecoderTraits.Experts kinds, int tokenCount) {
        Kernels.Rows routed = rows(tokenCount, kinds.count());
        long choices = (long) tokenCount * kinds.perToken();
        return new ExpertChoice(kinds, routed, tokenCount, take(choices, Integer.BYTES), take(choices, Float.BYTES));
    }

    /// The most numbers of one product, rows counted in whole tiles.
    static long outputsMax(ModelConfig config, ModelLimits limits) {
        Widths widths = new Widths(config);
        int layer =
                Math.max(Math.max(widths.hidden, widths.queriesKeysValues), Math.max(widths.gateUp, widths.experts));
        return Math.max(
                (long) TorchProducts.wholeTiles(limits.stepTokensMax()) * layer,
                (long) TorchProducts.wholeTiles(limits.sequencesMax()) * widths.logits);
    }

    /// Memory that the buffers take; the constructor's sum.
    static long bytes(ModelConfig config, ModelLimits limits, Products products) {
        long tokenCount = limits.stepTokensMax();
        long sliceCount = limits.sequencesMax();
        Widths widths = new Widths(config);
        return 2 * Region.aligned(tokenCount * Integer.BYTES)
                + Region.aligned(tokenCount * Long.BYTES)
                + Region.aligned(sliceCount * limits.sequenceBlocksMax() * Integer.BYTES)
                + 5 * Region.aligned((sliceCount + 1) * Integer.BYTES)
                + Region.aligned(Kernels.argmaxScratchBytes(limits.sequencesMax(), widths.logits))
                + rowBytes(tokenCount, widths.hidden)
                + inputBytes(tokenCount, widths.hidden, products)
                + rowBytes(tokenCount, widths.queriesKeysValues)
                + inputBytes(tokenCount, widths.attended, products)
                + rowBytes(tokenCount, widths.gateUp)
                + inputBytes(tokenCount, widths.gated, products)
                + (widths.hasBranches ? rowBytes(tokenCount, widths.hidden) : 0)
                + expertBytes(config, tokenCount)
                + inputBytes(sliceCount, widths.hidden, products)
                + rowBytes(sliceCount, widths.hidden)
                + rowBytes(sliceCount, widths.logits);
    }

    private static long expertBytes(ModelConfig config, long tokenCount) {
        if (config.traits().experts().isEmpty()) return 0;
        DecoderTraits.Experts kinds = config.traits().experts().get();
        return rowBytes(tokenCount, config.hiddenSize())
                + rowBytes(tokenCount, kinds.count())
                + 2 * Region.aligned(tokenCount * kinds.perToken() * Integer.BYTES);
    }

    /// @param experts 0 if there are none
    private record Widths(
            int hidden,
            int queriesKeysValues,
            int attended,
            int gateUp,
            int gated,
            int logits,
            int experts,
            boolean hasBranches) {
        Widths(ModelConfig config) {
            this(
                    config.hiddenSize(),
                    (config.headCount() + 2 * config.kvHeadCount()) * config.headDim(),
                    config.headCount() * config.headDim(),
                    2 * config.intermediateSize(),
                    config.intermediateSize(),
                    config.vocabSize(),
                    config.traits().experts().map(DecoderTraits.Experts::count).orElse(0),
                    config.traits().postNorms() || config.traits().experts().isPresent());
        }
    }

    /// Writes the plan where the kernels read it. They trust it: what is impossible ends here.
    ///
    /// @throws IndexOutOfBoundsException if there is no such token or block
    void fill(StepPlan plan) {
        int tiles = 0;
        int token = 0;
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            int first = plan.firstPosition(slice);
            for (int i = 0; i < plan.length(slice); i++, token++) {
                int position = first + i;
                long block = plan.block(slice, position / kv.blockSize());
                tokens.setAtIndex(JAVA_INT, token, Objects.checkIndex(plan.token(token), limits.vocabSize()));
                positions.setAtIndex(JAVA_INT, token, position);
                slots.setAtIndex(JAVA_LONG, token, block * kv.blockSize() + position % kv.blockSize());
            }
            for (int i = 0; i < plan.blockCount(slice); i++) {
                int block = Objects.checkIndex(plan.block(slice, i), limits.blockCount());
                blockTables.setAtIndex(JAVA_INT, (long) slice * slices.tableStride() + i, block);
            }
            firstPosition.setAtIndex(JAVA_INT, slice, first);
            tokenStart.setAtIndex(JAVA_INT, slice, plan.tokenStart(slice));
            tileStart.setAtIndex(JAVA_INT, slice, tiles);
            tiles += Math.ceilDiv(plan.length(slice), kv.tileTokens());
        }
        tokenStart.setAtIndex(JAVA_INT, plan.sliceCount(), token);
        tileStart.setAtIndex(JAVA_INT, plan.sliceCount(), tiles);
    }

    /// Says which row's logits the `index`-th row of `last` stands for.
    void sampleRow(int index, int row) {
        sampleRows.setAtIndex(JAVA_INT, index, row);
    }

    /// The logits of the `index`-th sample row.
    MemorySegment logitsRow(int index, int vocabSize) {
        long rowBytes = (long) logits.stride() * Float.BYTES;
        return Region.view(logits.address() + index * rowBytes, (long) vocabSize * Float.BYTES);
    }

    /// The final norm of the `index`-th sample row, float32.
    MemorySegment finalRow(int index) {
        return Region.view(
                finals.address() + index * (long) finals.stride() * Float.BYTES, (long) hiddenSize * Float.BYTES);
    }

    int hiddenSize() {
        return hiddenSize;
    }

    /// The choice of experts, of a model that has them.
    ExpertChoice experts() {
        return Objects.requireNonNull(experts, "this model has no experts");
    }

    long argmaxScratch() {
        return argmaxScratch.address();
    }

    long largest() {
        return largest.address();
    }

    /// What `Kernels.argmax` found in the `index`-th sample row.
    int largest(int index) {
        return largest.getAtIndex(JAVA_INT, index);
    }

    long tokens() {
        return tokens.address();
    }

    long positions() {
        return positions.address();
    }

    long slots() {
        return slots.address();
    }

    long sampleRows() {
        return sampleRows.address();
    }

    Kernels.Slices slices() {
        return slices;
    }

    @Override
    public void close() {
        memory.close();
    }

    private MemorySegment take(long count, int bytes) {
        return Region.view(memory.take(count * bytes), count * bytes);
    }

    private Kernels.Rows rows(int count, int width) {
        return new Kernels.Rows(memory.take(rowBytes(count, width)), stride(width), Format.FLOAT32);
    }

    private static long rowBytes(long count, int width) {
        return Region.aligned(count * stride(width) * Float.BYTES);
    }

    /// Room for whole pairs of panels, and a little more: rows a power of two apart would fight for one set of the
    /// first-level cache.
    private static int stride(int width) {
        return PackedMatrix.padded(width) + 2 * PackedMatrix.PANEL;
    }

    /// Rows that enter a product, in whichever format the matrix wants. A value.
    static final class Input {
        private final Kernels.Rows floats;
        private final Kernels.Rows halves;
        private final Kernels.Rows bytes;

        private Input(long address, int width, Products products) {
            floats = products.input(address, width, Format.FLOAT32);
            halves = products.input(address, width, Format.BFLOAT16);
            bytes = products.input(address, width, Format.INT8);
        }

        Kernels.Rows of(Products.Matrix matrix) {
            return switch (matrix.inputs()) {
                case FLOAT32 -> floats;
                case BFLOAT16 -> halves;
                case INT8, INT4 -> bytes;
            };
        }
    }

    private Input inputs(int count, int width, Products products) {
        return new Input(memory.take(inputBytes(count, width, products)), width, products);
    }

    private static long inputBytes(long count, int width, Products products) {
        return Region.aligned(products.inputBytes(Math.ceilDiv(count, Products.TILE_ROWS) * Products.TILE_ROWS, width));
    }
}
