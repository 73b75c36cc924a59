package io.sluice.server.quota;

import java.time.Duration;

/// A bucket that holds what may be taken in a minute, and refills continuously at that rate. All sums are
/// exact: its content is an integer, in parts of which a minute's nanoseconds make one. A clock that jumps,
/// either way, adds at most one bucket's worth and takes nothing. Guarded by its account.
final class TokenBucket {

    /// Parts of one: each nanosecond adds `perMinute` parts.
    private static final long PARTS = Duration.ofMinutes(1).toNanos();

    private long perMinute; // at most QuotaLimits.PER_MINUTE_MAX, so that capacity() < 2^63
    private long parts; // in [0, capacity()]
    private long refilledNs;

    /// A full one.
    TokenBucket(int perMinute, long nowNs) {
        this.perMinute = perMinute;
        this.parts = capacity();
        this.refilledNs = nowNs;
    }

    private long capacity() {
        return perMinute * PARTS;
    }

    void refill(long nowNs) {
        long elapsedNs = nowNs - refilledNs;
        refilledNs = nowNs;
        if (elapsedNs <= 0) return; // a clock set back: from now on it counts again
        add(Math.min(elapsedNs, PARTS) * perMinute);
    }

    /// The rate changes; what was used stays used, as far as the new bucket can hold it.
    void resize(int newPerMinute) {
        long usedParts = capacity() - parts;
        perMinute = newPerMinute;
        parts = Math.max(0, capacity() - usedParts);
    }

    long perMinute() {
        return perMinute;
    }

    /// Whole ones that can be taken now.
    long available() {
        return parts / PARTS;
    }

    /// What is taken and not refilled, rounded up.
    long used() {
        return perMinute - available();
    }

    boolean isFull() {
        return parts == capacity();
    }

    /// To be called only if as many are available.
    void take(long count) {
        if (count > available()) throw new IllegalStateException(count + " taken, " + available() + " available");
        parts -= count * PARTS;
    }

    /// Gives back what was taken and not used; what the bucket cannot hold is lost, as it would not have refilled then.
    void give(long count) {
        if (count >= perMinute) parts = capacity();
        else add(count * PARTS);
    }

    /// Nanoseconds until `count` are there, rounded up; `count` must not exceed `perMinute`.
    long waitNs(long count) {
        long missing = count * PARTS - parts;
        return missing <= 0 ? 0 : Math.ceilDiv(missing, perMinute);
    }

    private void add(long more) {
        parts = capacity() - parts <= more ? capacity() : parts + more;
    }
}
