package io.sluice.modelstore;

import io.sluice.modelstore.DecoderTensors.Spelling;
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
            GgufFile file = GgufFile.read(path, MappedFile.map(path, arena), metadata -> {
                var _ = new GgufConfig(path, metadata); // refuses what is not served before looking any further
            });
            GgufConfig configuration = new GgufConfig(path, file.metadata());
            ModelFamily family = configuration.family();
            ModelConfig config = configuration.model(file.tensors());
            GgufNames names = GgufNames.of(family);
            Map<String, StoredTensor> byName = FusedTensors.takenApart(config, byHuggingFaceName(path, file, names));
            DecoderTensors tensors = new DecoderTensors(
                    path, config, byName, Map.of(), new Spelling(names::toGguf, interleavesRotary(family), false));
            return opened(path, file.metadata(), config, new WeightTable(path, tensors.bind(), arena));
        } catch (Throwable e) {
            arena.close();
            throw e;
        }
    }

    /// llama.cpp's converter reorders the rows of those families that it turns pair by pair.
    private static boolean interleavesRotary(ModelFamily family) {
        return family == ModelFamily.LLAMA || family == ModelFamily.SMOLLM3;
    }

    private static Map<String, StoredTensor> byHuggingFaceName(Path path, GgufFile file, GgufNames names) {
        Map<String, StoredTensor> byName = new LinkedHashMap<>();
        for (StoredTensor tensor : file.tensors()) {
            if (!GgufTraits.ROPE_TENSORS.contains(tensor.name())) {
                String name = names.toHuggingFace(tensor.name()).orElseThrow(() -> unknown(path, tensor.name()));
                byName.put(name, tensor);
            }
        }
        return byName;
    }

    private static ModelFileException unknown(Path path, String tensor) {
        return new ModelFileException(
                path,
                "tensor " + tensor + " is not part of a model of this architecture: this variant is not supported");
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
