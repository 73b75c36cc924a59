package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.chatBody;
import static io.sluice.server.TestServer.chunks;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.list;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.output.OutputFormat;
import io.sluice.server.output.ToolFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Tools are offered, called and answered; reasoning is told apart.
class ToolCallsTest {
    private static final String TOOLS =
            ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"weather\",\"description\":\"of a city\","
                    + "\"parameters\":{\"type\":\"object\",\"properties\":{\"city\":{\"enum\":[\"Rome\",null]}}}}}]";
    private static final String CALL =
            "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}\n</tool_call>";

    @AutoClose
    private final TestServer server =
            TestServer.start(TestServer.Options.usual().withFormat(new OutputFormat(ToolFormat.HERMES, true, true)));

    @Test
    void a_call_is_an_answer_of_its_own_kind() throws Exception {
        Map<String, Object> answer = json(chat(saying(CALL) + TOOLS));
        assertThat(at(answer, "choices.0.finish_reason")).isEqualTo("tool_calls");
        assertThat(at(answer, "choices.0.message.tool_calls.0.type")).isEqualTo("function");
        assertThat((String) at(answer, "choices.0.message.tool_calls.0.id")).startsWith("call_");
        assertThat(at(answer, "choices.0.message.tool_calls.0.function"))
                .isEqualTo(Map.of("name", "weather", "arguments", "{\"city\": \"Rome\"}"));
        assertThat(answer.toString()).doesNotContain("<tool_call>");
        assertThat(at(answer, "choices.0.message.content")).isNull();
    }

    @Test
    void arguments_come_piece_by_piece() throws Exception {
        List<Map<String, Object>> chunks = chunks(chat(saying("Wait." + CALL + CALL) + TOOLS + ",\"stream\":true"));
        Streamed streamed = Streamed.of(chunks);
        assertThat(streamed.content).isEqualTo("Wait.");
        assertThat(streamed.names).containsExactly("weather", "weather");
        assertThat(streamed.arguments).containsExactly("{\"city\": \"Rome\"}", "{\"city\": \"Rome\"}");
        assertThat(streamed.ids).doesNotHaveDuplicates();
        assertThat(at(chunks.getLast(), "choices.0.finish_reason")).isEqualTo("tool_calls");
    }

    @Test
    void a_slow_model_shows_what_it_has_written() throws Exception {
        // The fake ends where the script does: in the middle of a call.
        String half = "<tool_call>{\"name\": \"weather\", \"arguments\": {\"ci";
        Streamed streamed = Streamed.of(chunks(chat(saying(half) + TOOLS + ",\"stream\":true")));
        assertThat(streamed.arguments).containsExactly("{\"ci");
    }

    @Test
    void a_call_that_the_limit_cuts_off_ended_for_its_length() throws Exception {
        Map<String, Object> answer = json(chat(saying(CALL) + TOOLS + ",\"max_tokens\":50"));
        assertThat(at(answer, "choices.0.finish_reason")).isEqualTo("length");
    }

    @Test
    void one_call_ends_the_answer_where_more_are_not_wanted() throws Exception {
        Map<String, Object> answer = json(chat(saying(CALL + CALL) + TOOLS + ",\"parallel_tool_calls\":false"));
        assertThat(list(answer, "choices.0.message.tool_calls")).hasSize(1);
        assertThat(at(answer, "choices.0.finish_reason")).isEqualTo("tool_calls");
        assertThat((Long) at(answer, "usage.completion_tokens")).isLessThan(2L * CALL.length() - 15);
    }

    @Test
    void without_tools_or_with_none_wanted_a_call_is_text() throws Exception {
        for (String fields : List.of("", TOOLS + ",\"tool_choice\":\"none\"")) {
            Map<String, Object> answer = json(chat(saying(CALL) + fields));
            assertThat(at(answer, "choices.0.message.content")).isEqualTo(CALL);
            assertThat(at(answer, "choices.0.finish_reason")).isEqualTo("stop");
        }
        assertThat(prompt(saying("x") + TOOLS + ",\"tool_choice\":\"none\"")).doesNotContain("[tools]");
    }

