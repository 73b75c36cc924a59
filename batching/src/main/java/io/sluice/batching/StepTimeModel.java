package io.sluice.batching;

/// What steps have taken lately, and so what the next will: the time of a step without prompt tokens by its
/// number of sequences, and what prompt tokens add to it by their number. Two measured tables with a line
/// between their entries, because neither is a straight line on any device: a GPU computes the first few
/// hundred prompt tokens in the shadow of its weights. Hot path: no allocation. Written by the engine
/// thread; any thread may read estimates.
final class StepTimeModel {

    /// An estimate while nothing like it was measured.
    static final long UNKNOWN = -1;

    private static final int SIZES = 32; // powers of two

    /// How far one measurement moves an entry.
    private static final float GAIN = 0.15f;

    /// One step that a busy machine held up must not count for a hundred others.
    private static final float OUTLIER = 4;

    private final float[] base = new float[SIZES]; // [log2 of sequences], nanoseconds; 0 is unknown
    private final float[] extra = new float[SIZES]; // [log2 of prompt tokens], nanoseconds; 0 is unknown

    /// Takes in a step of `sequences` sequences, of whose tokens `promptTokens` were prompt tokens.
    ///
    /// @param sequences those that took a single token
    void measure(int sequences, int promptTokens, long ns) {
        if (promptTokens == 0) {
            if (sequences > 0) take(base, sequences, (float) ns);
            return;
        }
        float without = sequences == 0 ? 0 : estimate(base, sequences);
        if (without < 0) return; // no step without prompt tokens yet: nothing can be told apart
        if (ns < without) base[log2(sequences)] = without = (float) ns; // an estimate from other sizes was too high
        take(extra, promptTokens, Math.max(1, ns - without));
    }

    private static void take(float[] table, int size, float ns) {
        int at = log2(size);
        // As if it had been of the entry's size exactly.
        float before = table[at];
        float sample = before == 0 ? ns : Math.min(ns, before * OUTLIER);
        table[at] = before == 0 ? sample : before + GAIN * (sample - before);
    }

    /// The time of a step of these tokens, or `UNKNOWN`.
    long predict(int sequences, int promptTokens) {
        float without = sequences == 0 ? 0 : estimate(base, sequences);
        float with = promptTokens == 0 ? 0 : estimate(extra, promptTokens);
        return without < 0 || with < 0 ? UNKNOWN : (long) (without + with);
    }

    /// What a sequence costs in the batches that make the most of a step; 0 while nothing is known.
    double leastPerSequenceNs() {
        double least = 0;
        for (int i = 0; i < SIZES; i++) {
            double each = base[i] / centre(i);
            if (each > 0 && (least == 0 || each < least)) least = each;
        }
        return least;
    }

    /// The most prompt tokens that a step of `sequences` sequences can take in and still end within `ns`;
    /// `most` if nothing is known.
    int promptTokensWithin(long ns, int sequences, int most) {
        if (predict(sequences, most) == UNKNOWN || predict(sequences, most) <= ns) return most;
        int fits = 0;
        int fails = most;
        while (fails - fits > 1) {
            int middle = (fits + fails) >>> 1;
            if (predict(sequences, middle) <= ns) fits = middle;
            else fails = middle;
        }
        return fits;
    }

    /// Between the entries around `size`; beyond the measured ones, in proportion upwards and level
    /// downwards. -1 if no entry is known.
    private static float estimate(float[] table, int size) {
        int at = log2(size);
        int below = at;
        while (below >= 0 && table[below] == 0) below--;
        int above = at + 1;
        while (above < SIZES && table[above] == 0) above++;
        boolean hasBelow = below >= 0;
        boolean hasAbove = above < SIZES;
        if (hasBelow && hasAbove) {
            float sizeBelow = centre(below);
            float part = Math.clamp((size - sizeBelow) / (centre(above) - sizeBelow), 0f, 1f);
            return table[below] + part * (table[above] - table[below]);
        }
        if (hasBelow) return table[below] * Math.max(1f, size / centre(below));
        return hasAbove ? table[above] : -1;
    }

    /// The size that stands for an entry: the middle of `[2^i, 2^(i+1))`.
    private static float centre(int at) {
        return at == 0 ? 1 : 1.5f * (1L << at);
    }

    private static int log2(int size) {
        return 31 - Integer.numberOfLeadingZeros(Math.max(1, size));
    }
}
