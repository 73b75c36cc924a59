package io.sluice.server.metrics;

import java.util.Arrays;

/// How many times lay below which bound. Guarded by its owner.
final class LatencyHistogram {

    /// Upper bounds in seconds: enough to tell a good tenant's day from a bad one's, few enough for each to have them.
    static final double[] BOUNDS = {0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300};

    private final long[] counts = new long[BOUNDS.length + 1]; // not cumulative; the last has no bound
    private long totalNs;
    private long totalCount;

    void add(long timeNs, int times) {
        double seconds = timeNs / 1e9;
        int bucket = 0;
        while (bucket < BOUNDS.length && seconds > BOUNDS[bucket]) bucket++;
        counts[bucket] += times;
        totalNs += timeNs * times;
        totalCount += times;
    }

    void add(LatencyHistogram other) {
        for (int i = 0; i < counts.length; i++) counts[i] += other.counts[i];
        totalNs += other.totalNs;
        totalCount += other.totalCount;
    }

    void clear() {
        Arrays.fill(counts, 0);
        totalNs = 0;
        totalCount = 0;
    }

    long count() {
        return totalCount;
    }

    double totalSeconds() {
        return totalNs / 1e9;
    }

    /// Per bound, and one more for what lies above all.
    long[] counts() {
        return counts.clone();
    }
}
