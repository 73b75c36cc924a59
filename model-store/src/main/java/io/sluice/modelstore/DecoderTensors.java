package io.sluice.modelstore;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.UnaryOperator;

/// Decides whether a file's tensors are exactly those that the graph computes with: none missing, none of
/// another shape, and none left over, because a tensor that the graph does not know (a bias, a gate, an
/// adapter) would change the answers. Used by the opening thread.
final class DecoderTensors {
    private final Path path;
    private final ModelConfig config;
    private final Map<String, StoredTensor> stored;
    private final Map<String, WeightTensor> quantised;
    private final Spelling spelling;
    private final Map<String, WeightTensor> bound = new LinkedHashMap<>();

    /// How a file differs from Hugging Face's Llama folders.
    ///
    /// @param name turns a Hugging Face name into the file's, for messages
    /// @param interleavedRotary the file keeps the rows of query and key projections in llama.cpp's order
    /// @param normsLackOne norms multiply by one plus what is stored
    record Spelling(UnaryOperator<String> name, boolean interleavedRotary, boolean normsLackOne) {}

    /// @param stored by Hugging Face name, nothing fused
    /// @param quantised matrices that are put together of several stored tensors, likewise
    DecoderTensors(
            Path path,
            ModelConfig config,
            Map<String, StoredTensor> stored,
            Map<String, WeightTensor> quantised,
            Spelling spelling) {
        this.path = path;
        this.config = config;
        this.stored = stored;
        this.quantised = quantised;
        this.spelling = spelling;
    }

    /// The tensors of the graph, by Hugging Face name.
    Map<String, WeightTensor> bind() {
        int hidden = config.hiddenSize();
        matrix("model.embed_tokens.weight", config.vocabSize(), hidden);
        for (int layer = 0; layer < config.layerCount(); layer++) {
            String prefix = "model.layers." + layer + ".";
            norms(prefix);
            attention(prefix + "self_attn.");
            mlps(prefix + "mlp.");
        }
        norm("model.norm.weight", hidden);
        if (!config.tiedHead()) {
            matrix("lm_head.weight", config.vocabSize(), hidden);
        }
        refuseLeftOvers();
        return bound;
    }

    private void norms(String prefix) {
        int hidden = config.hiddenSize();
        norm(prefix + "input_layernorm.weight", hidden);
        norm(prefix + "post_attention_layernorm.weight", hidden);
        if (config.traits().postNorms()) {
            norm(prefix + "pre_feedforward_layernorm.weight", hidden);
            norm(prefix + "post_feedforward_layernorm.weight", hidden);
        }
    }

    private void attention(String prefix) {
        int hidden = config.hiddenSize();
        int queries = config.headCount() * config.headDim();
        int keys = config.kvHeadCount() * config.headDim();
        rotated(prefix + "q_proj.weight", queries, hidden);
        rotated(prefix + "k_proj.weight", keys, hidden);
        matrix(prefix + "v_proj.weight", keys, hidden);
        matrix(prefix + "o_proj.weight", hidden, queries);
        if (config.traits().queryKeyValueBias()) {
            vector(prefix + "q_proj.bias", queries);
            vector(prefix + "k_proj.bias", keys);
            vector(prefix + "v_proj.bias", keys);
        }
        if (config.traits().queryKeyNorm()) {
            norm(prefix + "q_norm.weight", config.headDim());
            norm(prefix + "k_norm.weight", config.headDim());
        }
    }

    private void mlps(String prefix) {
        if (config.traits().experts().isEmpty()) {
            mlp(prefix);
            return;
        }
        int count = config.traits().experts().get().count();
        matrix(prefix + "gate.weight", count, config.hiddenSize());
        for (int expert = 0; expert < count; expert++) {
            mlp(prefix + "experts." + expert + ".");
        }
    }

    private void mlp(String prefix) {
        matrix(prefix + "gate_proj.weight", config.intermediateSize(), config.hiddenSize());
        matrix(prefix + "up_proj.weight", config.intermediateSize(), config.hiddenSize());
        matrix(prefix + "down_proj.weight", config.hiddenSize(), config.intermediateSize());
    }

    private void matrix(String name, int rows, int columns) {
        WeightTensor whole = quantised.get(name);
        if (whole != null) {
            if (whole.rows() != rows || whole.columns() != columns) {
                throw new ModelFileException(
                        path,
                        "quantised tensor " + name + " has shape [" + whole.rows() + ", " + whole.columns()
                                + "] where the model's configuration asks for [" + rows + ", " + columns + "]");
            }
            bound.put(name, whole);
            return;
        }
        bound.put(name, MappedTensor.plain(name, require(name, rows, columns), rows, columns));
    }

    private void vector(String name, int length) {
        bound.put(name, MappedTensor.plain(name, require(name, length), 1, length));
    }

    private void norm(String name, int length) {
        vector(name, length);
        if (spelling.normsLackOne) {
            bound.computeIfPresent(name, (_, weight) -> new OnePlus(weight));
        }
    }

    private void rotated(String name, int rows, int columns) {
        if (!spelling.interleavedRotary) {
            matrix(name, rows, columns);
            return;
        }
        StoredTensor tensor = require(name, rows, columns);
        bound.put(name, MappedTensor.interleaved(name, tensor, rows, columns, config.headDim()));
    }

    private StoredTensor require(String name, long... shape) {
        StoredTensor tensor = stored.get(name);
        if (tensor == null) {
            throw new ModelFileException(path, "tensor " + spelling.name.apply(name) + " is missing");
        }
        if (!tensor.hasShape(shape)) {
            throw new ModelFileException(
                    tensor.file(),
                    "tensor " + tensor.name() + " has shape " + tensor.shapeInWords()
                            + " where the model's configuration asks for " + Arrays.toString(shape));
        }
        if (!tensor.type().standsByItself()) {
            throw new ModelFileException(
                    tensor.file(),
                    "tensor " + tensor.name() + " is stored as " + tensor.type()
                            + ", which is no weight without scales and a quantization_config");
        }
        return tensor;
    }

    private void refuseLeftOvers() {
        quantised.keySet().forEach(name -> {
            if (!bound.containsKey(name)) {
                throw new ModelFileException(path, "quantised tensor " + name + " is not part of the model");
            }
        });
        stored.forEach((name, tensor) -> {
            if (!bound.containsKey(name) && !isHarmless(name, tensor)) {
                throw new ModelFileException(
                        tensor.file(),
                        "tensor " + tensor.name() + " is not part of a " + config.architecture() + " model of "
                                + config.layerCount() + " layers: this variant is not supported");
            }
        });
    }

    /// Old checkpoints carry the rotary frequencies as buffers, and a copy of a tied head; some converters write biases
    /// of zeros. None of them adds anything.
    private boolean isHarmless(String name, StoredTensor tensor) {
        return name.endsWith(".rotary_emb.inv_freq")
                || (config.tiedHead() && name.equals("lm_head.weight"))
                || (name.endsWith(".bias") && tensor.isZero());
    }
}
