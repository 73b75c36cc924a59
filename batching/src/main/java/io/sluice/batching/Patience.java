package io.sluice.batching;

/// Decides how long callers of a class are told to stay away at most, learned from what came of it. Waits are
/// added up from who is ahead, and the sum has no bound; but the queue of an engine that keeps up now and
/// then runs empty, and until then nobody needs to be kept away for longer. Any thread.
final class Patience {

    /// What the first callers are told at most.
    private static final long FIRST_NS = 60_000_000_000L;

    static final long MAX_NS = 600_000_000_000L;
    static final long MIN_NS = 20_000_000L; // about a step

    /// The two keep the balance when one closing in fifteen is told to last too long.
    private static final double SHORTER = 0.5;

    private static final double LONGER = 1.05;

    private long ns = FIRST_NS;

    /// Nothing waited any more, long before the moment that was told.
    synchronized void learnTooLong(long toldNs) {
        ns = (long) Math.max(MIN_NS, Math.min(ns, toldNs) * SHORTER);
    }

    /// At the moment that was told, the wait was still too long.
    synchronized void learnTooShort(long toldNs) {
        ns = (long) Math.min(MAX_NS, Math.max(ns, toldNs) * LONGER);
    }

    /// The longest that a caller is told to stay away.
    synchronized long ns() {
        return ns;
    }
}
