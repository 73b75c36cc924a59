package io.sluice.server;

import static io.sluice.server.TestServer.asking;
import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.chunks;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.list;
import static io.sluice.server.TestServer.prompting;
import static io.sluice.server.TestServer.text;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// The fake model wants to say what its prompt tells it; where it may not, it takes the next token that it may.
class StructuredOutputTest {
    private static final String PERSON = "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},"
            + "\"age\":{\"type\":\"integer\"}},\"required\":[\"name\",\"age\"],\"additionalProperties\":false}";
    private static final String ANN = "{\\\"name\\\": \\\"Ann\\\", \\\"age\\\": 41}";
    private static final String ANN_JSON = "{\"name\": \"Ann\", \"age\": 41}";

    @AutoClose
    private final TestServer server = TestServer.start();

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"person\",\"strict\":true,\"schema\":%s}}",
                "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"person\",\"strict\":null,\"schema\":%s}}",
                "\"response_format\":{\"type\":\"json_object\",\"schema\":%s}",
                "\"structured_outputs\":{\"json\":%s}",
                "\"guided_json\":%s",
                "\"json_schema\":%s"
            })
    void a_schema_is_followed_whatever_field_it_comes_in(String field) throws Exception {
        assertThat(content("Sure! Here she is." + "\\\"".repeat(40), field.formatted(PERSON)))
                .matches("\\{\"name\": ?\"[^\"]*\", ?\"age\": ?-?\\d+}");
        assertThat(content(ANN, field.formatted(PERSON))).isEqualTo(ANN_JSON);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"structured_outputs\":{\"regex\":\"[a-c]{3}\"}",
                "\"guided_regex\":\"[a-c]{3}\"",
                "\"structured_outputs\":{\"choice\":[\"abc\",\"xyz\"]}",
                "\"guided_choice\":[\"abc\",\"xyz\"]",
                "\"structured_outputs\":{\"grammar\":\"root ::= [a-c] rest\\nrest ::= \\\"bc\\\"\"}",
                "\"guided_grammar\":\"root ::= [a-c] rest\\nrest ::= \\\"bc\\\"\"",
                "\"grammar\":\"root ::= [a-c] rest\\nrest ::= \\\"bc\\\"\""
            })
    void expressions_choices_and_grammars_are_followed(String field) throws Exception {
        assertThat(content("abcdef", field)).isEqualTo("abc");
    }

    @Test
    void json_mode_gives_an_object() throws Exception {
        assertThat(content("[1]", "\"response_format\":{\"type\":\"json_object\"}"))
                .isEqualTo("{}");
        assertThat(content("{\\\"a\\\":[1, null]} and so on", "\"response_format\":{\"type\":\"json_object\"}"))
                .isEqualTo("{\"a\":[1, null]}");
    }

    @Test
    void text_asks_for_nothing() throws Exception {
        assertThat(content("Hello", "\"response_format\":{\"type\":\"text\"}")).isEqualTo("Hello");
        assertThat(content("Hello", "\"grammar\":\"\"")).isEqualTo("Hello");
    }

    @Test
    void a_null_in_a_schema_is_a_value() throws Exception {
        assertThat(content("x", "\"guided_json\":{\"const\":null}")).isEqualTo("null");
        assertThat(content("x", "\"guided_json\":{\"enum\":[null]}")).isEqualTo("null");
    }

    @Test
    void completions_have_it_too_for_every_choice() throws Exception {
        var response = server.post(
                "/v1/completions", "{" + prompting(ANN) + ",\"n\":3,\"logprobs\":1,\"guided_json\":" + PERSON + "}");
        for (Object choice : list(json(response.body()), "choices")) {
            assertThat(((Map<?, ?>) choice).get("text")).isEqualTo(ANN_JSON);
            assertThat(((Map<?, ?>) choice).get("finish_reason")).isEqualTo("stop");
        }
        assertThat(list(json(response.body()), "choices")).hasSize(3);
    }

    @Test
    void a_stream_is_followed_piece_by_piece() throws Exception {
        List<Map<String, Object>> chunks =
                chunks(server.chat(asking(ANN) + ",\"stream\":true,\"guided_json\":" + PERSON)
                        .body());
        assertThat(text(chunks, 0)).isEqualTo(ANN_JSON);
        assertThat(at(chunks.getLast(), "choices.0.finish_reason")).isEqualTo("stop");
    }

    @Test
    void an_answer_that_is_cut_off_says_so() throws Exception {
        var answer = json(server.chat(asking(ANN) + ",\"max_tokens\":5,\"guided_json\":" + PERSON)
                .body());
        assertThat(at(answer, "choices.0.message.content")).isEqualTo(ANN_JSON.substring(0, 5));
        assertThat(at(answer, "choices.0.finish_reason")).isEqualTo("length");
    }

    @Test
    void an_answer_that_is_over_ends_whatever_the_request_says_of_ends() throws Exception {
        for (String field : List.of("\"ignore_eos\":true", "\"min_tokens\":100", "\"stop_token_ids\":[100]")) {
            var answer = json(server.chat(asking("abc") + "," + field + ",\"guided_regex\":\"[a-c]{3}\"")
                    .body());
            assertThat(at(answer, "choices.0.message.content")).as(field).isEqualTo("abc");
            assertThat(at(answer, "choices.0.finish_reason")).isEqualTo("stop");
        }
    }

    @Test
    void a_stop_token_cannot_come_before_the_answer_is_complete() throws Exception {
        assertThat(content("abc", "\"stop_token_ids\":[97],\"guided_regex\":\"[a-c]{3}\""))
                .isEqualTo("bbc");
    }

    @Test
    void an_answer_may_end_where_it_is_complete_and_goes_on_if_the_model_does() throws Exception {
        assertThat(content("ab", "\"guided_regex\":\"[a-c]*\"")).isEqualTo("ab");
        assertThat(content("abcabc", "\"guided_regex\":\"[a-c]*\"")).isEqualTo("abcabc");
    }

    @Test
    void a_stop_string_still_stops() throws Exception {
        assertThat(content(ANN, "\"stop\":[\"nn\"],\"guided_json\":" + PERSON)).isEqualTo("{\"name\": \"A");
    }

    @Test
    void what_the_schema_cannot_have_is_named() throws Exception {
        var response = server.chat(asking("x") + ",\"guided_json\":{\"type\":\"array\",\"contains\":{}}");
        assertThat(response.statusCode()).isEqualTo(400);
        assertThat((String) at(json(response.body()), "error.message"))
                .contains("guided_json")
                .contains("\"contains\" is not supported");
    }

    private String content(String wanted, String field) throws Exception {
        var response = server.chat(asking(wanted) + "," + field);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return Objects.requireNonNull((String) at(json(response.body()), "choices.0.message.content"));
    }
}
