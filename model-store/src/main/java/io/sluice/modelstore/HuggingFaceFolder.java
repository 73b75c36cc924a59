package io.sluice.modelstore;

import io.sluice.modelstore.DecoderTensors.Spelling;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.UnaryOperator;

/// Opens a model that lies in a Hugging Face folder: `config.json`, safetensors files, `tokenizer.json`. Any thread.
final class HuggingFaceFolder {
    private HuggingFaceFolder() {}

    /// Reads the configuration, maps the weights and checks everything but the numbers themselves.
    @SuppressWarnings("MustBeClosedChecker") // the weight table owns the arena, and this method until then
    static ModelFiles open(Path path, String name) {
        HuggingFaceConfig configuration = HuggingFaceConfig.read(path);
        ModelConfig config = configuration.model();
        GenerationDefaults generationDefaults = configuration.generationDefaults(config);
        Arena arena = Arena.ofShared();
        try {
            DecoderTensors tensors = tensors(path, configuration, config, SafetensorsFolder.read(path, arena));
            WeightTable weights = new WeightTable(path, tensors.bind(), arena);
            return new ModelFiles(
                    name,
                    path,
                    config,
                    generationDefaults,
                    weights,
                    () -> fitting(path, config, Tokenizers.fromFolder(path)),
                    () -> ChatTemplates.fromFolder(path));
        } catch (Throwable e) {
            arena.close();
            throw e;
        }
    }

    private static DecoderTensors tensors(
            Path path, HuggingFaceConfig configuration, ModelConfig config, Map<String, StoredTensor> stored) {
        Path directory = SafetensorsFolder.directory(path);
        Spelling spelling = new Spelling(
                UnaryOperator.identity(), false, configuration.family().isGemma());
        QuantisedTensors.Split split = configuration
                .quantisation()
                .map(method -> QuantisedTensors.read(directory, method, configuration.blockSize(), stored))
                .orElseGet(() -> new QuantisedTensors.Split(stored, Map.of()));
        return new DecoderTensors(
                directory,
                config,
                FusedTensors.takenApart(config, split.plain()),
                FusedTensors.matricesTakenApart(config, split.matrices()),
                spelling);
    }

    /// Every id that the tokenizer can produce must have a row in the embedding; rows without a token are padding.
    private static Tokenizer fitting(Path path, ModelConfig config, Tokenizer tokenizer) {
        if (tokenizer.vocabSize() > config.vocabSize()) {
            throw new ModelFileException(
                    path.resolve("tokenizer.json"),
                    "has " + tokenizer.vocabSize() + " tokens but the model only " + config.vocabSize());
        }
        return tokenizer;
    }
}
