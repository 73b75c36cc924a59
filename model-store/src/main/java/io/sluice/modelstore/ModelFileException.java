package io.sluice.modelstore;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;

/// A model that cannot be served: one line that names the file and what is wrong with it.
public final class ModelFileException extends RuntimeException {
    public ModelFileException(Path file, String problem) {
        super(file + ": " + oneLine(problem));
    }

    public ModelFileException(Path file, String problem, Throwable cause) {
        super(file + ": " + oneLine(problem), cause);
    }

    /// The operating system refused, in words.
    static ModelFileException unreadable(Path file, IOException e) {
        return switch (e) {
            case NoSuchFileException missing -> new ModelFileException(file, "there is no such file", missing);
            case AccessDeniedException denied ->
                new ModelFileException(file, "may not be read: check its permissions", denied);
            default -> new ModelFileException(file, "cannot be read: " + e.getMessage(), e);
        };
    }

    /// Names in a hostile file may hold anything: no line ends or control characters, and not without end.
    private static String oneLine(String problem) {
        String line = problem.codePoints()
                .map(c -> Character.isISOControl(c) ? ' ' : c)
                .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
                .toString();
        return line.length() <= 500 ? line : line.substring(0, 500) + "...";
    }
}
