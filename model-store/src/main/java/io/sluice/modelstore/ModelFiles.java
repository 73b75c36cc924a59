package io.sluice.modelstore;

import java.nio.file.Path;
import java.util.Optional;

/// A model opened from disk: what it is, its weights where they lie, its tokenizer and template. Immutable; any
/// thread. Tensor names are Hugging Face's (`model.layers.0.self_attn.q_proj.weight`) whatever the file format.
/// Closing unmaps: no tensor may be read afterwards. The files must stay as they are while the model is open: a
/// file that is cut meanwhile ends the process when the missing part is read.
public sealed interface ModelFiles extends AutoCloseable permits HuggingFaceFolder, GgufModel {

    /// A short name for people, from the folder or file name.
    String name();

    /// Where it was opened.
    Path path();

    ModelConfig config();

    /// True if the files hold a tensor of this name.
    boolean hasTensor(String name);

    /// The tensor, still in its file.
    ///
    /// @throws ModelFileException if there is none, naming the file and the tensor
    WeightTensor tensor(String name);

    /// The type that most of the weights are stored in.
    TensorType weightsType();

    /// The tokenizer, which loads on a thread of its own from the opening on; waits for it.
    ///
    /// @throws ModelFileException if it is damaged or of an unknown kind
    Tokenizer tokenizer();

    /// Empty if the model brings no chat template.
    ///
    /// @throws ModelFileException if it cannot be understood
    Optional<ChatTemplate> chatTemplate();

    GenerationDefaults generationDefaults();

    @Override
    void close();
}
