package io.sluice.modelstore.grammar;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// Walks the vocabulary's tree from one state of an automaton, with nothing known about its callers. One
/// thread.
final class StateMaskBuilder {
    /// Steps that the rest of one token takes to be sorted in.
    private static final int REST_WORK = 30;

    private final Pushdown automaton;
    private final TokenVocabulary vocabulary;
    private final TokenTrie trie;
    private final Heads heads;
    private final long[] accepted;
    private final List<Integer> ends = new ArrayList<>(); // nodes below which the rule has ended, and their depths
    private int count;
    private long work; // of earlier masks

    StateMaskBuilder(Pushdown automaton, TokenVocabulary vocabulary) {
        this.automaton = automaton;
        this.vocabulary = vocabulary;
        trie = vocabulary.trie();
        heads = new Heads(automaton);
        accepted = new long[vocabulary.maskLength()];
    }

    /// The mask of the bytes that the state itself reads.
    ///
    /// @throws GrammarException if it takes more than `GrammarLimits.TOKEN_WORK_MAX` steps
    StateMask build(int state) {
        Arrays.fill(accepted, 0);
        ends.clear();
        count = 0;
        heads.beginWork();
        if (automaton.readsBytes(state)) walk(0, state, 0);
        StateMask mask = new StateMask(accepted, count, beyond());
        work += heads.work();
        return mask;
    }

    /// Steps of all masks made so far.
    long work() {
        return work;
    }

    /// While nothing is called there is one state and no stack.
    private void walk(int node, int state, int depth) {
        for (int child = node + 1; child < trie.end(node); child = trie.end(child)) {
            heads.spend(1);
            int next = automaton.next(state, trie.label(child));
            if (next == Pushdown.NOWHERE) continue;
            if (automaton.calls(next)) {
                heads.startIn(state);
                step(child, depth + 1);
                continue;
            }
            accept(child);
            if (automaton.accepting(next)) endAt(child, depth + 1);
            if (trie.hasChildren(child)) walk(child, next, depth + 1);
        }
    }

    private void walkHeads(int node, int depth) {
        for (int child = node + 1; child < trie.end(node); child = trie.end(child)) step(child, depth + 1);
    }

    private void step(int child, int depth) {
        heads.spend(1);
        if (heads.advance(trie.label(child))) {
            accept(child);
            if (heads.isComplete()) endAt(child, depth);
            if (trie.hasChildren(child)) walkHeads(child, depth);
        }
        heads.retreat();
    }

    private void accept(int node) {
        for (int place = trie.firstPlace(node); place != TokenTrie.NONE; place = trie.nextPlace(place)) {
            int token = trie.token(place);
            accepted[token >> 6] |= 1L << token;
            count++;
        }
    }

    private void endAt(int node, int depth) {
        if (!trie.hasChildren(node)) return;
        ends.add(node);
        ends.add(depth);
    }

    /// The rests of tokens that go on after the rule's end, and would not be accepted if it had not ended.
    private @Nullable TokenTrie beyond() {
        List<TokenTrie.Entry> rests = new ArrayList<>();
        for (int i = 0; i < ends.size(); i += 2) {
            int node = ends.get(i);
            for (int below = node + 1; below < trie.end(node); below++) {
                heads.spend(1);
                for (int place = trie.firstPlace(below); place != TokenTrie.NONE; place = trie.nextPlace(place)) {
                    int token = trie.token(place);
                    if ((accepted[token >> 6] & 1L << token) != 0) continue;
                    heads.spend(REST_WORK);
                    rests.add(new TokenTrie.Entry(vocabulary.bytes(token), ends.get(i + 1), token));
                }
            }
        }
        return rests.isEmpty() ? null : TokenTrie.of(rests);
    }
}
