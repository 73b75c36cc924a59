package io.sluice.modelstore;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;

/// Takes apart what some files keep in one tensor (queries, keys and values; gate and up; all experts of a
/// layer) and gives other families' tensors Llama's names, so that the graph knows one set of names. Copies
/// nothing. Used by the opening thread.
final class FusedTensors {
    private static final String QKV = ".self_attn.qkv_proj.weight";
    private static final String GATE_UP = ".mlp.gate_up_proj.weight";
    private static final String MIXTRAL = ".block_sparse_moe.";
    private static final String STACK = ".mlp.experts.";

    private final ModelConfig config;
    private final Map<String, StoredTensor> apart = new LinkedHashMap<>();

    private FusedTensors(ModelConfig config) {
        this.config = config;
    }

    /// The tensors by the names that the graph has for them.
    static Map<String, StoredTensor> takenApart(ModelConfig config, Map<String, StoredTensor> stored) {
        FusedTensors fused = new FusedTensors(config);
        stored.forEach(fused::add);
        return fused.apart;
    }

    /// Quantised matrices likewise.
    static Map<String, WeightTensor> matricesTakenApart(ModelConfig config, Map<String, WeightTensor> matrices) {
        int queries = config.headCount() * config.headDim();
        int keys = config.kvHeadCount() * config.headDim();
        int width = config.intermediateSize();
        Map<String, WeightTensor> apart = new LinkedHashMap<>();
        matrices.forEach((name, matrix) -> {
            if (name.endsWith(QKV) && matrix.rows() == queries + 2 * keys) {
                String prefix = name.substring(0, name.length() - "qkv_proj.weight".length());
                put(apart, prefix + "q_proj.weight", matrix, 0, queries);
                put(apart, prefix + "k_proj.weight", matrix, queries, keys);
                put(apart, prefix + "v_proj.weight", matrix, queries + keys, keys);
            } else if (name.endsWith(GATE_UP) && matrix.rows() == 2 * width) {
                String prefix = name.substring(0, name.length() - "gate_up_proj.weight".length());
                put(apart, prefix + "gate_proj.weight", matrix, 0, width);
                put(apart, prefix + "up_proj.weight", matrix, width, width);
            } else {
                apart.put(name.contains(MIXTRAL) ? likeQwen(name) : name, matrix);
            }
        });
        return apart;
    }

    private static void put(Map<String, WeightTensor> apart, String name, WeightTensor whole, int first, int rows) {
        apart.put(name, new RowsOf(name, whole, first, rows));
    }

    private void add(String name, StoredTensor tensor) {
        if (name.endsWith(QKV)) {
            int queries = config.headCount() * config.headDim();
            int keys = config.kvHeadCount() * config.headDim();
            String prefix = name.substring(0, name.length() - "qkv_proj.weight".length());
            requireShape(tensor, queries + 2L * keys, config.hiddenSize());
            put(prefix + "q_proj.weight", tensor.rows(0, queries));
            put(prefix + "k_proj.weight", tensor.rows(queries, keys));
            put(prefix + "v_proj.weight", tensor.rows(queries + keys, keys));
        } else if (name.endsWith(GATE_UP)) {
            int width = config.intermediateSize();
            String prefix = name.substring(0, name.length() - "gate_up_proj.weight".length());
            requireShape(tensor, 2L * width, config.hiddenSize());
            put(prefix + "gate_proj.weight", tensor.rows(0, width));
            put(prefix + "up_proj.weight", tensor.rows(width, width));
        } else if (name.contains(MIXTRAL)) {
            put(likeQwen(name), tensor);
        } else if (name.contains(STACK) && tensor.shape().length == 3) {
            unstack(name, tensor);
        } else {
            put(name, tensor);
        }
    }

    /// Mixtral's name as Qwen would have it.
    private static String likeQwen(String name) {
        return name.replace(MIXTRAL, ".mlp.")
                .replace(".w1.", ".gate_proj.")
                .replace(".w3.", ".up_proj.")
                .replace(".w2.", ".down_proj.");
    }

    /// `[expert, rows, columns]`, as GGUF files keep experts.
    private void unstack(String name, StoredTensor stack) {
        int count = config.traits().experts().map(DecoderTraits.Experts::count).orElse(0);
        boolean down = name.endsWith("down_proj.weight");
        long rows = down ? config.hiddenSize() : config.intermediateSize();
        requireShape(stack, count, rows, down ? config.intermediateSize() : config.hiddenSize());
        StoredTensor matrix = stack.flattened();
        for (int expert = 0; expert < count; expert++) {
            put(name.replace(STACK, STACK + expert + "."), matrix.rows(expert * rows, rows));
        }
    }

    private static void requireShape(StoredTensor tensor, long... shape) {
        if (!tensor.hasShape(shape)) {
            throw new ModelFileException(
                    tensor.file(),
                    "tensor " + tensor.name() + " has shape " + tensor.shapeInWords()
                            + " where the model's configuration asks for " + Arrays.toString(shape));
        }
    }

    private void put(String name, StoredTensor tensor) {
        if (apart.put(name, tensor) != null) {
            throw new ModelFileException(tensor.file(), "tensor " + tensor.name() + " is there twice, fused and not");
        }
    }
}
