package io.sluice.server.openai;

import io.sluice.modelstore.grammar.Structure;
import io.sluice.server.generation.WantedStructure;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.JsonOut;
import io.sluice.server.output.CallStructures;
import io.sluice.server.output.ToolFormat;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Decides what an answer has to be so that the tools are called as the request says. Any thread.
///
/// - Where a call is required, the answer is calls and nothing else.
/// - Where a call is the model's choice and the answer has to be something, it is either calls or that.
/// - Where a call is the model's choice and a function is `strict`, calls that it does make are of the right form.
final class ToolStructure {
    private static final String TYPE = "type";
    private static final String OBJECT = "object";

    /// What a function without parameters takes.
    private static final Structure NOTHING =
            new Structure.JsonSchema("{\"type\":\"object\",\"properties\":{},\"additionalProperties\":false}");

    private final Tools tools;
    private final ToolFormat format;

    ToolStructure(Tools tools, ToolFormat format) {
        this.tools = tools;
        this.format = format;
    }

    /// @param content what the answer has to be if it is not a call; null if it may be anything
    @Nullable
    WantedStructure wanted(@Nullable WantedStructure content) {
        return switch (tools.choice()) {
            case ToolChoice.None() -> content;
            case ToolChoice.Required() ->
                wanted("tool_choice", all(tools.several()).calls());
            case ToolChoice.Named(String name) ->
                wanted("tool_choice", one(name).calls());
            case ToolChoice.Auto() -> {
                if (!tools.areOffered()) yield content;
                if (content != null) yield beside(content);
                yield tools.functions().stream().anyMatch(ToolStructure::isStrict)
                        ? wanted("tools", all(tools.several()).callsOrText())
                        : null;
            }
        };
    }

    private WantedStructure beside(WantedStructure content) {
        Structure either = new Structure.Either(List.of(all(tools.several()).calls(), content.structure()));
        Map<String, Structure> parts = new LinkedHashMap<>(parts());
        parts.put(content.parameter(), content.structure());
        return new WantedStructure(either, content.parameter(), parts);
    }

    private WantedStructure wanted(String parameter, Structure structure) {
        return new WantedStructure(structure, parameter, parts());
    }

    private Map<String, Structure> parts() {
        Map<String, Structure> parts = new LinkedHashMap<>();
        for (int i = 0; i < tools.functions().size(); i++) {
            parts.put(parameter(i), arguments(i, function(tools.functions().get(i))));
        }
        return parts;
    }

    private CallStructures all(boolean several) {
        List<CallStructures.Tool> callable = new ArrayList<>();
        for (int i = 0; i < tools.functions().size(); i++) callable.add(tool(i));
        return new CallStructures(format, callable, several);
    }

    private CallStructures one(String name) {
        for (int i = 0; i < tools.functions().size(); i++) {
            CallStructures.Tool tool = tool(i);
            if (tool.name().equals(name)) return new CallStructures(format, List.of(tool), false);
        }
        throw new IllegalStateException("there is no tool " + name);
    }

    private CallStructures.Tool tool(int index) {
        Map<String, Object> function = function(tools.functions().get(index));
        String name = String.valueOf(function.get("name"));
        return new CallStructures.Tool(name, new JsonOut().string(name).toString(), arguments(index, function));
    }

    private static String parameter(int index) {
        return "tools[" + index + "].function.parameters";
    }

    private static Map<String, Object> function(Map<String, Object> tool) {
        return tool.get("function") instanceof Map<?, ?> function ? Fields.asObject(function) : Map.of();
    }

    private static boolean isStrict(Map<String, Object> tool) {
        return Boolean.TRUE.equals(function(tool).get("strict"));
    }

    /// Arguments are an object, also where the schema does not say so.
    private static Structure arguments(int index, Map<String, Object> function) {
        if (!(function.get("parameters") instanceof Map<?, ?> parameters)) return NOTHING;
        Map<String, Object> schema = new LinkedHashMap<>(Fields.asObject(parameters));
        Object type = schema.get(TYPE);
        boolean canBeObject =
                type == null || type.equals(OBJECT) || (type instanceof List<?> some && some.contains(OBJECT));
        if (!canBeObject) {
            throw ApiError.invalid(
                    parameter(index), parameter(index) + " must describe an object: its type has to be \"object\".");
        }
        schema.put(TYPE, OBJECT);
        return new Structure.JsonSchema(Json.write(schema));
    }
}
