package io.sluice.server.responses;

import io.sluice.server.http.ApiError;
import io.sluice.server.openai.Fields;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Turns the items of an input into messages of chat completions: calls that follow each other become one message. One
/// request, one thread.
final class ResponsesInput {
    private final List<Object> conversation;

    private ResponsesInput(List<Object> conversation) {
        this.conversation = conversation;
    }

    /// Adds what `input` says.
    static void read(Fields fields, List<Object> conversation) {
        ResponsesInput input = new ResponsesInput(conversation);
        switch (fields.any("input")) {
            case String text -> conversation.add(Map.of("role", "user", "content", text));
            case List<?> items -> {
                for (int i = 0; i < items.size(); i++) {
                    String path = "input[" + i + "]";
                    if (!(items.get(i) instanceof Map<?, ?> item)) {
                        throw Fields.wrongAt(path, "an object", items.get(i));
                    }
                    input.item(new Fields(Fields.asObject(item), path + "."));
                }
            }
            case null -> throw ApiError.invalid("input", "input is missing: a string, or an array of items.");
            case Object other -> throw fields.wrong("input", "a string or an array of items", other);
        }
    }

    private void item(Fields item) {
        String type = item.string("type");
        switch (type == null ? "message" : type) {
            case "message" -> message(item);
            case "function_call" -> call(item);
            case "function_call_output" -> result(item);
            case "reasoning" -> {} // templates leave earlier reasoning out, too
            default ->
                throw ApiError.invalid(
                        400,
                        item.path() + "type",
                        "unsupported_content",
                        "An item of type \"" + type
                                + "\" cannot be used here: messages, function calls and their outputs" + " can.");
        }
    }

    private void message(Fields item) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", required(item, "role"));
        message.put("content", text(item, "content"));
        conversation.add(message);
    }

    private void call(Fields item) {
        Object arguments = item.any("arguments");
        Map<String, Object> call = Map.of(
                "id", required(item, "call_id"),
                "type", "function",
                "function", Map.of("name", required(item, "name"), "arguments", arguments == null ? "" : arguments));
        openCalls().add(call);
    }

    /// Of the assistant's message that the call belongs to.
    @SuppressWarnings("unchecked") // made below, and nowhere else
    private List<Object> openCalls() {
        Map<String, Object> last = lastAssistant();
        if (last == null) {
            last = new LinkedHashMap<>(Map.of("role", "assistant", "content", ""));
            conversation.add(last);
        }
        List<Object> calls = new ArrayList<>();
        if (last.get("tool_calls") instanceof List<?> before) calls.addAll((List<Object>) before);
        Map<String, Object> grown = new LinkedHashMap<>(last); // what was said before may belong to a kept response
        grown.put("tool_calls", calls);
        conversation.set(conversation.size() - 1, grown);
        return calls;
    }

    private @Nullable Map<String, Object> lastAssistant() {
        boolean is = !conversation.isEmpty()
                && conversation.getLast() instanceof Map<?, ?> last
                && "assistant".equals(last.get("role"));
        return is ? Fields.asObject((Map<?, ?>) conversation.getLast()) : null;
    }

    private void result(Fields item) {
        Map<String, Object> message = new LinkedHashMap<>();
        message.put("role", "tool");
        message.put("tool_call_id", required(item, "call_id"));
        message.put("content", text(item, "output"));
        conversation.add(message);
    }

    /// A text, or parts of texts.
    private static String text(Fields item, String name) {
        return switch (item.any(name)) {
            case String text -> text;
            case List<?> parts -> {
                List<String> texts = new ArrayList<>();
                for (int i = 0; i < parts.size(); i++) {
                    String path = item.path() + name + "[" + i + "]";
                    if (!(parts.get(i) instanceof Map<?, ?> part))
                        throw Fields.wrongAt(path, "an object", parts.get(i));
                    texts.add(part(new Fields(Fields.asObject(part), path + ".")));
                }
                yield String.join("\n", texts);
            }
            case null -> throw ApiError.invalid(item.path() + name, item.path() + name + " is missing.");
            case Object other -> throw item.wrong(name, "a string or an array of parts", other);
        };
    }

    private static String part(Fields part) {
        String type = part.string("type");
        return switch (type == null ? "" : type) {
            case "input_text", "output_text", "text" -> required(part, "text");
            case "refusal" -> required(part, "refusal");
            default ->
                throw ApiError.invalid(
                        400,
                        part.path() + "type",
                        "unsupported_content",
                        "This model takes text only: a part of type \"" + type + "\" cannot be used.");
        };
    }

    private static String required(Fields fields, String name) {
        String value = fields.string(name);
        if (value == null) throw ApiError.invalid(fields.path() + name, fields.path() + name + " is missing.");
        return value;
    }
}
