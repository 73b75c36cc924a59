package io.sluice.server.messages;

import io.sluice.server.http.ApiError;
import io.sluice.server.openai.Fields;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// Says what a request of Anthropic's Messages API asks for in the words of chat completions, so that both are parsed,
/// checked and served alike. Any thread.
final class MessagesTranslation {

    /// What means the same in both.
    private static final List<String> ALIKE = List.of(
            "model", "stream", "temperature", "top_p", "top_k", "min_p", "seed", "cache_salt", "chat_template_kwargs");

    private MessagesTranslation() {}

    /// @param needsLimit `max_tokens` must be there, as it must for an answer
    static Map<String, Object> toChat(Map<String, Object> json, boolean needsLimit) {
        Fields fields = Fields.of(json);
        Map<String, Object> chat = new HashMap<>();
        for (String field : ALIKE) {
            Object value = fields.any(field);
            if (value != null) chat.put(field, value);
        }
        Integer limit = fields.integer("max_tokens");
        if (limit != null) chat.put("max_tokens", limit.longValue());
        else if (needsLimit) throw ApiError.invalid("max_tokens", "max_tokens is missing: this API needs it.");
        List<Object> stops = fields.list("stop_sequences");
        if (stops != null && !stops.isEmpty()) chat.put("stop", stops);
        labels(fields, chat);
        thinking(fields, chat);
        MessagesTools.translate(fields, chat);
        messages(fields, chat);
        return chat;
    }

    private static void labels(Fields fields, Map<String, Object> chat) {
        Fields metadata = fields.object("metadata");
        String user = metadata == null ? null : metadata.string("user_id");
        if (user != null) chat.put("user", user);
        String tier = fields.string("service_tier");
        // Anthropic's two names for what every request has.
        if (tier != null) chat.put("service_tier", tier.equals("standard_only") ? "default" : tier);
    }

    /// Anthropic's budget has no counterpart: the output's limit holds for both.
    private static void thinking(Fields fields, Map<String, Object> chat) {
        Fields thinking = fields.object("thinking");
        if (thinking == null) return;
        Map<String, Object> variables = new HashMap<>();
        if (chat.get("chat_template_kwargs") instanceof Map<?, ?> own) variables.putAll(Fields.asObject(own));
        variables.putIfAbsent("enable_thinking", !"disabled".equals(thinking.string("type")));
        chat.put("chat_template_kwargs", variables);
    }

    private static void messages(Fields fields, Map<String, Object> chat) {
        List<Object> given = fields.list("messages");
        if (given == null || given.isEmpty()) {
            throw ApiError.invalid("messages", "messages must be an array of at least one message.");
        }
        List<Object> messages = new ArrayList<>();
        if (fields.any("system") != null) {
            messages.add(Map.of("role", "system", "content", MessagesBlocks.text(fields, "system")));
        }
        for (int i = 0; i < given.size(); i++) {
            String path = "messages[" + i + "]";
            if (!(given.get(i) instanceof Map<?, ?> message)) throw Fields.wrongAt(path, "an object", given.get(i));
            MessagesBlocks.translate(new Fields(Fields.asObject(message), path + "."), messages);
        }
        chat.put("messages", messages);
        boolean prefilled = messages.getLast() instanceof Map<?, ?> last
                && "assistant".equals(last.get("role"))
                && !last.containsKey("tool_calls");
        // The answer goes on with what it is said to begin with.
        if (prefilled) chat.put("continue_final_message", true);
    }
}
