package io.sluice.server;

import static io.sluice.server.TestServer.asking;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.chunks;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.list;
import static io.sluice.server.TestServer.prompting;
import static io.sluice.server.TestServer.text;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

class CompletionsTest {
    @AutoClose
    private final TestServer server = TestServer.start();

    @Test
    void a_whole_completion_has_every_field_that_clients_read() throws Exception {
        var answer = complete(prompting("Hello") + ",\"model\":\"alias\"");
        assertThat((String) at(answer, "id")).startsWith("cmpl-");
        assertThat(at(answer, "object")).isEqualTo("text_completion");
        assertThat(at(answer, "model")).isEqualTo("alias");
        assertThat(at(answer, "choices.0.text")).isEqualTo("Hello");
        assertThat(at(answer, "choices.0.finish_reason")).isEqualTo("stop");
        assertThat(at(answer, "usage.total_tokens")).isEqualTo(10L + 6);
    }

    @Test
    void a_stream_of_text_ends_with_an_empty_chunk_that_says_why() throws Exception {
        List<Map<String, Object>> chunks =
                chunks(server.post("/v1/completions", "{" + prompting("Hi") + ",\"stream\":true}")
                        .body());
        assertThat(text(chunks, 0)).isEqualTo("Hi");
        assertThat(at(chunks.getLast(), "choices.0.text")).isEqualTo("");
        assertThat(at(chunks.getLast(), "choices.0.finish_reason")).isEqualTo("stop");
    }

    @Test
    void more_prompts_than_may_wait_are_refused_for_good() throws Exception {
        try (TestServer small = TestServer.start(TestServer.Options.usual().withWaitingMax(2))) {
            var response = small.post("/v1/completions", "{\"prompt\":[\"a\",\"b\",\"c\"]}");
            assertThat(response.statusCode()).isEqualTo(400);
            assertThat(response.body())
                    .contains("\"param\":\"prompt\"")
                    .contains("3 prompts")
                    .contains("at most 2");
        }
    }

    @Test
    void several_prompts_make_several_choices_in_their_order() throws Exception {
        var answer = complete("\"prompt\":[\"→one\",\"→two\"],\"n\":2");
        assertThat(values(answer, "text")).containsExactly("one", "one", "two", "two");
        assertThat(values(answer, "index")).containsExactly(0L, 1L, 2L, 3L);
        assertThat(at(answer, "usage.prompt_tokens")).isEqualTo(8L);
        assertThat(at(answer, "usage.completion_tokens")).isEqualTo(16L);
    }

    @Test
    void a_prompt_of_token_ids_is_taken_as_it_stands() throws Exception {
        assertThat(at(complete("\"prompt\":[256,72,105]"), "choices.0.text")).isEqualTo("Hi");
        var two = complete("\"prompt\":[[256,72],[256,105]]");
        assertThat(at(two, "choices.0.text")).isEqualTo("H");
        assertThat(at(two, "choices.1.text")).isEqualTo("i");
    }

    @Test
    void several_chat_choices_begin_in_order_before_any_ends() throws Exception {
        var response = server.chat(asking("abc") + ",\"n\":3,\"stream\":true");
        List<Map<String, Object>> chunks = chunks(response.body());
        for (int i = 0; i < 3; i++) {
            assertThat(at(chunks.get(i), "choices.0.index")).isEqualTo((long) i);
            assertThat(at(chunks.get(i), "choices.0.delta.role")).isEqualTo("assistant");
            assertThat(text(chunks, i)).isEqualTo("abc");
        }
        assertThat(chunks.stream().filter(chunk -> at(chunk, "choices.0.finish_reason") != null))
                .hasSize(3);
    }

    @Test
    void stop_texts_cut_the_answer_before_them_wherever_tokens_end() throws Exception {
        var answer =
                json(server.chat(asking("one END two") + ",\"stop\":\"END\"").body());
        assertThat(at(answer, "choices.0.message.content")).isEqualTo("one ");
        assertThat(at(answer, "choices.0.finish_reason")).isEqualTo("stop");
        // "one END" is 7 tokens: what the engine computed beyond them is not charged.
        assertThat(at(answer, "usage.completion_tokens")).isEqualTo(7L);

        answer = json(server.chat(asking("fünf 🎉 sechs") + ",\"stop\":[\"x\",\"🎉\"]")
                .body());
        assertThat(at(answer, "choices.0.message.content")).isEqualTo("fünf ");
    }

    @Test
    void no_beginning_of_a_stop_text_leaks_into_a_stream() throws Exception {
        var response = server.chat(asking("aSTOx STOP b") + ",\"stop\":[\"STOP\"],\"stream\":true");
        List<Map<String, Object>> chunks = chunks(response.body());
        assertThat(text(chunks, 0)).isEqualTo("aSTOx ");
    }

    @Test
    void what_only_began_like_a_stop_text_is_shown_at_the_end() throws Exception {
        var answer =
                json(server.chat(asking("abc STO") + ",\"stop\":[\"STOP\"]").body());
        assertThat(at(answer, "choices.0.message.content")).isEqualTo("abc STO");
    }

