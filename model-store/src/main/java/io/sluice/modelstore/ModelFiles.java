package io.sluice.modelstore;

import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;

/// A model opened from disk: what it is, its weights where they lie, its tokenizer and template. Immutable; any
/// thread. Tensor names are Hugging Face's (`model.layers.0.self_attn.q_proj.weight`) whatever the file format.
/// Closing unmaps: no tensor may be read afterwards. The files must stay as they are while the model is open: a
/// file that is cut meanwhile ends the process when the missing part is read.
public final class ModelFiles implements AutoCloseable {
    private final String name;
    private final Path path;
    private final ModelConfig config;
    private final GenerationDefaults generationDefaults;
    private final WeightTable weights;
    private final Deferred<Tokenizer> tokenizer;
    private final Deferred<Optional<ChatTemplate>> chatTemplate;

    /// Owns `weights`; tokenizer and template load when they are first asked for.
    ModelFiles(
            String name,
            Path path,
            ModelConfig config,
            GenerationDefaults generationDefaults,
            WeightTable weights,
            Callable<Tokenizer> tokenizer,
            Callable<Optional<ChatTemplate>> chatTemplate) {
        this.name = name;
        this.path = path;
        this.config = config;
        this.generationDefaults = generationDefaults;
        this.weights = weights;
        this.tokenizer = new Deferred<>(tokenizer);
        this.chatTemplate = new Deferred<>(chatTemplate);
    }

    /// A short name for people, from the folder or file name.
    public String name() {
        return name;
    }

    /// Where it was opened.
    public Path path() {
        return path;
    }

    public ModelConfig config() {
        return config;
    }

    /// True if the files hold a tensor of this name.
    public boolean hasTensor(String tensorName) {
        return weights.has(tensorName);
    }

    /// The tensor, still in its file.
    ///
    /// @throws ModelFileException if there is none, naming the file and the tensor
    public WeightTensor tensor(String tensorName) {
        return weights.get(tensorName);
    }

    /// The type that most of the weights are stored in.
    public TensorType weightsType() {
        return weights.mostUsed();
    }

    /// The tokenizer, which loads on a thread of its own from the opening on; waits for it.
    ///
    /// @throws ModelFileException if it is damaged or of an unknown kind
    public Tokenizer tokenizer() {
        return tokenizer.get();
    }

    /// Empty if the model brings no chat template.
    ///
    /// @throws ModelFileException if it cannot be understood
    public Optional<ChatTemplate> chatTemplate() {
        return chatTemplate.get();
    }

    public GenerationDefaults generationDefaults() {
        return generationDefaults;
    }

    @Override
    public void close() {
        weights.close();
    }

    /// Begins loading the tokenizer, so that it is ready when the weights are.
    void loadTokenizerInBackground() {
        tokenizer.startInBackground("sluice-tokenizer");
    }
}
