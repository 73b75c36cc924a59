package io.sluice.batching;

/// What a request's output has to be, token by token: a grammar, as a rule. Immutable, shared by the
/// request's choices; any thread.
public interface TokenConstraint {

    /// A choice's way through it, from the beginning.
    Progress begin();

    /// How far one output has come. Hot path: no allocation in steady state, no exception. Engine thread only
    /// once submitted. What it says depends on the accepted tokens alone, so a step may be planned and
    /// computed again.
    interface Progress {

        /// Sets exactly the bits of the tokens that may come next; none if it cannot go on. End tokens are no
        /// business of its: they may come when it is complete.
        ///
        /// @param mask one bit per token of the vocabulary
        void fill(long[] mask);

        /// Takes in the token that was sampled.
        ///
        /// @return false if the output cannot go on
        boolean accept(int token);

        /// Goes to where another way through the same constraint is, which stays there: to look ahead.
        void moveTo(Progress other);

        /// True if the output may end here.
        boolean isComplete();

        /// True if the output is complete and nothing may follow.
        boolean isOver();
    }
}
