package io.sluice.modelstore;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/// Holds the decoder against the numbers of ggml's own Python package (`src/test/python/quantised_rows.py`),
/// bit by bit.
class DequantizerTest {
    record Fixture(TensorType type, byte[] stored, float[] values) {
        @Override
        public String toString() {
            return type.name();
        }
    }

    static List<Fixture> fixtures() throws IOException {
        List<Fixture> fixtures = new ArrayList<>();
        try (InputStream in =
                Objects.requireNonNull(DequantizerTest.class.getResourceAsStream("quantised_rows.json"))) {
            for (JsonNode node : new ObjectMapper().readTree(in)) {
                byte[] values = Base64.getDecoder().decode(node.get("values").asText());
                float[] floats = new float[values.length / 4];
                Dequantizer.decode(TensorType.F32, values, floats);
                fixtures.add(new Fixture(
                        TensorType.valueOf(node.get("type").asText()),
                        Base64.getDecoder().decode(node.get("stored").asText()),
                        floats));
            }
        }
        return fixtures;
    }

    @ParameterizedTest
    @MethodSource("fixtures")
    void decodesToTheBitsThatGgmlDecodesTo(Fixture fixture) {
        float[] decoded = new float[fixture.values().length];
        Dequantizer.decode(fixture.type(), fixture.stored(), decoded);
        assertThat(bits(decoded)).isEqualTo(bits(fixture.values()));
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < values.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }
}
