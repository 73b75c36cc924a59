package io.sluice.batching;

/// Whether a flow's requests are refused for the wait ahead of them, and until when. It closes for a request
/// that would wait too long, and stays closed until the moment that was told, at which the wait is expected
/// to be clearly shorter: what callers were told is to be true. Only an engine with nothing to do opens it
/// before. Any thread.
final class Gate {

    /// It is to open again when the wait has come down to this part of what is allowed: else every caller
    /// would be told to come back in a moment, in vain.
    private static final double REOPENS_AT = 0.5;

    /// Who comes when it was told to may wait for longer than is allowed, by so much: a prediction was not
    /// quite right.
    private static final double WELCOME = 1.5;

    /// What is shorter is chance: about a step.
    private static final long LEAST_NS = 20_000_000L;

    /// There was nothing to measure.
    static final double NOTHING_LEARNED = -1;

    private boolean isClosed; // and everything below is of the time when it closed
    private long closedAtNs;
    private long closedWaitNs;
    private long reopensAtNs;

    /// How long a request is to stay away that would wait for `waitNs`, if `allowedNs` is allowed; 0 if it
    /// may come in. Changes nothing.
    ///
    /// @param decline how fast waits come down per time
    synchronized long awayNs(long waitNs, double allowedNs, double decline, long nowNs) {
        if (isClosed && nowNs < reopensAtNs) return reopensAtNs - nowNs;
        boolean wasTold = isClosed && nowNs < reopensAtNs + (reopensAtNs - closedAtNs) / 2;
        if (waitNs <= allowedNs * (wasTold ? WELCOME : 1)) return 0;
        return (long) Math.max(LEAST_NS, (waitNs - allowedNs * REOPENS_AT) / decline);
    }

    /// A request was refused for its wait.
    ///
    /// @return how fast waits have come down since it closed, if its time was over; else `NOTHING_LEARNED`
    synchronized double close(long waitNs, long awayNs, long nowNs) {
        if (isClosed && nowNs < reopensAtNs) return NOTHING_LEARNED;
        double learned = isClosed ? declineSinceClosed(waitNs, nowNs) : NOTHING_LEARNED;
        isClosed = true;
        closedAtNs = nowNs;
        closedWaitNs = waitNs;
        reopensAtNs = nowNs + awayNs;
        return learned;
    }

    /// A request was let in.
    ///
    /// @return how fast waits have come down since it closed, if it had; else `NOTHING_LEARNED`
    synchronized double open(long waitNs, long nowNs) {
        if (!isClosed) return NOTHING_LEARNED;
        isClosed = false;
        return declineSinceClosed(waitNs, nowNs);
    }

    private double declineSinceClosed(long waitNs, long nowNs) {
        return Math.max(0, (double) (closedWaitNs - waitNs) / Math.max(1, nowNs - closedAtNs));
    }
}
