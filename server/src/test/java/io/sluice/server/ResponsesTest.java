package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.list;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.output.OutputFormat;
import io.sluice.server.output.ToolFormat;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// OpenAI's Responses API.
class ResponsesTest {
    private static final String TOOLS =
            ",\"tools\":[{\"type\":\"function\",\"name\":\"weather\",\"parameters\":{\"type\":\"object\"},\"strict\":false}]";
    private static final String CALL =
            "<tool_call>{\\\"name\\\":\\\"weather\\\",\\\"arguments\\\":{\\\"city\\\":\\\"Rome\\\"}}</tool_call>";

    @AutoClose
    private final TestServer server = TestServer.start(
            TestServer.Options.usual().withResponsesMax(3).withFormat(new OutputFormat(ToolFormat.HERMES, true, true)));

    @Test
    void a_whole_response_has_every_field_that_clients_read() throws Exception {
        Map<String, Object> response =
                json(ok("\"input\":\"Say →Hello!\",\"instructions\":\"Be brief.\",\"metadata\":{\"a\":\"b\"}"));
        assertThat((String) at(response, "id")).startsWith("resp_");
        assertThat(response)
                .containsEntry("object", "response")
                .containsEntry("status", "completed")
                .containsEntry("model", TestServer.MODEL)
                .containsEntry("instructions", "Be brief.")
                .containsEntry("store", true)
                .containsEntry("metadata", Map.of("a", "b"))
                .containsEntry("tool_choice", "auto");
        assertThat(at(response, "output.0.type")).isEqualTo("message");
        assertThat(at(response, "output.0.role")).isEqualTo("assistant");
        assertThat(at(response, "output.0.content.0.type")).isEqualTo("output_text");
        assertThat(at(response, "output.0.content.0.text")).isEqualTo("Hello!");
        assertThat(at(response, "usage.input_tokens")).isEqualTo((long) "[system]Be brief.[user]Say →Hello!".length());
        assertThat(at(response, "usage.output_tokens")).isEqualTo(7L);
    }

    @Test
    void a_stream_tells_each_item_from_its_beginning_to_its_end() throws Exception {
        List<Event> events =
                Event.parse(ok("\"stream\":true,\"input\":\"→<think>Hm.</think>Wait." + CALL + "\"" + TOOLS));
        assertThat(events).allMatch(event -> event.type().equals(event.json().get("type")));
        for (int i = 0; i < events.size(); i++) {
            assertThat(events.get(i).json()).containsEntry("sequence_number", (long) i);
        }
        assertThat(types(events))
                .containsExactly(
                        "response.created",
                        "response.in_progress",
                        "response.output_item.added",
                        "response.content_part.added",
                        "response.reasoning_text.delta",
                        "response.reasoning_text.done",
                        "response.content_part.done",
                        "response.output_item.done",
                        "response.output_item.added",
                        "response.content_part.added",
                        "response.output_text.delta",
                        "response.output_text.done",
                        "response.content_part.done",
                        "response.output_item.done",
                        "response.output_item.added",
                        "response.function_call_arguments.delta",
                        "response.function_call_arguments.done",
                        "response.output_item.done",
                        "response.completed");
        Map<String, Object> end = events.getLast().json();
        assertThat(at(end, "response.status")).isEqualTo("completed");
        List<?> done = events.stream()
                .filter(event -> event.type().equals("response.output_item.done"))
                .map(event -> event.json().get("item"))
                .toList();
        assertThat(list(end, "response.output")).isEqualTo(done);
        assertThat(at(end, "response.output.2.arguments")).isEqualTo("{\"city\":\"Rome\"}");
        assertThat(at(end, "response.output.0.content.0.text")).isEqualTo("Hm.");
        assertThat(list(end, "response.output"))
                .extracting(item -> ((Map<?, ?>) item).get("id"))
                .doesNotHaveDuplicates();
    }

