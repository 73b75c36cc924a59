package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.modelstore.DecoderTraits;
import io.sluice.modelstore.ModelConfig;
import java.lang.foreign.MemorySegment;

/// A decoder as a sequence of kernels, over buffers that hold a step: Llama, and what other families do
/// otherwise (`DecoderTraits`). Every weight is read once per step, whatever the number of tokens. Hot
/// path, no allocation. Engine thread only.
final class FastDecoder implements AutoCloseable {
    private final Kernels kernels;
    private final ModelConfig config;
    private final DecoderTraits traits;
    private final PackedWeights weights;
    private final KvCache cache;
    private final StepBuffers step;
    private final Region rotations; // float [position, rotaryWidth]: cosines, then sines; global, then local if any
    private final Kernels.Turn[] turns; // [layer]
    private final Kernels.Scores[] scores; // [layer]

    FastDecoder(
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
        traits = config.traits();
        turns = new Kernels.Turn[config.layerCount()];
        scores = new Kernels.Scores[config.layerCount()];
        boolean local = traits.rotary().localTheta() != 0;
        long bytes = Region.aligned((long) contextMax * traits.rotary().width() * Float.BYTES);
        rotations = new Region(kernels, local ? 2 * bytes : bytes);
        long global = rotations.take(bytes);
        put(RotaryTable.global(config, contextMax), global, contextMax);
        long localTable = local ? rotations.take(bytes) : 0;
        if (local) put(RotaryTable.local(config, contextMax), localTable, contextMax);
        for (int i = 0; i < turns.length; i++) {
            DecoderTraits.Layer layer = traits.layers().get(i);
            turns[i] = turn(weights.layers().get(i), layer.rotation(), global, localTable);
            scores[i] = new Kernels.Scores(layer.window(), traits.attentionScale(), traits.attentionSoftcap());
        }
    }

    private Kernels.Turn turn(
            PackedWeights.Layer layer, DecoderTraits.Rotation rotation, long globalTable, long localTable) {
        int width =
                rotation == DecoderTraits.Rotation.NONE ? 0 : traits.rotary().width();
        long table = rotation == DecoderTraits.Rotation.LOCAL ? localTable : globalTable;
        return new Kernels.Turn(table, width, layer.bias(), layer.queryNorm(), layer.keyNorm(), config.rmsNormEps());
    }

    /// The final hidden states of `tokenCount` tokens in `sliceCount` slices, with their keys and values in the cache.
    void computeHidden(int tokenCount, int sliceCount) {
        weights.embedding().embed(step.tokens(), step.hidden, tokenCount);
        if (traits.embeddingScale() != 1) {
            kernels.scale(step.hidden, traits.embeddingScale(), tokenCount, config.hiddenSize());
        }
        for (int i = 0; i < config.layerCount(); i++) {
            PackedWeights.Layer layer = weights.layers().get(i);
            attend(i, layer, tokenCount, sliceCount);
            Products.Matrix router = layer.router();
            if (router == null) computeMlp(layer, tokenCount);
            else computeExperts(layer, router, tokenCount);
        }
    }

    private void attend(int index, PackedWeights.Layer layer, int tokenCount, int sliceCount) {
        Kernels.Rows normed = step.normed.of(layer.queriesKeysValues());
        normalise(layer.attentionNorm(), normed, tokenCount);
        layer.queriesKeysValues().multiply(normed, step.queriesKeysValues, tokenCount);
        kernels.ropeKv(
                step.queriesKeysValues,
                turns[index],
                step.positions(),
                step.slots(),
                cache.layer(index),
                cache.layout(),
                tokenCount);
        Kernels.Rows attended = step.attended.of(layer.attentionOutput());
        kernels.attention(
                step.queriesKeysValues,
                scores[index],
                cache.layer(index),
                cache.layout(),
                step.slices(),
                sliceCount,
                attended);
        add(layer.attentionOutput(), attended, layer.attentionPostNorm(), tokenCount);
    }

    private void computeMlp(PackedWeights.Layer layer, int tokenCount) {
        PackedWeights.Mlp mlp = layer.mlps().getFirst();
        Kernels.Rows normed = step.normed.of(mlp.gateUp());
        normalise(layer.mlpNorm(), normed, tokenCount);
        mlp.gateUp().multiply(normed, step.gateUp, tokenCount);
        add(mlp.down(), gate(mlp, tokenCount), layer.mlpPostNorm(), tokenCount);
    }

