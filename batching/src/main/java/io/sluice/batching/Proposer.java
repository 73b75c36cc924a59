package io.sluice.batching;

import org.jspecify.annotations.Nullable;

/// Guesses what sequences say next. A guess costs nothing but time: whatever it is, the tokens are those that
/// there would be without it. Engine thread only.
interface Proposer extends AutoCloseable {

    /// Adds guesses to each sequence's proposal, at most as many as that wants; none is an answer.
    ///
    /// @param sequences `[0, count)`, none of which has guesses
    void propose(@Nullable Sequence[] sequences, int count);

    /// The sequence has ended.
    default void forget(Sequence sequence) {}

    @Override
    default void close() {}
}
