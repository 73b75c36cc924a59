package io.sluice.server.output;

import io.sluice.modelstore.grammar.Structure;
import io.sluice.modelstore.grammar.Structure.Either;
import io.sluice.modelstore.grammar.Structure.Joined;
import io.sluice.modelstore.grammar.Structure.Marker;
import io.sluice.modelstore.grammar.Structure.OneOf;
import io.sluice.modelstore.grammar.Structure.Repeated;
import io.sluice.modelstore.grammar.Structure.Until;
import io.sluice.modelstore.grammar.Structure.Without;
import java.util.ArrayList;
import java.util.List;

/// Writes down what a model has to write in order to call tools: the texts in which a `CallReader` finds calls.
/// Any thread.
public final class CallStructures {
    private static final Marker OPEN = new Marker(ToolFormat.TOOL_CALL);
    private static final Marker CLOSE = new Marker(ToolFormat.TOOL_CALL_END);
    private static final Marker CALLS = new Marker(ToolFormat.TOOL_CALLS);
    private static final Marker ARGS = new Marker(ToolFormat.ARGS);

    /// A text that no reader can take for a call or the beginning of one, where calls have no markers.
    private static final Structure NO_CALL = new Structure.Matching("[^\\s{\\[`<][\\s\\S]*");

    private final ToolFormat format;
    private final List<Tool> tools;
    private final boolean several;

    /// A tool that may be called. A value.
    ///
    /// @param quotedName as JSON writes it
    /// @param arguments what they have to be: a JSON object
    public record Tool(String name, String quotedName, Structure arguments) {

        /// Newer Mistral models write the name outside of JSON, where these letters mean something else.
        private boolean hasPlainName() {
            return name.chars().noneMatch(c -> "[]{}\"".indexOf(c) >= 0 || Character.isWhitespace(c));
        }
    }

    /// @param several more than one call is wanted, if the model likes
    public CallStructures(ToolFormat format, List<Tool> tools, boolean several) {
        this.format = format;
        this.tools = List.copyOf(tools);
        this.several = several;
    }

    /// Calls and nothing else: at least one.
    public Structure calls() {
        return switch (format) {
            case HERMES -> row(joined(OPEN, marked()), "\n");
            case LLAMA3 -> row(object("parameters"), "; ");
            case MISTRAL -> joined(CALLS, behindMarker());
            case JSON -> several ? new Either(List.of(object("arguments"), array())) : object("arguments");
            case NONE -> throw new IllegalStateException("this model writes no calls");
        };
    }

    /// Text, calls, or both, as the format has it.
    public Structure callsOrText() {
        return switch (format) {
            case HERMES -> {
                Structure call = joined(new Until(OPEN), marked());
                yield several
                        ? joined(new Repeated(call), new Without(OPEN))
                        : new Either(List.of(call, new Without(OPEN)));
            }
            case MISTRAL -> new Either(List.of(joined(new Until(CALLS), behindMarker()), new Without(CALLS)));
            case LLAMA3, JSON -> new Either(List.of(calls(), NO_CALL));
            case NONE -> throw new IllegalStateException("this model writes no calls");
        };
    }

    private Structure marked() {
        return joined(text("\n"), object("arguments"), text("\n"), CLOSE);
    }

    /// Both ways of Mistral's: the model knows its own.
    private Structure behindMarker() {
        List<Structure> named = new ArrayList<>();
        for (Tool tool : tools) {
            if (tool.hasPlainName()) named.add(joined(text(tool.name()), ARGS, tool.arguments()));
        }
        if (named.isEmpty()) return array();
        Structure one = new Either(named);
        Structure all = several ? joined(one, new Repeated(joined(CALLS, one))) : one;
        return new Either(List.of(array(), all));
    }

    private Structure array() {
        return joined(text("["), row(object("arguments"), ", "), text("]"));
    }

    private Structure row(Structure call, String between) {
        return several ? joined(call, new Repeated(joined(text(between), call))) : call;
    }

    private Structure object(String argumentsKey) {
        List<Structure> calls = new ArrayList<>();
        for (Tool tool : tools) {
            String head = "{\"name\": " + tool.quotedName() + ", \"" + argumentsKey + "\": ";
            calls.add(joined(text(head), tool.arguments(), text("}")));
        }
        return new Either(calls);
    }

    private static Structure joined(Structure... parts) {
        return new Joined(List.of(parts));
    }

    private static Structure text(String text) {
        return new OneOf(List.of(text));
    }
}
