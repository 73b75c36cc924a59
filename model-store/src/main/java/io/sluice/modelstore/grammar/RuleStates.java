package io.sluice.modelstore.grammar;

import java.nio.charset.StandardCharsets;
import java.util.BitSet;
import java.util.List;

/// Writes the right side of a rule into an automaton over bytes and calls. One use, one thread.
final class RuleStates {

    /// The letter of a call is its rule's number after the bytes.
    static final int CALLS = 256;

    private final Nfa nfa = new Nfa(GrammarLimits.STATES_MAX);
    private final BitSet nullable; // the rules that the empty text fulfils
    private int depth;

    private RuleStates(BitSet nullable) {
        this.nullable = nullable;
    }

    static Dfa automaton(Expression expression, BitSet nullable) {
        RuleStates states = new RuleStates(nullable);
        int start = states.nfa.state();
        return states.nfa.determinise(start, states.add(expression, start));
    }

    private int add(Expression expression, int from) {
        CompilationWork.spend(1);
        if (++depth > 8 * GrammarLimits.DEPTH_MAX)
            throw GrammarLimits.over("nested expressions", 8 * GrammarLimits.DEPTH_MAX);
        int to = switch (expression) {
            case Expression.Literal(String text) -> literal(text, from);
            case Expression.Special(String name) -> bytes(TokenVocabulary.special(name), from);
            case Expression.Letter(CodePoints set) -> {
                int end = nfa.state();
                for (int i = 0; i < set.rangeCount(); i++) Utf8Ranges.add(nfa, set.first(i), set.last(i), from, end);
                yield end;
            }
            case Expression.Text(Dfa automaton) -> text(automaton, false, from);
            case Expression.Quoted(Dfa automaton) -> literal("\"", text(automaton, true, literal("\"", from)));
            case Expression.Sequence(var parts) -> sequence(parts, from);
            case Expression.Choice(var options) -> {
                int end = nfa.state();
                for (Expression option : options) nfa.epsilon(add(option, own(from)), end);
                yield end;
            }
            case Expression.Repeat(Expression body, int min, int max) -> repeat(body, min, max, from);
            case Expression.Call(int rule) -> {
                int end = nfa.state();
                nfa.edge(from, CALLS + rule, CALLS + rule, end);
                if (nullable.get(rule)) nfa.epsilon(from, end);
                yield end;
            }
            case Expression.Members members -> members(members, from);
        };
        depth--;
        return to;
    }

    private int own(int from) {
        int state = nfa.state();
        nfa.epsilon(from, state);
        return state;
    }

    private int literal(String text, int from) {
        return bytes(text.getBytes(StandardCharsets.UTF_8), from);
    }

    private int bytes(byte[] bytes, int from) {
        int at = from;
        for (byte b : bytes) {
            int next = nfa.state();
            nfa.edge(at, b & 0xFF, b & 0xFF, next);
            at = next;
        }
        return at;
    }

    private int sequence(List<Expression> parts, int from) {
        int at = from;
        for (Expression part : parts) at = add(part, at);
        return at;
    }

    private int repeat(Expression body, int min, int max, int from) {
        int at = from;
        for (int i = 0; i < min; i++) at = add(body, at);
        int to = nfa.state();
        if (max == Regex.UNBOUNDED) {
            int loop = own(at);
            nfa.epsilon(add(body, loop), loop);
            nfa.epsilon(loop, to);
            return to;
        }
        nfa.epsilon(at, to);
        for (int i = min; i < max; i++) {
            at = add(body, at);
            nfa.epsilon(at, to);
        }
        return to;
    }

    private int text(Dfa automaton, boolean quoted, int from) {
        int[] states = new int[automaton.stateCount()];
        for (int i = 0; i < states.length; i++) states[i] = nfa.state();
        int to = nfa.state();
        for (int i = 0; i < states.length; i++) {
            if (automaton.accepting().get(i)) nfa.epsilon(states[i], to);
            int[] edges = automaton.transitions().get(i);
            for (int e = 0; e < edges.length; e += 3) {
                int target = states[edges[e + 2]];
                if (quoted) quoted(edges[e], edges[e + 1], states[i], target);
                else Utf8Ranges.add(nfa, edges[e], edges[e + 1], states[i], target);
            }
        }
        nfa.epsilon(from, states[0]);
        return to;
    }

    /// Characters inside a JSON string: as they are, or by their one escape.
    private void quoted(int first, int last, int from, int to) {
        CodePoints plain = JsonText.PLAIN.and(CodePoints.of(first, last));
        for (int i = 0; i < plain.rangeCount(); i++) Utf8Ranges.add(nfa, plain.first(i), plain.last(i), from, to);
        CodePoints escaped = CodePoints.of(first, last).minus(JsonText.PLAIN);
        for (int i = 0; i < escaped.rangeCount(); i++) {
            for (int c = escaped.first(i); c <= escaped.last(i); c++) {
                nfa.epsilon(literal(JsonText.escape(c), own(from)), to);
            }
        }
    }

    /// A row of states per number of members written so far; those beyond what matters count as one.
    private int members(Expression.Members all, int from) {
        boolean bounded = all.max() != Regex.UNBOUNDED;
        int most = bounded ? all.max() : Math.max(1, all.min());
        int[] at = new int[most + 1]; // [members so far]
        at[0] = own(from);
        for (int written = 1; written <= most; written++) at[written] = nfa.state();
        for (Expression.Member member : all.members()) {
            int[] next = new int[most + 1];
            for (int written = 0; written <= most; written++) next[written] = nfa.state();
            for (int written = 0; written <= most; written++) {
                if (!member.required()) nfa.epsilon(at[written], next[written]);
                if (bounded && written == most) continue;
                int start = written == 0 ? at[0] : add(JsonText.COMMA, own(at[written]));
                nfa.epsilon(add(member.expression(), start), next[Math.min(written + 1, most)]);
            }
            at = next;
        }
        int to = nfa.state();
        for (int written = 0; written <= most; written++) further(all, written, at[written], to);
        return to;
    }

    private void further(Expression.Members all, int written, int from, int to) {
        int min = Math.max(0, all.min() - written);
        int max = all.max() == Regex.UNBOUNDED ? all.max() : all.max() - written;
        if (min == 0) nfa.epsilon(from, to);
        if (all.further().isEmpty() || max == 0) return;
        Expression further = all.further().getFirst();
        int at = add(further, written == 0 ? own(from) : add(JsonText.COMMA, own(from)));
        Expression later = Expression.sequence(JsonText.COMMA, further);
        int rest = max == Regex.UNBOUNDED ? max : max - 1;
        nfa.epsilon(repeat(later, Math.max(0, min - 1), rest, at), to);
    }
}
