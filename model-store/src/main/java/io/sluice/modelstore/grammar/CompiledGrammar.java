package io.sluice.modelstore.grammar;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/// A grammar made ready for a vocabulary. Any thread; what it learns on the way is shared by all outputs.
public final class CompiledGrammar {

    /// Steps that masks may take beforehand: about a second. What is left over is made when an output first
    /// gets there.
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
    static CompiledGrammar compile(Pushdown automaton, TokenVocabulary vocabulary) {
        CompiledGrammar compiled = new CompiledGrammar(automaton, vocabulary);
        if (compiled.begin().isOver()) throw new GrammarException("nothing but the empty text fulfils it");
        compiled.prepare();
        compiled.begin().fill(new long[vocabulary.maskLength()]); // too ambiguous from the first token: say so now
        return compiled;
    }

    private void prepare() {
        StateMaskBuilder builder = maskBuilder();
        for (int state = 0; state < masks.length(); state++) {
            if (builder.work() > WORK_BEFOREHAND || maskBytes.get() > GrammarLimits.MASK_BYTES_MAX) return;
            if (maskOf[state] == state && automaton.readsBytes(state)) keep(state, builder.build(state));
        }
    }

    /// A fresh state, at the beginning of an output.
    public GrammarState begin() {
        return new GrammarState(this, new Heads(automaton));
    }

    /// The mask of a state, if someone came here before.
    @Nullable
    StateMask knownMask(int state) {
        return masks.get(maskOf[state]);
    }

    /// Makes the mask of a state, and keeps it if there is room.
    ///
    /// @throws GrammarException if it takes more than `GrammarLimits.TOKEN_WORK_MAX` steps
    StateMask makeMask(int state, StateMaskBuilder builder) {
        int shared = maskOf[state];
        StateMask mask = builder.build(shared);
        return maskBytes.get() > GrammarLimits.MASK_BYTES_MAX ? mask : keep(shared, mask);
    }

    StateMaskBuilder maskBuilder() {
        return new StateMaskBuilder(automaton, vocabulary);
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
