package io.sluice.modelstore;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;

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

    /// The keys of a GGUF file, read in the simplest way that works for a sound file.
    static GgufMetadata ggufMetadata(Path file) {
        try (FileChannel channel = FileChannel.open(file)) {
            ByteBuffer in = channel.map(FileChannel.MapMode.READ_ONLY, 0, Math.min(channel.size(), 64 << 20))
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .position(16);
            Map<String, Object> values = new HashMap<>();
            long count = in.getLong();
            for (long i = 0; i < count; i++) {
                values.put(string(in), value(in, in.getInt()));
            }
            return new GgufMetadata(file, values);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static String string(ByteBuffer in) {
        byte[] bytes = new byte[(int) in.getLong()];
        in.get(bytes);
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private static Object value(ByteBuffer in, int type) {
        return switch (type) {
            case 4, 5 -> (long) in.getInt();
            case 6 -> (double) in.getFloat();
            case 7 -> in.get() != 0;
            case 8 -> string(in);
            case 9 -> array(in, in.getInt(), (int) in.getLong());
            case 10 -> in.getLong();
            default -> throw new IllegalArgumentException("GGUF value type " + type);
        };
    }

    private static Object array(ByteBuffer in, int type, int length) {
        return switch (type) {
            case 8 -> Stream.generate(() -> string(in)).limit(length).toList();
            case 5 -> IntStream.generate(in::getInt).limit(length).toArray();
            default -> throw new IllegalArgumentException("GGUF array of type " + type);
        };
    }
}
