package io.sluice.device;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.data.Offset.offset;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;

/// Logits that transformers computed of one sequence, at some of its positions (`src/test/python/architectures.py`).
///
/// @param context the longest sequence that is served
/// @param prompt tokens of the prompt; the others are its continuation
record ExpectedLogits(int context, int[] tokens, int prompt, int[] positions, float[][] logits) {
    private static final double TOLERANCE = 1e-4;

    /// What lies beside a model, all of its runs.
    static List<ExpectedLogits> beside(Path model) throws IOException {
        Path folder = Files.isDirectory(model) ? model : Objects.requireNonNull(model.getParent());
        List<ExpectedLogits> runs = new ArrayList<>();
        for (JsonNode run : new ObjectMapper()
                .readTree(Files.readAllBytes(folder.resolve("expected.json")))
                .get("runs")) {
            int[] positions = ints(run.get("positions"));
            runs.add(new ExpectedLogits(
                    run.get("context").asInt(),
                    ints(run.get("tokens")),
                    run.get("prompt").asInt(),
                    positions,
                    rows(run.get("logits").asText(), positions.length)));
        }
        return runs;
    }

    /// The models of a test resource: folders, and GGUF files in them.
    static List<Path> models(String resource) throws IOException {
        List<Path> models = new ArrayList<>();
        try (Stream<Path> folders = Files.list(root(resource))) {
            for (Path folder : folders.sorted().toList()) {
                models.add(folder);
                if (Files.exists(folder.resolve("model.gguf"))) models.add(folder.resolve("model.gguf"));
            }
        }
        return models;
    }

    static Path root(String resource) {
        try {
            return Path.of(Objects.requireNonNull(ExpectedLogits.class.getResource(resource))
                    .toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /// All of them within a ten-thousandth.
    void assertMatchedBy(String how, float[][] actual) {
        assertThat(actual).hasNumberOfRows(tokens.length);
        for (int i = 0; i < positions.length; i++) {
            for (int token = 0; token < logits[i].length; token++) {
                assertThat((double) actual[positions[i]][token])
                        .as("%s: token %d after position %d", how, token, positions[i])
                        .isCloseTo(logits[i][token], offset(TOLERANCE));
            }
        }
    }

    /// Mean distance as a share of the logits' own spread.
    double relativeError(float[][] actual) {
        double distance = 0;
        double spread = 0;
        for (int i = 0; i < positions.length; i++) {
            for (int token = 0; token < logits[i].length; token++) {
                distance += Math.abs(actual[positions[i]][token] - logits[i][token]);
                spread += Math.abs(logits[i][token]);
            }
        }
        return distance / spread;
    }

    private static int[] ints(JsonNode array) {
        int[] ints = new int[array.size()];
        for (int i = 0; i < ints.length; i++) ints[i] = array.get(i).asInt();
        return ints;
    }

    private static float[][] rows(String encoded, int count) {
        byte[] bytes = Base64.getDecoder().decode(encoded);
        float[] all = new float[bytes.length / Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(all);
        float[][] rows = new float[count][];
        int width = all.length / count;
        for (int i = 0; i < count; i++) rows[i] = Arrays.copyOfRange(all, i * width, (i + 1) * width);
        return rows;
    }
}
