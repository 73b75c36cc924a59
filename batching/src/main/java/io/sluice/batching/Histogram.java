package io.sluice.batching;

import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicLongArray;

/// How many values lay at or below which bound, and what they add up to. Written by one thread, without allocation;
/// any thread may read.
final class Histogram {
    private final long[] bounds; // upper ones, ascending
    private final AtomicLongArray counts; // [bound], and one more for what lies above all
    private final AtomicLong sum = new AtomicLong();

    Histogram(long... bounds) {
        this.bounds = bounds.clone();
        counts = new AtomicLongArray(bounds.length + 1);
    }

    void add(long value) {
        int bucket = 0;
        while (bucket < bounds.length && value > bounds[bucket]) bucket++;
        counts.lazySet(bucket, counts.get(bucket) + 1); // one writer
        sum.lazySet(sum.get() + value);
    }

    StepFigures.Spread read() {
        long[] now = new long[bounds.length + 1];
        for (int i = 0; i < now.length; i++) now[i] = counts.get(i);
        return new StepFigures.Spread(bounds.clone(), now, sum.get());
    }
}
