package io.sluice.modelstore.grammar;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;

/// A grammar made ready for a vocabulary. Any thread; what it learns on the way is shared by all outputs.
public final class CompiledGrammar {

    /// Nodes of the vocabulary's tree that are visited for masks beforehand: about a second. What is left
    /// over is made when an output first gets there.
    private static final long WORK_BEFOREHAND = 60_000_000;

    private final Pushdown automaton;
    private final TokenVocabulary vocabulary;
    private final int[] maskOf; // [state] states that cannot be told apart by any token share a mask
    private final AtomicReferenceArray<StateMask> masks; // [state], null where not made yet
    private final AtomicLong maskBytes = new AtomicLong();

    private CompiledGrammar(Pushdown automaton, TokenVocabulary vocabulary) {
        this.automaton = automaton;
        this.vocabulary = vocabulary;
        maskOf = SharedMasks.of(automaton, vocabulary.trie());
        masks = new AtomicReferenceArray<>(automaton.stateCount());
    }

    /// @throws GrammarException if the grammar is over a limit, or no text fulfils it
    static CompiledGrammar compile(Grammar grammar, TokenVocabulary vocabulary) {
        CompiledGrammar compiled = new CompiledGrammar(PushdownBuilder.build(grammar), vocabulary);
        if (compiled.begin().isOver()) throw new GrammarException("nothing but the empty text fulfils it");
        compiled.prepare();
        return compiled;
    }

    private void prepare() {
        StateMaskBuilder builder = new StateMaskBuilder(automaton, vocabulary);
        for (int state = 0; state < masks.length() && builder.visited() < WORK_BEFOREHAND; state++) {
            if (maskOf[state] == state && automaton.readsBytes(state)) keep(state, builder.build(state));
        }
    }

    /// A fresh state, at the beginning of an output.
    public GrammarState begin() {
        return new GrammarState(this, new Heads(automaton));
    }

    /// The mask of a state; made now if no one came here before.
    StateMask mask(int state) {
        int shared = maskOf[state];
        StateMask mask = masks.get(shared);
        return mask == null ? keep(shared, new StateMaskBuilder(automaton, vocabulary).build(shared)) : mask;
    }

    private StateMask keep(int state, StateMask mask) {
        if (masks.compareAndSet(state, null, mask)) maskBytes.addAndGet(mask.bytes());
        return mask;
    }

    public TokenVocabulary vocabulary() {
        return vocabulary;
    }

    public int stateCount() {
        return automaton.stateCount();
    }

    /// Memory that it takes, about.
    public long bytes() {
        return automaton.bytes() + 4L * maskOf.length + 8L * masks.length() + maskBytes.get();
    }
}
