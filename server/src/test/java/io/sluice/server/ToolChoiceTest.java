package io.sluice.server;

import static io.sluice.server.TestServer.at;
import static io.sluice.server.TestServer.chunks;
import static io.sluice.server.TestServer.json;
import static io.sluice.server.TestServer.list;
import static org.assertj.core.api.Assertions.assertThat;

import io.sluice.server.output.OutputFormat;
import io.sluice.server.output.ToolFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Where a tool has to be called it is, with arguments that its schema allows, whatever the model would rather write:
/// the fake model has a text of its own in mind and takes the next letter that it may.
class ToolChoiceTest {
    private static final String WEATHER = "{\"type\":\"function\",\"function\":{\"name\":\"weather\",%s\"parameters\":"
            + "{\"type\":\"object\",\"properties\":{\"city\":{\"enum\":[\"Rome\",\"Oslo\"]},\"days\":{\"type\":\"integer\","
            + "\"minimum\":1,\"maximum\":9}},\"required\":[\"city\",\"days\"],\"additionalProperties\":false}}}";
    private static final String CLOCK = "{\"type\":\"function\",\"function\":{\"name\":\"clock\"}}";
    private static final String TOOLS = ",\"tools\":[" + WEATHER.formatted("") + "," + CLOCK + "]";
    private static final String STRICT = ",\"tools\":[" + WEATHER.formatted("\"strict\":true,") + "," + CLOCK + "]";
    private static final String REQUIRED = ",\"tool_choice\":\"required\"";
    private static final String NAMED = ",\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"weather\"}}";

    /// What the model wants to say, of all sorts.
    private static List<String> wishes() {
        List<String> wishes = new ArrayList<>(List.of(
                "It is sunny.",
                "{}",
                "[]",
                "[TOOL_CALLS][]",
                "<tool_call>{}</tool_call>",
                "{\"name\": \"weather\", \"arguments\": {\"city\": \"Paris\", \"days\": 70}}"));
        SplittableRandom random = new SplittableRandom(11);
        String letters = "{}[]\":, wclR09\n<>eaot";
        for (int i = 0; i < 6; i++) {
            StringBuilder wish = new StringBuilder("x");
            for (int j = 0; j < 400; j++) wish.append(letters.charAt(random.nextInt(letters.length())));
            wishes.add(wish.toString());
        }
        return wishes;
    }

