package io.sluice.benchmarks.traffic;

import java.util.Arrays;

/// Percentiles of a few thousand exact values, by nearest rank. A value; any thread.
final class Percentiles {
    private final double[] sorted;

    Percentiles(double[] values) {
        sorted = values.clone();
        Arrays.sort(sorted);
    }

    /// The value that `percentage` of all values do not exceed; NaN if there are none.
    double at(double percentage) {
        if (sorted.length == 0) return Double.NaN;
        int rank = (int) Math.ceil(percentage / 100 * sorted.length);
        return sorted[Math.clamp(rank - 1, 0, sorted.length - 1)];
    }

    int count() {
        return sorted.length;
    }
}
