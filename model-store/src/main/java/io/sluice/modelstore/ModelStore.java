package io.sluice.modelstore;

import java.nio.file.Path;

/// Finds models and opens them. Any thread.
public final class ModelStore {
    private ModelStore() {}

    /// Opens a GGUF file or a Hugging Face folder.
    ///
    /// @throws ModelFileException if it is neither, damaged, or of an unknown architecture
    public static ModelFiles open(Path path) {
        throw new UnsupportedOperationException("to be written");
    }

    /// Opens the model that comes with Sluice, unpacking it into `cache` first if it is not there yet.
    public static ModelFiles openDemo(Path cache) {
        throw new UnsupportedOperationException("to be written");
    }
}