    @ParameterizedTest
    @EnumSource(
            value = ToolFormat.class,
            names = {"HERMES", "LLAMA3", "MISTRAL", "JSON"})
    void a_required_call_is_made_whatever_the_model_wants(ToolFormat format) throws Exception {
        try (TestServer server = serving(format)) {
            for (String wish : wishes()) {
                for (String choice : List.of(REQUIRED, NAMED, REQUIRED + ",\"parallel_tool_calls\":false")) {
                    Map<String, Object> answer = answer(server, wish, TOOLS + choice);
                    assertAllowed(answer, wish);
                    boolean one = !choice.equals(REQUIRED);
                    if (one) assertThat(calls(answer)).as(wish).hasSize(1);
                    if (choice.equals(NAMED)) {
                        assertThat(function(answer).get("name")).isEqualTo("weather");
                    }
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "HERMES | <tool_call>\\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\", \"days\": 3}}\\n</tool_call>\\n<tool_call>\\n{\"name\": \"clock\", \"arguments\": {}}\\n</tool_call>",
                "LLAMA3 | {\"name\": \"weather\", \"parameters\": {\"city\": \"Oslo\", \"days\": 3}}; {\"name\": \"clock\", \"parameters\": {}}",
                "MISTRAL | [TOOL_CALLS][{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\", \"days\": 3}}, {\"name\": \"clock\", \"arguments\": {}}]",
                "MISTRAL | [TOOL_CALLS]weather[ARGS]{\"city\": \"Oslo\", \"days\": 3}[TOOL_CALLS]clock[ARGS]{}",
                "JSON | [{\"name\": \"weather\", \"arguments\": {\"city\": \"Oslo\", \"days\": 3}}, {\"name\": \"clock\", \"arguments\": {}}]",
            })
    void what_a_model_of_the_format_writes_goes_through_as_it_is(ToolFormat format, String written) throws Exception {
        try (TestServer server = serving(format)) {
            for (String fields : List.of(TOOLS + REQUIRED, STRICT)) {
                Map<String, Object> answer = answer(server, written.replace("\\n", "\n"), fields);
                assertThat(calls(answer)).hasSize(2);
                assertThat(at(answer, "choices.0.message.tool_calls.0.function"))
                        .isEqualTo(Map.of("name", "weather", "arguments", "{\"city\": \"Oslo\", \"days\": 3}"));
                assertThat(at(answer, "choices.0.message.tool_calls.1.function"))
                        .isEqualTo(Map.of("name", "clock", "arguments", "{}"));
                assertThat(at(answer, "choices.0.finish_reason")).isEqualTo("tool_calls");
            }
        }
    }

    @Test
    void a_stream_of_a_required_call_brings_its_arguments_piece_by_piece() throws Exception {
        try (TestServer server = serving(ToolFormat.HERMES)) {
            List<Map<String, Object>> chunks =
                    chunks(server.chat(TestServer.asking("No!") + TOOLS + NAMED + ",\"stream\":true")
                            .body());
            StringBuilder arguments = new StringBuilder();
            for (Map<String, Object> chunk : chunks) {
                if (!(at(chunk, "choices.0.delta") instanceof Map<?, ?> delta)) continue;
                assertThat(delta.get("content")).isIn(null, "");
                if (delta.containsKey("tool_calls")) {
                    arguments.append(at(chunk, "choices.0.delta.tool_calls.0.function.arguments"));
                }
            }
            assertThat(arguments.toString()).matches("\\{\"city\": ?\"(Rome|Oslo)\", ?\"days\": ?[1-9]}");
            assertThat(at(chunks.getLast(), "choices.0.finish_reason")).isEqualTo("tool_calls");
        }
    }

    @ParameterizedTest
    @EnumSource(
            value = ToolFormat.class,
            names = {"HERMES", "LLAMA3", "MISTRAL", "JSON"})
    void where_a_function_is_strict_the_model_may_answer_in_words_but_not_call_it_wrongly(ToolFormat format)
            throws Exception {
        try (TestServer server = serving(format)) {
            Map<String, Object> words = answer(server, "It is sunny in Rome.", STRICT);
            assertThat(at(words, "choices.0.message.content")).isEqualTo("It is sunny in Rome.");
            for (String wish : wishes()) {
                Map<String, Object> answer = answer(server, wish, STRICT);
                if (Objects.equals(at(answer, "choices.0.finish_reason"), "tool_calls")) assertAllowed(answer, wish);
            }
        }
    }

    @Test
    void an_answer_of_a_given_form_may_be_a_call_instead() throws Exception {
        try (TestServer server = serving(ToolFormat.HERMES)) {
            String form = ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\",\"schema\":"
                    + "{\"type\":\"object\",\"properties\":{\"sky\":{\"const\":\"blue\"}},\"required\":[\"sky\"]}}}";
            Map<String, Object> formed = answer(server, "{\"sky\": \"grey\"}", TOOLS + form);
            assertThat(at(formed, "choices.0.message.content")).isEqualTo("{\"sky\": \"blue\"}");
            Map<String, Object> called = answer(server, "<tool_call> yes", TOOLS + form);
            assertAllowed(called, "a call beside a form");
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"<think>\nHm {}.\n</think>\n\n<No!", "<tool_call>"})
    void a_model_that_thinks_may_do_so_before_it_calls(String wish) throws Exception {
        OutputFormat thinking = new OutputFormat(ToolFormat.HERMES, true, true);
        try (TestServer server = TestServer.start(TestServer.Options.usual().withFormat(thinking))) {
            Map<String, Object> answer = answer(server, wish, TOOLS + REQUIRED);
            assertAllowed(answer, wish);
            Object thought = answer.toString().contains("reasoning_content")
                    ? at(answer, "choices.0.message.reasoning_content")
                    : null;
            assertThat(thought).isEqualTo(wish.equals("<tool_call>") ? null : "Hm {}.");
        }
    }

    @Test
    void a_limit_that_cuts_a_call_off_says_so() throws Exception {
        try (TestServer server = serving(ToolFormat.HERMES)) {
            Map<String, Object> answer = answer(server, "No!", TOOLS + REQUIRED + ",\"max_tokens\":20");
            assertThat(at(answer, "choices.0.finish_reason")).isEqualTo("length");
        }
    }

    @Test
    void a_schema_that_cannot_be_followed_is_named_where_it_would_have_to_be() throws Exception {
        String tools = ",\"tools\":[" + CLOCK + ",{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":"
                + "{\"type\":\"object\",\"not\":{}}}}]";
        try (TestServer server = serving(ToolFormat.JSON)) {
            var refused = server.chat(TestServer.asking("x") + tools + REQUIRED);
            assertThat(refused.statusCode()).isEqualTo(400);
            assertThat(at(json(refused.body()), "error.param")).isEqualTo("tools[1].function.parameters");
            assertThat((String) at(json(refused.body()), "error.message")).contains("\"not\"");
            assertThat(server.chat(TestServer.asking("x") + tools).statusCode()).isEqualTo(200);
            var noObject = server.chat(
                    TestServer.asking("x") + tools.replace("\"object\",\"not\":{}", "\"string\"") + REQUIRED);
            assertThat(noObject.statusCode()).isEqualTo(400);
            assertThat((String) at(json(noObject.body()), "error.message")).contains("must describe an object");
        }
    }

    private static TestServer serving(ToolFormat format) {
        return TestServer.start(TestServer.Options.usual().withFormat(new OutputFormat(format, false, true)));
    }

    private static Map<String, Object> answer(TestServer server, String wish, String fields) throws Exception {
        String escaped = wish.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
        var response = server.chat(TestServer.asking(escaped) + fields);
        assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
        return json(response.body());
    }

    private static List<?> calls(Map<String, Object> answer) {
        return list(answer, "choices.0.message.tool_calls");
    }

    private static Map<?, ?> function(Map<String, Object> answer) {
        return (Map<?, ?>) Objects.requireNonNull(at(answer, "choices.0.message.tool_calls.0.function"));
    }

    private static void assertAllowed(Map<String, Object> answer, String wish) {
        int complete = calls(answer).size();
        // The fake model, done with its text, takes the smallest letter for ever: a comma, and another call.
        if (Objects.equals(at(answer, "choices.0.finish_reason"), "length")) complete--;
        else assertThat(at(answer, "choices.0.finish_reason")).as(wish).isEqualTo("tool_calls");
        assertThat(complete).as(wish).isPositive();
        for (int i = 0; i < complete; i++) {
            Map<?, ?> function =
                    (Map<?, ?>) Objects.requireNonNull(at(answer, "choices.0.message.tool_calls." + i + ".function"));
            String allowed = switch (String.valueOf(function.get("name"))) {
                case "weather" -> "\\{\"city\": ?\"(Rome|Oslo)\", ?\"days\": ?[1-9]}";
                case "clock" -> "\\{}";
                default -> throw new AssertionError("no such tool: " + function);
            };
            assertThat((String) function.get("arguments")).as(wish).matches(allowed);
        }
    }
}
