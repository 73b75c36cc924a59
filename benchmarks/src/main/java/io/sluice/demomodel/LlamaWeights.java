package io.sluice.demomodel;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.sluice.modelstore.ModelConfig;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.random.RandomGenerator;

/// The trained parameters, float32, under the names and in the `[out, in]` layout of Hugging Face's Llama. The
/// trainer's thread only.
final class LlamaWeights implements AutoCloseable {
    private static final double INITIAL_DEVIATION = 0.02;

    /// One transformer layer.
    record Layer(
            NDArray inputNorm, // [hidden]
            NDArray query, // [heads * headDim, hidden]
            NDArray key, // [kvHeads * headDim, hidden]
            NDArray value, // [kvHeads * headDim, hidden]
            NDArray output, // [hidden, heads * headDim]
            NDArray feedForwardNorm, // [hidden]
            NDArray gate, // [intermediate, hidden]
            NDArray up, // [intermediate, hidden]
            NDArray down) {} // [hidden, intermediate]

    final ModelConfig config;
    final NDArray embedding; // [vocab, hidden], also the output head
    final List<Layer> layers;
    final NDArray finalNorm; // [hidden]
    private final NDManager memory;
    private final RandomGenerator random;
    private final Map<String, NDArray> byName = new LinkedHashMap<>();

    /// Draws the starting values. They depend on `random` alone, not on the engine's own generator.
    LlamaWeights(NDManager parent, ModelConfig config, RandomGenerator random) {
        this.config = config;
        this.memory = parent.newSubManager();
        this.random = random;
        this.embedding = matrix("model.embed_tokens.weight", config.vocabSize(), config.hiddenSize(), 1);
        var built = new ArrayList<Layer>();
        for (int i = 0; i < config.layerCount(); i++) {
            built.add(layer("model.layers." + i + "."));
        }
        this.layers = List.copyOf(built);
        this.finalNorm = ones("model.norm.weight");
    }

    private Layer layer(String prefix) {
        int hidden = config.hiddenSize();
        int queries = config.headCount() * config.headDim();
        int keys = config.kvHeadCount() * config.headDim();
        int wide = config.intermediateSize();
        // The two matrices that write into the residual stream start smaller, as in GPT-2: 2 * layers of them add up.
        double residual = 1 / Math.sqrt(2.0 * config.layerCount());
        return new Layer(
                ones(prefix + "input_layernorm.weight"),
                matrix(prefix + "self_attn.q_proj.weight", queries, hidden, 1),
                matrix(prefix + "self_attn.k_proj.weight", keys, hidden, 1),
                matrix(prefix + "self_attn.v_proj.weight", keys, hidden, 1),
                matrix(prefix + "self_attn.o_proj.weight", hidden, queries, residual),
                ones(prefix + "post_attention_layernorm.weight"),
                matrix(prefix + "mlp.gate_proj.weight", wide, hidden, 1),
                matrix(prefix + "mlp.up_proj.weight", wide, hidden, 1),
                matrix(prefix + "mlp.down_proj.weight", hidden, wide, residual));
    }

    private NDArray matrix(String name, int rows, int columns, double scale) {
        var values = new float[rows * columns];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) (random.nextGaussian() * INITIAL_DEVIATION * scale);
        }
        return parameter(name, memory.create(values, new Shape(rows, columns)));
    }

    private NDArray ones(String name) {
        return parameter(name, memory.ones(new Shape(config.hiddenSize())));
    }

    private NDArray parameter(String name, NDArray array) {
        array.setRequiresGradient(true);
        byName.put(name, array);
        return array;
    }

    /// Every parameter by its Hugging Face name, in the order of the graph.
    Map<String, NDArray> byName() {
        return Collections.unmodifiableMap(byName);
    }

    long parameterCount() {
        return byName.values().stream().mapToLong(NDArray::size).sum();
    }

    /// Rounds every weight to what bfloat16 holds: afterwards the files and this object say the same.
    void roundToBfloat16() {
        for (NDArray weight : byName.values()) {
            float[] values = weight.toFloatArray();
            for (int i = 0; i < values.length; i++) {
                values[i] = Bfloat16.round(values[i]);
            }
            replace(weight, values);
        }
    }

    private static void replace(NDArray weight, float[] values) {
        try (NDArray copy = weight.getManager().create(values, weight.getShape())) {
            weight.muli(0).addi(copy);
        }
    }

    /// Takes the values of a folder that [DemoModelFolder] wrote.
    void read(DemoModelFolder folder) throws IOException {
        for (var weight : byName.entrySet()) {
            replace(weight.getValue(), folder.readWeight(weight.getKey()));
        }
    }

    @Override
    public void close() {
        memory.close();
    }
}
