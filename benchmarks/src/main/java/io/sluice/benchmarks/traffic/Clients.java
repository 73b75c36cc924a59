package io.sluice.benchmarks.traffic;

import java.time.Duration;

/// What simulated clients do when they are turned away.
enum Clients {
    /// They look elsewhere.
    GIVE_UP,
    /// They come back when they were told to, as often as that takes, for two minutes. Their times count from
    /// the first attempt.
    OBEY_RETRY_AFTER;

    private static final long PATIENCE_NS = Duration.ofMinutes(2).toNanos();

    /// Whether a client that first came at `arrivalNs` comes once more at `againNs`, having been told
    /// `retryAfter`.
    boolean comeBack(long arrivalNs, long againNs, Duration retryAfter) {
        return switch (this) {
            case GIVE_UP -> false;
            case OBEY_RETRY_AFTER -> !retryAfter.isZero() && againNs - arrivalNs <= PATIENCE_NS;
        };
    }
}
