package io.sluice.server.openai;

import io.sluice.server.http.ApiError;
import io.sluice.server.http.JsonOut;
import io.sluice.server.http.JsonText;
import io.sluice.server.output.OutputFormat;
import io.sluice.server.output.ToolFormat;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Brings calls and their results into the form that chat templates expect; where a template knows no tools,
/// into words. Any thread.
final class ToolMessages {
    private ToolMessages() {}

    /// The calls of an assistant's message: their arguments as objects, because templates write them as JSON
    /// themselves.
    static List<Map<String, Object>> calls(Fields message) {
        List<Object> list = message.list("tool_calls");
        if (list == null) return List.of();
        List<Map<String, Object>> calls = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
            String path = message.path() + "tool_calls[" + i + "]";
            if (!(list.get(i) instanceof Map<?, ?> call)) throw Fields.wrongAt(path, "an object", list.get(i));
            calls.add(call(new Fields(Fields.asObject(call), path + ".")));
        }
        return calls;
    }

    private static Map<String, Object> call(Fields call) {
        Fields function = call.object("function");
        if (function == null || function.string("name") == null) {
            throw ApiError.invalid(call.path() + "function.name", call.path() + "function.name is missing.");
        }
        Map<String, Object> inner = new LinkedHashMap<>(function.values());
        inner.put("arguments", arguments(function));
        Map<String, Object> outer = new LinkedHashMap<>(call.values());
        outer.put("type", "function");
        outer.put("function", inner);
        return outer;
    }

    /// What is no JSON object stays the text that it is: a model may have written it.
    private static Object arguments(Fields function) {
        return switch (function.any("arguments")) {
            case null -> Map.of();
            case String text when text.isBlank() -> Map.of();
            case String text ->
                Json.objectIn(text).<Object>map(object -> object).orElse(text);
            case Map<?, ?> object -> object;
            case Object other -> throw function.wrong("arguments", "a string that holds JSON", other);
        };
    }

    /// The conversation for a template that knows no tools.
    static List<Map<String, Object>> inWords(List<Map<String, Object>> messages, Tools tools, OutputFormat format) {
        Map<String, String> names = new LinkedHashMap<>(); // of the tools, by the ids of their calls
        List<Map<String, Object>> told = new ArrayList<>();
        for (Map<String, Object> message : messages) told.add(inWords(message, names));
        if (tools.areOffered()) describe(told, instructions(tools, format.tools()));
        return told;
    }

    private static Map<String, Object> inWords(Map<String, Object> message, Map<String, String> names) {
        Map<String, Object> told = new LinkedHashMap<>(message);
        if (message.get("tool_calls") instanceof List<?> calls && !calls.isEmpty()) {
            StringBuilder text = new StringBuilder(String.valueOf(message.get("content")));
            for (Object call : calls) {
                if (!(call instanceof Map<?, ?> one) || !(one.get("function") instanceof Map<?, ?> function)) continue;
                names.put(String.valueOf(one.get("id")), String.valueOf(function.get("name")));
                if (!text.isEmpty()) text.append('\n');
                text.append(json(function));
            }
            told.remove("tool_calls");
            told.put("content", text.toString());
        } else if ("tool".equals(message.get("role"))) {
            String name = names.getOrDefault(String.valueOf(message.get("tool_call_id")), "the tool");
            told.put("role", "user");
            told.put("content", "Result of " + name + ": " + message.get("content"));
        }
        return told;
    }

    private static void describe(List<Map<String, Object>> messages, String instructions) {
        Map<String, Object> first = messages.getFirst();
        if ("system".equals(first.get("role"))) {
            first.put("content", first.get("content") + "\n\n" + instructions);
        } else {
            messages.addFirst(new LinkedHashMap<>(Map.of("role", "system", "content", instructions)));
        }
    }

    private static String instructions(Tools tools, ToolFormat format) {
        StringBuilder text = new StringBuilder("You may call these tools:\n");
        tools.functions()
                .forEach(tool -> text.append(json(tool.get("function"))).append('\n'));
        String call = "{\"name\": <name of the tool>, \"arguments\": <object with its arguments>}";
        String form = format == ToolFormat.HERMES ? "<tool_call>" + call + "</tool_call>" : call;
        return text.append("To call one, answer with nothing but JSON of this form: ")
                .append(form)
                .append(". If no tool is needed, answer in words.")
                .toString();
    }

    private static String json(@Nullable Object value) {
        JsonOut out = new JsonOut();
        JsonText.write(out, value == null ? Map.of() : value);
        return out.toString();
    }
}
