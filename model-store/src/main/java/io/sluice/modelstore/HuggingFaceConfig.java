package io.sluice.modelstore;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Reads `config.json` and `generation_config.json` as the shape of a model and its authors'
/// recommendations, with the defaults of transformers' configuration of its family; refuses what the graph
/// does not compute.
final class HuggingFaceConfig {
    private final JsonFile json;
    private final Path folder;

    private HuggingFaceConfig(Path folder) {
        this.folder = folder;
        this.json = JsonFile.read(folder.resolve("config.json"));
    }

    static HuggingFaceConfig read(Path folder) {
        return new HuggingFaceConfig(folder);
    }

    ModelFamily family() {
        List<String> architectures = json.strings("architectures");
        String type = json.string("model_type").orElse("");
        String named = architectures.isEmpty() ? type : String.join(", ", architectures);
        Optional<ModelFamily> family = architectures.isEmpty()
                ? ModelFamily.ofModelType(type)
                : architectures.size() == 1 ? ModelFamily.ofClass(architectures.getFirst()) : Optional.empty();
        return family.filter(f -> type.isEmpty() || type.equals(f.modelType()))
                .orElseThrow(() -> refused("architecture " + (named.isEmpty() ? "(none named)" : named)
                        + (type.isEmpty() || type.equals(named) ? "" : " (model_type " + type + ")")
                        + " is not supported; supported are " + ModelFamily.classNames()));
    }

    ModelConfig model() {
        ModelFamily family = family();
        requireServed(family);
        int hiddenSize = required("hidden_size");
        int headCount = required("num_attention_heads");
        int layerCount = required("num_hidden_layers");
        try {
            int headDim = json.integer("head_dim").orElseGet(() -> headDim(family, hiddenSize, headCount));
            return new ModelConfig(
                    family.className(),
                    required("vocab_size"),
                    hiddenSize,
                    layerCount,
                    headCount,
                    kvHeadCount(family, headCount),
                    headDim,
                    required(family == ModelFamily.QWEN3_MOE ? "moe_intermediate_size" : "intermediate_size"),
                    json.number("rms_norm_eps").orElse(defaultEps(family)).floatValue(),
                    new HuggingFaceRope(json, family).theta(),
                    contextMax(family),
                    json.bool("tie_word_embeddings").orElse(family.isGemma() || family == ModelFamily.SMOLLM3),
                    new HuggingFaceTraits(json, family, boundedLayers(layerCount)).read(hiddenSize, headDim));
        } catch (IllegalArgumentException e) {
            throw new ModelFileException(json.file(), "impossible model: " + e.getMessage(), e);
        }
    }

    /// How the matrices are quantised; empty if they are not.
    Optional<QuantisationMethod> quantisation() {
        return QuantisationMethod.of(json);
    }

    /// Rows and columns of quantised matrices that share a scale; 0 if none are named.
    int[] blockSize() {
        return QuantisationMethod.blockSize(json);
    }

    private void requireServed(ModelFamily family) {
        for (String bias : List.of("attention_bias", "mlp_bias")) {
            if (json.bool(bias).orElse(false)) {
                throw refused(bias + " true is not supported");
            }
        }
        if (family.isGemma() && json.bool("use_bidirectional_attention").orElse(false)) {
            throw refused("use_bidirectional_attention true is not supported");
        }
    }

    /// Llama alone has one key-value head per query head where it names none.
    private int kvHeadCount(ModelFamily family, int headCount) {
        return json.integer("num_key_value_heads").orElseGet(() -> {
            if (family == ModelFamily.LLAMA || family == ModelFamily.PHI3) {
                return headCount;
            }
            throw refused("num_key_value_heads is missing");
        });
    }

    private int contextMax(ModelFamily family) {
        return family == ModelFamily.LLAMA
                ? json.integer("max_position_embeddings").orElse(2048)
                : required("max_position_embeddings");
    }

    private static double defaultEps(ModelFamily family) {
        return family == ModelFamily.PHI3 || family == ModelFamily.MIXTRAL ? 1e-5 : 1e-6;
    }

    /// So that a damaged count describes no million of layers.
    private int boundedLayers(int layerCount) {
        if (layerCount < 1 || layerCount > ModelConfig.LAYERS_MAX) {
            throw new IllegalArgumentException("layer count " + layerCount + " is not in 1.." + ModelConfig.LAYERS_MAX);
        }
        return layerCount;
    }

    private int headDim(ModelFamily family, int hiddenSize, int headCount) {
        if (family.isGemma()) {
            return 256;
        }
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
