package io.sluice.batching;

/// What steps have taken lately, and so what the next will: a constant, a part for each sequence that
/// writes, a part for each token that is proposed to them, a part for each prompt token, and a part for each
/// pair of a prompt token and a token before it.
/// None of them is negative. Fitted to the latest steps by least squares of the relative error with
/// exponential forgetting. A device's real curve is no plane, but near where it works lately one fits well,
/// and only there is anything asked. Hot path: no allocation. Written by the engine thread; any thread may
/// read estimates.
///
/// The sums of squares are kept and the coefficients found by coordinate descent, which starts where it ended
/// the step before (Franc, Hlavac and Navara, Sequential Coordinate-Wise Algorithm for the Non-negative Least
/// Squares Problem, CAIP 2005). Where the latest steps cannot tell coefficients apart, what comes first
/// in the order below is blamed, so that prompts are held to be rather too dear than too cheap.
final class StepTimeModel {

    /// An estimate before the first step.
    static final long UNKNOWN = -1;

    /// What a step of 35 steps ago still counts: half.
    private static final double KEPT = 0.98;

    /// One step that a busy machine held up must not count for a hundred others.
    private static final double OUTLIER = 4;

    /// Shorter steps are all the same.
    private static final double GRAIN_MS = 1e-3;

    /// A step that took longer says nothing of the device: the clock has jumped, or the machine was suspended.
    private static final long LONGEST_NS = 60_000_000_000L;

    private static final int SWEEPS = 8;

    /// The first steps are slow, because nothing is warm.
    private static final int STEPS_TO_SETTLE = 8;

    // The coefficients, and units in which they are of the same size.
    private static final int PAIR = 0;
    private static final int PROMPT_TOKEN = 1;
    private static final int PROPOSED = 2;
    private static final int SEQUENCE = 3;
    private static final int STEP = 4;
    private static final int SIZE = 5;
    private static final double PROPOSED_TOKENS = 32;
    private static final double SEQUENCES = 32;
    private static final double PROMPT_TOKENS = 512;
    private static final double PAIRS = PROMPT_TOKENS * 4096;
    private static final double MS = 1e6;

    /// After so many steps without such tokens what they cost is left as it was: nothing is remembered that could say
    /// anything of it.
    private static final int STEPS_REMEMBERED = 1000;

    private final double[] fit = new double[SIZE]; // ms per unit
    private final double[][] squares = new double[SIZE][SIZE];
    private final double[] products = new double[SIZE];
    private final double[] seen = new double[SIZE];
    private final long[] latest = new long[SIZE]; // step that had such tokens
    private long steps;
    private long shortestNs;
    private int sequencesMax; // the most in any step
    private double recentTokens; // prompt tokens of the latest steps
    private double recentPairs; // and their pairs

    /// Takes in a step in which `sequences` sequences wrote and `promptTokens` prompt tokens were computed.
    ///
    /// @param pairs for each prompt token, the tokens before it
    void measure(int sequences, int promptTokens, double pairs, long ns) {
        measure(sequences, 0, promptTokens, pairs, ns);
    }

    /// The same of a step in which `proposedTokens` were proposed to those who wrote.
    void measure(int sequences, int proposedTokens, int promptTokens, double pairs, long ns) {
        if (ns <= 0 || ns > LONGEST_NS) return; // or the clock stood still, or was put back
        see(sequences, proposedTokens, promptTokens, pairs);
        double predictedMs = seenMs();
        double sampleMs = ns / MS;
        if (isSettled() && predictedMs > GRAIN_MS) sampleMs = Math.min(sampleMs, OUTLIER * predictedMs);
        learn(sampleMs, 1 / Math.max(GRAIN_MS, Math.max(predictedMs, sampleMs / OUTLIER)));
        shortestNs = steps == 0 ? ns : Math.min(shortestNs, ns);
        steps++;
        sequencesMax = Math.max(sequencesMax, sequences);
        recentTokens = KEPT * recentTokens + promptTokens;
        recentPairs = KEPT * recentPairs + pairs;
    }

    private void see(int sequences, int proposedTokens, int promptTokens, double pairs) {
        seen[PAIR] = pairs / PAIRS;
        seen[PROMPT_TOKEN] = promptTokens / PROMPT_TOKENS;
        seen[PROPOSED] = proposedTokens / PROPOSED_TOKENS;
        seen[SEQUENCE] = sequences / SEQUENCES;
        seen[STEP] = 1;
    }

    private double seenMs() {
        double ms = 0;
        for (int i = 0; i < SIZE; i++) ms += fit[i] * seen[i];
        return ms;
    }

    private void learn(double sampleMs, double weight) {
        for (int i = 0; i < SIZE; i++) {
            if (seen[i] > 0) latest[i] = steps;
            for (int j = 0; j < SIZE; j++) squares[i][j] = KEPT * squares[i][j] + weight * weight * seen[i] * seen[j];
            products[i] = KEPT * products[i] + weight * weight * seen[i] * sampleMs;
        }
        for (int sweep = 0; sweep < SWEEPS; sweep++) {
            for (int i = 0; i < SIZE; i++) descend(i);
        }
    }

    /// The best value of one coefficient, the others given.
    private void descend(int i) {
        if (steps - latest[i] > STEPS_REMEMBERED || squares[i][i] == 0) return;
        double rest = products[i];
        for (int j = 0; j < SIZE; j++) {
            if (j != i) rest -= squares[i][j] * fit[j];
        }
        fit[i] = Math.max(0, rest / squares[i][i]);
    }

    /// The time of a step of these tokens, or `UNKNOWN`; prompt tokens are taken to have as many before them as
    /// lately.
    long predict(int sequences, int promptTokens) {
        if (steps == 0) return UNKNOWN;
        double pairs = recentTokens == 0 ? 0 : promptTokens * recentPairs / recentTokens;
        double ms = fit[STEP]
                + fit[SEQUENCE] * sequences / SEQUENCES
                + fit[PROMPT_TOKEN] * promptTokens / PROMPT_TOKENS
                + fit[PAIR] * pairs / PAIRS;
        return (long) (ms * MS);
    }

    /// True once there were steps enough to hold anybody back for what they say.
    boolean isSettled() {
        return steps >= STEPS_TO_SETTLE;
    }

    /// The shortest step there has been; 0 before the first.
    long shortestNs() {
        return shortestNs;
    }

    /// What a sequence costs in the largest batches that were computed; 0 while nothing is known.
    double leastPerSequenceNs() {
        return sequencesMax == 0 ? 0 : (double) predict(sequencesMax, 0) / sequencesMax;
    }

    /// What this slice adds to its step, with what is proposed to it; 0 while nothing is known.
    double sliceNs(StepPlan plan, int slice) {
        if (plan.isWriting(slice)) {
            return fit[SEQUENCE] * MS / SEQUENCES + plan.proposedCount(slice) * proposedTokenNs();
        }
        return plan.length(slice) * promptTokenNs() + plan.pairs(slice) * pairNs();
    }

    /// What a step takes whatever is in it.
    double constantNs() {
        return fit[STEP] * MS;
    }

    /// What a prompt token at the beginning of its prompt adds to a step; 0 while nothing is known.
    double promptTokenNs() {
        return fit[PROMPT_TOKEN] * MS / PROMPT_TOKENS;
    }

    /// What a proposed token adds to a step, guessing it included; 0 while nothing is known.
    double proposedTokenNs() {
        return fit[PROPOSED] * MS / PROPOSED_TOKENS;
    }

    /// What a prompt token adds for each token before it.
    double pairNs() {
        return fit[PAIR] * MS / PAIRS;
    }
}
