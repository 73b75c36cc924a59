package io.sluice.modelstore;

import java.nio.file.Path;

/// A model that cannot be served: one line that names the file and what is wrong with it.
public final class ModelFileException extends RuntimeException {
    public ModelFileException(Path file, String problem) {
        super(file + ": " + problem);
    }

    public ModelFileException(Path file, String problem, Throwable cause) {
        super(file + ": " + problem, cause);
    }
}
