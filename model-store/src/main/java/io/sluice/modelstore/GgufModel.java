package io.sluice.modelstore;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/// Opens a model that lies in one GGUF file: weights, tokenizer and chat template. Any thread.
final class GgufModel {
    private GgufModel() {}

    /// Maps the file and checks everything but the numbers themselves.
    @SuppressWarnings("MustBeClosedChecker") // the weight table owns the arena, and this method until then
    static ModelFiles open(Path path) {
        Arena arena = Arena.ofShared();
        try {
            GgufFile file = GgufFile.read(
                    path, MappedFile.map(path, arena), metadata -> new GgufConfig(path, metadata).requireLlama());
            ModelConfig config = new GgufConfig(path, file.metadata()).model(!file.hasTensor("output.weight"));
            Map<String, StoredTensor> byName = byHuggingFaceName(path, file);
            LlamaTensors tensors = new LlamaTensors(path, config, byName, GgufNames::toGguf, true);
            return opened(path, file.metadata(), config, new WeightTable(path, tensors.bind(), arena));
        } catch (Throwable e) {
            arena.close();
            throw e;
        }
    }

    private static Map<String, StoredTensor> byHuggingFaceName(Path path, GgufFile file) {
        Map<String, StoredTensor> byName = new LinkedHashMap<>();
        for (StoredTensor tensor : file.tensors()) {
            String name = GgufNames.toHuggingFace(tensor.name()).orElseThrow(() -> unknown(path, tensor.name()));
            byName.put(name, tensor);
        }
        return byName;
    }

    private static ModelFileException unknown(Path path, String tensor) {
        return new ModelFileException(
                path,
                tensor.equals("rope_freqs.weight")
                        ? "tensor rope_freqs.weight scales the rotary positions (Llama 3.1 and later), which is not"
                                + " supported"
                        : "tensor " + tensor + " is not part of a Llama model: this architecture is not supported");
    }

    private static ModelFiles opened(Path path, GgufMetadata metadata, ModelConfig config, WeightTable weights) {
        return new ModelFiles(
                path.getFileName().toString().replaceFirst("(?i)\\.gguf$", ""),
                path,
                config,
                new GgufConfig(path, metadata).generationDefaults(config),
                weights,
                () -> Tokenizers.fromGguf(path, metadata),
                () -> ChatTemplates.fromGguf(path, metadata));
    }
}
