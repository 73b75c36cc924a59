package io.sluice.modelstore.grammar;

import org.jspecify.annotations.Nullable;

/// The tokens that may follow in one state of the automaton, as far as the state alone decides: those that
/// stay within the state's rule and what it calls; and those that go beyond its end, by the bytes that they
/// have after it. A value; any thread.
final class StateMask {

    /// Below this share of the vocabulary a list is smaller and faster than a mask.
    private static final int LIST_SHARE = 64;

    private final long @Nullable [] bits;
    private final int[] tokens; // if there are no bits
    private final @Nullable TokenTrie beyond; // the parts of tokens after the rule's end

    StateMask(long[] accepted, int count, @Nullable TokenTrie beyond) {
        this.beyond = beyond;
        if (count * LIST_SHARE > accepted.length * 64) {
            bits = accepted.clone();
            tokens = new int[0];
            return;
        }
        bits = null;
        tokens = new int[count];
        int size = 0;
        for (int word = 0; word < accepted.length; word++) {
            for (long left = accepted[word]; left != 0; left &= left - 1) {
                tokens[size++] = (word << 6) + Long.numberOfTrailingZeros(left);
            }
        }
    }

    /// Adds the tokens that are certain to `mask`.
    void addTo(long[] mask) {
        if (bits == null) {
            for (int token : tokens) mask[token >> 6] |= 1L << token;
        } else {
            for (int word = 0; word < bits.length; word++) mask[word] |= bits[word];
        }
    }

    /// The rests of the tokens that depend on the state's callers; null if there are none.
    @Nullable
    TokenTrie beyond() {
        return beyond;
    }

    long bytes() {
        return 64 + (bits == null ? 4L * tokens.length : 8L * bits.length) + (beyond == null ? 0 : beyond.bytes());
    }
}
