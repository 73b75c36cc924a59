package io.sluice.batching;

/// What steps have taken lately, and so what the next will: a constant, a part for each sequence that
/// writes, and a part for each prompt token, fitted to the latest steps by recursive least squares. A step
/// makes older ones forgotten only in what it says itself (restricted exponential forgetting: Kulhavy,
/// Automatica 23, 1987): what prompts cost is still known after an hour without any, and an hour of equal
/// steps does not take the fit apart. A device's real curve is no plane, but near where it works lately one
/// fits well, and only there is anything asked. Hot path: no allocation. Written by the engine thread; any
/// thread may read estimates.
final class StepTimeModel {

    /// An estimate before the first step.
    static final long UNKNOWN = -1;

    /// What a step still counts after 35 like it: half.
    private static final double KEPT = 0.98;

    /// One step that a busy machine held up must not count for a hundred others.
    private static final double OUTLIER = 4;

    /// How unsure each coefficient is before the first step.
    private static final double UNSURE = 1e4;

    // Units in which the coefficients are of the same size.
    private static final double SEQUENCES = 32;
    private static final double PROMPT_TOKENS = 512;
    private static final double MS = 1e6;
    private static final int SIZE = 3;

    private final double[] fit = new double[SIZE]; // ms; constant, per SEQUENCES, per PROMPT_TOKENS
    private final double[][] unsure = new double[SIZE][SIZE]; // inverse of the weighted squares of what was seen
    private final double[] seen = new double[SIZE];
    private final double[] gain = new double[SIZE];
    private int steps;
    private int sequencesMax; // the most in any step

    StepTimeModel() {
        for (int i = 0; i < SIZE; i++) unsure[i][i] = UNSURE;
    }

    /// Takes in a step in which `sequences` sequences wrote and `promptTokens` prompt tokens were computed.
    void measure(int sequences, int promptTokens, long ns) {
        if (ns < 0) return; // the clock was put back meanwhile
        long predicted = predict(sequences, promptTokens);
        double sampleMs = ns / MS;
        if (steps >= 2 * SIZE && predicted > 0) sampleMs = Math.min(sampleMs, OUTLIER * predicted / MS);
        seen[0] = 1;
        seen[1] = sequences / SEQUENCES;
        seen[2] = promptTokens / PROMPT_TOKENS;
        learn(sampleMs);
        steps++;
        sequencesMax = Math.max(sequencesMax, sequences);
    }

    private void learn(double sampleMs) {
        double variance = 0;
        double predictedMs = 0;
        for (int i = 0; i < SIZE; i++) {
            gain[i] = 0;
            for (int j = 0; j < SIZE; j++) gain[i] += unsure[i][j] * seen[j];
            variance += seen[i] * gain[i];
            predictedMs += fit[i] * seen[i];
        }
        for (int i = 0; i < SIZE; i++) fit[i] += gain[i] / (1 + variance) * (sampleMs - predictedMs);
        // Along what was seen, the variance becomes what it would be if each step made all before it count
        // KEPT; across that, nothing changes.
        double less = (KEPT - (1 - KEPT) / variance) / (KEPT * (1 + variance));
        for (int i = 0; i < SIZE; i++) {
            for (int j = 0; j <= i; j++) {
                unsure[i][j] -= less * gain[i] * gain[j];
                unsure[j][i] = unsure[i][j];
            }
        }
    }

    /// The time of a step of these tokens, or `UNKNOWN`.
    long predict(int sequences, int promptTokens) {
        if (steps == 0) return UNKNOWN;
        double ms = Math.max(0, fit[0])
                + Math.max(0, fit[1]) * sequences / SEQUENCES
                + Math.max(0, fit[2]) * promptTokens / PROMPT_TOKENS;
        return (long) (ms * MS);
    }

    /// What a sequence costs in the largest batches that were computed; 0 while nothing is known.
    double leastPerSequenceNs() {
        return sequencesMax == 0 ? 0 : (double) predict(sequencesMax, 0) / sequencesMax;
    }

    /// The most prompt tokens that a step of `sequences` sequences can take in and still end within `ns`;
    /// `most` if nothing is known.
    int promptTokensWithin(long ns, int sequences, int most) {
        long aloneNs = predict(sequences, 0);
        double perTokenNs = Math.max(0, fit[2]) * MS / PROMPT_TOKENS;
        if (aloneNs == UNKNOWN || aloneNs + most * perTokenNs <= ns) return most;
        return (int) Math.clamp((ns - aloneNs) / perTokenNs, 0, most);
    }
}
