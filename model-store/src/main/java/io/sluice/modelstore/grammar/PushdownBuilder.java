package io.sluice.modelstore.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/// Makes a pushdown automaton of a grammar. One use, one thread.
final class PushdownBuilder {
    private final List<Expression> rules;
    private final List<Dfa> automata = new ArrayList<>();
    private final BitSet nullable = new BitSet();

    private PushdownBuilder(Grammar grammar) {
        rules = grammar.rules();
    }

    /// @throws GrammarException if it is too large, or no text fulfils it
    static Pushdown build(Grammar grammar) {
        return new PushdownBuilder(grammar).build();
    }

    private Pushdown build() {
        findNullable();
        int states = 0;
        for (Expression rule : rules) {
            Dfa automaton = withoutEmptyText(RuleStates.automaton(rule, nullable));
            automata.add(automaton);
            states += automaton.stateCount();
            if (states > GrammarLimits.STATES_MAX) throw GrammarLimits.over("states", GrammarLimits.STATES_MAX);
        }
        pruneEndless();
        Pushdown automaton = assemble();
        refuseCircles(automaton);
        return automaton;
    }

    private void findNullable() {
        boolean changed = true;
        while (changed) {
            changed = false;
            for (int rule = rules.size() - 1; rule >= 0; rule--) { // what is called tends to come later
                if (nullable.get(rule) || !isNullable(rules.get(rule))) continue;
                nullable.set(rule);
                changed = true;
            }
        }
    }

    private boolean isNullable(Expression expression) {
        CompilationWork.spend(4);
        return switch (expression) {
            case Expression.Literal(String text) -> text.isEmpty();
            case Expression.Special _ -> false;
            case Expression.Letter _ -> false;
            case Expression.Text(Dfa automaton) -> automaton.accepting().get(0);
            case Expression.Quoted _ -> false;
            case Expression.Sequence(var parts) -> parts.stream().allMatch(this::isNullable);
            case Expression.Choice(var options) -> options.stream().anyMatch(this::isNullable);
            case Expression.Repeat(Expression body, int min, int _) -> min == 0 || isNullable(body);
            case Expression.Call(int rule) -> nullable.get(rule);
            case Expression.Members members ->
                members.min() == 0 && members.members().stream().noneMatch(Expression.Member::required);
        };
    }

    /// The same, but that the text cannot end in the first state: a copy of it, to which nothing leads back,
    /// starts.
    private static Dfa withoutEmptyText(Dfa automaton) {
        if (!automaton.accepting().get(0)) return automaton;
        List<int[]> transitions = new ArrayList<>();
        transitions.add(shifted(automaton.transitions().getFirst()));
        BitSet accepting = new BitSet();
        for (int state = 0; state < automaton.stateCount(); state++) {
            transitions.add(shifted(automaton.transitions().get(state)));
            if (automaton.accepting().get(state)) accepting.set(state + 1);
        }
        return new Dfa(transitions, accepting).trimmed();
    }

    private static int[] shifted(int[] edges) {
        int[] moved = edges.clone();
        for (int i = 2; i < moved.length; i += 3) moved[i]++;
        return moved;
    }

    /// Drops calls of rules that never come to an end, and what could only be reached through them.
    private void pruneEndless() {
        BitSet ending = new BitSet();
        boolean changed = true;
        while (changed) {
            changed = false;
            for (int rule = automata.size() - 1; rule >= 0; rule--) {
                if (ending.get(rule) || !ends(automata.get(rule), ending)) continue;
                ending.set(rule);
                changed = true;
            }
        }
        if (!ending.get(0) && !nullable.get(0)) throw new GrammarException("no text can fulfil it");
        for (int rule = 0; rule < automata.size(); rule++) {
            automata.set(rule, withCallsOf(automata.get(rule), ending).trimmed());
        }
    }

    private static boolean ends(Dfa automaton, BitSet ending) {
        return !withCallsOf(automaton, ending).trimmed().isEmpty();
    }

