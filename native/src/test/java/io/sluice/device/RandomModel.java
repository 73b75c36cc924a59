package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import io.sluice.modelstore.ModelConfig;
import io.sluice.modelstore.TensorType;
import io.sluice.modelstore.WeightTensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;

/// A model of random float32 weights in memory, small enough to be computed by hand.
final class RandomModel {

    /// Six query heads share two key heads; but for the heads' width nothing is a multiple of what a kernel might like.
    static final ModelConfig TINY = new ModelConfig("llama", 97, 60, 3, 6, 2, 16, 76, 1e-5f, 10_000f, 512, true);

    private final ModelConfig config;
    private final Map<String, float[]> tensors = new HashMap<>();

    RandomModel(ModelConfig config, long seed) {
        this.config = config;
        Random random = new Random(seed);
        int hidden = config.hiddenSize();
        int queryWidth = config.headCount() * config.headDim();
        int keyWidth = config.kvHeadCount() * config.headDim();
        add(random, "model.embed_tokens", config.vocabSize(), hidden);
        for (int i = 0; i < config.layerCount(); i++) {
            String layer = "model.layers." + i + ".";
            add(random, layer + "self_attn.q_proj", queryWidth, hidden);
            add(random, layer + "self_attn.k_proj", keyWidth, hidden);
            add(random, layer + "self_attn.v_proj", keyWidth, hidden);
            add(random, layer + "self_attn.o_proj", hidden, queryWidth);
            add(random, layer + "mlp.gate_proj", config.intermediateSize(), hidden);
            add(random, layer + "mlp.up_proj", config.intermediateSize(), hidden);
            add(random, layer + "mlp.down_proj", hidden, config.intermediateSize());
            addNorm(random, layer + "input_layernorm");
            addNorm(random, layer + "post_attention_layernorm");
        }
        addNorm(random, "model.norm");
        if (!config.tiedHead()) add(random, "lm_head", config.vocabSize(), hidden);
    }

    ModelConfig config() {
        return config;
    }

    /// Row-major numbers of a tensor.
    float[] numbers(String name) {
        float[] numbers = tensors.get(name + ".weight");
        if (numbers == null) throw new AssertionError("no tensor " + name);
        return numbers;
    }

    WeightFiles files() {
        return new WeightFiles(Path.of("random-model"), config, this::tensor);
    }

    private WeightTensor tensor(String name) {
        float[] numbers = numbers(name.replaceFirst("\\.weight$", ""));
        boolean vector = name.endsWith("norm.weight");
        int columns = vector ? numbers.length : numbers.length / rows(name);
        return new InMemory(name, numbers.length / columns, columns, numbers);
    }

    private int rows(String name) {
        if (name.contains("q_proj")) return config.headCount() * config.headDim();
        if (name.contains("k_proj") || name.contains("v_proj")) return config.kvHeadCount() * config.headDim();
        if (name.contains("o_proj") || name.contains("down_proj")) return config.hiddenSize();
        if (name.contains("gate_proj") || name.contains("up_proj")) return config.intermediateSize();
        return config.vocabSize();
    }

    private void add(Random random, String name, int rows, int columns) {
        float[] numbers = new float[rows * columns];
        double scale = 1.5 / Math.sqrt(columns);
        for (int i = 0; i < numbers.length; i++) numbers[i] = (float) (random.nextGaussian() * scale);
        tensors.put(name + ".weight", numbers);
    }

    private void addNorm(Random random, String name) {
        float[] numbers = new float[config.hiddenSize()];
        for (int i = 0; i < numbers.length; i++) numbers[i] = 1f + 0.2f * (float) random.nextGaussian();
        tensors.put(name + ".weight", numbers);
    }

    /// A float32 tensor on the heap.
    record InMemory(String name, int rows, int columns, float[] numbers) implements WeightTensor {
        @Override
        public TensorType type() {
            return TensorType.F32;
        }

        @Override
        public MemorySegment rowBytes(int row) {
            return MemorySegment.ofArray(numbers).asSlice(4L * row * columns, 4L * columns);
        }

        @Override
        public void readRows(int firstRow, int rowCount, MemorySegment target) {
            MemorySegment.copy(numbers, firstRow * columns, target, JAVA_FLOAT, 0, rowCount * columns);
        }
    }
}
