package io.sluice.batching;

/// What steps have taken lately, and so what the next will: a constant, a part for each sequence that
/// writes, and a part for each prompt token, fitted to the latest steps by recursive least squares with
/// exponential forgetting (Ljung, System Identification, 1999, section 11.2). A device's real curve is no
/// plane, but near where it works lately one fits well, and only there is anything asked. Hot path: no
/// allocation. Written by the engine thread; any thread may read estimates.
final class StepTimeModel {

    /// An estimate before the first step.
    static final long UNKNOWN = -1;

    /// What a step of 35 steps ago still counts: half.
    private static final double KEPT = 0.98;

    /// One step that a busy machine held up must not count for a hundred others.
    private static final double OUTLIER = 4;

    /// A step that took longer says nothing of the device: the clock has jumped, or the machine was suspended.
    private static final long LONGEST_NS = 60_000_000_000L;

    /// How unsure each coefficient is before the first step, and at most: what is not asked for long must
    /// not be forgotten without end.
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
        if (ns < 0 || ns > LONGEST_NS) return;
        long predicted = predict(sequences, promptTokens);
        double sampleMs = ns / MS;
        if (steps >= 2 * SIZE) sampleMs = Math.min(sampleMs, OUTLIER * predicted / MS);
        seen[0] = 1;
        seen[1] = sequences / SEQUENCES;
        seen[2] = promptTokens / PROMPT_TOKENS;
        learn(sampleMs);
        steps++;
        sequencesMax = Math.max(sequencesMax, sequences);
    }

    private void learn(double sampleMs) {
        double variance = KEPT;
        double predictedMs = 0;
        for (int i = 0; i < SIZE; i++) {
            gain[i] = 0;
            for (int j = 0; j < SIZE; j++) gain[i] += unsure[i][j] * seen[j];
            variance += seen[i] * gain[i];
            predictedMs += fit[i] * seen[i];
        }
        for (int i = 0; i < SIZE; i++) fit[i] += gain[i] / variance * (sampleMs - predictedMs);
        for (int i = 0; i < SIZE; i++) {
            for (int j = 0; j <= i; j++) {
                unsure[i][j] = (unsure[i][j] - gain[i] * gain[j] / variance) / KEPT;
                unsure[j][i] = unsure[i][j];
            }
        }
        bound();
    }

    private void bound() {
        for (int i = 0; i < SIZE; i++) {
            if (unsure[i][i] <= UNSURE) continue;
            double scale = Math.sqrt(UNSURE / unsure[i][i]);
            for (int j = 0; j < SIZE; j++) {
                unsure[i][j] *= scale;
                unsure[j][i] *= scale;
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
