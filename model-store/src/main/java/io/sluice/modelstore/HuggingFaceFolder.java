package io.sluice.modelstore;

import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;

/// A model in a Hugging Face folder: `config.json`, safetensors files, `tokenizer.json`. Any thread.
final class HuggingFaceFolder implements ModelFiles {
    private final String name;
    private final Path path;
    private final ModelConfig config;
    private final GenerationDefaults generationDefaults;
    private final WeightTable weights;
    private final Deferred<Tokenizer> tokenizer;
    private final Deferred<Optional<ChatTemplate>> chatTemplate;

    private HuggingFaceFolder(
            String name, Path path, ModelConfig config, GenerationDefaults generationDefaults, WeightTable weights) {
        this.name = name;
        this.path = path;
        this.config = config;
        this.generationDefaults = generationDefaults;
        this.weights = weights;
        this.tokenizer = new Deferred<>(() -> fitting(path, config, Tokenizers.fromFolder(path)));
        this.chatTemplate = new Deferred<>(() -> ChatTemplates.fromFolder(path));
    }

    /// Reads the configuration, maps the weights and checks everything but the numbers themselves.
    @SuppressWarnings("MustBeClosedChecker") // the weight table owns the arena, and this method until then
    static HuggingFaceFolder open(Path path, String name) {
        HuggingFaceConfig configuration = HuggingFaceConfig.read(path);
        ModelConfig config = configuration.model();
        GenerationDefaults generationDefaults = configuration.generationDefaults(config);
        Arena arena = Arena.ofShared();
        try {
            Map<String, StoredTensor> stored = SafetensorsFolder.read(path, arena);
            Path directory = SafetensorsFolder.directory(path);
            LlamaTensors tensors = new LlamaTensors(directory, config, stored, UnaryOperator.identity(), false);
            WeightTable weights = new WeightTable(path, tensors.bind(), arena);
            return new HuggingFaceFolder(name, path, config, generationDefaults, weights);
        } catch (Throwable e) {
            arena.close();
            throw e;
        }
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
