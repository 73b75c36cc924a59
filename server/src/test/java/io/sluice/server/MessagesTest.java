package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.list;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.output.OutputFormat;
import io.sluice.server.output.ToolFormat;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// Anthropic's Messages API.
class MessagesTest {
    private static final String TOOLS =
            ",\"tools\":[{\"name\":\"weather\",\"description\":\"of a city\",\"input_schema\":{\"type\":\"object\"}}]";
    private static final String CALL =
            "<tool_call>{\\\"name\\\":\\\"weather\\\",\\\"arguments\\\":{\\\"city\\\":\\\"Rome\\\"}}</tool_call>";

    @AutoClose
    private final TestServer server =
            TestServer.start(TestServer.Options.usual().withFormat(new OutputFormat(ToolFormat.HERMES, true, true)));

    @Test
    void a_whole_answer_has_every_field_that_clients_read() throws Exception {
        Map<String, Object> answer = json(ok(saying("Hello!")));
        assertThat((String) at(answer, "id")).startsWith("msg_");
        assertThat(answer)
                .containsEntry("type", "message")
                .containsEntry("role", "assistant")
                .containsEntry("model", TestServer.MODEL)
                .containsEntry("stop_reason", "end_turn");
        assertThat(list(answer, "content")).hasToString("[{type=text, text=Hello!}]");
        assertThat(at(answer, "usage.input_tokens")).isEqualTo(17L);
        assertThat(at(answer, "usage.output_tokens")).isEqualTo(7L);
    }

    @Test
    void a_stream_begins_and_ends_each_block() throws Exception {
        List<Event> events = Event.parse(ok(saying("<think>Hm.</think>Wait." + CALL) + TOOLS + ",\"stream\":true"));
        assertThat(events).allMatch(event -> event.type().equals(event.json().get("type")));
        assertThat(distinct(events))
                .containsExactly(
                        "message_start",
                        "content_block_start",
                        "content_block_delta",
                        "content_block_stop",
                        "content_block_start",
                        "content_block_delta",
                        "content_block_stop",
                        "content_block_start",
                        "content_block_delta",
                        "content_block_stop",
                        "message_delta",
                        "message_stop");
        List<Map<String, Object>> starts = events.stream()
                .filter(event -> event.type().equals("content_block_start"))
                .map(Event::json)
                .toList();
        assertThat(starts)
                .extracting(start -> at(start, "content_block.type"))
                .containsExactly("thinking", "text", "tool_use");
        assertThat(starts).extracting(start -> start.get("index")).containsExactly(0L, 1L, 2L);
        assertThat(at(starts.getLast(), "content_block.name")).isEqualTo("weather");
        assertThat(deltas(events, "thinking")).isEqualTo("Hm.");
        assertThat(deltas(events, "text")).isEqualTo("Wait.");
        assertThat(deltas(events, "partial_json")).isEqualTo("{\"city\":\"Rome\"}");
        assertThat(at(events.getFirst().json(), "message.usage.input_tokens")).isNotNull();
        Map<String, Object> end = events.get(events.size() - 2).json();
        assertThat(at(end, "delta.stop_reason")).isEqualTo("tool_use");
        assertThat((Long) at(end, "usage.output_tokens")).isPositive();
    }

    @Test
    void a_call_is_a_block_with_its_input_as_an_object() throws Exception {
        Map<String, Object> answer = json(ok(saying(CALL) + TOOLS));
        assertThat(at(answer, "content.0.type")).isEqualTo("tool_use");
        assertThat(at(answer, "content.0.input")).isEqualTo(Map.of("city", "Rome"));
        assertThat(at(answer, "stop_reason")).isEqualTo("tool_use");
    }

    @Test
    void a_stop_sequence_is_told() throws Exception {
        Map<String, Object> answer = json(ok(saying("abcdef") + ",\"stop_sequences\":[\"cd\"]"));
        assertThat(at(answer, "content.0.text")).isEqualTo("ab");
        assertThat(answer).containsEntry("stop_reason", "stop_sequence").containsEntry("stop_sequence", "cd");
    }

    @Test
    void the_limit_is_told() throws Exception {
        assertThat(json(ok("\"max_tokens\":2," + saying("abcdef").replace("\"max_tokens\":100,", ""))))
                .containsEntry("stop_reason", "max_tokens");
    }

