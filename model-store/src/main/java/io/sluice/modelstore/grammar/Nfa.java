package io.sluice.modelstore.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// A non-deterministic automaton under construction. Its letters are integers: code points for text; for a
/// rule the 256 bytes, and beyond them the rules that it calls. One use, one thread.
final class Nfa {
    private final int statesMax; // of the deterministic automaton
    private int[] edges = new int[64]; // [edge, 5]: from, first letter, last letter, to, next edge of from
    private int edgeCount;
    private int[] firstEdge = new int[64]; // [state]
    private int stateCount;

    private static final int WIDTH = 5;
    private static final int NONE = -1;
    private static final int EPSILON = -1; // as first letter

    Nfa(int statesMax) {
        this.statesMax = statesMax;
    }

    int state() {
        if (stateCount == GrammarLimits.NFA_STATES_MAX) {
            throw GrammarLimits.over("states before simplification", GrammarLimits.NFA_STATES_MAX);
        }
        if (stateCount == firstEdge.length) firstEdge = Arrays.copyOf(firstEdge, 2 * stateCount);
        firstEdge[stateCount] = NONE;
        return stateCount++;
    }

    void edge(int from, int firstLetter, int lastLetter, int to) {
        if (WIDTH * (edgeCount + 1) > edges.length) {
            if (edgeCount > 8 * GrammarLimits.NFA_STATES_MAX) {
                throw GrammarLimits.over("transitions", 8L * GrammarLimits.NFA_STATES_MAX);
            }
            edges = Arrays.copyOf(edges, 2 * edges.length);
        }
        CompilationWork.spend(2);
        int at = WIDTH * edgeCount;
        edges[at] = from;
        edges[at + 1] = firstLetter;
        edges[at + 2] = lastLetter;
        edges[at + 3] = to;
        edges[at + 4] = firstEdge[from];
        firstEdge[from] = edgeCount++;
    }

    void epsilon(int from, int to) {
        edge(from, EPSILON, EPSILON, to);
    }

    /// The deterministic automaton of what leads from `start` to `accept`, without states that lead nowhere.
    Dfa determinise(int start, int accept) {
        return new Subsets(accept).build(start).trimmed();
    }

    /// A set of states, as a key.
    private record Subset(int[] states) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Subset that && Arrays.equals(states, that.states);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(states);
        }
    }

    /// The subset construction.
    private final class Subsets {
        private final int accept;
        private final Map<Subset, Integer> idOf = new HashMap<>();
        private final List<Subset> subsets = new ArrayList<>();
        private final BitSet accepting = new BitSet();
        private final BitSet seen = new BitSet();
        private int[] pending = new int[16];
        private long work;

        private Subsets(int accept) {
            this.accept = accept;
        }

        private Dfa build(int start) {
            List<int[]> transitions = new ArrayList<>();
            id(new int[] {start}, 1);
            for (int id = 0; id < subsets.size(); id++) transitions.add(transitionsOf(subsets.get(id)));
            return new Dfa(transitions, accepting);
        }

        private int[] transitionsOf(Subset subset) {
            List<int[]> outgoing = new ArrayList<>(); // first, last, to
            for (int state : subset.states) {
                for (int e = firstEdge[state]; e != NONE; e = edges[WIDTH * e + 4]) {
                    int at = WIDTH * e;
                    if (edges[at + 1] == EPSILON) continue;
                    outgoing.add(new int[] {edges[at + 1], edges[at + 2], edges[at + 3]});
                }
            }
            CompilationWork.spend(16L * outgoing.size());
            outgoing.sort((a, b) -> Integer.compare(a[0], b[0]));
            return sweep(outgoing);
        }

        /// Cuts the letters where the set of edges changes, and follows each piece.
        private int[] sweep(List<int[]> outgoing) {
            int[] cuts = outgoing.stream()
                    .flatMapToInt(edge -> Arrays.stream(new int[] {edge[0], edge[1] + 1}))
                    .sorted()
                    .distinct()
                    .toArray();
            int[] result = new int[3 * cuts.length];
            int size = 0;
            int[][] active = new int[outgoing.size()][];
            int activeCount = 0;
            int next = 0;
            int[] targets = new int[outgoing.size()];
            for (int i = 0; i + 1 < cuts.length; i++) {
                int first = cuts[i];
                int kept = 0;
                for (int a = 0; a < activeCount; a++) if (active[a][1] >= first) active[kept++] = active[a];
                activeCount = kept;
                while (next < outgoing.size() && outgoing.get(next)[0] == first)
                    active[activeCount++] = outgoing.get(next++);
                if (activeCount == 0) continue;
                for (int a = 0; a < activeCount; a++) targets[a] = active[a][2];
                int target = id(targets, activeCount);
                boolean joins = size > 0 && result[size - 1] == target && result[size - 2] == first - 1;
                if (joins) {
                    result[size - 2] = cuts[i + 1] - 1;
                } else {
                    result[size++] = first;
                    result[size++] = cuts[i + 1] - 1;
                    result[size++] = target;
                }
            }
            return Arrays.copyOf(result, size);
        }

        /// The number of the set of all states that `states` lead to without a letter.
        private int id(int[] states, int count) {
            seen.clear();
            if (pending.length < stateCount) pending = new int[stateCount];
            int open = 0;
            int visited = 0;
            for (int i = 0; i < count; i++) {
                if (seen.get(states[i])) continue;
                seen.set(states[i]);
                pending[open++] = states[i];
            }
            while (open > 0) {
                int state = pending[--open];
                visited++;
                for (int e = firstEdge[state]; e != NONE; e = edges[WIDTH * e + 4]) {
                    int to = edges[WIDTH * e + 3];
                    if (edges[WIDTH * e + 1] != EPSILON || seen.get(to)) continue;
                    seen.set(to);
                    pending[open++] = to;
                }
            }
            int[] members = seen.stream().filter(this::matters).toArray();
            work += members.length + 8;
            CompilationWork.spend(2L * (members.length + visited) + count + stateCount / 64);
            if (work > GrammarLimits.WORK_MAX)
                throw GrammarLimits.over("steps of simplification", GrammarLimits.WORK_MAX);
            return idOf.computeIfAbsent(new Subset(members), this::add);
        }

        /// States that only lead on tell sets apart that behave alike.
        private boolean matters(int state) {
            if (state == accept) return true;
            for (int e = firstEdge[state]; e != NONE; e = edges[WIDTH * e + 4]) {
                if (edges[WIDTH * e + 1] != EPSILON) return true;
            }
            return false;
        }

        private int add(Subset subset) {
            int id = subsets.size();
            if (id == statesMax) throw GrammarLimits.over("states", statesMax);
            subsets.add(subset);
            if (Arrays.binarySearch(subset.states, accept) >= 0) accepting.set(id);
            return id;
        }
    }
}
