package io.sluice.server.output;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/// What is found in answers of every format, however they are cut.
class OutputParserTest {

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            quoteCharacter = '^',
            value = {
                // Hermes, Qwen
                "HERMES ~ Hello there. ~ Hello there.",
                "HERMES ~ <tool_call>\\n{\"name\": \"add\", \"arguments\": {\"a\": 1}}\\n</tool_call> ~ add({\"a\": 1})",
                "HERMES ~ Let me see.\\n<tool_call>\\n{\"name\": \"add\", \"arguments\": {}}\\n</tool_call> ~ Let me see.add({})",
                "HERMES ~ <tool_call>{\"name\":\"add\",\"arguments\":{\"a\":1}}</tool_call>\\n<tool_call>{\"name\":\"get\",\"arguments\":{\"b\":[{}]}}</tool_call>\\n ~ add({\"a\":1})get({\"b\":[{}]})",
                "HERMES ~ <tool_call>{\"arguments\":{\"a\":1},\"name\":\"add\"}</tool_call> ~ add({\"a\":1})",
                "HERMES ~ <tool_call>{\"name\":\"x\",\"arguments\":\"{\\\"q\\\": \\\"\\u00e9\\\"}\"}</tool_call> ~ x({\"q\": \"é\"})",
                "HERMES ~ <tool_call>{\"name\":\"x\"}</tool_call>! ~ x({})!",
                "HERMES ~ <tool_call>{\"name\":\"x\",\"arguments\":{\"s\":\"}</tool_call>{\\\"\"}}</tool_call> ~ x({\"s\":\"}</tool_call>{\\\"\"})",
                "HERMES ~ <tool_call>no call</tool_call> ~ <tool_call>no call</tool_call>",
                "HERMES ~ <tool_call>{\"city\":\"x\"}</tool_call> ~ <tool_call>{\"city\":\"x\"}</tool_call>",
                "HERMES ~ <tool_call>{\"name\":\"x\",\"arguments\":{\"a\": ~ x({\"a\":)",
                "HERMES ~ <tool_call>{\"na ~ <tool_call>{\"na",
                "HERMES ~ a < b <tool ~ a < b <tool",
                "HERMES ~ <tool_call>{\"name\":\"x\",\"arguments\":{}} done ~ x({})done",
                // Llama 3
                "LLAMA3 ~ {\"name\": \"add\", \"parameters\": {\"a\": 1}} ~ add({\"a\": 1})",
                "LLAMA3 ~ <|python_tag|>{\"type\": \"function\", \"name\": \"add\", \"parameters\": {}} ~ add({})",
                "LLAMA3 ~ {\"name\":\"add\",\"parameters\":{}}; {\"name\":\"get\",\"parameters\":{}} ~ add({})get({})",
                "LLAMA3 ~ {\"name\":\"Ann\",\"parameters\":{}} ~ {\"name\":\"Ann\",\"parameters\":{}}",
                "LLAMA3 ~ {\"answer\": 4} ~ {\"answer\": 4}",
                "LLAMA3 ~ Four. {\"name\":\"add\",\"parameters\":{}} ~ Four. {\"name\":\"add\",\"parameters\":{}}",
                "LLAMA3 ~ <|python_tag|>print(4) ~ <|python_tag|>print(4)",
                // Any model
                "JSON ~ [{\"name\":\"add\",\"arguments\":{\"a\":1}}, {\"name\":\"get\",\"arguments\":{}}] ~ add({\"a\":1})get({})",
                "JSON ~ ```json\\n{\"name\":\"add\",\"arguments\":{\"a\":-1.5e3}}\\n``` ~ add({\"a\":-1.5e3})",
                "JSON ~ {\"type\":\"function\",\"function\":{\"name\":\"add\",\"arguments\":\"{}\"}} ~ add({})",
                "JSON ~ {\"arguments\":{\"a\":1},\"name\":\"Ann\"} ~ {\"arguments\":{\"a\":1},\"name\":\"Ann\"}",
                "JSON ~ [1, 2] ~ [1, 2]",
                "JSON ~ ```python ~ ```python",
                "JSON ~ {\"name\":\"add\",\"arguments\":7} ~ add(7)",
                // Mistral
                "MISTRAL ~ [TOOL_CALLS][{\"name\": \"add\", \"arguments\": {\"a\": 1}}, {\"name\":\"get\",\"arguments\":{}}] ~ add({\"a\": 1})get({})",
                "MISTRAL ~ Well. [TOOL_CALLS] [{\"name\":\"add\",\"arguments\":{}}] ~ Well.add({})",
                "MISTRAL ~ [TOOL_CALLS]add[ARGS]{\"a\": \"}\"}[TOOL_CALLS]get{\"b\":2} ~ add({\"a\": \"}\"})get({\"b\":2})",
                "MISTRAL ~ [TOOL_CALLS]add[CALL_ID]abc[ARGS]{} ~ add({})",
                "MISTRAL ~ [TOOL_CALLS][] ~ ^^",
                "MISTRAL ~ [TOOL_CALLS]nothing ~ [TOOL_CALLS]nothing",
                "MISTRAL ~ [TOOL ~ [TOOL",
            })
    void calls_are_found_and_text_stays_text(ToolFormat format, String answer, String found) {
        assertThat(told(rules(format), unescaped(answer))).isEqualTo(unescaped(found));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            quoteCharacter = '`',
            value = {
                "false ~ <think>\\nhm\\n</think>\\n\\nFour. ~ (hm)Four.",
                "false ~ Four. <think>no</think> ~ Four. <think>no</think>",
                "false ~ <think></think>Four. ~ Four.",
                "false ~ <think>cut off </thi ~ (cut off </thi)",
                "false ~ <thin ~ <thin",
                "true ~ hm</think>Four. ~ (hm)Four.",
                "true ~ \\n<think>hm</think>Four. ~ (hm)Four.",
                "true ~ <thin ice</think>Four. ~ (<thin ice)Four.",
                "true ~ cut off ~ (cut off)",
                "true ~ a < b</think> ~ (a < b)",
            })
    void reasoning_is_told_apart(boolean opened, String answer, String found) {
        OutputRules rules = new OutputRules(ToolFormat.NONE, Set.of(), true, true);
        assertThat(told(new OutputParser(rules, "r", opened), List.of(unescaped(answer))))
                .isEqualTo(unescaped(found));
    }

    @Test
    void calls_may_follow_reasoning_but_are_none_in_it() {
        OutputRules rules = new OutputRules(ToolFormat.HERMES, Set.of("add"), true, true);
        String call = "<tool_call>{\"name\":\"add\",\"arguments\":{}}</tool_call>";
        assertThat(told(rules, "<think>" + call + "</think>" + call)).isEqualTo("(" + call + ")add({})");
    }

    @Test
    void what_is_found_does_not_depend_on_how_the_text_was_cut() {
        List<String> answers = List.of(
                "<think> why\n</think>\n\nWell, <b>\n<tool_call>\n{\"name\": \"add\", \"arguments\": {\"s\": \"é😀}\"}}\n</tool_call>\n tail",
                "[TOOL_CALLS][{\"name\":\"add\",\"arguments\":{\"a\":[1,{}]}}]",
                "[{\"name\":\"add\",\"parameters\":{\"a\":\"\\\\\"}},{\"name\":\"get\",\"parameters\":\"{}\"}] ",
                "{\"name\":\"other\",\"parameters\":{}} and more");
        for (ToolFormat format : ToolFormat.values()) {
            OutputRules rules = new OutputRules(format, Set.of("add", "get"), true, true);
            for (String answer : answers) {
                String whole = told(rules, answer);
                for (long seed = 0; seed < 200; seed++) {
                    assertThat(told(new OutputParser(rules, "r", false), cut(answer, new Random(seed))))
                            .as("seed %d, %s: %s", seed, format, answer)
                            .isEqualTo(whole);
                }
            }
        }
    }

    @Test
    @Timeout(120) // it takes no second, where it is not looked through again with each letter
    void white_space_without_end_costs_no_more_than_other_text() {
        String answer = " ".repeat(1 << 20) + "x";
        for (ToolFormat format : ToolFormat.values()) {
            OutputRules rules = new OutputRules(format, Set.of("add", "get"), true, true);
            assertThat(told(rules, answer)).as("%s", format).isEqualTo(answer);
        }
    }

    @Test
    void arguments_are_passed_on_while_they_are_written() {
        OutputParser parser = new OutputParser(rules(ToolFormat.HERMES), "r", false);
        parser.accept("<tool_call>{\"name\": \"add\", \"arguments\": {\"a");
        List<Piece> first = parser.take();
        assertThat(first).hasSize(2);
        assertThat(first.getFirst()).isInstanceOf(Piece.Call.class);
        assertThat(first.getLast()).isEqualTo(new Piece.Arguments(0, "{\"a"));
        parser.accept("\": 1");
        assertThat(parser.take()).containsExactly(new Piece.Arguments(0, "\": 1"));
    }

    @Test
    void where_one_call_is_allowed_it_ends_the_answer() {
        OutputRules one = new OutputRules(ToolFormat.HERMES, Set.of("add"), false, false);
        OutputParser parser = new OutputParser(one, "r", false);
        String call = "<tool_call>{\"name\":\"add\",\"arguments\":{}}";
        assertThat(told(parser, List.of(call + "</tool_call>" + call))).isEqualTo("add({})");
        assertThat(parser.isSatisfied()).isTrue();
    }

    @Test
    void ids_are_the_same_whoever_reads_and_fit_their_templates() {
        String call = "[TOOL_CALLS][{\"name\":\"add\",\"arguments\":{}},{\"name\":\"add\",\"arguments\":{}}]";
        List<String> ids = ids(ToolFormat.MISTRAL, call, "a");
        assertThat(ids).doesNotHaveDuplicates().allMatch(id -> id.matches("[a-z0-9]{9}"));
        assertThat(ids(ToolFormat.MISTRAL, call, "a")).isEqualTo(ids);
        assertThat(ids(ToolFormat.MISTRAL, call, "b")).doesNotContainAnyElementsOf(ids);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '~',
            value = {
                "{{ bos }}[TOOL_CALLS] {{ tools }} ~ MISTRAL ~ false",
                "<tool_call> tools </think> ~ HERMES ~ true",
                "<|python_tag|> tools ~ LLAMA3 ~ false",
                "<|im_start|> ~ JSON ~ false"
            })
    void a_template_says_which_format_its_model_writes(String source, ToolFormat tools, boolean thinks) {
        OutputFormat format = OutputFormat.of(source, "auto", "auto");
        assertThat(format).isEqualTo(new OutputFormat(tools, thinks, source.contains("tools")));
        assertThat(OutputFormat.of(source, "none", "none"))
                .isEqualTo(new OutputFormat(ToolFormat.NONE, false, source.contains("tools")));
        assertThat(OutputFormat.of(source, "hermes", "think").thinks()).isTrue();
    }

    private static List<String> ids(ToolFormat format, String answer, String name) {
        OutputParser parser = new OutputParser(rules(format), name, false);
        parser.accept(answer);
        return parser.take().stream()
                .filter(piece -> piece instanceof Piece.Call)
                .map(piece -> ((Piece.Call) piece).id())
                .toList();
    }

    private static OutputRules rules(ToolFormat format) {
        return new OutputRules(format, Set.of("add", "get"), true, false);
    }

    private static String told(OutputRules rules, String answer) {
        return told(new OutputParser(rules, "r", false), List.of(answer));
    }

    /// `text(reasoning)name(arguments)`.
    private static String told(OutputParser parser, List<String> pieces) {
        List<Piece> found = new ArrayList<>();
        for (String piece : pieces) {
            parser.accept(piece);
            found.addAll(parser.take());
        }
        parser.finish();
        found.addAll(parser.take());
        StringBuilder told = new StringBuilder();
        String open = "";
        for (Piece piece : found) {
            boolean goesOn = piece instanceof Piece.Arguments || (piece instanceof Piece.Reasoning && open.equals("r"));
            if (!goesOn && !open.isEmpty()) told.append(')');
            if (!goesOn) open = "";
            switch (piece) {
                case Piece.Text(String text) -> told.append(text);
                case Piece.Reasoning(String text) -> {
                    told.append(open.isEmpty() ? "(" : "").append(text);
                    open = "r";
                }
                case Piece.Call(int _, String _, String name) -> {
                    told.append(name).append('(');
                    open = "c";
                }
                case Piece.Arguments(int _, String json) -> told.append(json);
            }
        }
        return told.append(open.isEmpty() ? "" : ")").toString();
    }

    private static List<String> cut(String text, Random random) {
        List<String> pieces = new ArrayList<>();
        for (int at = 0; at < text.length(); ) {
            int end = Math.min(text.length(), at + 1 + random.nextInt(5));
            pieces.add(text.substring(at, end));
            at = end;
        }
        return pieces;
    }

    private static String unescaped(String text) {
        return text.replace("\\n", "\n");
    }
}
