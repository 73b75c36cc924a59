package io.sluice.batching;

/// How much work is admitted per time, lately: expected nanoseconds of the engine for each nanosecond, so
/// that 1 is all that the engine can do. Requests' threads; each call is short.
final class ArrivalRate {

    /// What was admitted this long ago counts a third. Long enough for several requests, short enough for a
    /// burst.
    private static final double MEMORY_NS = 5e9;

    private final double memoryNs;
    private double perNs;
    private long latestNs;

    ArrivalRate(long nowNs) {
        this(MEMORY_NS, nowNs);
    }

    /// @param memoryNs what was admitted this long ago counts a third
    ArrivalRate(double memoryNs, long nowNs) {
        this.memoryNs = memoryNs;
        latestNs = nowNs;
    }

    /// Work of `ns` is admitted.
    synchronized void add(long ns, long nowNs) {
        fade(nowNs);
        perNs += ns / memoryNs;
    }

    synchronized double get(long nowNs) {
        fade(nowNs);
        return perNs;
    }

    private void fade(long nowNs) {
        long elapsedNs = nowNs - latestNs;
        if (elapsedNs <= 0) return; // another thread was here with a later moment
        perNs *= Math.exp(-elapsedNs / memoryNs);
        latestNs = nowNs;
    }
}