    @Test
    void a_conversation_with_tools_is_rendered_like_any_other() throws Exception {
        String body = "\"system\":[{\"type\":\"text\",\"text\":\"Be brief.\"}],\"messages\":["
                + "{\"role\":\"user\",\"content\":\"a\"},"
                + "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"b\"},"
                + "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"weather\",\"input\":{\"city\":\"Rome\"}}]},"
                + "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t1\","
                + "\"content\":[{\"type\":\"text\",\"text\":\"sunny\"}]},{\"type\":\"text\",\"text\":\"→x\"}]}]";
        long expected = ("[tools][{function={name=weather, description=of a city, parameters={type=object}}, "
                        + "type=function}][system]Be brief.[user]a[assistant]b[calls][{function={name=weather, "
                        + "arguments={city=Rome}}, id=t1, type=function}][tool]sunny[user]→x")
                .length();
        assertThat(count(body + TOOLS)).isEqualTo(expected);
        assertThat(at(json(ok("\"max_tokens\":9," + body + TOOLS)), "usage.input_tokens"))
                .isEqualTo(expected);
    }

    @Test
    void an_answer_goes_on_with_what_it_is_said_to_begin_with() throws Exception {
        String body =
                "\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"Once\"}]";
        assertThat(count(body)).isEqualTo("[user]a[assistant]Once".length());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"messages\":[{\"role\":\"user\",\"content\":\"a\"}] | max_tokens",
                "\"max_tokens\":5 | messages",
                "\"max_tokens\":5,\"messages\":[{\"role\":\"system\",\"content\":\"a\"}] | messages[0].role",
                "\"max_tokens\":5,\"messages\":[{\"role\":\"user\"}] | messages[0].content",
                "\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}] | messages[0].content[0].type",
                "\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"tools\":[{\"type\":\"bash_20250124\",\"name\":\"bash\"}] | tools[0].type",
                "\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"tools\":[{\"name\":\"x\"}],\"tool_choice\":{\"type\":\"tool\",\"name\":\"y\"} | tool_choice",
                "\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"temperature\":9 | temperature",
            })
    void nonsense_is_told_in_this_apis_shape(String fields, String parameter) throws Exception {
        var response = server.post("/v1/messages", "{" + fields + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        Map<String, Object> error = json(response.body());
        assertThat(error).containsEntry("type", "error").containsKey("request_id");
        assertThat(at(error, "error.type")).isEqualTo("invalid_request_error");
        assertThat(at(error, "error.param")).isEqualTo(parameter);
    }

    @Test
    void an_unknown_model_is_not_found_in_this_apis_shape() throws Exception {
        var response = server.post("/v1/messages", "{\"model\":\"claude\"," + saying("x") + "}");
        assertThat(response.statusCode()).isEqualTo(404);
        assertThat(at(json(response.body()), "error.type")).isEqualTo("not_found_error");
    }

    @Test
    void a_stream_that_fails_ends_with_an_error_event() throws Exception {
        server.gate.close();
        String fields = saying("abcdef") + ",\"stream\":true";
        var sent = server.client.sendAsync(
                server.request("/v1/messages", "{" + fields + "}"), HttpResponse.BodyHandlers.ofInputStream());
        server.gate.allow(3);
        var answer = sent.get(); // its first event is there
        assertThat(answer.statusCode()).isEqualTo(200);
        server.gate.breakDevice();
        List<Event> events = Event.parse(new String(answer.body().readAllBytes(), StandardCharsets.UTF_8));
        assertThat(events.getFirst().type()).isEqualTo("message_start");
        assertThat(events.getLast().type()).isEqualTo("error");
        assertThat(at(events.getLast().json(), "error.type")).isEqualTo("overloaded_error");
        assertThat(at(events.getLast().json(), "error.code")).isEqualTo("device_lost");
    }

    private long count(String fields) throws Exception {
        var response = server.post("/v1/messages/count_tokens", "{" + fields + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return at(json(response.body()), "input_tokens") instanceof Long count ? count : -1;
    }

    private String ok(String fields) throws Exception {
        var response = server.post("/v1/messages", "{" + fields + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return response.body();
    }

    private static String saying(String answer) {
        return "\"max_tokens\":100," + TestServer.asking(answer);
    }

    private static List<String> distinct(List<Event> events) {
        List<String> types = new ArrayList<>();
        for (Event event : events) {
            if (types.isEmpty() || !types.getLast().equals(event.type())) types.add(event.type());
        }
        return types;
    }

    private static String deltas(List<Event> events, String field) {
        StringBuilder text = new StringBuilder();
        for (Event event : events) {
            if (event.json().get("delta") instanceof Map<?, ?> delta && delta.get(field) instanceof String more) {
                text.append(more);
            }
        }
        return text.toString();
    }
}
