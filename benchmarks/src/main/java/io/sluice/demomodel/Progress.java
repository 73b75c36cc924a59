package io.sluice.demomodel;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// How far the training has come, kept in a file so that it can go on after a stage. A value.
///
/// @param steps in all stages so far
/// @param tokens computed, padding included
/// @param trainingLoss mean of the last steps
record Progress(int stages, int steps, long tokens, long seconds, double trainingLoss) {
    private static final ObjectMapper JSON = new ObjectMapper();
    static final Progress NONE = new Progress(0, 0, 0, 0, 0);

    static Progress read(Path file) throws IOException {
        return JSON.readValue(file.toFile(), Progress.class);
    }

    void write(Path file) throws IOException {
        Files.writeString(file, JSON.writeValueAsString(this) + "\n");
    }
}
