package io.sluice.modelstore;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/// Where the tests find models: small ones among their resources, a real one beside the project.
final class TestModels {
    static final ObjectMapper JSON = new ObjectMapper();

    private TestModels() {}

    static Path resource(String name) {
        URL url = TestModels.class.getResource(name);
        if (url == null) {
            throw new IllegalArgumentException("no test resource " + name);
        }
        try {
            return Path.of(url.toURI());
        } catch (URISyntaxException e) {
            throw new IllegalArgumentException(name, e);
        }
    }

    static JsonNode json(Path file) {
        try {
            return JSON.readTree(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Path shared(String name) {
        return Path.of(System.getenv("SLUICE_SHARED"), name);
    }

    /// SmolLM2-135M-Instruct as GGUF, fetched if it is not there yet.
    static Path smolLm() {
        try {
            Process process = new ProcessBuilder(
                            "bash", shared("tools/get_model.sh").toString())
                    .redirectError(ProcessBuilder.Redirect.INHERIT)
                    .start();
            String path = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
            if (process.waitFor() != 0) {
                throw new IllegalStateException("get_model.sh failed");
            }
            return Path.of(path);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException(e);
        }
    }

    static GgufMetadata ggufMetadata(Path file) {
        try (Arena arena = Arena.ofConfined()) {
            return GgufFile.read(file, MappedFile.map(file, arena), metadata -> {})
                    .metadata();
        }
    }
}
