package io.sluice.modelstore;

import java.util.Arrays;
import java.util.Optional;
import java.util.stream.Collectors;

/// The architectures that are served, by the names that their files have for them. Values; any thread.
enum ModelFamily {
    LLAMA("LlamaForCausalLM", "llama", "llama"),
    MISTRAL("MistralForCausalLM", "mistral", ""), // a GGUF file calls it llama
    MIXTRAL("MixtralForCausalLM", "mixtral", ""), // likewise, with experts
    QWEN2("Qwen2ForCausalLM", "qwen2", "qwen2"),
    QWEN3("Qwen3ForCausalLM", "qwen3", "qwen3"),
    QWEN3_MOE("Qwen3MoeForCausalLM", "qwen3_moe", "qwen3moe"),
    GEMMA2("Gemma2ForCausalLM", "gemma2", "gemma2"),
    GEMMA3("Gemma3ForCausalLM", "gemma3_text", "gemma3"),
    PHI3("Phi3ForCausalLM", "phi3", "phi3"),
    SMOLLM3("SmolLM3ForCausalLM", "smollm3", "smollm3");

    private final String className;
    private final String modelType;
    private final String gguf;

    /// @param className in `architectures` of a `config.json`
    /// @param modelType its `model_type`
    /// @param gguf `general.architecture`
    ModelFamily(String className, String modelType, String gguf) {
        this.className = className;
        this.modelType = modelType;
        this.gguf = gguf;
    }

    static Optional<ModelFamily> ofClass(String className) {
        return Arrays.stream(values())
                .filter(family -> family.className.equals(className))
                .findFirst();
    }

    static Optional<ModelFamily> ofModelType(String modelType) {
        return Arrays.stream(values())
                .filter(family -> family.modelType.equals(modelType))
                .findFirst();
    }

    static Optional<ModelFamily> ofGguf(String architecture) {
        return Arrays.stream(values())
                .filter(family -> !family.gguf.isEmpty() && family.gguf.equals(architecture))
                .findFirst();
    }

    String className() {
        return className;
    }

    String modelType() {
        return modelType;
    }

    String gguf() {
        return gguf;
    }

    /// Gemma: norms multiply by one plus their weight, embeddings are scaled, the gate is a GELU.
    boolean isGemma() {
        return this == GEMMA2 || this == GEMMA3;
    }

    static String classNames() {
        return Arrays.stream(values()).map(ModelFamily::className).collect(Collectors.joining(", "));
    }

    static String ggufNames() {
        return Arrays.stream(values())
                .map(ModelFamily::gguf)
                .filter(name -> !name.isEmpty())
                .collect(Collectors.joining(", "));
    }
}
