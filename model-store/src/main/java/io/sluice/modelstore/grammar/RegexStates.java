package io.sluice.modelstore.grammar;

/// Writes regular expressions into automata. Any thread.
final class RegexStates {
    private RegexStates() {}

    /// Adds the states of `regex` after `from`.
    ///
    /// @return the state in which it has matched
    static int add(Nfa nfa, Regex regex, int from) {
        CompilationWork.spend(1);
        return switch (regex) {
            case Regex.Chars(CodePoints set) -> {
                int to = nfa.state();
                for (int i = 0; i < set.rangeCount(); i++) nfa.edge(from, set.first(i), set.last(i), to);
                yield to;
            }
            case Regex.Concat(var parts) -> {
                int at = from;
                for (Regex part : parts) at = add(nfa, part, at);
                yield at;
            }
            case Regex.Alternatives(var options) -> {
                int to = nfa.state();
                for (Regex option : options) nfa.epsilon(add(nfa, option, own(nfa, from)), to);
                yield to;
            }
            case Regex.Repeat(Regex body, int min, int max) -> repeat(nfa, body, min, max, from);
        };
    }

    private static int repeat(Nfa nfa, Regex body, int min, int max, int from) {
        int at = from;
        for (int i = 0; i < min; i++) at = add(nfa, body, at);
        if (max == Regex.UNBOUNDED) {
            int loop = own(nfa, at);
            nfa.epsilon(add(nfa, body, loop), loop);
            int to = nfa.state();
            nfa.epsilon(loop, to);
            return to;
        }
        int to = nfa.state();
        nfa.epsilon(at, to);
        for (int i = min; i < max; i++) {
            at = add(nfa, body, at);
            nfa.epsilon(at, to);
        }
        return to;
    }

    /// A state of its own after `from`, so that a loop into it does not lead to what `from` has besides.
    private static int own(Nfa nfa, int from) {
        int state = nfa.state();
        nfa.epsilon(from, state);
        return state;
    }
}
