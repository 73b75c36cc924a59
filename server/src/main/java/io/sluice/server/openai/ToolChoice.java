package io.sluice.server.openai;

import io.sluice.server.http.ApiError;
import java.util.Map;

/// Whether a model may, must or must not call a tool. A value.
public sealed interface ToolChoice {

    /// As it likes.
    record Auto() implements ToolChoice {}

    /// It is not told of any.
    record None() implements ToolChoice {}

    /// At least one, whichever.
    record Required() implements ToolChoice {}

    /// This one.
    record Named(String name) implements ToolChoice {}

    /// Parses OpenAI's `tool_choice`.
    static ToolChoice parse(Fields fields) {
        return switch (fields.any("tool_choice")) {
            case null -> new Auto();
            case String word when word.equals("auto") -> new Auto();
            case String word when word.equals("none") -> new None();
            case String word when word.equals("required") -> new Required();
            case Map<?, ?> object -> named(new Fields(Fields.asObject(object), "tool_choice."));
            case Object other ->
                throw fields.wrong("tool_choice", "auto, none, required, or an object that names a function", other);
        };
    }

    /// `{"type": "function", "function": {"name": ...}}`, or as the Responses API has it, without the inner object.
    private static ToolChoice named(Fields choice) {
        Fields function = choice.object("function");
        String name = function == null ? choice.string("name") : function.string("name");
        if (name == null) {
            throw ApiError.invalid("tool_choice", "tool_choice must name a function: {\"type\": \"function\", ...}.");
        }
        return new Named(name);
    }
}
