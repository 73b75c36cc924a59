package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HuggingFaceFolderTest {
    @TempDir
    Path temp;

    private Path folder;
    private Path configFile;
    private String config;

    @BeforeEach
    void writeWholeModel() throws IOException {
        folder = TinyModels.folder(temp.resolve("tiny"), Damage.CONFIG, 1, TensorType.F16);
        configFile = folder.resolve("config.json");
        config = Files.readString(configFile);
    }

    private ModelFiles open() {
        return HuggingFaceFolder.open(folder, "tiny");
    }

    private void rewrite(String from, String to) {
        assertThat(config).contains(from);
        TinyModels.write(configFile, config.replace(from, to));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"LlamaForCausalLM\"     | \"Qwen2ForCausalLM\"         | architecture Qwen2ForCausalLM (model_type llama)",
                "\"model_type\": \"llama\" | \"model_type\": \"gpt2\"     | (model_type gpt2) is not supported",
                "[\"LlamaForCausalLM\"]   | \"LlamaForCausalLM\"         | architectures is not an array of strings",
                "\"silu\"                 | \"gelu\"                     | activation gelu is not supported for LlamaForCausalLM",
                "\"rope_scaling\": null   | \"rope_scaling\": {\"rope_type\": \"llama3\"} | rope scaling lacks factor",
                "\"rope_scaling\": null   | \"rope_parameters\": {\"rope_type\": \"dynamic\"} | rope scaling of type dynamic is not supported",
                "\"rope_scaling\": null   | \"rope_scaling\": {\"rope_type\": \"linear\", \"factor\": 1e-40} | rotary frequency Infinity",
                "\"rope_scaling\": null   | \"rope_scaling\": {\"rope_type\": \"longrope\", \"original_max_position_embeddings\": 8, \"short_factor\": [1], \"long_factor\": [1, 1, 1, 1, 1, 1, 1, 1]} | 1 rope divisors for 8 rotary pairs",
                "\"attention_bias\": false | \"attention_bias\": true    | attention_bias true is not supported",
                "\"mlp_bias\": false      | \"mlp_bias\": true           | mlp_bias true is not supported",
                "\"mlp_bias\": false      | \"mlp_bias\": 0              | mlp_bias is not true or false",
                "\"mlp_bias\": false      | \"sliding_window\": 4096     | sliding_window is not supported",
                "\"mlp_bias\": false      | \"quantization_config\": {\"quant_method\": \"bitsandbytes\"} | quant_method bitsandbytes is not supported",
                "\"mlp_bias\": false      | \"partial_rotary_factor\": 2 | partial_rotary_factor 2.0",
                "\"hidden_size\": 32,     | ``                           | hidden_size is missing",
                "\"hidden_size\": 32      | \"hidden_size\": \"32\"      | hidden_size is not a 32-bit integer",
                "\"hidden_size\": 32      | \"hidden_size\": 1e400       | hidden_size is not a 32-bit integer",
                "\"hidden_size\": 32      | \"hidden_size\": 9223372036854775807 | hidden_size is not a 32-bit integer",
                "\"hidden_size\": 32      | \"hidden_size\": 48          | has shape",
                "\"vocab_size\": 260      | \"vocab_size\": 300          | model.embed_tokens.weight has shape [260, 32]",
                "\"num_hidden_layers\": 1 | \"num_hidden_layers\": 2     | model.layers.1.input_layernorm.weight is missing",
                "\"num_hidden_layers\": 1 | \"num_hidden_layers\": 2147483647 | layer count 2147483647",
                "\"head_dim\": 16         | \"head_dim\": 15             | head size 15 is odd",
                "\"num_key_value_heads\": 1 | \"num_key_value_heads\": 0 | key-value head count 0",
                "\"rms_norm_eps\": 1.0E-5 | \"rms_norm_eps\": -1         | epsilon",
                "\"rope_theta\": 10000.0  | \"rope_theta\": 0            | rotary base",
                "\"tie_word_embeddings\": false | \"num_hidden_layers\": 1 | Duplicate field",
                "\"eos_token_id\": 2      | \"eos_token_id\": 260        | eos_token_id 260 is outside the vocabulary",
                "\"eos_token_id\": 2      | \"eos_token_id\": [-1]       | eos_token_id -1 is outside the vocabulary",
                "{\"architectures\"       | [\"architectures\"           | not valid JSON",
            })
    void anImpossibleOrUnsupportedConfigurationIsRefusedInOneLine(String from, String to, String inMessage) {
        rewrite(from, to);
        Damage.assertRefused(folder, this::open, inMessage);
    }

    @Test
    void whatTransformersWouldAssumeIsAssumed() {
        rewrite("\"head_dim\": 16,", "");
        rewrite(
                "\"num_key_value_heads\": 1,",
                "\"num_key_value_heads\": 1, \"rope_parameters\": {\"rope_theta\": 10000},");
        assertThat(Damage.open(folder, this::open)).isEmpty();
    }

    @Test
    void mistralWithoutASlidingWindowIsTheSameGraph() {
        TinyModels.write(
                configFile,
                config.replace("LlamaForCausalLM", "MistralForCausalLM")
                        .replace("\"llama\"", "\"mistral\"")
                        .replace("\"mlp_bias\": false", "\"sliding_window\": null"));
        assertThat(Damage.open(folder, this::open)).isEmpty();
    }

    @Test
    void mistralWithoutAWordOnItsWindowHasOneOf4096() {
        assertThat(windowOfMistral("\"mlp_bias\": false")).isEqualTo(4096);
        assertThat(windowOfMistral("\"sliding_window\": null")).isEqualTo(0);
        assertThat(windowOfMistral("\"sliding_window\": 7")).isEqualTo(7);
    }

    private int windowOfMistral(String window) {
        TinyModels.write(
                configFile,
                config.replace("LlamaForCausalLM", "MistralForCausalLM")
                        .replace("\"llama\"", "\"mistral\"")
                        .replace("\"mlp_bias\": false", window));
        try (ModelFiles model = ModelStore.open(folder)) {
            return model.config().traits().layers().getFirst().window();
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{\"temperature\": -1}      | impossible setting: temperature -1.0 is not in 0.0..100.0",
                "{\"temperature\": \"hot\"} | temperature is not a finite number",
                "{\"top_p\": 1.5}           | impossible setting: top_p 1.5 is not in",
                "{\"top_k\": -2}            | impossible setting: top_k -2.0 is not in",
                "{\"min_p\": 2}             | impossible setting: min_p 2.0 is not in",
                "{\"eos_token_id\": \"2\"}  | eos_token_id is not a 32-bit integer",
                "[]                         | is not a JSON object",
                "``                         | is not a JSON object",
            })
    void anImpossibleGenerationConfigIsRefusedInOneLine(String generation, String inMessage) {
        TinyModels.write(folder.resolve("generation_config.json"), generation);
        Damage.assertRefused(folder, this::open, "generation_config.json: " + inMessage);
    }

    @Test
    void aTiedModelIgnoresACopyOfItsHead() {
        rewrite("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
        try (ModelFiles model = open()) {
            assertThat(model.config().tiedHead()).isTrue();
            assertThat(model.hasTensor("lm_head.weight")).isFalse();
        }
    }

    @Test
    void everyEndTokenOfBothFilesEndsAnOutput() {
        rewrite("\"eos_token_id\": 2", "\"eos_token_id\": [0, 2]");
        TinyModels.write(
                folder.resolve("generation_config.json"),
                "{\"eos_token_id\": [2, 5], \"temperature\": 0.5, \"top_k\": 7, \"min_p\": null}");
        try (ModelFiles model = open()) {
            assertThat(model.generationDefaults())
                    .isEqualTo(new GenerationDefaults(
                            Optional.of(0.5f),
                            Optional.empty(),
                            Optional.of(7),
                            Optional.empty(),
                            Optional.empty(),
                            List.of(0, 2, 5)));
        }
    }

    @Test
    void aFolderWithoutGenerationConfigOpens() throws IOException {
        Files.delete(folder.resolve("generation_config.json"));
        try (ModelFiles model = open()) {
            assertThat(model.generationDefaults().endTokens()).containsExactly(2);
        }
    }

    @Test
    void missingWeightsAreNamed() throws IOException {
        Files.delete(folder.resolve("model.safetensors"));
        Damage.assertRefused(folder, this::open, "holds no weights");
        TinyModels.write(folder.resolve("pytorch_model.bin"), "pickle");
        Damage.assertRefused(folder, this::open, "convert it to safetensors");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "{}                                              | weight_map is missing",
                "{\"weight_map\": 7}                             | weight_map is not an object",
                "{\"weight_map\": {\"a\": null}}                 | tensor a has no file",
                "{\"weight_map\": {\"a\": \"../x.safetensors\"}} | not a plain file name",
                "{\"weight_map\": {\"a\": \"/etc/passwd\"}}      | not a plain file name",
                "{\"weight_map\": {\"a\": \"x.safetensors\"}}    | names the file x.safetensors, which is missing",
                "{\"weight_map\": {\"a\": \"m.safetensors\"}}    | holds no tensor a",
            })
    void aWrongShardIndexIsRefusedInOneLine(String index, String inMessage) throws IOException {
        Files.move(folder.resolve("model.safetensors"), folder.resolve("m.safetensors"));
        TinyModels.write(folder.resolve("model.safetensors.index.json"), index);
        Damage.assertRefused(folder, this::open, inMessage);
    }

    @Test
    void aTensorInTwoShardsIsRefused() throws IOException {
        Files.copy(folder.resolve("model.safetensors"), folder.resolve("a.safetensors"));
        Files.move(folder.resolve("model.safetensors"), folder.resolve("b.safetensors"));
        TinyModels.write(
                folder.resolve("model.safetensors.index.json"),
                "{\"weight_map\": {\"model.norm.weight\": \"a.safetensors\", \"lm_head.weight\": \"b.safetensors\"}}");
        Damage.assertRefused(folder, this::open, "is also in a.safetensors");
    }

    @Test
    void aTokenizerWithMoreTokensThanTheEmbeddingIsRefused() {
        TinyVocabulary.writeFolder(folder, TinyVocabulary.SIZE_MIN + 1);
        try (ModelFiles model = open()) {
            assertThatThrownBy(model::tokenizer)
                    .isInstanceOf(ModelFileException.class)
                    .hasMessageContaining("tokenizer.json: has 261 tokens but the model only 260");
        }
    }

    @Test
    void tensorsBeyondTwoGibibytesAreRead() throws IOException {
        ModelConfig large = new ModelConfig(
                "LlamaForCausalLM",
                1 << 22,
                160,
                1,
                10,
                10,
                16,
                32,
                1e-5f,
                10_000f,
                128,
                true); // an embedding of 2.5 GiB
        TinyModels.write(configFile, TinyModels.configJson(large, TensorType.F32));
        List<String> header = new ArrayList<>();
        long end = 0;
        for (String part : List.of(
                "model.embed_tokens 4194304,160",
                "model.layers.0.self_attn.q_proj 160,160",
                "model.layers.0.self_attn.k_proj 160,160",
                "model.layers.0.self_attn.v_proj 160,160",
                "model.layers.0.self_attn.o_proj 160,160",
                "model.layers.0.mlp.gate_proj 32,160",
                "model.layers.0.mlp.up_proj 32,160",
                "model.layers.0.mlp.down_proj 160,32",
                "model.layers.0.input_layernorm 160",
                "model.layers.0.post_attention_layernorm 160",
                "model.norm 160")) {
            String[] nameAndShape = part.split(" ", 2);
            long begin = end;
            end += 4
                    * Stream.of(nameAndShape[1].split(",", 2))
                            .mapToLong(Long::parseLong)
                            .reduce(1, (a, b) -> a * b);
            header.add("\"%s.weight\":{\"dtype\":\"F32\",\"shape\":[%s],\"data_offsets\":[%d,%d]}"
                    .formatted(nameAndShape[0], nameAndShape[1], begin, end));
        }
        byte[] front = SafetensorsWriter.file("{" + String.join(",", header) + "}", new byte[0]);
        try (RandomAccessFile file =
                new RandomAccessFile(folder.resolve("model.safetensors").toFile(), "rw")) {
            file.setLength(0);
            file.setLength(front.length + end); // a hole: no disk is used
            file.write(front);
            file.seek(front.length + end - 4);
            file.writeInt(Integer.reverseBytes(Float.floatToRawIntBits(1.5f)));
        }
        try (ModelFiles model = open()) {
            float[] norm = new float[160];
            model.tensor("model.norm.weight").readRows(0, 1, MemorySegment.ofArray(norm));
            assertThat(norm[159]).isEqualTo(1.5f);
            model.tensor("model.embed_tokens.weight").readRows((1 << 22) - 1, 1, MemorySegment.ofArray(norm));
            assertThat(norm).containsOnly(0);
        }
    }
}
