package io.sluice.server.openai;

import io.sluice.server.http.ApiError;
import io.sluice.server.output.OutputFormat;
import io.sluice.server.output.OutputRules;
import io.sluice.server.output.ToolFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/// The tools that a request offers. A value.
///
/// @param functions each as `{"type": "function", "function": {...}}`, which is what chat templates expect
/// @param several a model may call more than one in one answer
public record Tools(List<Map<String, Object>> functions, ToolChoice choice, boolean several) {
    public static final Tools NONE = new Tools(List.of(), new ToolChoice.Auto(), true);

    /// Every tool is written into the prompt.
    private static final int TOOLS_MAX = 1024;

    private static final int NAME_MAX = 256;

    /// Parses `tools`, `tool_choice`, `parallel_tool_calls` as chat completions have them.
    static Tools parse(Fields fields) {
        ToolChoice choice = ToolChoice.parse(fields);
        List<Object> list = fields.list("tools");
        if (list == null || list.isEmpty()) {
            if (!(choice instanceof ToolChoice.Auto) && !(choice instanceof ToolChoice.None)) {
                throw ApiError.invalid("tool_choice", "tool_choice asks for a tool, but there are no tools.");
            }
            return NONE;
        }
        List<Map<String, Object>> functions = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) functions.add(function("tools[" + i + "]", list.get(i)));
        return of(functions, choice, fields.isTrue("parallel_tool_calls", true));
    }

    /// Tools that were parsed already.
    ///
    /// @throws ApiError if something else is asked for than what is there
    public static Tools of(List<Map<String, Object>> functions, ToolChoice choice, boolean several) {
        if (functions.size() > TOOLS_MAX) {
            throw ApiError.invalid(
                    "tools", "tools holds " + functions.size() + " tools; at most " + TOOLS_MAX + " are allowed.");
        }
        Tools tools = new Tools(functions, choice, several);
        if (choice instanceof ToolChoice.Named(String name) && !tools.names().contains(name)) {
            throw ApiError.invalid("tool_choice", "tool_choice names \"" + name + "\", which is not among the tools.");
        }
        return tools;
    }

    private static Map<String, Object> function(String path, Object value) {
        if (!(value instanceof Map<?, ?> tool)) throw Fields.wrongAt(path, "an object", value);
        Fields fields = new Fields(Fields.asObject(tool), path + ".");
        String type = fields.string("type");
        if (!"function".equals(type)) {
            throw ApiError.invalid(
                    400,
                    path + ".type",
                    "unsupported_tool",
                    path + ".type must be function: this server runs no tools of its own.");
        }
        Fields function = fields.object("function");
        if (function == null) throw ApiError.invalid(path + ".function", path + ".function is missing.");
        checkFunction(function);
        return fields.values();
    }

    /// A name, and a schema of the parameters if there are any.
    public static void checkFunction(Fields function) {
        String name = function.string("name");
        if (name == null || name.isBlank() || name.length() > NAME_MAX) {
            throw ApiError.invalid(
                    function.path() + "name", function.path() + "name must have 1 to " + NAME_MAX + " characters.");
        }
        function.string("description");
        function.object("parameters");
        function.isTrue("strict");
    }

    /// True if the model is told of them.
    boolean areOffered() {
        return !functions.isEmpty() && !(choice instanceof ToolChoice.None);
    }

    Set<String> names() {
        return functions.stream()
                .map(tool -> tool.get("function") instanceof Map<?, ?> function ? function.get("name") : null)
                .map(String::valueOf)
                .collect(Collectors.toUnmodifiableSet());
    }

    /// Where calls cannot be told from text, offering tools would be of no use.
    ///
    /// @throws ApiError if some are offered all the same
    void requireFormat(OutputFormat format) {
        if (!areOffered() || format.tools() != ToolFormat.NONE) return;
        throw ApiError.invalid(
                400,
                "tools",
                "unsupported_parameter",
                "tools are not supported: this server was told to find no calls in answers (--tool-call-parser none).");
    }

    /// How answers are taken apart.
    OutputRules rules(OutputFormat format, boolean separatesReasoning) {
        boolean thinks = format.thinks() && separatesReasoning;
        return areOffered()
                ? new OutputRules(format.tools(), names(), several, thinks)
                : new OutputRules(ToolFormat.NONE, Set.of(), true, thinks);
    }
}
