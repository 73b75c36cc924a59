package io.sluice.batching;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/// Counts what steps are like, for whoever looks. Hot path: no allocation. The engine thread writes; any thread reads.
final class StepTally {
    private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);
    private final Histogram durations = new Histogram(
            MS, 2 * MS, 5 * MS, 10 * MS, 20 * MS, 50 * MS, 100 * MS, 200 * MS, 500 * MS, 1000 * MS, 5000 * MS);
    private final Histogram sequences = new Histogram(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024);
    private final Histogram tokens = new Histogram(1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384);
    private final AtomicLong planNs = new AtomicLong();
    private final AtomicLong deviceNs = new AtomicLong();
    private final AtomicLong applyNs = new AtomicLong();

    /// A step that was computed for so many sequences.
    ///
    /// @param startNs when it began to be planned, or when the device was done with the one before
    /// @param launchedNs when the device had it
    /// @param resultNs when its result was there
    void count(int sequenceCount, int tokenCount, long startNs, long launchedNs, long resultNs, long endNs) {
        durations.add(endNs - startNs);
        sequences.add(sequenceCount);
        tokens.add(tokenCount);
        add(planNs, launchedNs - startNs);
        add(deviceNs, resultNs - launchedNs);
        add(applyNs, endNs - resultNs);
    }

    private static void add(AtomicLong total, long ns) {
        total.lazySet(total.get() + ns); // one writer
    }

    StepFigures read() {
        return new StepFigures(
                durations.read(), sequences.read(), tokens.read(), planNs.get(), deviceNs.get(), applyNs.get());
    }
}
