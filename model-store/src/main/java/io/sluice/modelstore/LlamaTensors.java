package io.sluice.modelstore;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;

/// Decides whether a file's tensors are exactly those that the Llama graph computes with: none missing, none of
/// another shape, and none left over, because a tensor that the graph does not know (a bias, a gate, an
/// adapter) would change the answers. Used by the opening thread.
final class LlamaTensors {
    private final Path path;
    private final ModelConfig config;
    private final Map<String, StoredTensor> stored;
    private final UnaryOperator<String> spelling;
    private final boolean interleavedRotary;
    private final Map<String, WeightTensor> bound = new LinkedHashMap<>();

    /// @param stored by Hugging Face name
    /// @param spelling turns a Hugging Face name into the file's, for messages
    /// @param interleavedRotary the file keeps the rows of query and key projections in llama.cpp's order
    LlamaTensors(
            Path path,
            ModelConfig config,
            Map<String, StoredTensor> stored,
            UnaryOperator<String> spelling,
            boolean interleavedRotary) {
        this.path = path;
        this.config = config;
        this.stored = stored;
        this.spelling = spelling;
        this.interleavedRotary = interleavedRotary;
    }

    /// The tensors of the graph, by Hugging Face name.
    Map<String, WeightTensor> bind() {
        int hidden = config.hiddenSize();
        int queries = config.headCount() * config.headDim();
        int keys = config.kvHeadCount() * config.headDim();
        matrix("model.embed_tokens.weight", config.vocabSize(), hidden);
        for (int layer = 0; layer < config.layerCount(); layer++) {
            String prefix = "model.layers." + layer + ".";
            vector(prefix + "input_layernorm.weight", hidden);
            rotated(prefix + "self_attn.q_proj.weight", queries, hidden);
            rotated(prefix + "self_attn.k_proj.weight", keys, hidden);
            matrix(prefix + "self_attn.v_proj.weight", keys, hidden);
            matrix(prefix + "self_attn.o_proj.weight", hidden, queries);
            vector(prefix + "post_attention_layernorm.weight", hidden);
            matrix(prefix + "mlp.gate_proj.weight", config.intermediateSize(), hidden);
            matrix(prefix + "mlp.up_proj.weight", config.intermediateSize(), hidden);
            matrix(prefix + "mlp.down_proj.weight", hidden, config.intermediateSize());
        }
        vector("model.norm.weight", hidden);
        if (!config.tiedHead()) {
            matrix("lm_head.weight", config.vocabSize(), hidden);
        }
        refuseLeftOvers();
        return bound;
    }

    private void matrix(String name, int rows, int columns) {
        bound.put(name, MappedTensor.plain(name, require(name, rows, columns), rows, columns));
    }

    private void vector(String name, int length) {
        bound.put(name, MappedTensor.plain(name, require(name, length), 1, length));
    }

    private void rotated(String name, int rows, int columns) {
        if (!interleavedRotary) {
            matrix(name, rows, columns);
            return;
        }
        StoredTensor tensor = require(name, rows, columns);
        bound.put(name, MappedTensor.interleaved(name, tensor, rows, columns, config.headDim()));
    }

    private StoredTensor require(String name, long... shape) {
        StoredTensor tensor = stored.get(name);
        if (tensor == null) {
            throw new ModelFileException(path, "tensor " + spelling.apply(name) + " is missing");
        }
        if (!tensor.hasShape(shape)) {
            throw new ModelFileException(
                    tensor.file(),
                    "tensor " + tensor.name() + " has shape " + tensor.shapeInWords()
                            + " where the model's configuration asks for " + Arrays.toString(shape));
        }
        return tensor;
    }

    private void refuseLeftOvers() {
        stored.forEach((name, tensor) -> {
            if (!bound.containsKey(name) && !isHarmless(name)) {
                throw new ModelFileException(
                        tensor.file(),
                        "tensor " + tensor.name() + " is not part of a Llama model of " + config.layerCount()
                                + " layers: this architecture is not supported");
            }
        });
    }

    /// Old checkpoints carry the rotary frequencies as buffers, and a copy of a tied head: neither adds
    /// anything.
    private boolean isHarmless(String name) {
        return name.endsWith(".rotary_emb.inv_freq") || (config.tiedHead() && name.equals("lm_head.weight"));
    }
}
