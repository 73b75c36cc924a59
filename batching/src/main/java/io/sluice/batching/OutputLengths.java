package io.sluice.batching;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/// How long the outputs of one flow have been, learned from those that ended: a histogram in which older
/// outputs count ever less. Written by the engine thread; `mean` and `outlook` may be read by any thread
/// and are estimates there.
///
/// Four buckets per doubling: an outlook is at most an eighth off the truth.
final class OutputLengths {

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

    /// What an output will be long, as far as is known. A value.
    ///
    /// @param mean tokens
    /// @param variance of that, in tokens squared
    record Outlook(double mean, double variance) {}

    /// What is expected of an output that is longer than `longerThan` and may have at most `most` tokens;
    /// null if too little is known. Who has outlived all others is unknown ground again.
    @Nullable
    Outlook outlook(int longerThan, int most) {
        if (!isKnown()) return null;
        double mass = 0;
        double sum = 0;
        double squares = 0;
        for (int i = bucket(longerThan + 1); i < BUCKETS; i++) {
            double length = Math.min(most, Math.max(longerThan + 1.0, middle(i)));
            mass += weights[i];
            sum += weights[i] * length;
            squares += weights[i] * length * length;
        }
        if (mass < 1) return null;
        double expected = sum / mass;
        return new Outlook(expected, Math.max(0, squares / mass - expected * expected));
    }

    private static int bucket(int length) {
        if (length < EXACT) return Math.max(0, length);
        int log = 31 - Integer.numberOfLeadingZeros(length);
        return EXACT + (log - 3) * PER_DOUBLING + ((length >>> (log - 2)) & (PER_DOUBLING - 1));
    }

    /// The length that stands for a bucket.
    private static double middle(int bucket) {
        if (bucket < EXACT) return bucket;
        int log = (bucket - EXACT) / PER_DOUBLING + 3;
        double quarter = (bucket - EXACT) % PER_DOUBLING + 0.5;
        return (1L << log) + quarter * (1L << (log - 2));
    }

    @Override
    public String toString() {
        return "OutputLengths[mean %.0f, %s]".formatted(mean, Arrays.toString(weights));
    }
}
