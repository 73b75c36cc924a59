package io.sluice.server;

import static io.sluice.server.TestServer.asking;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.chunks;
import static io.sluice.server.TestServer.count;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.list;
import static io.sluice.server.TestServer.prompting;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What a prompt's tokens were worth to the model, for each position of the prompt and honestly computed.
class PromptLogprobsTest {

    @AutoClose
    private final TestServer server = TestServer.start();

    @Test
    void each_token_of_a_prompt_has_its_probability_but_the_first() throws Exception {
        Map<String, Object> answer = completion("\"prompt\":\"Hello\",\"max_tokens\":2,\"prompt_logprobs\":2");
        List<?> prompt = list(answer, "choices.0.prompt_logprobs");
        assertThat(prompt).hasSize(5);
        assertThat(at(answer, "choices.0.prompt_logprobs.0")).isIn(null, java.util.Optional.empty());
        assertThat(at(answer, "choices.0.prompt_logprobs.1"))
                .isEqualTo(Map.of(
                        "101", Map.of("logprob", -1.25, "rank", 2L, "decoded_token", "e"),
                        "97", Map.of("logprob", 0.0, "rank", 1L, "decoded_token", "a"),
                        "98", Map.of("logprob", -1.0, "rank", 2L, "decoded_token", "b")));
        assertThat(at(answer, "choices.0.text")).isEqualTo("He");
    }

    @Test
    void chats_have_them_beside_their_choices() throws Exception {
        Map<String, Object> answer = json(
                server.chat(asking("Hi") + ",\"n\":2,\"prompt_logprobs\":0").body());
        assertThat(list(answer, "prompt_logprobs")).hasSize((int) count(answer, "usage.prompt_tokens"));
        assertThat(list(answer, "choices")).hasSize(2);
        assertThat(answer.toString()).contains("decoded_token");
    }

    @Test
    void every_position_is_computed_also_where_the_cache_has_the_prompt() throws Exception {
        String prompt = "y".repeat(1500); // several slices
        String fields = "\"prompt\":\"" + prompt + "\",\"max_tokens\":1";
        completion(fields);
        Map<String, Object> plain = completion(fields);
        assertThat(count(plain, "usage.prompt_tokens_details.cached_tokens")).isPositive();
        Map<String, Object> told = completion(fields + ",\"prompt_logprobs\":0");
        assertThat(list(told, "choices.0.prompt_logprobs")).hasSize(1500);
        assertThat(at(told, "choices.0.prompt_logprobs.1499.121.logprob")).isEqualTo(-0.25);
        assertThat(count(told, "usage.prompt_tokens_details.cached_tokens")).isZero();
    }

    @Test
    void an_echo_has_log_probabilities_as_the_rest_has() throws Exception {
        Map<String, Object> answer = completion("\"prompt\":\"Abc\",\"max_tokens\":2,\"echo\":true,\"logprobs\":1");
        assertThat(at(answer, "choices.0.text")).isEqualTo("AbcAb");
        assertThat(list(answer, "choices.0.logprobs.tokens")).isEqualTo(List.of("A", "b", "c", "A", "b"));
        List<?> logprobs = list(answer, "choices.0.logprobs.token_logprobs");
        assertThat(logprobs).hasSize(5);
        assertThat(isNull(logprobs.getFirst())).isTrue();
        assertThat(logprobs.get(1)).isEqualTo(-0.5);
        assertThat(isNull(list(answer, "choices.0.logprobs.top_logprobs").getFirst()))
                .isTrue();
        assertThat(at(answer, "choices.0.logprobs.top_logprobs.1")).isEqualTo(Map.of("a", 0.0));
        assertThat(list(answer, "choices.0.logprobs.text_offset")).isEqualTo(List.of(0L, 1L, 2L, 3L, 4L));
        assertThat(answer.toString()).doesNotContain("prompt_logprobs");
    }

