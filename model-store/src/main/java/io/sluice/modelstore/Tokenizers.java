package io.sluice.modelstore;

import java.nio.file.Path;

/// Opens a model's tokenizer. Works without a network. Any thread.
final class Tokenizers {
    private Tokenizers() {}

    /// The tokenizer of a Hugging Face folder: `tokenizer.json`, with what `tokenizer_config.json` says
    /// beside it.
    ///
    /// @throws ModelFileException if it is missing, damaged or of a kind that Sluice does not know
    static Tokenizer fromFolder(Path folder) {
        return new ModelTokenizer(TokenizerFromFolder.read(folder));
    }

    /// The tokenizer that a GGUF file brings in its `tokenizer.ggml.*` keys.
    ///
    /// @param file for messages
    /// @throws ModelFileException if keys are missing or damaged, or name a tokenizer that Sluice does not
    ///     know
    static Tokenizer fromGguf(Path file, GgufMetadata metadata) {
        return new ModelTokenizer(new TokenizerFromGguf(file, metadata).read());
    }
}
