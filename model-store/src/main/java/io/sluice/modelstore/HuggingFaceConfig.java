package io.sluice.modelstore;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/// Reads `config.json` and `generation_config.json` as the shape of a Llama model and its authors'
/// recommendations, with the defaults of transformers' `LlamaConfig`; refuses what would need another graph.
final class HuggingFaceConfig {
    /// Mistral without a sliding window is the same graph.
    private static final Set<String> MODEL_TYPES = Set.of("llama", "mistral");

    private static final Set<String> ARCHITECTURES = Set.of("LlamaForCausalLM", "MistralForCausalLM");

    private final JsonFile json;
    private final Path folder;

    private HuggingFaceConfig(Path folder) {
        this.folder = folder;
        this.json = JsonFile.read(folder.resolve("config.json"));
    }

    static HuggingFaceConfig read(Path folder) {
        return new HuggingFaceConfig(folder);
    }

    ModelConfig model() {
        String architecture = requireLlama();
        int hiddenSize = required("hidden_size");
        int headCount = required("num_attention_heads");
        try {
            return new ModelConfig(
                    architecture,
                    required("vocab_size"),
                    hiddenSize,
                    required("num_hidden_layers"),
                    headCount,
                    json.integer("num_key_value_heads").orElse(headCount),
                    json.integer("head_dim").orElseGet(() -> headDim(hiddenSize, headCount)),
                    required("intermediate_size"),
                    json.number("rms_norm_eps").orElse(1e-6).floatValue(),
                    ropeTheta(),
                    json.integer("max_position_embeddings").orElse(2048),
                    json.bool("tie_word_embeddings").orElse(false));
        } catch (IllegalArgumentException e) {
            throw new ModelFileException(json.file(), "impossible model: " + e.getMessage(), e);
        }
    }

    private String requireLlama() {
        List<String> architectures = json.strings("architectures");
        String type = json.string("model_type").orElse("");
        boolean known = architectures.isEmpty()
                ? MODEL_TYPES.contains(type)
                : ARCHITECTURES.containsAll(architectures) && (type.isEmpty() || MODEL_TYPES.contains(type));
        String architecture = architectures.isEmpty() ? type : String.join(", ", architectures);
        if (!known) {
            throw refused("architecture " + (architecture.isEmpty() ? "(none named)" : architecture)
                    + (type.isEmpty() || type.equals(architecture) ? "" : " (model_type " + type + ")")
                    + " is not supported; supported are LlamaForCausalLM and MistralForCausalLM");
        }
        json.string("hidden_act").filter(act -> !act.equals("silu")).ifPresent(act -> {
            throw refused("hidden_act " + act + " is not supported; supported is silu");
        });
        for (String bias : List.of("attention_bias", "mlp_bias")) {
            if (json.bool(bias).orElse(false)) {
                throw refused(bias + " true is not supported");
            }
        }
        if (json.has("quantization_config")) {
            throw refused("quantization_config is not supported");
        }
        requireNoSlidingWindow(architecture);
        json.number("partial_rotary_factor").filter(factor -> factor != 1).ifPresent(factor -> {
            throw refused("partial_rotary_factor " + factor + " is not supported");
        });
        return architecture;
    }

    /// Mistral's configuration assumes a window where it names none, and other head counts than Llama's.
    private void requireNoSlidingWindow(String architecture) {
        if (json.has("sliding_window")) {
            throw refused("sliding_window is not supported");
        }
        if (architecture.toLowerCase(Locale.ROOT).startsWith("mistral")) {
            if (!json.keys().contains("sliding_window")) {
                throw refused("sliding_window is not null, which for " + architecture + " means a window of 4096");
            }
            required("num_key_value_heads");
            required("max_position_embeddings");
        }
    }

    /// Rotary base; transformers 5 moved it into `rope_parameters`.
    private float ropeTheta() {
        for (String key : List.of("rope_scaling", "rope_parameters")) {
            json.object(key).ifPresent(rope -> {
                String type =
                        rope.string("rope_type").or(() -> rope.string("type")).orElse("default");
                if (!type.equals("default")) {
                    throw refused(key + " of type " + type + " is not supported");
                }
            });
        }
        return json.number("rope_theta")
                .or(() -> json.object("rope_parameters").flatMap(rope -> rope.number("rope_theta")))
                .orElse(10_000.0)
                .floatValue();
    }

    private int headDim(int hiddenSize, int headCount) {
        if (headCount < 1 || hiddenSize % headCount != 0) {
            throw refused("hidden_size " + hiddenSize + " is not a multiple of num_attention_heads " + headCount);
        }
        return hiddenSize / headCount;
    }

    GenerationDefaults generationDefaults(ModelConfig model) {
        Path file = folder.resolve("generation_config.json");
        Optional<JsonFile> generation = Files.exists(file) ? Optional.of(JsonFile.read(file)) : Optional.empty();
        Set<Integer> ends = new LinkedHashSet<>(json.integers("eos_token_id"));
        generation.ifPresent(g -> ends.addAll(g.integers("eos_token_id")));
        for (int end : ends) {
            if (end < 0 || end >= model.vocabSize()) {
                throw new ModelFileException(
                        generation.isPresent() ? file : json.file(),
                        "eos_token_id " + end + " is outside the vocabulary");
            }
        }
        try {
            return new GenerationDefaults(
                    setting(generation, "temperature"),
                    setting(generation, "top_p"),
                    generation.flatMap(g -> g.integer("top_k")),
                    setting(generation, "min_p"),
                    setting(generation, "repetition_penalty"),
                    List.copyOf(ends));
        } catch (IllegalArgumentException e) {
            throw new ModelFileException(file, "impossible setting: " + e.getMessage(), e);
        }
    }

    private static Optional<Float> setting(Optional<JsonFile> generation, String key) {
        return generation.flatMap(g -> g.number(key)).map(Double::floatValue);
    }

    private int required(String key) {
        return json.integer(key).orElseThrow(() -> refused(key + " is missing"));
    }

    private ModelFileException refused(String problem) {
        return new ModelFileException(json.file(), problem);
    }
}
