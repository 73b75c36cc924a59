package io.sluice.modelstore.grammar;

import java.security.SecureRandom;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/// Finds states that no token can tell apart: they behave alike for as many bytes as the longest token has. A
/// text of at most a thousand characters has a thousand states, and but for the last few they share one mask.
final class SharedMasks {

    /// Beyond it, about half a second, masks are not shared: they are made one by one as outputs get there.
    private static final long WORK_MAX = 400_000_000;

    private SharedMasks() {}

    /// For each state the first one that it shares its mask with.
    static int[] of(Pushdown automaton, TokenTrie trie) {
        int states = automaton.stateCount();
        int depth = trie.depth();
        int[] group = new int[states]; // alike for the bytes looked at so far
        if ((long) depth * states * automaton.classCount() > WORK_MAX) return identity(group);
        long key = new SecureRandom().nextLong();
        for (int state = 0; state < states; state++) group[state] = automaton.accepting(state) ? 1 : 0;
        int groups = 0;
        for (int round = 0; round < depth; round++) {
            int[] finer = new int[states];
            int count = refine(automaton, group, finer, key);
            group = finer;
            if (count == groups) break; // nothing changes any more
            groups = count;
        }
        return firstOfGroup(group);
    }

    private static int[] identity(int[] array) {
        Arrays.setAll(array, state -> state);
        return array;
    }

    /// Numbers the states anew, so that two share a number if they do alike now and lead to what had the same
    /// number.
    private static int refine(Pushdown automaton, int[] group, int[] finer, long key) {
        Map<Long, Integer> numbers = new HashMap<>();
        for (int state = 0; state < group.length; state++) {
            finer[state] = numbers.computeIfAbsent(signature(automaton, group, state, key), _ -> numbers.size());
        }
        return numbers.size();
    }

    /// 64 bits under a random key: that two of some thousand states share them by chance will not happen, and
    /// nobody can make it happen.
    private static long signature(Pushdown automaton, int[] group, int state, long key) {
        long hash = mixed(key, automaton.accepting(state) ? 1 : 0);
        for (int c = 0; c < automaton.classCount(); c++) {
            int next = automaton.nextOfClass(state, c);
            hash = mixed(hash, next == Pushdown.NOWHERE ? -1 : group[next]);
        }
        for (int call = automaton.firstCall(state); call < automaton.endOfCalls(state); call++) {
            hash = mixed(hash, automaton.callRule(call));
            hash = mixed(hash, group[automaton.callTarget(call)]);
        }
        return hash;
    }

    private static long mixed(long hash, int value) {
        long z = (hash + value + 2) * 0x9e3779b97f4a7c15L;
        z = (z ^ (z >>> 30)) * 0xbf58476d1ce4e5b9L;
        return z ^ (z >>> 27);
    }

    private static int[] firstOfGroup(int[] group) {
        int[] first = new int[group.length];
        Arrays.fill(first, -1);
        int[] result = new int[group.length];
        for (int state = 0; state < group.length; state++) {
            if (first[group[state]] < 0) first[group[state]] = state;
            result[state] = first[group[state]];
        }
        return result;
    }
}