    @Test
    void a_stream_begins_with_the_echo_and_its_log_probabilities() throws Exception {
        String fields = "\"prompt\":[\"Abc\",\"Zürich\"],\"max_tokens\":4,\"echo\":true,\"logprobs\":1";
        Map<String, Object> whole = completion(fields);
        List<Map<String, Object>> chunks = chunks(server.post("/v1/completions", "{" + fields + ",\"stream\":true}")
                .body());
        for (int choice = 0; choice < 2; choice++) {
            StringBuilder text = new StringBuilder();
            List<Object> tokens = new ArrayList<>();
            List<Object> logprobs = new ArrayList<>();
            List<Object> offsets = new ArrayList<>();
            for (Map<String, Object> chunk : chunks) {
                if (count(chunk, "choices.0.index") != choice) continue;
                text.append(at(chunk, "choices.0.text"));
                if (at(chunk, "choices.0.logprobs") == null) continue;
                tokens.addAll(list(chunk, "choices.0.logprobs.tokens"));
                logprobs.addAll(list(chunk, "choices.0.logprobs.token_logprobs"));
                offsets.addAll(list(chunk, "choices.0.logprobs.text_offset"));
            }
            String path = "choices." + choice + ".";
            assertThat(text.toString()).isEqualTo(at(whole, path + "text"));
            assertThat(tokens).isEqualTo(list(whole, path + "logprobs.tokens"));
            assertThat(logprobs).isEqualTo(list(whole, path + "logprobs.token_logprobs"));
            assertThat(offsets).isEqualTo(list(whole, path + "logprobs.text_offset"));
        }
    }

    @Test
    void a_stream_that_is_resumed_has_the_echo_once() throws Exception {
        String body = "{\"prompt\":\"Abc\",\"max_tokens\":4,\"echo\":true,\"logprobs\":0,\"stream\":true}";
        var first = server.client.send(
                HttpRequest.newBuilder(server.uri("/v1/completions"))
                        .header("x-sluice-resumable", "true")
                        .POST(HttpRequest.BodyPublishers.ofString(body))
                        .build(),
                HttpResponse.BodyHandlers.ofString());
        String path =
                "/v1/streams/" + first.headers().firstValue("x-sluice-stream").orElseThrow();
        List<Event> events = Event.parse(first.body());
        for (int cut = 0; cut < events.size() - 1; cut++) {
            var rest = server.client.send(
                    HttpRequest.newBuilder(server.uri(path))
                            .header("Last-Event-ID", events.get(cut).id())
                            .build(),
                    HttpResponse.BodyHandlers.ofString());
            StringBuilder text = new StringBuilder();
            for (Event event : events.subList(0, cut + 1)) text.append(at(event.json(), "choices.0.text"));
            for (Map<String, Object> chunk : chunks(rest.body())) text.append(at(chunk, "choices.0.text"));
            assertThat(text.toString()).as("cut behind event %d", cut).isEqualTo("AbcAbcA");
        }
    }

    @Test
    void a_prompt_alone_is_told_where_no_token_is_wanted() throws Exception {
        Map<String, Object> answer =
                completion("\"prompt\":[\"Abc\",\"de\"],\"max_tokens\":0,\"echo\":true,\"logprobs\":0,\"n\":2");
        List<Object> texts = new ArrayList<>();
        for (Object choice : list(answer, "choices")) texts.add(((Map<?, ?>) choice).get("text"));
        assertThat(texts).isEqualTo(Arrays.asList("Abc", "Abc", "de", "de"));
        assertThat(list(answer, "choices.1.logprobs.tokens")).isEqualTo(List.of("A", "b", "c"));
        assertThat(at(answer, "choices.3.finish_reason")).isEqualTo("length");
        assertThat(count(answer, "usage.completion_tokens")).isZero();
        assertThat(count(answer, "usage.prompt_tokens")).isEqualTo(5);
    }

    @Test
    void a_prompt_of_one_token_has_nothing_to_tell() throws Exception {
        Map<String, Object> answer = completion("\"prompt\":[65],\"max_tokens\":1,\"prompt_logprobs\":3");
        assertThat(list(answer, "choices.0.prompt_logprobs")).hasSize(1);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"prompt_logprobs\":21 | prompt_logprobs",
                "\"prompt_logprobs\":-1 | prompt_logprobs",
                "\"prompt_logprobs\":true | prompt_logprobs",
                "\"prompt_logprobs\":1,\"stream\":true | prompt_logprobs",
                "\"max_tokens\":0 | max_tokens",
            })
    void nonsense_is_named(String fields, String parameter) throws Exception {
        var response = server.post("/v1/completions", "{" + prompting("x") + "," + fields + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(at(json(response.body()), "error.param")).isEqualTo(parameter);
    }

    private static boolean isNull(Object value) {
        return value.equals(java.util.Optional.empty()); // what a null in a list is read as
    }

    private Map<String, Object> completion(String fields) throws Exception {
        var response = server.post("/v1/completions", "{" + fields + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return json(response.body());
    }
}
