package io.sluice.batching;

/// How much work is admitted per time, lately: expected nanoseconds of the engine for each nanosecond, so
/// that 1 is all that the engine can do. Requests' threads; each call is short.
final class ArrivalRate {

    /// What was admitted this long ago counts a third. Long enough for several requests, short enough for a
    /// burst.
    private static final double MEMORY_NS = 5e9;

    private double perNs;
    private long latestNs;

    ArrivalRate(long nowNs) {
        latestNs = nowNs;
    }

    /// Work of `ns` is admitted.
    synchronized void add(long ns, long nowNs) {
        fade(nowNs);
        perNs += ns / MEMORY_NS;
    }

    synchronized double get(long nowNs) {
        fade(nowNs);
        return perNs;
    }

    private void fade(long nowNs) {
        long elapsedNs = nowNs - latestNs;
        if (elapsedNs <= 0) return; // another thread was here with a later moment
        perNs *= Math.exp(-elapsedNs / MEMORY_NS);
        latestNs = nowNs;
    }
}
