package io.sluice.batching;

/// What was proposed, and what became of it, in numbers. Engine thread only.
final class SpeculationCounts {
    private final long[] acceptedAt = new long[SpeculationSettings.TOKENS_MAX]; // [place among the guesses of a step]
    private long drafts;
    private long proposed;
    private long accepted;
    private long heldByLoad;
    private long heldByAcceptance;
    private long heldByPrompts;
    private long nothingFound;

    /// Why nothing was proposed to a sequence.
    enum Held {
        /// So many write that not even a certain guess would be worth its time.
        LOAD,
        /// Its guesses were not right often enough.
        ACCEPTANCE,
        /// Prompts had the step's time.
        PROMPTS,
        /// There was nothing to guess from.
        NOTHING_FOUND
    }

    void count(int proposedTokens, int right) {
        drafts++;
        proposed += proposedTokens;
        accepted += right;
        for (int i = 0; i < right; i++) acceptedAt[i]++;
    }

    void countHeld(Held why, int sequences) {
        switch (why) {
            case LOAD -> heldByLoad += sequences;
            case ACCEPTANCE -> heldByAcceptance += sequences;
            case PROMPTS -> heldByPrompts += sequences;
            case NOTHING_FOUND -> nothingFound += sequences;
        }
    }

    EngineStats.Speculated speculated(double acceptance) {
        return new EngineStats.Speculated(
                drafts,
                proposed,
                accepted,
                new EngineStats.Counts(acceptedAt.clone()),
                heldByLoad,
                heldByAcceptance,
                heldByPrompts,
                nothingFound,
                acceptance);
    }
}