    @Test
    void before_min_tokens_a_stop_text_is_ordinary_text() throws Exception {
        var answer = json(server.chat(asking("a.b.c") + ",\"stop\":[\".\"],\"min_tokens\":3")
                .body());
        assertThat(at(answer, "choices.0.message.content")).isEqualTo("a.b");
    }

    @Test
    void an_echo_begins_each_choice_with_its_prompt() throws Exception {
        String body = "{\"prompt\":[\"a→x\",\"b→y\"],\"echo\":true,\"n\":2";
        var whole = json(server.post("/v1/completions", body + "}").body());
        List<Map<String, Object>> chunks = chunks(
                server.post("/v1/completions", body + ",\"stream\":true}").body());
        List<String> expected = List.of("a→xx", "a→xx", "b→yy", "b→yy");
        for (int choice = 0; choice < 4; choice++) {
            assertThat(at(whole, "choices." + choice + ".text")).isEqualTo(expected.get(choice));
            assertThat(text(chunks, choice)).isEqualTo(expected.get(choice));
        }
        var tokens = json(server.post("/v1/completions", "{\"prompt\":[72,105,256,33],\"echo\":true}")
                .body());
        assertThat(at(tokens, "choices.0.text")).isEqualTo("Hi!!");
    }

    @Test
    void a_stop_text_is_shown_on_request() throws Exception {
        for (String field : List.of("include_stop_str_in_output", "no_stop_trim")) {
            var answer = json(server.chat(asking("abcdef") + ",\"stop\":\"cd\",\"" + field + "\":true")
                    .body());
            assertThat(at(answer, "choices.0.message.content")).isEqualTo("abcd");
            assertThat(at(answer, "choices.0.finish_reason")).isEqualTo("stop");
        }
    }

    @Test
    void special_tokens_are_shown_on_request() throws Exception {
        String fields = asking("ab") + ",\"ignore_eos\":true,\"max_tokens\":4";
        assertThat(at(json(server.chat(fields).body()), "choices.0.message.content"))
                .isEqualTo("ab");
        assertThat(at(
                        json(server.chat(fields + ",\"skip_special_tokens\":false")
                                .body()),
                        "choices.0.message.content"))
                .isEqualTo("ab<257><257>");
    }

    @Test
    void the_usage_so_far_comes_with_every_chunk_on_request() throws Exception {
        String options = ",\"stream\":true,\"stream_options\":{\"include_usage\":true,\"continuous_usage_stats\":true}";
        List<Map<String, Object>> chunks =
                chunks(server.chat(asking("abc") + options).body());
        assertThat(chunks).allMatch(chunk -> chunk.containsKey("usage"));
        assertThat(at(chunks.getFirst(), "usage.completion_tokens")).isEqualTo(0L);
        assertThat(at(chunks.get(chunks.size() - 2), "usage.completion_tokens")).isEqualTo(3L);
    }

    @Test
    void stop_tokens_end_and_ignored_end_tokens_do_not() throws Exception {
        var stopped =
                json(server.chat(asking("abc") + ",\"stop_token_ids\":[98]").body());
        assertThat(at(stopped, "choices.0.message.content")).isEqualTo("a");
        assertThat(at(stopped, "choices.0.finish_reason")).isEqualTo("stop");
        var ignored = json(server.chat(asking("abc") + ",\"ignore_eos\":true,\"max_tokens\":6")
                .body());
        assertThat(at(ignored, "choices.0.message.content")).isEqualTo("abc");
        assertThat(at(ignored, "choices.0.finish_reason")).isEqualTo("length");
        assertThat(at(ignored, "usage.completion_tokens")).isEqualTo(6L);
    }

    @Test
    void a_missing_limit_is_the_operators_default() throws Exception {
        // Without a script the fake repeats its prompt for ever; the test server's default is 1000.
        var answer = complete("\"prompt\":\"abc\"");
        assertThat(at(answer, "choices.0.finish_reason")).isEqualTo("length");
        assertThat(at(answer, "usage.completion_tokens")).isEqualTo(1000L);
        var last = complete("\"prompt\":\"" + "x".repeat(TestServer.CONTEXT_MAX - 5) + "\"");
        assertThat(at(last, "usage.completion_tokens")).isEqualTo(5L);
    }

    @Test
    void the_newer_limit_wins_over_the_older() throws Exception {
        var answer = json(server.chat(asking("abcdef") + ",\"max_tokens\":5,\"max_completion_tokens\":2")
                .body());
        assertThat(at(answer, "usage.completion_tokens")).isEqualTo(2L);
    }