    /// Each expert in turn computes the tokens that take it, and adds its share to what they were before.
    private void computeExperts(PackedWeights.Layer layer, Products.Matrix router, int tokenCount) {
        int hidden = config.hiddenSize();
        ExpertChoice choice = step.experts();
        Kernels.Rows normed = step.normed.of(router);
        normalise(layer.mlpNorm(), normed, tokenCount);
        router.multiply(normed, choice.logits(), tokenCount);
        choice.choose(tokenCount);
        kernels.gather(step.hidden, 0, step.before, tokenCount, hidden);
        for (int expert = 0; expert < layer.mlps().size(); expert++) {
            int count = choice.count(expert);
            if (count == 0) continue;
            PackedWeights.Mlp mlp = layer.mlps().get(expert);
            long rows = choice.rows(expert);
            normed = step.normed.of(mlp.gateUp());
            kernels.rmsNorm(step.before, rows, layer.mlpNorm(), config.rmsNormEps(), normed, count, hidden);
            mlp.gateUp().multiply(normed, step.gateUp, count);
            mlp.down().multiply(gate(mlp, count), step.branch, count);
            kernels.scatterAdd(step.branch, rows, choice.weights(expert), step.hidden, count, hidden);
        }
    }

    private Kernels.Rows gate(PackedWeights.Mlp mlp, int rows) {
        Kernels.Rows gated = step.gated.of(mlp.down());
        switch (traits.activation()) {
            case SILU -> kernels.siluMul(step.gateUp, gated, rows, config.intermediateSize());
            case GELU_TANH -> kernels.geluMul(step.gateUp, gated, rows, config.intermediateSize());
        }
        return gated;
    }

    /// Adds a product to the residual stream, through a norm if there is one.
    private void add(Products.Matrix matrix, Kernels.Rows input, long postNorm, int rows) {
        if (postNorm == 0) {
            matrix.multiplyAdd(input, step.hidden, rows);
            return;
        }
        int hidden = config.hiddenSize();
        matrix.multiply(input, step.branch, rows);
        kernels.rmsNorm(step.branch, 0, postNorm, config.rmsNormEps(), step.branch, rows, hidden);
        kernels.gatherAdd(step.branch, 0, step.hidden, rows, hidden);
    }

    /// Logits of the first `count` of the step's sample rows.
    void computeLogits(int count) {
        Kernels.Rows last = step.last.of(weights.head());
        computeFinal(last, count);
        weights.head().multiply(last, step.logits, count);
        if (traits.logitSoftcap() != 0) {
            kernels.softCap(step.logits, traits.logitSoftcap(), count, config.vocabSize());
        }
    }

    /// The final norm of the first `count` of the step's sample rows, in float32.
    void computeFinal(int count) {
        computeFinal(step.finals, count);
    }

    private void computeFinal(Kernels.Rows target, int count) {
        kernels.rmsNorm(
                step.hidden,
                step.sampleRows(),
                weights.finalNorm(),
                config.rmsNormEps(),
                target,
                count,
                config.hiddenSize());
    }

    /// The token with the largest of each of the first `count` sample rows' logits.
    void findLargest(int count) {
        kernels.argmax(step.logits, count, config.vocabSize(), step.argmaxScratch(), step.largest());
    }

    @Override
    public void close() {
        rotations.close();
    }

    private void normalise(long weight, Kernels.Rows normed, int rows) {
        kernels.rmsNorm(step.hidden, 0, weight, config.rmsNormEps(), normed, rows, config.hiddenSize());
    }

    private void put(RotaryTable table, long address, int contextMax) {
        int width = traits.rotary().width();
        int half = width / 2;
        MemorySegment memory = Region.view(address, (long) contextMax * width * Float.BYTES);
        for (int position = 0; position < contextMax; position++) {
            long at = (long) position * width * Float.BYTES;
            MemorySegment.copy(table.cos(), position * half, memory, JAVA_FLOAT, at, half);
            MemorySegment.copy(table.sin(), position * half, memory, JAVA_FLOAT, at + (long) half * Float.BYTES, half);
        }
    }
}
