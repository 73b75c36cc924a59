package io.sluice.server.batches;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.sluice.server.http.ApiError;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Forms are taken apart, or refused.
class MultipartTest {
    private static final String TYPE = "multipart/form-data; boundary=xyz";
    private static final String FORM = """
            --xyz\r
            Content-Disposition: form-data; name="purpose"\r
            \r
            batch\r
            --xyz\r
            Content-Disposition: form-data; name="file"; filename="in put.jsonl"\r
            Content-Type: application/octet-stream\r
            \r
            {"é":1}
            \r
            --xy\r
            \r
            --xyz--\r
            """;

    @Test
    void parts_have_names_and_contents() {
        Map<String, Multipart.Part> parts = parse(TYPE, FORM);
        assertThat(parts).containsOnlyKeys("purpose", "file");
        assertThat(text(parts, "purpose")).isEqualTo("batch");
        assertThat(text(parts, "file")).isEqualTo("{\"é\":1}\n\r\n--xy\r\n");
        Multipart.Part file = parts.get("file");
        assertThat(file == null ? "" : file.fileName().orElseThrow()).isEqualTo("in put.jsonl");
    }

    @Test
    void a_boundary_may_be_quoted_and_a_preamble_is_skipped() {
        assertThat(parse("multipart/form-data; charset=utf-8; boundary=\"xyz\"", "preamble\r\n" + FORM))
                .containsKey("file");
    }

    @Test
    void an_empty_part_is_empty() {
        assertThat(text(parse(TYPE, "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--xyz--"), "a"))
                .isEmpty();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "--xyz",
                "--xyz\r\n",
                "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nb",
                "--xyz\r\nContent-Disposition: form-data\r\n\r\nb\r\n--xyz--",
                "no boundary at all"
            })
    void what_is_no_form_is_refused(String body) {
        assertThatThrownBy(() -> parse(TYPE, body)).isInstanceOf(ApiError.class);
    }

    @Test
    void a_form_without_a_boundary_is_refused() {
        assertThatThrownBy(() -> parse("application/json", FORM)).isInstanceOf(ApiError.class);
        assertThatThrownBy(() -> parse("multipart/form-data", FORM)).isInstanceOf(ApiError.class);
    }

    @Test
    void damaged_forms_are_refused_or_understood() {
        for (long seed = 0; seed < 2000; seed++) {
            Random random = new Random(seed);
            byte[] body = FORM.getBytes(StandardCharsets.UTF_8);
            for (int i = 0; i < 3; i++) body[random.nextInt(body.length)] = (byte) random.nextInt(256);
            try {
                assertThat(Multipart.parse(TYPE, Arrays.copyOf(body, random.nextInt(body.length))))
                        .as("seed %d", seed)
                        .isNotNull();
            } catch (ApiError e) {
                assertThat(e.status()).as("seed %d", seed).isEqualTo(400);
            }
        }
    }

    private static Map<String, Multipart.Part> parse(String type, String body) {
        return Multipart.parse(type, body.getBytes(StandardCharsets.UTF_8));
    }

    private static String text(Map<String, Multipart.Part> parts, String name) {
        Multipart.Part part = parts.get(name);
        return part == null ? "no part" : part.text();
    }
}