    @Test
    void chat_logprobs_have_tokens_bytes_and_alternatives() throws Exception {
        var answer = json(server.chat(asking("aé") + ",\"logprobs\":true,\"top_logprobs\":2")
                .body());
        List<?> content = list(answer, "choices.0.logprobs.content");
        assertThat(content).hasSize(3); // a, and the two bytes of é
        assertThat(at(answer, "choices.0.logprobs.content.0.token")).isEqualTo("a");
        assertThat(at(answer, "choices.0.logprobs.content.0.logprob")).isEqualTo(-0.5);
        assertThat(at(answer, "choices.0.logprobs.content.1.bytes")).isEqualTo(List.of(0xC3L));
        assertThat(list(answer, "choices.0.logprobs.content.0.top_logprobs")).hasSize(2);
        assertThat(at(answer, "choices.0.logprobs.content.0.top_logprobs.1.token"))
                .isEqualTo("b");

        List<Map<String, Object>> chunks = chunks(
                server.chat(asking("aé") + ",\"logprobs\":true,\"stream\":true").body());
        long streamed = chunks.stream()
                .filter(chunk -> at(chunk, "choices.0.logprobs") != null)
                .mapToLong(chunk -> list(chunk, "choices.0.logprobs.content").size())
                .sum();
        assertThat(streamed).isEqualTo(3);
        assertThat(at(chunks.getLast(), "choices.0.logprobs")).isNull();
    }

    @Test
    void logprobs_behind_a_stop_text_are_not_shown() throws Exception {
        var answer = json(server.chat(asking("abSTOPc") + ",\"logprobs\":true,\"stop\":\"STOP\"")
                .body());
        assertThat(list(answer, "choices.0.logprobs.content")).hasSize(2);
    }

    @Test
    void completion_logprobs_are_parallel_arrays() throws Exception {
        var answer = complete(prompting("ab") + ",\"logprobs\":2");
        assertThat(at(answer, "choices.0.logprobs.tokens")).isEqualTo(List.of("a", "b"));
        assertThat(at(answer, "choices.0.logprobs.token_logprobs")).isEqualTo(List.of(-0.5, -0.5));
        assertThat(at(answer, "choices.0.logprobs.text_offset")).isEqualTo(List.of(0L, 1L));
        assertThat(at(answer, "choices.0.logprobs.top_logprobs.0")).isEqualTo(Map.of("a", -0.5, "b", -1.5));
        assertThat(list(complete(prompting("ab") + ",\"logprobs\":0"), "choices.0.logprobs.tokens"))
                .hasSize(2);
    }

    @Test
    void text_parts_are_joined_and_developer_is_system() throws Exception {
        var answer = json(server.post(
                        "/v1/chat/completions",
                        "{\"messages\":[{\"role\":\"developer\",\"content\":\"x\"},{\"role\":\"user\",\"content\":"
                                + "[{\"type\":\"text\",\"text\":\"→a\"},{\"type\":\"text\",\"text\":\"b\"}]}]}")
                .body());
        assertThat(at(answer, "choices.0.message.content")).isEqualTo("a\nb");
        // "[system]x[user]→a\nb": had the role stayed developer, there would be three more.
        assertThat(at(answer, "usage.prompt_tokens")).isEqualTo(19L);
    }

    @Test
    void a_prompt_seen_before_is_found_in_the_prefix_cache() throws Exception {
        String prompt = "\"prompt\":\"" + "x".repeat(100) + "→y\"";
        assertThat(at(complete(prompt), "usage.prompt_tokens_details.cached_tokens"))
                .isEqualTo(0L);
        assertThat(at(complete(prompt), "usage.prompt_tokens_details.cached_tokens"))
                .isEqualTo(96L);
    }

    @Test
    void the_models_list_has_every_name() throws Exception {
        var models = json(server.get("/v1/models").body());
        assertThat(at(models, "object")).isEqualTo("list");
        assertThat(at(models, "data.0.id")).isEqualTo(TestServer.MODEL);
        assertThat(at(models, "data.1.id")).isEqualTo("alias");
        assertThat(at(models, "data.1.root")).isEqualTo(TestServer.MODEL);
        assertThat(at(models, "data.0.max_model_len")).isEqualTo((long) TestServer.CONTEXT_MAX);
        assertThat(at(models, "data.0.quantization")).isEqualTo("Q4_K");
        assertThat(at(models, "data.0.context_trained")).isEqualTo(4L * TestServer.CONTEXT_MAX);
        assertThat(at(models, "data.0.vocab_size")).isEqualTo((long) ScriptedRunner.VOCAB_SIZE);
        assertThat(at(json(server.get("/v1/models/alias").body()), "id")).isEqualTo("alias");
    }

    @Test
    void text_is_escaped_for_json() throws Exception {
        var answer = json(server.chat(asking("a\\\"b\\\\c\\nd\\u0001")).body());
        assertThat(at(answer, "choices.0.message.content")).isEqualTo("a\"b\\c\nd\u0001");
    }

    /// One field of all choices.
    private static List<Object> values(Map<String, Object> answer, String field) {
        List<Object> values = new ArrayList<>();
        for (int i = 0; i < list(answer, "choices").size(); i++) {
            values.add(Objects.requireNonNull(at(answer, "choices." + i + "." + field)));
        }
        return values;
    }

    private Map<String, Object> complete(String fields) throws Exception {
        var response = server.post("/v1/completions", "{" + fields + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return json(response.body());
    }
}
