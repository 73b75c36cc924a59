package io.sluice.modelstore;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;

/// Makes small Llama models with random weights for tests, as a Hugging Face folder and as a GGUF file. Both
/// forms of one (config, seed, type) hold exactly the same numbers and the same byte-level tokenizer; a folder
/// keeps the numbers of a quantised type as the float32 values that they stand for.
public final class TinyModels {
    private TinyModels() {}

    /// Two layers with grouped heads and a head of its own; rows of 64 and 128 numbers, so not for 256-blocks.
    public static ModelConfig config() {
        return new ModelConfig("LlamaForCausalLM", 272, 64, 2, 4, 2, 16, 128, 1e-5f, 10_000f, 512, false);
    }

    /// Rows of 256 and 512 numbers, for every tensor type; tied head.
    public static ModelConfig wideConfig() {
        return new ModelConfig("LlamaForCausalLM", 272, 256, 2, 4, 2, 64, 512, 1e-5f, 10_000f, 512, true);
    }

    /// Writes a folder and returns it.
    ///
    /// @param config a vocabulary of at least [TinyVocabulary#SIZE_MIN]
    public static Path folder(Path folder, ModelConfig config, long seed, TensorType type) {
        SafetensorsWriter weights = new SafetensorsWriter();
        forEachFloating(config, seed, type, t -> weights.tensor(t.name(), t.type(), t.bytes(), t.shape()));
        writeTexts(folder, config, type);
        weights.write(folder.resolve("model.safetensors"));
        return folder;
    }

    /// Like [#folder] with the weights in several files under an index.
    public static Path shardedFolder(Path folder, ModelConfig config, long seed, TensorType type, int shardCount) {
        List<SafetensorsWriter> shards = new ArrayList<>();
        for (int i = 0; i < shardCount; i++) {
            shards.add(new SafetensorsWriter());
        }
        List<String> index = new ArrayList<>();
        forEachFloating(config, seed, type, t -> {
            int shard = index.size() % shardCount;
            shards.get(shard).tensor(t.name(), t.type(), t.bytes(), t.shape());
            index.add("\"" + t.name() + "\": \"" + shardName(shard, shardCount) + "\"");
        });
        writeTexts(folder, config, type);
        for (int i = 0; i < shardCount; i++) {
            shards.get(i).write(folder.resolve(shardName(i, shardCount)));
        }
        write(
                folder.resolve("model.safetensors.index.json"),
                "{\"metadata\": {}, \"weight_map\": {" + String.join(", ", index) + "}}");
        return folder;
    }

    private static String shardName(int shard, int shardCount) {
        return "model-%05d-of-%05d.safetensors".formatted(shard + 1, shardCount);
    }

    /// Writes a GGUF file and returns it.
    public static Path gguf(Path file, ModelConfig config, long seed, TensorType type) {
        ggufWriter(config, seed, type).write(file);
        return file;
    }

    static GgufWriter ggufWriter(ModelConfig config, long seed, TensorType type) {
        return addTensors(ggufMetadata(config, 32), config, seed, type);
    }

    static GgufWriter addTensors(GgufWriter writer, ModelConfig config, long seed, TensorType type) {
        new TinyWeights(config, seed, type)
                .forEach(t -> writer.tensor(
                        GgufNames.of(ModelFamily.LLAMA).toGguf(t.name()),
                        t.type(),
                        isRotated(t.name()) ? interleaved(t, config) : t.bytes(),
                        t.shape()));
        return writer;
    }

    static GgufWriter ggufMetadata(ModelConfig config, int alignment) {
        GgufWriter writer = new GgufWriter(alignment)
                .string("general.architecture", "llama")
                .string("general.name", "tiny")
                .integer("llama.block_count", config.layerCount())
                .integer("llama.context_length", config.contextMax())
                .integer("llama.embedding_length", config.hiddenSize())
                .integer("llama.feed_forward_length", config.intermediateSize())
                .integer("llama.attention.head_count", config.headCount())
                .integer("llama.attention.head_count_kv", config.kvHeadCount())
                .integer("llama.attention.key_length", config.headDim())
                .integer("llama.attention.value_length", config.headDim())
                .integer("llama.rope.dimension_count", config.headDim())
                .number("llama.rope.freq_base", config.ropeTheta())
                .number("llama.attention.layer_norm_rms_epsilon", config.rmsNormEps())
                .integer("llama.vocab_size", config.vocabSize());
        return TinyVocabulary.describe(writer, config.vocabSize());
    }

