package io.sluice.server.output;

import io.sluice.modelstore.grammar.Structure;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/// How one request's answers are taken apart. A value.
///
/// @param tools how calls are written; `NONE` if there is nothing to call
/// @param names of the tools that may be called
/// @param severalCalls false: the answer ends with its first call
/// @param thinks reasoning is told apart from the answer
public record OutputRules(ToolFormat tools, Set<String> names, boolean severalCalls, boolean thinks) {

    /// All of it is text.
    public static final OutputRules TEXT = new OutputRules(ToolFormat.NONE, Set.of(), true, false);

    public OutputRules {
        names = Set.copyOf(names);
    }

    /// What must be seen although it may be a special token.
    public List<String> markers() {
        List<String> markers = new ArrayList<>(tools.markers());
        if (thinks) markers.addAll(List.of(Thinking.BEGIN, Thinking.END));
        return markers;
    }

    /// The same output with whatever the model thinks before it.
    ///
    /// @param opened the prompt has begun the reasoning
    public Structure withThought(Structure answer, boolean opened) {
        return thinks ? Thinking.before(answer, opened) : answer;
    }

    /// True if a prompt leaves the model in the middle of its reasoning.
    public boolean opensThinking(String prompt) {
        return thinks && prompt.stripTrailing().endsWith(Thinking.BEGIN);
    }
}