    @Test
    void a_stream_comes_to_what_a_whole_response_is() throws Exception {
        String fields = "\"input\":\"→<think>Hm.</think>Wait." + CALL + "\"" + TOOLS;
        Map<String, Object> whole = json(ok(fields));
        Map<String, Object> streamed =
                Event.parse(ok("\"stream\":true," + fields)).getLast().json();
        assertThat(list(streamed, "response.output").toString().replaceAll("\\b(id|call_id)=[a-z0-9_]+", ""))
                .isEqualTo(list(whole, "output").toString().replaceAll("\\b(id|call_id)=[a-z0-9_]+", ""));
    }

    @Test
    void the_limit_makes_a_response_incomplete() throws Exception {
        Map<String, Object> response = json(ok("\"input\":\"→abcdef\",\"max_output_tokens\":2"));
        assertThat(response).containsEntry("status", "incomplete");
        assertThat(at(response, "incomplete_details.reason")).isEqualTo("max_output_tokens");
        assertThat(Event.parse(ok("\"stream\":true,\"input\":\"→abcdef\",\"max_output_tokens\":2"))
                        .getLast()
                        .type())
                .isEqualTo("response.incomplete");
    }

    @Test
    void a_response_follows_another_without_its_instructions() throws Exception {
        Map<String, Object> first = json(ok("\"input\":\"Say →one\",\"instructions\":\"Be brief.\""));
        Map<String, Object> second = json(ok("\"input\":\"Say →two\"," + following(first)));
        assertThat(at(second, "usage.input_tokens"))
                .isEqualTo((long) "[user]Say →one[assistant]one[user]Say →two".length());
        Map<String, Object> third = json(ok("\"input\":\"Say →3\"," + following(second)));
        assertThat(at(third, "usage.input_tokens"))
                .isEqualTo((long) "[user]Say →one[assistant]one[user]Say →two[assistant]two[user]Say →3".length());
        assertThat(json(ok("\"input\":\"Say →x\"," + following(first))).get("previous_response_id"))
                .isEqualTo(first.get("id"));
    }

    @Test
    void a_call_is_answered_in_the_response_that_follows() throws Exception {
        Map<String, Object> call = Event.parse(ok("\"stream\":true,\"input\":\"→" + CALL + "\"" + TOOLS))
                .getLast()
                .json();
        String result = "\"input\":[{\"type\":\"function_call_output\",\"call_id\":\""
                + at(call, "response.output.0.call_id") + "\",\"output\":\"sunny\"},"
                + "{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"→ok\"}]}]";
        Map<String, Object> answer = json(ok(result + ",\"previous_response_id\":\"" + at(call, "response.id") + "\""));
        assertThat(at(answer, "output.0.content.0.text")).isEqualTo("ok");
        assertThat((Long) at(answer, "usage.input_tokens"))
                .isGreaterThan("[user]→[assistant][calls][tool]sunny[user]→ok".length());
    }

    @Test
    void kept_responses_can_be_read_and_deleted() throws Exception {
        String body = ok("\"input\":\"→a\"");
        String path = "/v1/responses/" + json(body).get("id");
        assertThat(server.get(path).body()).isEqualTo(body);
        assertThat(delete(path).body()).contains("\"deleted\":true");
        notHere(server.get(path));
        notHere(delete(path));
    }

    @Test
    void the_oldest_give_way_and_what_is_not_here_says_why() throws Exception {
        Map<String, Object> oldest = json(ok("\"input\":\"→a\""));
        for (int i = 0; i < 3; i++) ok("\"input\":\"→b\"");
        HttpResponse<String> response = server.post("/v1/responses", "{\"input\":\"→c\"," + following(oldest) + "}");
        notHere(response);
        assertThat(at(json(response.body()), "error.param")).isEqualTo("previous_response_id");
    }

