package io.sluice.modelstore;

import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// Reads a GGUF file's metadata as the shape of a model, and refuses what the graph does not compute.
final class GgufConfig {
    /// Keys of variants of the graph, refused by presence with any value but the neutral one.
    private static final List<String> MULTIPLIERS = List.of("logit_scale", "residual_scale", "embedding_scale");

    /// End-of-turn markers that are ends of an output even if no key says so.
    private static final Set<String> END_OF_TURN = Set.of("<|eot_id|>", "<|im_end|>", "<|end|>", "<end_of_turn>");

    private static final int CONTROL_TOKEN = 3;

    private final Path file;
    private final GgufMetadata metadata;
    private final ModelFamily family;

    /// Refuses another architecture and variants of those that are served.
    GgufConfig(Path file, GgufMetadata metadata) {
        this.file = file;
        this.metadata = metadata;
        String architecture = metadata.string("general.architecture")
                .orElseThrow(() -> new ModelFileException(file, "metadata key general.architecture is missing"));
        family = ModelFamily.ofGguf(architecture)
                .orElseThrow(() -> new ModelFileException(
                        file,
                        "architecture " + architecture + " is not supported; supported are "
                                + ModelFamily.ggufNames()));
        for (String multiplier : MULTIPLIERS) {
            metadata.number(key(multiplier))
                    .filter(value -> value != 1 && value != 0)
                    .ifPresent(value -> {
                        throw unsupported(multiplier, value);
                    });
        }
    }

    ModelFamily family() {
        return family;
    }

    ModelConfig model(List<StoredTensor> tensors) {
        int headCount = required("attention.head_count");
        int hiddenSize = required("embedding_length");
        int layerCount = required("block_count");
        boolean tiedHead = tensors.stream().noneMatch(tensor -> tensor.name().equals("output.weight"));
        try {
            int headDim = headDim(hiddenSize, headCount);
            if (layerCount < 1 || layerCount > ModelConfig.LAYERS_MAX) {
                throw new IllegalArgumentException(
                        "layer count " + layerCount + " is not in 1.." + ModelConfig.LAYERS_MAX);
            }
            return new ModelConfig(
                    family.gguf(),
                    vocabSize(),
                    hiddenSize,
                    layerCount,
                    headCount,
                    optional("attention.head_count_kv").orElse(headCount),
                    headDim,
                    required(family == ModelFamily.QWEN3_MOE ? "expert_feed_forward_length" : "feed_forward_length"),
                    metadata.number(key("attention.layer_norm_rms_epsilon"))
                            .orElseThrow(() -> missing("attention.layer_norm_rms_epsilon"))
                            .floatValue(),
                    metadata.number(key("rope.freq_base")).orElse(10_000.0).floatValue(),
                    required("context_length"),
                    tiedHead,
                    new GgufTraits(file, metadata, family, tensors).read(hiddenSize, headCount, headDim, layerCount));
        } catch (IllegalArgumentException e) {
            throw new ModelFileException(file, "impossible model: " + e.getMessage(), e);
        }
    }

    private int vocabSize() {
        int tokens = metadata.strings("tokenizer.ggml.tokens").size();
        if (tokens == 0) {
            throw new ModelFileException(file, "has no vocabulary: metadata key tokenizer.ggml.tokens is missing");
        }
        optional("vocab_size").filter(size -> size != tokens).ifPresent(size -> {
            throw new ModelFileException(
                    file, key("vocab_size") + " is " + size + " but tokenizer.ggml.tokens has " + tokens + " entries");
        });
        return tokens;
    }

    private int headDim(int hiddenSize, int headCount) {
        Optional<Integer> keyLength = optional("attention.key_length");
        if (keyLength.isEmpty() && (headCount < 1 || hiddenSize % headCount != 0)) {
            throw new ModelFileException(
                    file,
                    key("embedding_length") + " " + hiddenSize + " is not a multiple of " + key("attention.head_count")
                            + " " + headCount);
        }
        int headDim = keyLength.orElseGet(() -> hiddenSize / headCount);
        for (String same : List.of("attention.value_length")) {
            optional(same).filter(value -> value != headDim).ifPresent(value -> {
                throw new ModelFileException(
                        file,
                        key(same) + " " + value + " differs from the head size " + headDim
                                + ", which is not supported");
            });
        }
        return headDim;
    }

    GenerationDefaults generationDefaults(ModelConfig model) {
        try {
            return new GenerationDefaults(
                    sampling("temp"),
                    sampling("top_p"),
                    int32("general.sampling.top_k"),
                    sampling("min_p"),
                    sampling("penalty_repeat"),
                    endTokens(model));
        } catch (IllegalArgumentException e) {
            throw new ModelFileException(file, "general.sampling: " + e.getMessage(), e);
        }
    }

    private Optional<Float> sampling(String name) {
        return metadata.number("general.sampling." + name).map(Double::floatValue);
    }

    private List<Integer> endTokens(ModelConfig model) {
        Set<Integer> ends = new LinkedHashSet<>();
        for (String name : List.of("eos_token_id", "eot_token_id", "eom_token_id")) {
            metadata.integer("tokenizer.ggml." + name).ifPresent(id -> {
                if (id < 0 || id >= model.vocabSize()) {
                    throw new ModelFileException(
                            file, "tokenizer.ggml." + name + " " + id + " is outside the vocabulary");
                }
                ends.add(id.intValue());
            });
        }
        List<String> tokens = metadata.strings("tokenizer.ggml.tokens");
        int[] types = metadata.ints("tokenizer.ggml.token_type");
        for (int id = 0; id < Math.min(tokens.size(), types.length); id++) {
            if (types[id] == CONTROL_TOKEN && END_OF_TURN.contains(tokens.get(id))) {
                ends.add(id);
            }
        }
        return List.copyOf(ends);
    }

    private int required(String name) {
        return optional(name).orElseThrow(() -> missing(name));
    }

    private Optional<Integer> optional(String name) {
        return int32(key(name));
    }

    private Optional<Integer> int32(String fullKey) {
        return metadata.integer(fullKey).map(value -> {
            if (value < 0 || value > Integer.MAX_VALUE) {
                throw new ModelFileException(file, fullKey + " " + Long.toUnsignedString(value) + " is out of range");
            }
            return value.intValue();
        });
    }

    private String key(String name) {
        return family.gguf() + "." + name;
    }

    private ModelFileException missing(String name) {
        return new ModelFileException(file, "metadata key " + key(name) + " is missing");
    }

    private ModelFileException unsupported(String name, Object value) {
        return new ModelFileException(file, "metadata key " + key(name) + " is " + value + ", which is not supported");
    }
}
