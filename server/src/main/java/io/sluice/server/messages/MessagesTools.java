package io.sluice.server.messages;

import io.sluice.server.http.ApiError;
import io.sluice.server.openai.Fields;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Tools and how they are to be called, in the words of chat completions. Any thread.
final class MessagesTools {
    private MessagesTools() {}

    static void translate(Fields fields, Map<String, Object> chat) {
        List<Object> given = fields.list("tools");
        if (given != null && !given.isEmpty()) {
            List<Object> tools = new ArrayList<>();
            for (int i = 0; i < given.size(); i++) {
                String path = "tools[" + i + "]";
                if (!(given.get(i) instanceof Map<?, ?> tool)) throw Fields.wrongAt(path, "an object", given.get(i));
                tools.add(tool(new Fields(Fields.asObject(tool), path + ".")));
            }
            chat.put("tools", tools);
        }
        Fields choice = fields.object("tool_choice");
        if (choice == null) return;
        chat.put("tool_choice", choice(choice));
        if (choice.isTrue("disable_parallel_tool_use")) chat.put("parallel_tool_calls", false);
    }

    private static Map<String, Object> tool(Fields tool) {
        String type = tool.string("type");
        if (type != null && !type.equals("custom")) {
            throw ApiError.invalid(
                    400,
                    tool.path() + "type",
                    "unsupported_tool",
                    "The tool \"" + type
                            + "\" is one that a server runs; this server runs none. Send its name, description and"
                            + " input_schema, and run it yourself.");
        }
        Map<String, Object> function = new LinkedHashMap<>();
        String name = tool.string("name");
        if (name == null) throw ApiError.invalid(tool.path() + "name", tool.path() + "name is missing.");
        function.put("name", name);
        String description = tool.string("description");
        if (description != null) function.put("description", description);
        Fields schema = tool.object("input_schema");
        if (schema != null) function.put("parameters", schema.values());
        return Map.of("type", "function", "function", function);
    }

    private static Object choice(Fields choice) {
        String type = choice.string("type");
        return switch (type == null ? "" : type) {
            case "auto" -> "auto";
            case "none" -> "none";
            case "any" -> "required";
            case "tool" -> {
                String name = choice.string("name");
                if (name == null) throw ApiError.invalid("tool_choice.name", "tool_choice.name is missing.");
                yield Map.of("type", "function", "function", Map.of("name", name));
            }
            default -> throw choice.wrong("type", "auto, any, tool or none", type == null ? "" : type);
        };
    }
}
