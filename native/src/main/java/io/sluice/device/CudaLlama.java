package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.batching.ModelLimits;
import io.sluice.device.Kernels.Rows;
import io.sluice.modelstore.ModelConfig;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;

/// A transformer of the Llama family as a sequence of CUDA kernels, over buffers made for the largest step.
/// What it queues depends on the numbers of rows and slices alone, so it can be recorded. Hot path, no
/// allocation. The device's thread only.
final class CudaLlama implements AutoCloseable {
    private final CudaKernels kernels;
    private final CudaProducts products;
    private final ModelConfig config;
    private final CudaWeights weights;
    private final CudaKv kv;
    private final CudaRegion memory;

    /// Activations `[token, width]`; the last two `[sampling slice, width]`. The residual stream and what
    /// products give are float32; what enters a product is what it wants there.
    private final Rows hidden; // residual stream

    private final long normed; // RMSNorm of hidden
    private final Rows queriesKeysValues;
    private final long attended; // [token, heads headDim]
    private final Rows gateUp; // [token, 2 intermediate]
    private final long gated; // [token, intermediate]
    private final long last; // final norm of the sampling rows
    private final Rows logits; // [sampling slice, vocab]
    private final long partials;
    private final long rotation; // float [position, headDim]: cosines, then sines

    /// What the graph is made of, owned by others.
    record Parts(CudaDevice device, CudaKernels kernels, CudaProducts products, CudaWeights weights, CudaKv kv) {}

    /// What a step reads besides and writes to, owned by others.
    record Inputs(CudaStep step, CudaKv.Cache cache) {}

    CudaLlama(Parts parts, ModelConfig config, ModelLimits limits, int partialsMax) {
        kernels = parts.kernels;
        products = parts.products;
        weights = parts.weights;
        kv = parts.kv;
        this.config = config;
        memory = new CudaRegion(parts.device, bytes(config, limits, kv, partialsMax));
        int tokenCount = limits.stepTokensMax();
        int sliceCount = limits.sequencesMax();
        int queryWidth = config.headCount() * config.headDim();
        hidden = rows(tokenCount, config.hiddenSize());
        normed = memory.take(inputBytes(tokenCount, config.hiddenSize()));
        queriesKeysValues = rows(tokenCount, queryWidth + 2 * config.kvHeadCount() * config.headDim());
        attended = memory.take(inputBytes(tokenCount, queryWidth));
        gateUp = rows(tokenCount, 2 * config.intermediateSize());
        gated = memory.take(inputBytes(tokenCount, config.intermediateSize()));
        last = memory.take(inputBytes(sliceCount, config.hiddenSize()));
        logits = rows(sliceCount, config.vocabSize());
        partials = memory.take(kv.partialBytes() * partialsMax);
        rotation = memory.take(rotationBytes(config, limits));
        try {
            uploadRotation(parts.device, limits.contextMax());
        } catch (RuntimeException | Error e) {
            memory.close();
            throw e;
        }
    }

    /// Device memory that the buffers take; the constructor's sum.
    static long bytes(ModelConfig config, ModelLimits limits, CudaKv kv, int partialsMax) {
        int tokenCount = limits.stepTokensMax();
        int sliceCount = limits.sequencesMax();
        int queryWidth = config.headCount() * config.headDim();
        return rowBytes(tokenCount, config.hiddenSize())
                + CudaRegion.aligned(inputBytes(tokenCount, config.hiddenSize()))
                + rowBytes(tokenCount, queryWidth + 2 * config.kvHeadCount() * config.headDim())
                + CudaRegion.aligned(inputBytes(tokenCount, queryWidth))
                + rowBytes(tokenCount, 2 * config.intermediateSize())
                + CudaRegion.aligned(inputBytes(tokenCount, config.intermediateSize()))
                + CudaRegion.aligned(inputBytes(sliceCount, config.hiddenSize()))
                + rowBytes(sliceCount, config.vocabSize())
                + CudaRegion.aligned(kv.partialBytes() * partialsMax)
                + CudaRegion.aligned(rotationBytes(config, limits));
    }

    /// Queues the final hidden states of `rows` tokens in `slices` slices, with their keys and values into
    /// the cache.
    void computeHidden(Inputs inputs, int rows, int slices) {
        CudaStep step = inputs.step;
        CudaKv.Cache cache = inputs.cache;
        kernels.embed(weights.embedding(), step.tokens(), hidden, rows);
        CudaKv.Slices described = step.slices(slices);
        for (int i = 0; i < config.layerCount(); i++) {
            CudaWeights.Layer layer = weights.layers().get(i);

            Rows x = input(normed, layer.queriesKeysValues(), rows);
            normalise(layer.attentionNorm(), x, rows);
            Rows qkv = products.multiply(x, layer.queriesKeysValues(), queriesKeysValues, rows);
            kernels.ropeKv(qkv, rotation, step.positions(), step.slots(), cache.layer(i), kv, rows);
            x = input(attended, layer.attentionOutput(), rows);
            attend(inputs, i, described, qkv, x, rows);
            products.multiplyAdd(x, layer.attentionOutput(), hidden, rows, gateUp.address());

            x = input(normed, layer.gateUp(), rows);
            normalise(layer.mlpNorm(), x, rows);
            Rows both = products.multiply(x, layer.gateUp(), gateUp, rows);
            x = input(gated, layer.down(), rows);
            kernels.siluMul(both, x, rows, config.intermediateSize());
            products.multiplyAdd(x, layer.down(), hidden, rows, gateUp.address());
        }
    }

