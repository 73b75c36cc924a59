package io.sluice.modelstore;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/// A model in one GGUF file: weights, tokenizer and chat template. Any thread.
final class GgufModel implements ModelFiles {
    private final String name;
    private final Path path;
    private final ModelConfig config;
    private final GenerationDefaults generationDefaults;
    private final WeightTable weights;
    private final Deferred<Tokenizer> tokenizer;
    private final Deferred<Optional<ChatTemplate>> chatTemplate;

    private GgufModel(Path path, GgufMetadata metadata, ModelConfig config, WeightTable weights) {
        this.name = path.getFileName().toString().replaceFirst("(?i)\\.gguf$", "");
        this.path = path;
        this.config = config;
        this.generationDefaults = new GgufConfig(path, metadata).generationDefaults(config);
        this.weights = weights;
        this.tokenizer = new Deferred<>(() -> Tokenizers.fromGguf(path, metadata));
        this.chatTemplate = new Deferred<>(() -> ChatTemplates.fromGguf(path, metadata));
    }

    /// Maps the file and checks everything but the numbers themselves.
    @SuppressWarnings("MustBeClosedChecker") // the weight table owns the arena, and this method until then
    static GgufModel open(Path path) {
        Arena arena = Arena.ofShared();
        try {
            GgufFile file = GgufFile.read(
                    path, MappedFile.map(path, arena), metadata -> new GgufConfig(path, metadata).requireLlama());
            ModelConfig config = new GgufConfig(path, file.metadata()).model(!file.hasTensor("output.weight"));
            Map<String, StoredTensor> byName = byHuggingFaceName(path, file);
            LlamaTensors tensors = new LlamaTensors(path, config, byName, GgufNames::toGguf, true);
            return new GgufModel(path, file.metadata(), config, new WeightTable(path, tensors.bind(), arena));
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

    @Override
    public String name() {
        return name;
    }

    @Override
    public Path path() {
        return path;
    }

    @Override
    public ModelConfig config() {
        return config;
    }

    @Override
    public boolean hasTensor(String tensorName) {
        return weights.has(tensorName);
    }

    @Override
    public WeightTensor tensor(String tensorName) {
        return weights.get(tensorName);
    }

    @Override
    public TensorType weightsType() {
        return weights.mostUsed();
    }

    @Override
    public Tokenizer tokenizer() {
        return tokenizer.get();
    }

    @Override
    public Optional<ChatTemplate> chatTemplate() {
        return chatTemplate.get();
    }

    @Override
    public GenerationDefaults generationDefaults() {
        return generationDefaults;
    }

    /// Begins loading the tokenizer, so that it is ready when the weights are.
    void loadTokenizerInBackground() {
        tokenizer.startInBackground("sluice-tokenizer");
    }

    @Override
    public void close() {
        weights.close();
    }
}