    @Test
    void what_is_not_to_be_kept_is_not() throws Exception {
        Map<String, Object> response = json(ok("\"input\":\"→a\",\"store\":false"));
        assertThat(response).containsEntry("store", false);
        notHere(server.get("/v1/responses/" + response.get("id")));
    }

    @Test
    void a_server_that_keeps_nothing_does_not_pretend_to() throws Exception {
        try (TestServer forgetful = TestServer.start(TestServer.Options.usual().withResponsesMax(0))) {
            Map<String, Object> response =
                    json(forgetful.post("/v1/responses", "{\"input\":\"→a\"}").body());
            assertThat(response).containsEntry("store", false);
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "\"model\":\"test-model\" | input",
                "\"input\":7 | input",
                "\"input\":[7] | input[0]",
                "\"input\":[{\"type\":\"item_reference\",\"id\":\"x\"}] | input[0].type",
                "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\"}]}] | input[0].content[0].type",
                "\"input\":[{\"role\":\"user\"}] | input[0].content",
                "\"input\":\"a\",\"background\":true | background",
                "\"input\":\"a\",\"truncation\":\"auto\" | truncation",
                "\"input\":\"a\",\"conversation\":\"c\" | conversation",
                "\"input\":\"a\",\"tools\":[{\"type\":\"web_search\"}] | tools[0].type",
                "\"input\":\"a\",\"tools\":[{\"type\":\"function\",\"name\":\"x\"}],\"tool_choice\":{\"type\":\"function\",\"name\":\"y\"} | tool_choice",
                "\"input\":\"a\",\"temperature\":9 | temperature",
                "\"input\":\"a\",\"store\":1 | store",
            })
    void nonsense_names_its_parameter(String fields, String parameter) throws Exception {
        HttpResponse<String> response = server.post("/v1/responses", "{" + fields + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(400);
        assertThat(at(json(response.body()), "error.param")).isEqualTo(parameter);
    }

    @Test
    void a_request_can_be_counted_before_it_is_sent() throws Exception {
        var counted = json(server.post("/v1/responses/input_tokens", "{\"input\":\"Hello\"}")
                .body());
        assertThat(counted).containsEntry("object", "response.input_tokens");
        var answer = json(server.post("/v1/responses", "{\"input\":\"Hello\",\"max_output_tokens\":1}")
                .body());
        assertThat(at(answer, "usage.input_tokens")).isEqualTo(counted.get("input_tokens"));
    }

    @Test
    void what_is_complete_cannot_be_cancelled() throws Exception {
        var answer = json(server.post("/v1/responses", "{\"input\":\"Hello\",\"max_output_tokens\":1}")
                .body());
        var refused = server.post("/v1/responses/" + answer.get("id") + "/cancel", "");
        assertThat(refused.statusCode()).isEqualTo(400);
        assertThat((String) at(json(refused.body()), "error.message")).contains("close its connection");
        notHere(server.post("/v1/responses/resp_unknown/cancel", ""));
    }

    private static void notHere(HttpResponse<String> response) {
        assertThat(response.statusCode()).isEqualTo(404);
        assertThat(at(json(response.body()), "error.code")).isEqualTo("response_not_here");
        assertThat((String) at(json(response.body()), "error.message")).contains("instance");
    }

    private HttpResponse<String> delete(String path) throws Exception {
        return server.client.send(
                HttpRequest.newBuilder(server.uri(path)).DELETE().build(), HttpResponse.BodyHandlers.ofString());
    }

    private String ok(String fields) throws Exception {
        HttpResponse<String> response = server.post("/v1/responses", "{" + fields + "}");
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return response.body();
    }

    private static String following(Map<String, Object> response) {
        return "\"previous_response_id\":\"" + response.get("id") + "\"";
    }

    /// Without repetitions.
    private static List<String> types(List<Event> events) {
        List<String> types = new ArrayList<>();
        for (Event event : events) {
            if (types.isEmpty() || !types.getLast().equals(event.type())) types.add(event.type());
        }
        return types;
    }
}
