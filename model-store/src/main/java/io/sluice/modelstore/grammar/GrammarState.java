package io.sluice.modelstore.grammar;

import java.util.Arrays;

/// Where one output stands in its grammar. Hot path: no allocation once it has grown. One thread at a time.
public final class GrammarState {
    private final CompiledGrammar grammar;
    private final Heads heads;
    private boolean masked; // `mask` is that of the current place
    private final long[] mask;

    GrammarState(CompiledGrammar grammar, Heads heads) {
        this.grammar = grammar;
        this.heads = heads;
        mask = new long[grammar.vocabulary().maskLength()];
        heads.start();
    }

    /// A state of its own at the same place.
    public GrammarState copy() {
        GrammarState copy = grammar.begin();
        copy.heads.copyFrom(heads);
        return copy;
    }

    /// Goes to where another output in the same grammar stands.
    public void moveTo(GrammarState other) {
        heads.copyFrom(other.heads);
        masked = other.masked;
        if (masked) System.arraycopy(other.mask, 0, mask, 0, mask.length);
    }

    /// Sets in `target` exactly the bits of the tokens that may come next. Whether the output may end is
    /// another question: `isComplete`.
    ///
    /// @param target `[maskLength]`
    /// @throws GrammarException if it takes more than `GrammarLimits.TOKEN_WORK_MAX` steps; the state is then of no
    /// use any more
    public void fill(long[] target) {
        if (!masked) {
            make();
            masked = true;
        }
        System.arraycopy(mask, 0, target, 0, mask.length);
    }

    private void make() {
        Arrays.fill(mask, 0);
        heads.beginWork();
        int count = heads.count();
        for (int i = 0; i < count; i++) {
            StateMask own = maskOf(heads.state(i));
            heads.spend(mask.length);
            own.addTo(mask);
            TokenTrie beyond = own.beyond();
            if (beyond == null || heads.frame(i) == 0) continue; // after the first rule's end comes nothing
            if (heads.advanceToCallers(i)) addFitting(beyond, 0);
            heads.retreat();
        }
    }

    /// The state's mask; made now if no output came here before, at the expense of this one.
    private StateMask maskOf(int state) {
        StateMask known = grammar.knownMask(state);
        if (known != null) return known;
        StateMaskBuilder builder = grammar.maskBuilder();
        StateMask made = grammar.makeMask(state, builder);
        heads.spend(builder.work());
        return made;
    }

    /// Adds the tokens whose rests the callers can read.
    private void addFitting(TokenTrie rests, int node) {
        for (int child = node + 1; child < rests.end(node); child = rests.end(child)) {
            if (heads.advance(rests.label(child))) {
                for (int place = rests.firstPlace(child); place != TokenTrie.NONE; place = rests.nextPlace(place)) {
                    int token = rests.token(place);
                    mask[token >> 6] |= 1L << token;
                }
                if (rests.hasChildren(child)) addFitting(rests, child);
            }
            heads.retreat();
        }
    }

    /// Goes on by a token.
    ///
    /// @return false if it may not come next; the state is then of no use any more
    /// @throws GrammarException if it takes more than `GrammarLimits.TOKEN_WORK_MAX` steps
    public boolean accept(int token) {
        masked = false;
        heads.beginWork();
        byte[] bytes = grammar.vocabulary().bytes(token);
        for (byte b : bytes) {
            if (!heads.advance(b & 0xFF)) return false;
        }
        heads.settle();
        return bytes.length > 0;
    }

    /// Goes on by bytes that need not be a token; each may cost as much as one.
    boolean read(byte[] bytes) {
        masked = false;
        for (byte b : bytes) {
            heads.beginWork();
            if (!heads.advance(b & 0xFF)) return false;
        }
        heads.settle();
        return true;
    }

    /// Frames of its stack: what it has to remember.
    int frames() {
        return heads.frames();
    }

    /// True if the output so far fulfils the grammar and may end.
    public boolean isComplete() {
        return heads.isComplete();
    }

    /// True if the output fulfils the grammar and nothing may follow.
    public boolean isOver() {
        return heads.isComplete() && !heads.readsBytes();
    }
}
