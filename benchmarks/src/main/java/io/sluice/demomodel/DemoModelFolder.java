package io.sluice.demomodel;

import ai.djl.ndarray.NDArray;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import io.sluice.modelstore.ModelConfig;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/// Writes the model as a Hugging Face folder: five files, weights in bfloat16. Any thread.
final class DemoModelFolder {
    static final List<String> FILES = List.of(
            "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors");

    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private final Path folder;

    DemoModelFolder(Path folder) throws IOException {
        this.folder = Files.createDirectories(folder);
    }

    Path path() {
        return folder;
    }

    void writeTokenizer(BpeTrainer.Vocabulary vocabulary, int contextMax) throws IOException {
        ObjectNode root = JSON.createObjectNode();
        root.put("version", "1.0").putNull("truncation").putNull("padding");
        ArrayNode added = root.putArray("added_tokens");
        ObjectNode addedById = JSON.createObjectNode();
        for (String special : vocabulary.specials()) {
            int id = vocabulary.specials().indexOf(special);
            added.add(addedToken(special).put("id", id));
            addedById.set(String.valueOf(id), addedToken(special));
        }
        root.putNull("normalizer");
        ObjectNode pieces = root.putObject("pre_tokenizer").put("type", "Sequence");
        pieces.putArray("pretokenizers")
                .add(JSON.createObjectNode().put("type", "Digits").put("individual_digits", true))
                .add(byteLevel());
        root.putNull("post_processor");
        root.set("decoder", byteLevel());
        ObjectNode model =
                root.putObject("model").put("type", "BPE").putNull("dropout").putNull("unk_token");
        model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
        model.put("fuse_unk", false).put("byte_fallback", false).put("ignore_merges", false);
        ObjectNode vocab = model.putObject("vocab");
        vocabulary.ids().forEach(vocab::put);
        ArrayNode merges = model.putArray("merges");
        vocabulary.merges().forEach(merges::add);
        write("tokenizer.json", root);

        ObjectNode config = JSON.createObjectNode();
        config.put("add_bos_token", false).put("add_eos_token", false).put("add_prefix_space", false);
        config.set("added_tokens_decoder", addedById);
        config.putNull("bos_token");
        config.put("chat_template", Grammar.text("chat-template.jinja").strip());
        config.put("clean_up_tokenization_spaces", false);
        config.put("eos_token", DemoTokenizer.END).put("pad_token", DemoTokenizer.END);
        config.put("model_max_length", contextMax).put("tokenizer_class", "PreTrainedTokenizerFast");
        write("tokenizer_config.json", config);
    }

    private static ObjectNode addedToken(String content) {
        return JSON.createObjectNode()
                .put("content", content)
                .put("single_word", false)
                .put("lstrip", false)
                .put("rstrip", false)
                .put("normalized", false)
                .put("special", true);
    }

    private static ObjectNode byteLevel() {
        return JSON.createObjectNode()
                .put("type", "ByteLevel")
                .put("add_prefix_space", false)
                .put("trim_offsets", true)
                .put("use_regex", true);
    }

    void writeConfig(ModelConfig config) throws IOException {
        ObjectNode root = JSON.createObjectNode();
        root.putArray("architectures").add(config.architecture());
        root.put("model_type", "llama").put("torch_dtype", "bfloat16");
        root.put("vocab_size", config.vocabSize()).put("hidden_size", config.hiddenSize());
        root.put("num_hidden_layers", config.layerCount()).put("num_attention_heads", config.headCount());
        root.put("num_key_value_heads", config.kvHeadCount()).put("head_dim", config.headDim());
        root.put("intermediate_size", config.intermediateSize()).put("hidden_act", "silu");
        root.put("rms_norm_eps", Double.parseDouble(Float.toString(config.rmsNormEps())));
        root.put("rope_theta", (double) config.ropeTheta()).putNull("rope_scaling");
        root.put("max_position_embeddings", config.contextMax()).put("tie_word_embeddings", config.tiedHead());
        root.put("attention_bias", false).put("mlp_bias", false).put("attention_dropout", 0.0);
        root.putNull("bos_token_id")
                .put("eos_token_id", DemoTokenizer.END_ID)
                .put("pad_token_id", DemoTokenizer.END_ID);
        root.put("initializer_range", 0.02).put("use_cache", true);
        write("config.json", root);

        ObjectNode generation = JSON.createObjectNode();
        generation.putArray("eos_token_id").add(DemoTokenizer.END_ID);
        generation.put("pad_token_id", DemoTokenizer.END_ID);
        generation.put("do_sample", true).put("temperature", 0.5).put("top_p", 0.9);
        write("generation_config.json", generation);
    }

    private void write(String file, JsonNode root) throws IOException {
        Files.writeString(folder.resolve(file), JSON.writeValueAsString(root) + "\n");
    }

    /// Writes the weights, which must already be rounded: see [LlamaWeights#roundToBfloat16].
    void writeWeights(Map<String, NDArray> weights) throws IOException {
        ObjectNode header = JSON.createObjectNode();
        header.putObject("__metadata__").put("format", "pt");
        long offset = 0;
        for (var weight : weights.entrySet()) {
            ObjectNode entry = header.putObject(weight.getKey()).put("dtype", "BF16");
            ArrayNode shape = entry.putArray("shape");
            for (long dimension : weight.getValue().getShape().getShape()) {
                shape.add(dimension);
            }
            long end = offset + Short.BYTES * weight.getValue().size();
            entry.putArray("data_offsets").add(offset).add(end);
            offset = end;
        }
        String text = header.toString();
        text += " ".repeat(-text.length() & 7); // the data begin at a multiple of eight
        try (OutputStream out = Files.newOutputStream(folder.resolve("model.safetensors"))) {
            byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
            out.write(ByteBuffer.allocate(Long.BYTES)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(bytes.length)
                    .array());
            out.write(bytes);
            for (NDArray weight : weights.values()) {
                out.write(Bfloat16.bytes(weight.toFloatArray()));
            }
        }
    }

    /// One tensor of the weights file.
    float[] readWeight(String name) throws IOException {
        ByteBuffer file = ByteBuffer.wrap(read("model.safetensors")).order(ByteOrder.LITTLE_ENDIAN);
        int headerLength = Math.toIntExact(file.getLong());
        JsonNode offsets =
                JSON.readTree(file.array(), Long.BYTES, headerLength).get(name).get("data_offsets");
        int start = offsets.get(0).asInt();
        return Bfloat16.values(
                file.slice(Long.BYTES + headerLength + start, offsets.get(1).asInt() - start));
    }

    /// Bytes of the five files together.
    long size() {
        return FILES.stream().mapToLong(file -> read(file).length).sum();
    }

    String sha256(String file) {
        try {
            return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(read(file)));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException(e);
        }
    }

    private byte[] read(String file) {
        try {
            return Files.readAllBytes(folder.resolve(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
