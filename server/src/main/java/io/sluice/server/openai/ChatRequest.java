package io.sluice.server.openai;

import io.sluice.server.generation.Prompt;
import io.sluice.server.generation.TextRequest;
import io.sluice.server.http.ApiError;
import io.sluice.server.output.OutputFormat;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A request to `/v1/chat/completions`, parsed and checked as far as that can be done without the model. A value.
///
/// @param showsReasoning what the model thinks is part of the answer
public record ChatRequest(CommonFields common, TextRequest text, boolean showsReasoning) {
    private static final Set<String> ROLES = Set.of("system", "developer", "user", "assistant", "tool", "function");

    /// Parses and checks it.
    ///
    /// @param id name of the request
    /// @param format of the model that is to answer
    public static ChatRequest parse(Map<String, Object> json, String id, OutputFormat format) {
        UnsupportedFields.refuseInChat(json);
        Fields fields = Fields.of(json);
        CommonFields common = CommonFields.parse(fields);
        Tools tools = Tools.parse(fields);
        tools.requireFormat(format);
        Prompt.Chat prompt = chat(fields, tools, format);
        TextRequest text = new TextRequest(
                id,
                List.of(prompt),
                common.maxTokens(),
                common.choiceCount(),
                CommonFields.sampling(fields, topLogprobs(fields)),
                common.stop(),
                common.stopTokens(),
                common.ignoreEndTokens(),
                common.output().with(tools.rules(format, fields.isTrue("separate_reasoning", true))),
                new ToolStructure(tools, format.tools()).wanted(StructureFields.parse(fields)),
                common.promptLogprobs(fields));
        return new ChatRequest(common, text, fields.isTrue("include_reasoning", true));
    }

    /// The conversation alone, for routes that do not answer it.
    static Prompt.Chat chat(Fields fields, Tools tools, OutputFormat format) {
        List<Map<String, Object>> messages = messages(fields);
        if (!format.templateTakesTools()) messages = ToolMessages.inWords(messages, tools, format);
        boolean opensTurn = fields.isTrue("add_generation_prompt", true);
        boolean continuesLast = fields.isTrue("continue_final_message");
        if (continuesLast && fields.isTrue("add_generation_prompt")) {
            throw ApiError.invalid(
                    "continue_final_message",
                    "continue_final_message and add_generation_prompt cannot both be true: either the last message goes"
                            + " on or another begins.");
        }
        Map<String, Object> variables = templateVariables(fields);
        variables.put("add_generation_prompt", opensTurn && !continuesLast);
        if (tools.areOffered() && format.templateTakesTools()) variables.put("tools", tools.functions());
        return new Prompt.Chat(messages, variables, continuesLast);
    }

    private static int topLogprobs(Fields fields) {
        Integer count = fields.integer("top_logprobs");
        if (fields.isTrue("logprobs")) return CommonFields.topLogprobs("top_logprobs", count == null ? 0 : count);
        if (count != null && count != 0) {
            throw ApiError.invalid("top_logprobs", "top_logprobs is only allowed when logprobs is true.");
        }
        return CommonFields.topLogprobs("top_logprobs", null);
    }

    private static Map<String, Object> templateVariables(Fields fields) {
        Map<String, Object> variables = new HashMap<>();
        if (fields.any("documents") instanceof List<?> documents) variables.put("documents", documents);
        String effort = fields.string("reasoning_effort");
        if (effort != null) {
            variables.put("reasoning_effort", effort);
            if (effort.equals("none")) variables.put("enable_thinking", false);
        }
        Fields own = fields.object("chat_template_kwargs");
        if (own != null) variables.putAll(own.values());
        return variables;
    }

    private static List<Map<String, Object>> messages(Fields fields) {
        List<Object> list = fields.list("messages");
        if (list == null || list.isEmpty()) {
            throw ApiError.invalid("messages", "messages must be an array of at least one message.");
        }
        List<Map<String, Object>> messages = new ArrayList<>(list.size());
        for (int i = 0; i < list.size(); i++) {
            String path = "messages[" + i + "]";
            if (!(list.get(i) instanceof Map<?, ?> message)) throw Fields.wrongAt(path, "an object", list.get(i));
            messages.add(message(new Fields(Fields.asObject(message), path + ".")));
        }
        return messages;
    }

    private static Map<String, Object> message(Fields fields) {
        String role = fields.string("role");
        if (role == null || !ROLES.contains(role)) {
            throw fields.wrong("role", "one of system, developer, user, assistant, tool", role == null ? "" : role);
        }
        Map<String, Object> message = new LinkedHashMap<>(fields.values());
        if (role.equals("developer")) message.put("role", "system");
        message.put("content", content(fields, role));
        List<Map<String, Object>> calls = ToolMessages.calls(fields);
        if (calls.isEmpty()) message.remove("tool_calls");
        else message.put("tool_calls", calls);
        if (message.get("reasoning") instanceof String thought) message.putIfAbsent("reasoning_content", thought);
        return message;
    }

    private static String content(Fields fields, String role) {
        return switch (fields.any("content")) {
            case String text -> text;
            case List<?> parts -> joinedParts(parts, fields.path() + "content");
            // An assistant's turn that was only tool calls has none.
            case null -> {
                if (role.equals("assistant")) yield "";
                throw ApiError.invalid(fields.path() + "content", fields.path() + "content is missing.");
            }
            case Object other -> throw fields.wrong("content", "a string or an array of text parts", other);
        };
    }

    private static String joinedParts(List<?> parts, String path) {
        List<String> texts = new ArrayList<>();
        for (int i = 0; i < parts.size(); i++) {
            String at = path + "[" + i + "]";
            if (!(parts.get(i) instanceof Map<?, ?> part)) throw Fields.wrongAt(at, "an object", parts.get(i));
            Fields fields = new Fields(Fields.asObject(part), at + ".");
            @Nullable String type = fields.string("type");
            if (!"text".equals(type)) {
                throw ApiError.invalid(
                        400,
                        at + ".type",
                        "unsupported_content",
                        "This model takes text only: " + at + " is of type \"" + type + "\".");
            }
            String text = fields.string("text");
            if (text == null) throw ApiError.invalid(at + ".text", at + ".text is missing.");
            texts.add(text);
        }
        return String.join("\n", texts);
    }
}
