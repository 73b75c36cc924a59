package io.sluice.batching;

/// Decides whether a flow's requests are refused for the wait ahead of them, and until when. It closes for a
/// request that would wait too long, and stays closed until the moment that was told, at which the wait is
/// expected to be clearly shorter. What callers were told is true: nobody comes in before, and who comes
/// first then comes in, whatever the wait is by now. Only an engine in which nothing waits opens it before.
/// Any thread.
///
/// All who were told a moment come at it together. So a request is looked at twice, by `awayNs` and by
/// `open`: of a crowd that `awayNs` lets in because it keeps its time, `open` lets the first in.
final class Gate {

    /// It is to open again when the wait has come down to this part of what is allowed: else every caller
    /// would be told to come back in a moment, in vain.
    private static final double REOPENS_AT = 0.5;

    /// A caller that was told a time comes at most so much later, as a part of it.
    private static final double KEPT_FOR = 0.5;

    /// There was nothing to measure.
    static final double NOTHING_LEARNED = -1;

    private final Patience patience;
    private boolean isClosed; // and everything below is of the time when it closed
    private long closedAtNs;
    private long closedWaitNs;
    private double closedAllowedNs;
    private long reopensAtNs;

    /// @param patience of its class
    Gate(Patience patience) {
        this.patience = patience;
    }

    /// How long a request is to stay away that would wait for `waitNs`, if `allowedNs` is allowed; 0 if it
    /// may come in. Changes nothing.
    ///
    /// @param decline how fast waits come down per time
    synchronized long awayNs(long waitNs, double allowedNs, double decline, long nowNs) {
        if (isClosed && nowNs < reopensAtNs) return reopensAtNs - nowNs;
        if (isPromised(nowNs) || waitNs <= allowedNs) return 0;
        double expectedNs = (waitNs - allowedNs * REOPENS_AT) / decline;
        return Math.clamp((long) expectedNs, Patience.MIN_NS, patience.ns());
    }

    /// True if whoever comes now comes when it was told to.
    private boolean isPromised(long nowNs) {
        return isClosed && nowNs >= reopensAtNs && nowNs - reopensAtNs < toldNs() * KEPT_FOR;
    }

    private long toldNs() {
        return reopensAtNs - closedAtNs;
    }

    /// A request was refused for its wait.
    ///
    /// @return how fast waits have come down since it closed, if its time was over; else `NOTHING_LEARNED`
    synchronized double close(long waitNs, double allowedNs, long awayNs, long nowNs) {
        if (isClosed && nowNs < reopensAtNs) return NOTHING_LEARNED;
        double learned = isClosed ? declineSinceClosed(waitNs, nowNs) : NOTHING_LEARNED;
        isClosed = true;
        closedAtNs = nowNs;
        closedWaitNs = waitNs;
        closedAllowedNs = allowedNs;
        reopensAtNs = nowNs + awayNs;
        return learned;
    }

    /// What became of a request at the gate. A value.
    ///
    /// @param awayNs 0 if it is in; else how long it is to stay away
    /// @param learned how fast waits have come down since the gate closed, if it had; else `NOTHING_LEARNED`
    record Entry(long awayNs, double learned) {}

    /// Lets a request in that was looked at by `awayNs`, if nobody was faster; one without a wait in any
    /// case.
    synchronized Entry open(long waitNs, double allowedNs, double decline, long nowNs) {
        long awayNs = waitNs == 0 ? 0 : awayNs(waitNs, allowedNs, decline, nowNs);
        return new Entry(awayNs, awayNs == 0 ? open(waitNs, nowNs) : NOTHING_LEARNED);
    }

    private double open(long waitNs, long nowNs) {
        if (!isClosed) return NOTHING_LEARNED;
        if (nowNs < reopensAtNs) patience.learnTooLong(toldNs());
        else if (isPromised(nowNs) && waitNs > closedAllowedNs) patience.learnTooShort(toldNs());
        isClosed = false;
        return declineSinceClosed(waitNs, nowNs);
    }

    private double declineSinceClosed(long waitNs, long nowNs) {
        return Math.max(0, (double) (closedWaitNs - waitNs) / Math.max(1, nowNs - closedAtNs));
    }
}