    @Test
    void the_template_gets_the_tools_and_the_calls_with_their_arguments_as_objects() throws Exception {
        String messages = "\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
                + "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
                + "\"function\":{\"name\":\"weather\",\"arguments\":\"{\\\"city\\\":\\\"Rome\\\"}\"}}]},"
                + "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"sunny\"}]";
        assertThat(prompt(messages + TOOLS))
                .startsWith("[tools][{type=function, function={name=weather, description=of a city")
                .contains("[calls][{id=c1, type=function, function={name=weather, arguments={city=Rome}}}]")
                .endsWith("[tool]sunny");
    }

    @Test
    void a_stream_that_is_resumed_goes_on_in_the_middle_of_a_call() throws Exception {
        String body = chatBody(saying(CALL) + TOOLS + ",\"stream\":true");
        var whole = server.client.send(
                java.net.http.HttpRequest.newBuilder(server.uri("/v1/chat/completions"))
                        .header("x-sluice-resumable", "true")
                        .POST(java.net.http.HttpRequest.BodyPublishers.ofString(body))
                        .build(),
                java.net.http.HttpResponse.BodyHandlers.ofString());
        String path =
                "/v1/streams/" + whole.headers().firstValue("x-sluice-stream").orElseThrow();
        List<Event> events = Event.parse(whole.body());
        Streamed expected = Streamed.of(chunks(whole.body()));
        for (int cut = 1; cut < events.size() - 1; cut++) {
            var rest = server.client.send(
                    java.net.http.HttpRequest.newBuilder(server.uri(path))
                            .header("Last-Event-ID", events.get(cut).id())
                            .build(),
                    java.net.http.HttpResponse.BodyHandlers.ofString());
            List<Map<String, Object>> both = new ArrayList<>();
            for (Event event : events.subList(0, cut + 1)) both.add(event.json());
            both.addAll(chunks(rest.body()));
            Streamed streamed = Streamed.of(both);
            assertThat(streamed.arguments).as("cut behind event %d", cut).isEqualTo(expected.arguments);
            assertThat(streamed.ids).isEqualTo(expected.ids);
            assertThat(at(both.getLast(), "choices.0.finish_reason")).isEqualTo("tool_calls");
        }
    }

    @Test
    void reasoning_has_a_field_of_its_own() throws Exception {
        String thought = "<think>\nHm.\n</think>\n\nFour.";
        Map<String, Object> answer = json(chat(saying(thought)));
        assertThat(at(answer, "choices.0.message.reasoning_content")).isEqualTo("Hm.");
        assertThat(at(answer, "choices.0.message.content")).isEqualTo("Four.");
        // A token is a byte here: from the one that completes the opening marker to the end of the closing one.
        assertThat(at(answer, "usage.completion_tokens_details.reasoning_tokens"))
                .isEqualTo((long) ">\nHm.\n</think>".length());
        Streamed streamed = Streamed.of(chunks(chat(saying(thought) + ",\"stream\":true")));
        assertThat(streamed.reasoning).isEqualTo("Hm.");
        assertThat(streamed.content).isEqualTo("Four.");
    }

    @Test
    void a_prompt_can_have_begun_the_reasoning() throws Exception {
        // The script is the prompt's end, so the answer ends as the prompt does.
        Map<String, Object> answer = json(chat(saying("Hm.</think>Four.<think>")));
        assertThat(at(answer, "choices.0.message.reasoning_content")).isEqualTo("Hm.");
        assertThat(at(answer, "choices.0.message.content")).isEqualTo("Four.<think>");
    }

