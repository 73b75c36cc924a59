package io.sluice.batching;

/// Knows since when the step in flight runs, and how long steps usually take: what a step that never returns is told
/// from a long one by. The engine thread writes; any thread reads.
final class StepClock {

    /// `startedNs` while no step is in flight.
    static final long IDLE = 0;

    /// Steps that are remembered: enough that a long prompt's steps are among them while it lasts, few enough that what
    /// was usual under another load is forgotten within seconds.
    private static final int RECENT_COUNT = 64;

    private final long[] recentNs = new long[RECENT_COUNT]; // a ring; 0 before the first lap
    private int next;
    private long beganNs;
    private volatile long startedNs = IDLE;
    private volatile long usualMaxNs;

    void begin(long nowNs) {
        beganNs = nowNs;
        startedNs = nowNs == IDLE ? 1 : nowNs;
    }

    void end(long nowNs) {
        startedNs = IDLE;
        recentNs[next] = nowNs - beganNs;
        next = (next + 1) % RECENT_COUNT;
        usualMaxNs = secondLongest();
    }

    /// The longest recent step but one: a single step that hung must not become the measure for the next.
    private long secondLongest() {
        long longest = 0;
        long second = 0;
        for (long ns : recentNs) {
            if (ns > longest) {
                second = longest;
                longest = ns;
            } else if (ns > second) {
                second = ns;
            }
        }
        return second;
    }

    /// When the step in flight began, on the engine's clock; `IDLE` if there is none.
    long startedNs() {
        return startedNs;
    }

    /// The longest of the recent steps, without a single one that stands out; 0 before there are two.
    long usualMaxNs() {
        return usualMaxNs;
    }
}
