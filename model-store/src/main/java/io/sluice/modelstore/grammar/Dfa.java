package io.sluice.modelstore.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// A deterministic automaton that starts in state 0. A value.
///
/// @param transitions of each state, sorted: `[transition, 3]` first letter, last letter, target
/// @param accepting the states in which the text may end
record Dfa(List<int[]> transitions, BitSet accepting) {
    static final int NOWHERE = -1;

    private static final Dfa NOTHING = new Dfa(List.of(new int[0]), new BitSet());

    int stateCount() {
        return transitions.size();
    }

    boolean isEmpty() {
        return accepting.isEmpty();
    }

    boolean accepts(String text) {
        int state = 0;
        CompilationWork.spend(4L * text.length());
        for (int c : text.codePoints().toArray()) {
            state = next(state, c);
            if (state == NOWHERE) return false;
        }
        return accepting.get(state);
    }

    int next(int state, int letter) {
        int[] edges = transitions.get(state);
        for (int i = 0; i < edges.length; i += 3) {
            if (edges[i] <= letter && letter <= edges[i + 1]) return edges[i + 2];
        }
        return NOWHERE;
    }

    /// The automaton of the texts that `regex` matches.
    ///
    /// @param somewhere it is enough that a part of the text matches
    static Dfa of(Regex regex, boolean somewhere) {
        Regex before = somewhere ? new Regex.Chars(CodePoints.ALL.or(Regex.BEGIN)) : new Regex.Chars(Regex.BEGIN);
        Regex after = somewhere ? new Regex.Chars(CodePoints.ALL.or(Regex.END)) : new Regex.Chars(Regex.END);
        Nfa nfa = new Nfa(GrammarLimits.TEXT_STATES_MAX);
        int start = nfa.state();
        Regex whole =
                Regex.concat(Regex.repeat(before, 0, Regex.UNBOUNDED), regex, Regex.repeat(after, 0, Regex.UNBOUNDED));
        int accept = RegexStates.add(nfa, whole, start);
        return nfa.determinise(start, accept).betweenEnds();
    }

    /// The automaton of the texts that are matched whole.
    static Dfa whole(Regex regex) {
        return of(regex, false);
    }

    /// What remains once the letters `BEGIN` and `END` around the text were read.
    private Dfa betweenEnds() {
        int start = next(0, Regex.BEGIN.first(0));
        if (start == NOWHERE) return NOTHING;
        BitSet ends = new BitSet();
        List<int[]> inside = new ArrayList<>();
        for (int state = 0; state < stateCount(); state++) {
            int end = next(state, Regex.END.first(0));
            if (end != NOWHERE && accepting.get(end)) ends.set(state);
            inside.add(charactersOnly(transitions.get(state)));
        }
        return new Dfa(inside, ends).from(start).trimmed();
    }

    private static int[] charactersOnly(int[] edges) {
        int[] kept = new int[edges.length];
        int size = 0;
        for (int i = 0; i < edges.length; i += 3) {
            if (edges[i] > 0x10FFFF) continue;
            kept[size++] = edges[i];
            kept[size++] = Math.min(edges[i + 1], 0x10FFFF);
            kept[size++] = edges[i + 2];
        }
        return Arrays.copyOf(kept, size);
    }

    /// The same with state `start` in the first place.
    private Dfa from(int start) {
        int count = stateCount();
        List<int[]> moved = new ArrayList<>();
        BitSet ends = new BitSet();
        for (int place = 0; place < count; place++) {
            int state = place == 0 ? start : place == start ? 0 : place;
            int[] edges = transitions.get(state).clone();
            for (int i = 2; i < edges.length; i += 3) {
                if (edges[i] == start) edges[i] = 0;
                else if (edges[i] == 0) edges[i] = start;
            }
            moved.add(edges);
            if (accepting.get(state)) ends.set(place);
        }
        return new Dfa(moved, ends);
    }

    /// The texts that are in both.
    Dfa and(Dfa other) {
        return product(other, false);
    }

    /// The texts that are not in `other`.
    Dfa minus(Dfa other) {
        return product(other, true);
    }

    /// The texts no beginning of which is one of them.
    Dfa endingAtOnce() {
        List<int[]> cut = new ArrayList<>();
        for (int state = 0; state < stateCount(); state++) {
            cut.add(accepting.get(state) ? new int[0] : transitions.get(state));
        }
        return new Dfa(cut, accepting).trimmed();
    }

    private record Pair(int mine, int others) {}