    @Test
    void reasoning_can_be_left_out_or_left_in() throws Exception {
        String thought = "<think>Hm.</think>Four.";
        assertThat(chat(saying(thought) + ",\"include_reasoning\":false"))
                .doesNotContain("Hm.")
                .contains("Four.");
        assertThat(at(json(chat(saying(thought) + ",\"separate_reasoning\":false")), "choices.0.message.content"))
                .isEqualTo(thought);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"tools\":7 | tools",
                "\"tools\":[7] | tools[0]",
                "\"tools\":[{\"type\":\"web_search\"}] | tools[0].type",
                "\"tools\":[{\"type\":\"function\"}] | tools[0].function",
                "\"tools\":[{\"type\":\"function\",\"function\":{}}] | tools[0].function.name",
                "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"parameters\":[]}}] | tools[0].function.parameters",
                "\"tool_choice\":\"required\" | tool_choice",
                "\"tool_choice\":\"maybe\" | tool_choice",
                "\"tool_choice\":{\"type\":\"function\"} | tool_choice",
                "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\",\"strict\":1}}] | tools[0].function.strict",
                "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\"}}],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"b\"}} | tool_choice",
                "\"parallel_tool_calls\":1,\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"a\"}}] | parallel_tool_calls",
                "\"functions\":[{}] | functions",
            })
    void what_is_no_tool_is_named(String fields, String parameter) throws Exception {
        var response = server.chat(saying("x") + "," + fields);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(at(json(response.body()), "error.param")).isEqualTo(parameter);
    }

    @Test
    void where_calls_are_not_looked_for_tools_are_refused() throws Exception {
        try (TestServer plain = TestServer.start()) {
            var response = plain.chat(saying("x") + TOOLS);
            assertThat(response.statusCode()).isEqualTo(400);
            assertThat(at(json(response.body()), "error.param")).isEqualTo("tools");
            assertThat(plain.chat(saying("x") + TOOLS + ",\"tool_choice\":\"none\"")
                            .statusCode())
                    .isEqualTo(200);
        }
    }

    @Test
    void a_template_that_knows_no_tools_is_told_in_words() throws Exception {
        try (TestServer plain = TestServer.start(
                TestServer.Options.usual().withFormat(new OutputFormat(ToolFormat.JSON, false, false)))) {
            String messages = "\"messages\":[{\"role\":\"user\",\"content\":\"a\"},"
                    + "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c1\",\"type\":\"function\","
                    + "\"function\":{\"name\":\"weather\",\"arguments\":\"{}\"}}]},"
                    + "{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"sunny\"}]";
            String prompt = (String) at(
                    json(plain.post("/v1/chat/completions/render", chatBody(messages + TOOLS))
                            .body()),
                    "prompt");
            assertThat(prompt)
                    .startsWith("[system]You may call these tools:\n{\"name\":\"weather\"")
                    .contains("[\"Rome\",null]")
                    .contains("[assistant]{\"name\":\"weather\",\"arguments\":{}}")
                    .endsWith("[user]Result of weather: sunny");
            Map<String, Object> answer =
                    json(plain.chat(saying("{\"name\":\"weather\",\"arguments\":{\"city\":\"Rome\"}}") + TOOLS)
                            .body());
            assertThat(at(answer, "choices.0.message.tool_calls.0.function.arguments"))
                    .isEqualTo("{\"city\":\"Rome\"}");
        }
    }

    private String prompt(String fields) throws Exception {
        var rendered = json(
                server.post("/v1/chat/completions/render", chatBody(fields)).body());
        return String.valueOf(rendered.get("prompt"));
    }

    private String chat(String fields) throws Exception {
        var response = server.chat(fields);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return response.body();
    }

    /// The messages of a conversation to which the model answers with exactly this.
    private static String saying(String answer) {
        return TestServer.asking(answer.replace("\"", "\\\"").replace("\n", "\\n"));
    }

    /// What a client keeps of a stream.
    private static final class Streamed {
        private String content = "";
        private String reasoning = "";
        private final List<String> ids = new ArrayList<>();
        private final List<String> names = new ArrayList<>();
        private final List<String> arguments = new ArrayList<>();

        private static Streamed of(List<Map<String, Object>> chunks) {
            Streamed sum = new Streamed();
            for (Map<String, Object> chunk : chunks) {
                if (at(chunk, "choices.0.delta") instanceof Map<?, ?> delta) sum.add(delta);
            }
            return sum;
        }

        private void add(Map<?, ?> delta) {
            if (delta.get("content") instanceof String text) content += text;
            if (delta.get("reasoning_content") instanceof String text) reasoning += text;
            if (!(delta.get("tool_calls") instanceof List<?> calls)) return;
            for (Object one : calls) {
                if (!(one instanceof Map<?, ?> call) || !(call.get("function") instanceof Map<?, ?> function)) {
                    throw new AssertionError("no call: " + one);
                }
                if (call.get("id") instanceof String id) {
                    assertThat(call.get("index")).isEqualTo((long) ids.size());
                    ids.add(id);
                    names.add(String.valueOf(function.get("name")));
                    arguments.add("");
                }
                int index = Integer.parseInt(String.valueOf(call.get("index")));
                arguments.set(index, arguments.get(index) + function.get("arguments"));
            }
        }
    }
}
