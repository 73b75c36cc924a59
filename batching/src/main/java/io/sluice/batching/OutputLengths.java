package io.sluice.batching;

import java.util.Arrays;

/// How long the outputs of one flow have been, learned from those that ended: a histogram in which older
/// outputs count ever less. Written by the engine thread; `mean` and `quantile` may be read by any thread
/// and are estimates there.
///
/// Four buckets per doubling, so that a quantile is at most a fifth above the truth: that is memory reserved
/// for nothing, never memory promised twice.
final class OutputLengths {

    /// `quantile` while too little is known.
    static final int UNKNOWN = -1;

    /// Outputs below which nothing is claimed to be known.
    static final int SAMPLES_MIN = 16;

    /// How much of its weight an output keeps when the next one ends: half after some 350 outputs.
    private static final float KEPT = 0.998f;

    private static final int EXACT = 8; // lengths below this have a bucket each
    private static final int PER_DOUBLING = 4;
    private static final int BUCKETS = EXACT + PER_DOUBLING * (Integer.SIZE - 4);

    private final float[] weights = new float[BUCKETS];
    private float total;
    private int count; // of outputs, up to SAMPLES_MIN
    private volatile float mean;

    /// Takes in the length of an output that has ended.
    void add(int length) {
        for (int i = 0; i < BUCKETS; i++) weights[i] *= KEPT;
        weights[bucket(length)] += 1;
        total = total * KEPT + 1;
        float before = mean;
        mean = before + (length - before) / total;
        if (count < SAMPLES_MIN) count++;
    }

    boolean isKnown() {
        return count >= SAMPLES_MIN;
    }

    /// The mean length, 0 before the first output.
    float mean() {
        return mean;
    }

    /// The length that a part `quantile` of the outputs longer than `longerThan` does not exceed, or
    /// `UNKNOWN`. A sequence that has outlived all others is unknown ground again.
    int quantile(double quantile, int longerThan) {
        if (!isKnown()) return UNKNOWN;
        int first = bucket(longerThan + 1);
        float mass = 0;
        for (int i = first; i < BUCKETS; i++) mass += weights[i];
        if (mass < 1) return UNKNOWN;
        float wanted = (float) (mass * quantile);
        float seen = 0;
        for (int i = first; i < BUCKETS; i++) {
            seen += weights[i];
            if (seen >= wanted && weights[i] > 0) return Math.max(longerThan + 1, longest(i));
        }
        return UNKNOWN;
    }

    private static int bucket(int length) {
        if (length < EXACT) return Math.max(0, length);
        int log = 31 - Integer.numberOfLeadingZeros(length);
        return EXACT + (log - 3) * PER_DOUBLING + ((length >>> (log - 2)) & (PER_DOUBLING - 1));
    }

    /// The longest length in a bucket.
    private static int longest(int bucket) {
        if (bucket < EXACT) return bucket;
        int log = (bucket - EXACT) / PER_DOUBLING + 3;
        int quarter = (bucket - EXACT) % PER_DOUBLING;
        return (int) Math.min(Integer.MAX_VALUE, (1L << log) + (quarter + 1L) * (1L << (log - 2)) - 1);
    }

    @Override
    public String toString() {
        return "OutputLengths[mean %.0f, %s]".formatted(mean, Arrays.toString(weights));
    }
}