    private static boolean isRotated(String name) {
        return name.endsWith("q_proj.weight") || name.endsWith("k_proj.weight");
    }

    /// The rows as llama.cpp's converter puts them: within each head, row i of the first half, row i of the
    /// second half, and so on.
    private static byte[] interleaved(TinyWeights.Tensor tensor, ModelConfig config) {
        int rowBytes = tensor.bytes().length / tensor.rows();
        int half = config.headDim() / 2;
        ByteBuffer out = ByteBuffer.allocate(tensor.bytes().length);
        for (int head = 0; head < tensor.rows() / config.headDim(); head++) {
            for (int i = 0; i < half; i++) {
                int first = head * config.headDim() + i;
                out.put(tensor.bytes(), first * rowBytes, rowBytes);
                out.put(tensor.bytes(), (first + half) * rowBytes, rowBytes);
            }
        }
        return out.array();
    }

    /// The weights in types that safetensors has.
    private static void forEachFloating(
            ModelConfig config, long seed, TensorType type, Consumer<TinyWeights.Tensor> consumer) {
        TensorType kept = type.blockLength() == 1 ? type : TensorType.F32;
        new TinyWeights(config, seed, type).forEach(t -> {
            byte[] bytes = t.type() == kept ? t.bytes() : encode(kept, decode(t));
            consumer.accept(new TinyWeights.Tensor(t.name(), kept, t.rows(), t.columns(), bytes));
        });
    }

    private static float[] decode(TinyWeights.Tensor tensor) {
        float[] values = new float[tensor.isVector() ? tensor.rows() : tensor.rows() * tensor.columns()];
        Dequantizer.decode(tensor.type(), tensor.bytes(), values);
        return values;
    }

    private static byte[] encode(TensorType type, float[] values) {
        ByteBuffer bytes =
                ByteBuffer.allocate(values.length * type.blockBytes()).order(ByteOrder.LITTLE_ENDIAN);
        for (float value : values) {
            switch (type) {
                case F32 -> bytes.putFloat(value);
                case F16 -> bytes.putShort(Float.floatToFloat16(value));
                case BF16 ->
                    bytes.putShort((short) (Float.floatToRawIntBits(value) >> 16)); // only exact values come here
                default -> throw new IllegalArgumentException("not a safetensors type: " + type);
            }
        }
        return bytes.array();
    }

    private static void writeTexts(Path folder, ModelConfig config, TensorType type) {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        write(folder.resolve("config.json"), configJson(config, type));
        write(
                folder.resolve("generation_config.json"),
                "{\"eos_token_id\": [" + TinyVocabulary.END_OF_TURN + "], \"temperature\": 0.7, \"top_p\": 0.9}");
        TinyVocabulary.writeFolder(folder, config.vocabSize());
    }

    static String configJson(ModelConfig config, TensorType type) {
        return """
                {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu",
                 "vocab_size": %d, "hidden_size": %d, "num_hidden_layers": %d, "num_attention_heads": %d,
                 "num_key_value_heads": %d, "head_dim": %d, "intermediate_size": %d, "rms_norm_eps": %s,
                 "rope_theta": %s, "rope_scaling": null, "max_position_embeddings": %d, "tie_word_embeddings": %b,
                 "attention_bias": false, "mlp_bias": false, "bos_token_id": %d, "eos_token_id": %d,
                 "torch_dtype": "%s"}
                """.formatted(
                        config.vocabSize(),
                        config.hiddenSize(),
                        config.layerCount(),
                        config.headCount(),
                        config.kvHeadCount(),
                        config.headDim(),
                        config.intermediateSize(),
                        config.rmsNormEps(),
                        config.ropeTheta(),
                        config.contextMax(),
                        config.tiedHead(),
                        TinyVocabulary.END_OF_TEXT,
                        TinyVocabulary.END_OF_TURN,
                        type == TensorType.BF16 ? "bfloat16" : type == TensorType.F16 ? "float16" : "float32");
    }

    static void write(Path file, String text) {
        try {
            Files.writeString(file, text);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