    private Dfa product(Dfa other, boolean without) {
        Map<Pair, Integer> idOf = new HashMap<>();
        List<Pair> pairs = new ArrayList<>();
        List<int[]> made = new ArrayList<>();
        BitSet ends = new BitSet();
        idOf.put(new Pair(0, 0), 0);
        pairs.add(new Pair(0, 0));
        for (int id = 0; id < pairs.size(); id++) {
            Pair pair = pairs.get(id);
            boolean othersEnd = pair.others != NOWHERE && other.accepting.get(pair.others);
            if (accepting.get(pair.mine) && othersEnd != without) ends.set(id);
            int[] theirs = pair.others == NOWHERE ? new int[0] : other.transitions.get(pair.others);
            List<int[]> common = common(transitions.get(pair.mine), theirs, without);
            CompilationWork.spend(16 + 24L * common.size());
            int[] edges = new int[3 * common.size()];
            for (int i = 0; i < common.size(); i++) {
                int[] edge = common.get(i);
                Pair target = new Pair(edge[2], edge[3]);
                Integer known = idOf.get(target);
                if (known == null) {
                    known = pairs.size();
                    if (known == GrammarLimits.TEXT_STATES_MAX) {
                        throw GrammarLimits.over("states of one text", GrammarLimits.TEXT_STATES_MAX);
                    }
                    idOf.put(target, known);
                    pairs.add(target);
                }
                edges[3 * i] = edge[0];
                edges[3 * i + 1] = edge[1];
                edges[3 * i + 2] = known;
            }
            made.add(edges);
        }
        return new Dfa(made, ends).trimmed();
    }

    /// Letters that both have an edge for; with `alone` also those that only mine have.
    private static List<int[]> common(int[] mine, int[] theirs, boolean alone) {
        List<int[]> result = new ArrayList<>();
        int j = 0;
        for (int i = 0; i < mine.length; i += 3) {
            int first = mine[i];
            while (first <= mine[i + 1]) {
                while (j < theirs.length && theirs[j + 1] < first) j += 3;
                boolean overlaps = j < theirs.length && theirs[j] <= mine[i + 1];
                if (overlaps && theirs[j] <= first) {
                    int last = Math.min(mine[i + 1], theirs[j + 1]);
                    result.add(new int[] {first, last, mine[i + 2], theirs[j + 2]});
                    first = last + 1;
                } else {
                    int last = overlaps ? theirs[j] - 1 : mine[i + 1];
                    if (alone) result.add(new int[] {first, last, mine[i + 2], NOWHERE});
                    first = last + 1;
                }
            }
        }
        return result;
    }

    /// The same without states that cannot be reached or lead nowhere.
    Dfa trimmed() {
        BitSet useful = leadingToAnEnd();
        int[] newId = new int[stateCount()];
        Arrays.fill(newId, NOWHERE);
        List<Integer> kept = new ArrayList<>();
        if (!useful.get(0)) return NOTHING;
        newId[0] = 0;
        kept.add(0);
        List<int[]> made = new ArrayList<>();
        BitSet ends = new BitSet();
        for (int id = 0; id < kept.size(); id++) {
            int state = kept.get(id);
            if (accepting.get(state)) ends.set(id);
            int[] edges = transitions.get(state);
            int[] left = new int[edges.length];
            int size = 0;
            for (int i = 0; i < edges.length; i += 3) {
                int target = edges[i + 2];
                if (!useful.get(target)) continue;
                if (newId[target] == NOWHERE) {
                    newId[target] = kept.size();
                    kept.add(target);
                }
                left[size++] = edges[i];
                left[size++] = edges[i + 1];
                left[size++] = newId[target];
            }
            made.add(Arrays.copyOf(left, size));
        }
        return new Dfa(List.copyOf(made), ends);
    }

    private BitSet leadingToAnEnd() {
        List<List<Integer>> sources = new ArrayList<>();
        for (int state = 0; state < stateCount(); state++) sources.add(new ArrayList<>());
        for (int state = 0; state < stateCount(); state++) {
            int[] edges = transitions.get(state);
            CompilationWork.spend(4 + edges.length);
            for (int i = 2; i < edges.length; i += 3) sources.get(edges[i]).add(state);
        }
        BitSet useful = (BitSet) accepting.clone();
        List<Integer> open = new ArrayList<>(accepting.stream().boxed().toList());
        while (!open.isEmpty()) {
            for (int source : sources.get(open.removeLast())) {
                if (useful.get(source)) continue;
                useful.set(source);
                open.add(source);
            }
        }
        return useful;
    }
}