    private static Dfa withCallsOf(Dfa automaton, BitSet ending) {
        List<int[]> transitions = new ArrayList<>();
        for (int[] edges : automaton.transitions()) {
            CompilationWork.spend(16 + edges.length);
            int[] kept = new int[edges.length];
            int size = 0;
            for (int i = 0; i < edges.length; i += 3) {
                if (edges[i] >= RuleStates.CALLS && !ending.get(edges[i] - RuleStates.CALLS)) continue;
                System.arraycopy(edges, i, kept, size, 3);
                size += 3;
            }
            transitions.add(Arrays.copyOf(kept, size));
        }
        return new Dfa(transitions, automaton.accepting());
    }

    private Pushdown assemble() {
        int[] ruleStart = new int[automata.size()];
        int states = 0;
        for (int rule = 0; rule < ruleStart.length; rule++) {
            ruleStart[rule] = states;
            states += automata.get(rule).stateCount();
        }
        int[] classOf = classesOfBytes();
        int classCount = classOf[255] + 1;
        if ((long) states * classCount > GrammarLimits.TABLE_MAX) {
            throw GrammarLimits.over("entries of its table", GrammarLimits.TABLE_MAX);
        }
        int[] next = new int[states * classCount];
        Arrays.fill(next, Pushdown.NOWHERE);
        boolean[] accepting = new boolean[states];
        int[] callStart = new int[states + 1];
        List<int[]> calls = new ArrayList<>();
        for (int rule = 0; rule < ruleStart.length; rule++) {
            Dfa automaton = automata.get(rule);
            for (int i = 0; i < automaton.stateCount(); i++) {
                int state = ruleStart[rule] + i;
                accepting[state] = automaton.accepting().get(i);
                callStart[state] = calls.size();
                int[] edges = automaton.transitions().get(i);
                for (int e = 0; e < edges.length; e += 3) {
                    int target = ruleStart[rule] + edges[e + 2];
                    addEdge(edges[e], edges[e + 1], target, state * classCount, classOf, next, calls);
                }
            }
        }
        callStart[states] = calls.size();
        return new Pushdown(
                new Pushdown.Table(classCount, classOf, next),
                accepting,
                new Pushdown.Calls(
                        callStart,
                        calls.stream().mapToInt(call -> call[0]).toArray(),
                        calls.stream().mapToInt(call -> call[1]).toArray()),
                ruleStart,
                nullable.get(0));
    }

    /// A rule that may be itself and nothing else says nothing, and its stack would grow without a byte read.
    private static void refuseCircles(Pushdown automaton) {
        int[] state = new int[automaton.ruleCount()]; // 0 not looked at, 1 under way, 2 done
        for (int rule = 0; rule < state.length; rule++) refuseCircle(automaton, rule, state);
    }

    private static void refuseCircle(Pushdown automaton, int rule, int[] state) {
        if (state[rule] == 2) return;
        if (state[rule] == 1) throw new GrammarException("a rule of it refers to itself and nothing else");
        state[rule] = 1;
        int start = automaton.ruleStart(rule);
        for (int call = automaton.firstCall(start); call < automaton.endOfCalls(start); call++) {
            if (automaton.isLast(automaton.callTarget(call))) refuseCircle(automaton, automaton.callRule(call), state);
        }
        state[rule] = 2;
    }

    /// An edge of bytes goes into the table, one of calls into the list: call letters of one range are many
    /// rules.
    private static void addEdge(
            int first, int last, int target, int row, int[] classOf, int[] next, List<int[]> calls) {
        for (int b = first; b <= Math.min(last, 255); b++) next[row + classOf[b]] = target;
        for (int letter = Math.max(first, RuleStates.CALLS); letter <= last; letter++) {
            calls.add(new int[] {letter - RuleStates.CALLS, target});
        }
    }

    private int[] classesOfBytes() {
        BitSet starts = new BitSet();
        for (Dfa automaton : automata) {
            for (int[] edges : automaton.transitions()) {
                for (int e = 0; e < edges.length; e += 3) {
                    starts.set(Math.min(edges[e], 256));
                    starts.set(Math.min(edges[e + 1] + 1, 256));
                }
            }
        }
        starts.clear(0);
        int[] classOf = new int[256];
        int current = 0;
        for (int b = 0; b < 256; b++) {
            if (starts.get(b)) current++;
            classOf[b] = current;
        }
        return classOf;
    }
}
