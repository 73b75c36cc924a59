package io.sluice.batching;

/// How much work a busy engine starts per time, by what the work was expected to take: 1 if expectations are
/// right. It puts right what is wrong with them on the whole. Written by the engine thread; `get` may be
/// read by any thread.
final class WorkRate {
    private static final long WINDOW_NS = 1_000_000_000L;
    private static final double GAIN = 0.2;
    private static final double MIN = 0.1;
    private static final double MAX = 10;

    private long windowStartNs;
    private boolean open; // something has waited ever since the window's start
    private double startedNs;
    private volatile double rate = 1;

    /// Something waits after a step, or nothing does.
    void observe(boolean busy, long nowNs) {
        if (!busy || !open) {
            open = busy;
            windowStartNs = nowNs;
            startedNs = 0;
            return;
        }
        long elapsedNs = nowNs - windowStartNs;
        if (elapsedNs < WINDOW_NS) return;
        double before = rate;
        rate = Math.clamp(before + GAIN * (startedNs / elapsedNs - before), MIN, MAX);
        windowStartNs = nowNs;
        startedNs = 0;
    }

    /// Work has started of which nobody knew what it would take: what came before it is not measured.
    void startWindow() {
        open = false;
    }

    /// Work has started that was expected to take `ns`.
    void countStart(long ns) {
        startedNs += ns;
    }

    double get() {
        return rate;
    }
}
