package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.count;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.list;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// The fake model's hidden state after a token is (token, position, 1, 0).
class EmbeddingsTest {

    @AutoClose
    private final TestServer server = TestServer.start();

    @Test
    void a_text_has_the_hidden_state_of_its_last_token_as_its_embedding() throws Exception {
        Map<String, Object> answer = embeddings("\"input\":\"Rome\",\"normalize\":false");
        assertThat(answer).containsEntry("object", "list").containsEntry("model", TestServer.MODEL);
        assertThat(list(answer, "data.0.embedding")).isEqualTo(List.of((double) 'e', 3.0, 1.0, 0.0));
        assertThat(at(answer, "data.0.object")).isEqualTo("embedding");
        assertThat(at(answer, "usage")).isEqualTo(Map.of("prompt_tokens", 4L, "total_tokens", 4L));
    }

    @Test
    void the_mean_of_all_is_taken_on_request_also_over_several_steps() throws Exception {
        Map<String, Object> answer =
                embeddings("\"input\":\"" + "ab".repeat(700) + "\",\"pooling\":\"mean\",\"normalize\":false");
        assertThat(numbers(answer, 0)[0]).isCloseTo(97.5f, within(1e-4f));
        assertThat(numbers(answer, 0)[1]).isCloseTo(699.5f, within(1e-3f));
        assertThat(numbers(answer, 0)[2]).isCloseTo(1f, within(1e-6f));
    }

    @Test
    void embeddings_have_the_length_one_also_when_they_are_cut() throws Exception {
        assertThat(length(numbers(embeddings("\"input\":\"Rome\""), 0))).isCloseTo(1, within(1e-6));
        float[] cut = numbers(embeddings("\"input\":\"Rome\",\"dimensions\":2"), 0);
        assertThat(cut).hasSize(2);
        assertThat(length(cut)).isCloseTo(1, within(1e-6));
    }

    @Test
    void several_texts_and_token_ids_have_embeddings_in_their_order() throws Exception {
        Map<String, Object> texts = embeddings("\"input\":[\"a\",\"bb\"],\"normalize\":false");
        assertThat(list(texts, "data")).hasSize(2);
        assertThat(at(texts, "data.1.index")).isEqualTo(1L);
        assertThat(numbers(texts, 1)).containsExactly('b', 1, 1, 0);
        assertThat(count(texts, "usage.prompt_tokens")).isEqualTo(3);
        assertThat(numbers(embeddings("\"input\":[[97],[98,98]],\"normalize\":false"), 1))
                .containsExactly('b', 1, 1, 0);
        assertThat(numbers(embeddings("\"input\":[98,99],\"normalize\":false"), 0))
                .containsExactly('c', 1, 1, 0);
    }

    @Test
    void base64_holds_the_same_numbers() throws Exception {
        Map<String, Object> answer = embeddings("\"input\":\"Rome\",\"encoding_format\":\"base64\"");
        byte[] bytes = Base64.getDecoder().decode((String) at(answer, "data.0.embedding"));
        float[] numbers = new float[bytes.length / Float.BYTES];
        ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer().get(numbers);
        assertThat(numbers).isEqualTo(numbers(embeddings("\"input\":\"Rome\""), 0));
    }

    @Test
    void what_the_cache_has_does_not_change_an_embedding() throws Exception {
        String fields = "\"input\":\"" + "abc".repeat(100) + "\",\"pooling\":\"mean\"";
        float[] first = numbers(embeddings(fields), 0);
        assertThat(numbers(embeddings(fields), 0)).isEqualTo(first);
    }

    @Test
    void nothing_is_generated_for_it() throws Exception {
        double before = server.metric("vllm:generation_tokens_total");
        embeddings("\"input\":[\"a\",\"b\"]");
        assertThat(server.metric("vllm:generation_tokens_total")).isEqualTo(before);
        assertThat(server.metric("vllm:prompt_tokens_total")).isEqualTo(2);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"user\":\"a\" | input",
                "\"input\":\"\" | input",
                "\"input\":[] | input",
                "\"input\":[\"a\",\"\"] | input",
                "\"input\":7 | input",
                "\"input\":[\"a\",7] | input",
                "\"input\":[[]] | input",
                "\"input\":[258] | input",
                "\"input\":[-1] | input",
                "\"input\":\"a\",\"dimensions\":5 | dimensions",
                "\"input\":\"a\",\"dimensions\":0 | dimensions",
                "\"input\":\"a\",\"encoding_format\":\"hex\" | encoding_format",
                "\"input\":\"a\",\"pooling\":\"max\" | pooling",
                "\"input\":\"a\",\"normalize\":1 | normalize",
                "\"input\":\"a\",\"truncate_prompt_tokens\":9 | truncate_prompt_tokens",
                "\"input\":\"a\",\"model\":7 | model",
            })
    void nonsense_is_named(String fields, String parameter) throws Exception {
        var response = server.post("/v1/embeddings", "{" + fields + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(at(json(response.body()), "error.param")).isEqualTo(parameter);
        assertThat((String) at(json(response.body()), "error.message")).contains(parameter);
    }

    @Test
    void a_text_that_is_too_long_says_so() throws Exception {
        var response = server.post("/v1/embeddings", "{\"input\":\"" + "a".repeat(TestServer.CONTEXT_MAX + 1) + "\"}");
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat(at(json(response.body()), "error.code")).isEqualTo("context_length_exceeded");
        assertThat(at(json(response.body()), "error.param")).isEqualTo("input");
    }

    @Test
    void more_texts_than_may_wait_are_refused_for_good() throws Exception {
        String some = "\"a\",".repeat(52) + "\"a\""; // one more than the queue has places
        assertThat(list(embeddings("\"input\":[" + some.substring(4) + "]"), "data"))
                .hasSize(52);
        var response = server.post("/v1/embeddings", "{\"input\":[" + some + "]}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(at(json(response.body()), "error.param")).isEqualTo("input");
        assertThat((String) at(json(response.body()), "error.message")).contains("at most 5");
    }

    @Test
    void an_unknown_model_is_not_found() throws Exception {
        assertThat(server.post("/v1/embeddings", "{\"model\":\"x\",\"input\":\"a\"}")
                        .statusCode())
                .isEqualTo(404);
        assertThat(server.get("/v1/embeddings").statusCode()).isEqualTo(405);
    }

    private Map<String, Object> embeddings(String fields) throws Exception {
        var response = server.post("/v1/embeddings", "{" + fields + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return json(response.body());
    }

    private static float[] numbers(Map<String, Object> answer, int index) {
        List<?> list = list(answer, "data." + index + ".embedding");
        float[] numbers = new float[list.size()];
        for (int i = 0; i < numbers.length; i++) numbers[i] = ((Number) list.get(i)).floatValue();
        return numbers;
    }

    private static double length(float[] numbers) {
        double squares = 0;
        for (float number : numbers) squares += number * number;
        return Math.sqrt(squares);
    }
}
