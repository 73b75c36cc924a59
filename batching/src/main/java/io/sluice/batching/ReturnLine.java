package io.sluice.batching;

/// Counts the callers of one flow who were told to come back, and says how many of them are expected. Those who come
/// anew stand behind them, and are told a later time: a crowd that was told one moment would come at it together, find
/// room for a few, and come in vain as often as it has heads. Any thread.
///
/// Nobody is known by name. A caller that says it comes again takes the oldest place that is due. Places whose callers
/// do not come lapse, and teach that fewer come back: where nobody ever does, as with callers who look elsewhere,
/// nobody is expected and everybody is told the moment at which there is room.
final class ReturnLine {

    /// Places are kept in so many groups of one moment; what does not fit joins the next earlier group.
    private static final int GROUPS_MAX = 64;

    /// Places whose moments are this close are of one group, and who comes so much too early is on time.
    private static final long GRAIN_NS = 50_000_000;

    /// A place is kept for this part of the time that was told, and a second for the way.
    private static final double KEPT_FOR = 0.25;

    private static final long KEPT_FOR_MIN_NS = 1_000_000_000;

    /// What one caller counts who comes back or does not.
    private static final double LEARNING = 1.0 / 16;

    private Group[] line = {}; // of [0, groups), in the order of their moments; of its full length once it is needed
    private int groups;
    private int outstanding;
    private double returning; // the part of callers that come back

    /// Places of one moment.
    private static final class Group {
        private long dueNs;
        private long lapsesNs;
        private int count;
    }

    /// A caller is told to come back.
    ///
    /// @param awayNs after which there is room, if nobody else is expected
    /// @param intervalNs between two of the flow's requests that start
    /// @param mostNs nobody is told to stay away for longer than this for the sake of others who may come back
    /// @return after which there is room for this one
    synchronized long tell(long awayNs, double intervalNs, long mostNs, long nowNs) {
        long behindNs = awayNs + (long) Math.min(expected(nowNs) * intervalNs, (double) mostNs);
        long toldNs = Math.max(awayNs, Math.min(behindNs, mostNs));
        keep(nowNs + toldNs, toldNs);
        return toldNs;
    }

    private void keep(long dueNs, long toldNs) {
        if (line.length == 0) {
            line = new Group[GROUPS_MAX];
            for (int i = 0; i < GROUPS_MAX; i++) line[i] = new Group();
        }
        outstanding++;
        int at = groups;
        while (at > 0 && line[at - 1].dueNs > dueNs) at--;
        boolean joins = at > 0 && (groups == GROUPS_MAX || dueNs - line[at - 1].dueNs < GRAIN_NS);
        if (joins || groups == GROUPS_MAX) {
            line[Math.max(0, at - 1)].count++;
            return;
        }
        Group free = line[groups];
        System.arraycopy(line, at, line, at + 1, groups - at);
        line[at] = free;
        groups++;
        free.dueNs = dueNs;
        free.lapsesNs = dueNs + Math.max(KEPT_FOR_MIN_NS, (long) (KEPT_FOR * toldNs));
        free.count = 1;
    }

    /// A caller comes that says it was refused before.
    ///
    /// @return true if it takes a place that is due: nobody who is expected goes before it
    synchronized boolean comeBack(long nowNs) {
        boolean isDue = hasDue(nowNs);
        returning += LEARNING * (1 - returning);
        if (groups > 0) drop(1);
        return isDue;
    }

    /// True if a place is due.
    synchronized boolean hasDue(long nowNs) {
        lapse(nowNs);
        return groups > 0 && line[0].dueNs - GRAIN_NS <= nowNs;
    }

    /// How many of those who were told to come back are expected.
    synchronized double expected(long nowNs) {
        lapse(nowNs);
        return outstanding * returning;
    }

    private void lapse(long nowNs) {
        while (groups > 0 && line[0].lapsesNs <= nowNs) {
            returning *= Math.pow(1 - LEARNING, line[0].count);
            drop(line[0].count);
        }
    }

    /// Takes places of the oldest group.
    private void drop(int count) {
        outstanding -= count;
        Group oldest = line[0];
        oldest.count -= count;
        if (oldest.count > 0) return;
        groups--;
        System.arraycopy(line, 1, line, 0, groups);
        line[groups] = oldest;
    }
}
