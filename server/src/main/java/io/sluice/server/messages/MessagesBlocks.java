package io.sluice.server.messages;

import io.sluice.server.http.ApiError;
import io.sluice.server.openai.Fields;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Turns the blocks of a message into messages of chat completions: results of tools become messages of their own. Any
/// thread.
final class MessagesBlocks {
    private final Fields message;
    private final List<Object> results = new ArrayList<>();
    private final List<Object> calls = new ArrayList<>();
    private final List<String> texts = new ArrayList<>();
    private final List<String> thoughts = new ArrayList<>();

    private MessagesBlocks(Fields message) {
        this.message = message;
    }

    /// Adds what a message comes to.
    static void translate(Fields message, List<Object> messages) {
        String role = message.string("role");
        if (role == null || !(role.equals("user") || role.equals("assistant"))) {
            throw message.wrong("role", "user or assistant", role == null ? "" : role);
        }
        MessagesBlocks blocks = new MessagesBlocks(message);
        blocks.read();
        messages.addAll(blocks.results);
        if (blocks.hasMore()) messages.add(blocks.rest(role));
    }

    private boolean hasMore() {
        return results.isEmpty() || !texts.isEmpty() || !calls.isEmpty();
    }

    private Map<String, Object> rest(String role) {
        Map<String, Object> rest = new HashMap<>(Map.of("role", role, "content", String.join("\n", texts)));
        if (!calls.isEmpty()) rest.put("tool_calls", calls);
        if (!thoughts.isEmpty()) rest.put("reasoning_content", String.join("\n", thoughts));
        return rest;
    }

    private void read() {
        switch (message.any("content")) {
            case String text -> texts.add(text);
            case List<?> blocks -> {
                for (int i = 0; i < blocks.size(); i++) {
                    String path = message.path() + "content[" + i + "]";
                    if (!(blocks.get(i) instanceof Map<?, ?> block)) {
                        throw Fields.wrongAt(path, "an object", blocks.get(i));
                    }
                    read(new Fields(Fields.asObject(block), path + "."));
                }
            }
            case null -> throw ApiError.invalid(message.path() + "content", message.path() + "content is missing.");
            case Object other -> throw message.wrong("content", "a string or an array of blocks", other);
        }
    }

    private void read(Fields block) {
        String type = block.string("type");
        switch (type == null ? "" : type) {
            case "text" -> texts.add(required(block, "text"));
            case "thinking" -> thoughts.add(required(block, "thinking"));
            case "redacted_thinking" -> {} // nobody here can read it
            case "tool_use" -> calls.add(call(block));
            case "tool_result" ->
                results.add(Map.of(
                        "role",
                        "tool",
                        "tool_call_id",
                        required(block, "tool_use_id"),
                        "content",
                        block.any("content") == null ? "" : text(block, "content")));
            default ->
                throw ApiError.invalid(
                        400,
                        block.path() + "type",
                        "unsupported_content",
                        "This model takes text only: a block of type \"" + type + "\" cannot be used.");
        }
    }

    private static Map<String, Object> call(Fields block) {
        Fields input = block.object("input");
        Map<String, Object> arguments = input == null ? Map.of() : input.values();
        return Map.of(
                "id", required(block, "id"),
                "type", "function",
                "function", Map.of("name", required(block, "name"), "arguments", arguments));
    }

    /// A field that is a text, or an array of blocks of text.
    static String text(Fields fields, String name) {
        return switch (fields.any(name)) {
            case String text -> text;
            case List<?> blocks -> {
                List<String> texts = new ArrayList<>();
                for (int i = 0; i < blocks.size(); i++) {
                    String path = fields.path() + name + "[" + i + "]";
                    if (!(blocks.get(i) instanceof Map<?, ?> block)) {
                        throw Fields.wrongAt(path, "an object", blocks.get(i));
                    }
                    Fields part = new Fields(Fields.asObject(block), path + ".");
                    if (!"text".equals(part.string("type"))) {
                        throw ApiError.invalid(
                                400,
                                path + ".type",
                                "unsupported_content",
                                "This model takes text only: " + path + ".");
                    }
                    texts.add(required(part, "text"));
                }
                yield String.join("\n", texts);
            }
            case null -> "";
            case Object other -> throw fields.wrong(name, "a string or an array of text blocks", other);
        };
    }

    private static String required(Fields fields, String name) {
        String value = fields.string(name);
        if (value == null) throw ApiError.invalid(fields.path() + name, fields.path() + name + " is missing.");
        return value;
    }
}
