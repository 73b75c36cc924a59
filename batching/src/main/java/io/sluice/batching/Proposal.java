package io.sluice.batching;

/// What is guessed to come next in one sequence, and how right the guesses were lately. Hot path: no allocation.
/// Engine thread only.
final class Proposal {
    private static final int[] NONE = {};

    private int[] tokens = NONE; // [0, count)
    private int count;
    private int wanted;
    private final Acceptance acceptance = new Acceptance();
    private int idleSteps; // since tokens were last proposed

    /// Nothing is guessed, and nothing wanted.
    void clear() {
        count = 0;
        wanted = 0;
    }

    /// So many tokens are to be guessed at most.
    void want(int most) {
        wanted = most;
        if (tokens.length < most) tokens = new int[SpeculationSettings.TOKENS_MAX];
    }

    int wanted() {
        return wanted;
    }

    /// Appends a guess; there must be fewer than are wanted.
    void add(int token) {
        tokens[count++] = token;
    }

    /// Keeps the first guesses.
    void cut(int most) {
        count = Math.min(count, most);
    }

    /// The guesses, valid in `[0, count())`.
    int[] tokens() {
        return tokens;
    }

    int count() {
        return count;
    }

    Acceptance acceptance() {
        return acceptance;
    }

    /// Another step of the sequence is planned.
    ///
    /// @return how many there were since one with guesses
    int countStep() {
        return ++idleSteps;
    }

    void resetSteps() {
        idleSteps = 0;
    }
}
