package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.modelstore.ModelConfig;
import java.lang.foreign.MemorySegment;

/// A transformer of the Llama family as a sequence of kernels, over buffers that hold a step. Every weight is read once
/// per step, whatever the number of tokens. Hot path, no allocation. Engine thread only.
final class FastLlama implements AutoCloseable {
    private final Kernels kernels;
    private final ModelConfig config;
    private final PackedWeights weights;
    private final KvCache cache;
    private final StepBuffers step;
    private final Region rotation; // float [position, headDim]: cosines, then sines

    FastLlama(
            Kernels kernels,
            ModelConfig config,
            PackedWeights weights,
            KvCache cache,
            StepBuffers step,
            int contextMax) {
        this.kernels = kernels;
        this.config = config;
        this.weights = weights;
        this.cache = cache;
        this.step = step;
        this.rotation = rotation(kernels, config, contextMax);
    }

    /// The final hidden states of `tokenCount` tokens in `sliceCount` slices, with their keys and values in the cache.
    void computeHidden(int tokenCount, int sliceCount) {
        weights.embedding().embed(step.tokens(), step.hidden, tokenCount);
        for (int i = 0; i < config.layerCount(); i++) {
            PackedWeights.Layer layer = weights.layers().get(i);

            Kernels.Rows normed = step.normed.of(layer.queriesKeysValues());
            normalise(layer.attentionNorm(), normed, tokenCount);
            layer.queriesKeysValues().multiply(normed, step.queriesKeysValues, tokenCount);
            kernels.ropeKv(
                    step.queriesKeysValues,
                    rotation.start(),
                    step.positions(),
                    step.slots(),
                    cache.layer(i),
                    cache.layout(),
                    tokenCount);
            Kernels.Rows attended = step.attended.of(layer.attentionOutput());
            kernels.attention(
                    step.queriesKeysValues, cache.layer(i), cache.layout(), step.slices(), sliceCount, attended);
            layer.attentionOutput().multiplyAdd(attended, step.hidden, tokenCount);

            normed = step.normed.of(layer.gateUp());
            normalise(layer.mlpNorm(), normed, tokenCount);
            layer.gateUp().multiply(normed, step.gateUp, tokenCount);
            Kernels.Rows gated = step.gated.of(layer.down());
            kernels.siluMul(step.gateUp, gated, tokenCount, config.intermediateSize());
            layer.down().multiplyAdd(gated, step.hidden, tokenCount);
        }
    }

    /// Logits of the first `count` of the step's sample rows.
    void computeLogits(int count) {
        Kernels.Rows last = step.last.of(weights.head());
        kernels.rmsNorm(
                step.hidden,
                step.sampleRows(),
                weights.finalNorm(),
                config.rmsNormEps(),
                last,
                count,
                config.hiddenSize());
        weights.head().multiply(last, step.logits, count);
    }

    /// The token with the largest of each of the first `count` sample rows' logits.
    void findLargest(int count) {
        kernels.argmax(step.logits, count, config.vocabSize(), step.argmaxScratch(), step.largest());
    }

    @Override
    public void close() {
        rotation.close();
    }

    private void normalise(long weight, Kernels.Rows normed, int rows) {
        kernels.rmsNorm(step.hidden, 0, weight, config.rmsNormEps(), normed, rows, config.hiddenSize());
    }

    private static Region rotation(Kernels kernels, ModelConfig config, int contextMax) {
        int half = config.headDim() / 2;
        RotaryTable table = new RotaryTable(contextMax, config.headDim(), config.ropeTheta());
        long bytes = (long) contextMax * config.headDim() * Float.BYTES;
        Region region = new Region(kernels, bytes);
        MemorySegment memory = Region.view(region.take(bytes), bytes);
        for (int position = 0; position < contextMax; position++) {
            long at = (long) position * config.headDim() * Float.BYTES;
            MemorySegment.copy(table.cos(), position * half, memory, JAVA_FLOAT, at, half);
            MemorySegment.copy(table.sin(), position * half, memory, JAVA_FLOAT, at + (long) half * Float.BYTES, half);
        }
        return region;
    }
}
