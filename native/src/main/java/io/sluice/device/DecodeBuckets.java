package io.sluice.device;

/// Decides to how many rows a step of single tokens is padded, so that one recorded graph serves many
/// batches: 1, 2, 4, 8, then steps of 8 up to 256 and of 16 beyond. A value; any thread.
record DecodeBuckets(int sequencesMax) {
    private static final int FINE_MAX = 256;
    private static final int FINE = 8;
    private static final int COARSE = 16;

    DecodeBuckets {
        if (sequencesMax < 1) throw new IllegalArgumentException("sequencesMax " + sequencesMax);
    }

    /// The least bucket that holds `count` sequences.
    int sizeFor(int count) {
        if (count < 1 || count > sequencesMax) {
            throw new IllegalArgumentException(count + " sequences, at most " + sequencesMax);
        }
        int size;
        if (count <= FINE) size = Integer.highestOneBit(2 * count - 1);
        else if (count <= FINE_MAX) size = Math.ceilDiv(count, FINE) * FINE;
        else size = Math.ceilDiv(count, COARSE) * COARSE;
        return Math.min(size, sequencesMax);
    }

    /// How many buckets there are.
    int count() {
        int count = 0;
        for (int size = 0; size < sequencesMax; size = sizeFor(size + 1)) count++;
        return count;
    }
}
