package io.sluice.batching;

/// How fast a queue of work is served: cost that starts, per time, measured while there is something waiting.
/// Written by
/// the engine thread; `perNs` may be read by any thread.
final class DrainRate {

    /// A window ends after several starts, but not at once and not never.
    private static final int STARTS_MIN = 4;

    private static final long WINDOW_MIN_NS = 500_000_000L;
    private static final long WINDOW_MAX_NS = 8_000_000_000L;

    private static final double GAIN = 0.3;

    private long windowStartNs;
    private boolean open; // the queue was never empty since the window's start
    private double started;
    private int starts;
    private volatile double perNs = 1; // one nanosecond's work in a nanosecond, until something else is measured

    /// The queue has work that waits, or it has not.
    void observe(boolean backlogged, long nowNs) {
        if (!backlogged) {
            open = false;
            return;
        }
        if (!open) {
            open = true;
            begin(nowNs);
            return;
        }
        long elapsedNs = nowNs - windowStartNs;
        if (elapsedNs < WINDOW_MIN_NS || (starts < STARTS_MIN && elapsedNs < WINDOW_MAX_NS)) return;
        double latest = started / elapsedNs;
        double before = perNs;
        perNs = before + GAIN * (latest - before);
        begin(nowNs);
    }

    private void begin(long nowNs) {
        windowStartNs = nowNs;
        started = 0;
        starts = 0;
    }

    /// Work that was predicted to cost `costNs` has started.
    void countStart(long costNs) {
        started += costNs;
        starts++;
    }

    /// Predicted nanoseconds of work that start in one nanosecond.
    double perNs() {
        return perNs;
    }
}