    private void attend(Inputs inputs, int layer, CudaKv.Slices slices, Rows queries, Rows out, int rows) {
        long keysValues = inputs.cache.layer(layer);
        if (!kv.fitsTensorCores()) {
            kernels.attentionPlain(queries, keysValues, kv, slices, rows, out);
            return;
        }
        CudaKv.Work work = inputs.step.work(partials);
        kernels.attention(queries, keysValues, kv, slices, work, out);
        kernels.merge(kv, slices, work, out);
    }

    /// Queues the logits of the first `count` of the step's sample rows.
    void computeLogits(Inputs inputs, int count) {
        Rows x = input(last, weights.head(), count);
        kernels.rmsNorm(
                hidden,
                CudaKernels.NOTHING,
                inputs.step.sampleRows(),
                weights.finalNorm(),
                config.rmsNormEps(),
                x,
                count,
                config.hiddenSize());
        products.multiplyInFloat32(x, weights.head(), logits, count);
    }

    Rows logits() {
        return logits;
    }

    /// A layer's matrices, those of the first one.
    List<CudaMatrix> matrices() {
        CudaWeights.Layer layer = weights.layers().getFirst();
        return List.of(layer.queriesKeysValues(), layer.attentionOutput(), layer.gateUp(), layer.down());
    }

    /// Queues one product of a step by itself, whose numbers mean nothing: to measure it between steps.
    ///
    /// @param matrix of the first layer
    void multiplyForMeasuring(CudaMatrix matrix, int rows) {
        CudaWeights.Layer layer = weights.layers().getFirst();
        if (matrix.equals(layer.queriesKeysValues())) {
            products.multiply(input(normed, matrix, rows), matrix, queriesKeysValues, rows);
        } else if (matrix.equals(layer.attentionOutput())) {
            products.multiplyAdd(input(attended, matrix, rows), matrix, hidden, rows, gateUp.address());
        } else if (matrix.equals(layer.gateUp())) {
            products.multiply(input(normed, matrix, rows), matrix, gateUp, rows);
        } else {
            products.multiplyAdd(input(gated, matrix, rows), matrix, hidden, rows, gateUp.address());
        }
    }

    private void normalise(long weight, Rows out, int rows) {
        kernels.rmsNorm(hidden, CudaKernels.NOTHING, 0, weight, config.rmsNormEps(), out, rows, config.hiddenSize());
    }

    private Rows input(long address, CudaMatrix matrix, int rows) {
        Format format = products.inputs(matrix, rows);
        int stride = format == Format.INT8 ? matrix.columns() / Format.BLOCK : stride(matrix.columns());
        return new Rows(address, stride, format);
    }

    @Override
    public void close() {
        memory.close();
    }

    private Rows rows(int count, int width) {
        return new Rows(memory.take(rowBytes(count, width)), stride(width), Format.FLOAT32);
    }

    private static long rowBytes(long count, int width) {
        return CudaRegion.aligned(count * stride(width) * Float.BYTES);
    }

    /// Room for the widest format.
    private static long inputBytes(long count, int width) {
        return count * stride(width) * Float.BYTES;
    }

    /// Rows begin where the widest loads may.
    private static int stride(int width) {
        return Math.ceilDiv(width, 8) * 8;
    }

    private static long rotationBytes(ModelConfig config, ModelLimits limits) {
        return (long) limits.contextMax() * config.headDim() * Float.BYTES;
    }

    private void uploadRotation(CudaDevice device, int contextMax) {
        int half = config.headDim() / 2;
        RotaryTable table = new RotaryTable(contextMax, config.headDim(), config.ropeTheta());
        long rowBytes = (long) config.headDim() * Float.BYTES;
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment rows = arena.allocate(contextMax * rowBytes, Float.BYTES);
            for (int position = 0; position < contextMax; position++) {
                long at = position * rowBytes;
                MemorySegment.copy(table.cos(), position * half, rows, JAVA_FLOAT, at, half);
                MemorySegment.copy(
                        table.sin(), position * half, rows, JAVA_FLOAT, at + (long) half * Float.BYTES, half);
            }
            device.copy(rotation, rows.address(), rows.byteSize());
            device.await();
        }
    }
}
