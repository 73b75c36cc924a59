package io.sluice.server.responses;

import io.sluice.server.http.ApiError;
import io.sluice.server.openai.Fields;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Says what a request of the Responses API asks for in the words of chat completions, so that both are parsed, checked
/// and served alike. Any thread.
final class ResponsesTranslation {

    /// What means the same in both.
    private static final List<String> ALIKE = List.of(
            "model",
            "stream",
            "temperature",
            "top_p",
            "top_k",
            "min_p",
            "seed",
            "stop",
            "user",
            "metadata",
            "service_tier",
            "cache_salt",
            "parallel_tool_calls",
            "tool_choice",
            "chat_template_kwargs");

    /// What OpenAI's servers can and this one cannot.
    private static final Map<String, String> IMPOSSIBLE = Map.of(
            "background", "every response is awaited by its client here",
            "conversation", "send previous_response_id",
            "prompt", "prompts are not stored here; send instructions and input");

    private ResponsesTranslation() {}

    /// @param conversation what was said before, without instructions; the input is added to it
    static Map<String, Object> toChat(Fields fields, List<Object> conversation) {
        refuseImpossible(fields);
        Map<String, Object> chat = new HashMap<>();
        for (String field : ALIKE) {
            Object value = fields.any(field);
            if (value != null) chat.put(field, value);
        }
        Integer limit = fields.integer("max_output_tokens");
        if (limit != null) chat.put("max_completion_tokens", limit.longValue());
        Fields reasoning = fields.object("reasoning");
        String effort = reasoning == null ? null : reasoning.string("effort");
        if (effort != null) chat.put("reasoning_effort", effort);
        Fields text = fields.object("text");
        if (text != null && text.any("format") != null) chat.put("response_format", responseFormat(text));
        tools(fields, chat);
        ResponsesInput.read(fields, conversation);
        List<Object> messages = new ArrayList<>(conversation);
        String instructions = fields.string("instructions");
        if (instructions != null) messages.addFirst(Map.of("role", "system", "content", instructions));
        chat.put("messages", messages);
        return chat;
    }

    private static void refuseImpossible(Fields fields) {
        IMPOSSIBLE.forEach((field, instead) -> {
            Object value = fields.any(field);
            if (value != null && !value.equals(false)) {
                throw ApiError.invalid(
                        400,
                        field,
                        "unsupported_parameter",
                        field + " is not supported by this server: " + instead + ".");
            }
        });
        String truncation = fields.string("truncation");
        if (truncation != null && !truncation.equals("disabled")) {
            throw ApiError.invalid(
                    400,
                    "truncation",
                    "unsupported_parameter",
                    "truncation must be disabled: this server never drops a part of what it was told.");
        }
        Integer alternatives = fields.integer("top_logprobs");
        if (alternatives != null && alternatives > 0) {
            throw ApiError.invalid(
                    400,
                    "top_logprobs",
                    "unsupported_parameter",
                    "top_logprobs is not supported here; /v1/chat/completions has it.");
        }
    }

    /// Flat here, nested there.
    private static Object responseFormat(Fields text) {
        Fields format = text.object("format");
        if (format == null) return Map.of("type", "text");
        if (!"json_schema".equals(format.string("type"))) return format.values();
        Map<String, Object> schema = new LinkedHashMap<>(format.values());
        schema.remove("type");
        return Map.of("type", "json_schema", "json_schema", schema);
    }

    private static void tools(Fields fields, Map<String, Object> chat) {
        List<Object> given = fields.list("tools");
        if (given == null || given.isEmpty()) return;
        List<Object> tools = new ArrayList<>();
        for (int i = 0; i < given.size(); i++) {
            String path = "tools[" + i + "]";
            if (!(given.get(i) instanceof Map<?, ?> tool)) throw Fields.wrongAt(path, "an object", given.get(i));
            Map<String, Object> function = new LinkedHashMap<>(Fields.asObject(tool));
            Object type = function.remove("type");
            if (!"function".equals(type)) {
                throw ApiError.invalid(
                        400,
                        path + ".type",
                        "unsupported_tool",
                        path + ".type must be function: this server runs no tools of its own.");
            }
            tools.add(Map.of("type", "function", "function", function));
        }
        chat.put("tools", tools);
    }
}
