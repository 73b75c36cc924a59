package io.sluice.benchmarks.traffic;

import java.util.Arrays;
import java.util.function.LongConsumer;

/// The gaps between the tokens of one request. Hot path: allocates only to grow. One thread.
public final class GapLog {
    private static final int MICROSECOND_NS = 1000;

    private int[] gapsUs = new int[128];
    private int count;

    void clear() {
        count = 0;
    }

    public void add(long ns) {
        if (count == gapsUs.length) gapsUs = Arrays.copyOf(gapsUs, 2 * count);
        gapsUs[count++] = (int) Math.min(ns / MICROSECOND_NS, Integer.MAX_VALUE);
    }

    /// Hands out all gaps, in microseconds.
    public void forEachUs(LongConsumer consumer) {
        for (int i = 0; i < count; i++) consumer.accept(gapsUs[i]);
    }

    /// The gap that 99 % do not exceed; 0 if there is none. Puts the gaps in order of length.
    public long p99Ns() {
        if (count == 0) return 0;
        Arrays.sort(gapsUs, 0, count);
        int rank = (int) Math.ceil(0.99 * count);
        return (long) gapsUs[rank - 1] * MICROSECOND_NS;
    }
}
