package io.sluice.batching;

/// Looks before each step who is still wanted: ends the sequences that were given up, are too late, or whose
/// readers have not read for too long, and lets those stand still whose readers are far behind. Engine
/// thread only, unless said otherwise. Hot path: no allocation.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class Attendance {

    /// Ends a sequence.
    @FunctionalInterface
    interface Ending {
        void end(Sequence sequence, FinishReason reason, String detail, long nowNs);
    }

    private final EngineSettings settings;
    private final SchedulerCounts counts;
    private volatile boolean news; // somebody gave up or caught up since those that wait were last looked at
    private long nextDeadlineNs = Long.MAX_VALUE; // of those that wait; no later than the first of them
    private int waitingPaused; // of those that wait, how many have a reader who lags

    Attendance(EngineSettings settings, SchedulerCounts counts) {
        this.settings = settings;
        this.counts = counts;
    }

    /// Somebody gave up or caught up. Any thread.
    void announceNews() {
        news = true;
    }

    /// True if there is news that was not looked at. Any thread.
    boolean hasNews() {
        return news;
    }

    /// A sequence waits from now on.
    void addWaiting(Sequence sequence) {
        nextDeadlineNs = Math.min(nextDeadlineNs, sequence.deadlineNs());
        if (sequence.isPaused()) waitingPaused++;
    }

    /// True if one of those that wait has a reader who lags.
    boolean hasPaused() {
        return waitingPaused > 0;
    }

    /// Looks at all that run, and at all that wait if something may have changed for them.
    void look(SequenceList running, SequenceList waiting, Ending ending, long nowNs) {
        boolean ended = false;
        for (int i = 0; i < running.size(); i++) ended |= look(running.get(i), ending, nowNs);
        if (ended) running.removeEnded();
        if (!news && nowNs < nextDeadlineNs && waitingPaused == 0) return;
        news = false; // before looking: who comes after this is seen next time
        ended = false;
        nextDeadlineNs = Long.MAX_VALUE;
        waitingPaused = 0;
        for (int i = 0; i < waiting.size(); i++) {
            Sequence sequence = waiting.get(i);
            boolean hasEnded = look(sequence, ending, nowNs);
            ended |= hasEnded;
            if (!hasEnded) addWaiting(sequence);
        }
        if (ended) waiting.removeEnded();
    }

    private boolean look(Sequence sequence, Ending ending, long nowNs) {
        if (isCancelled(sequence)) {
            ending.end(sequence, FinishReason.CANCELLED, "", nowNs);
        } else if (isExpired(sequence, nowNs)) {
            ending.end(sequence, FinishReason.EXPIRED, expiryDetail(sequence), nowNs);
        } else if (isStalled(sequence, nowNs)) {
            ending.end(sequence, FinishReason.STALLED, "the client has not read for longer than it may", nowNs);
        } else {
            return false;
        }
        return true;
    }

    /// True if `look` would leave the sequence as it is. Changes nothing.
    boolean isUndisturbed(Sequence sequence, long nowNs) {
        return !sequence.isPaused()
                && !isCancelled(sequence)
                && !isExpired(sequence, nowNs)
                && sequence.stream().lag() < settings.lagTokensMax();
    }

    boolean isCancelled(Sequence sequence) {
        return sequence.stream().isCancelled();
    }

    boolean isExpired(Sequence sequence, long nowNs) {
        return nowNs >= sequence.deadlineNs();
    }

    private static String expiryDetail(Sequence sequence) {
        return sequence.hasStarted()
                ? "the deadline passed after %d of at most %d tokens"
                        .formatted(sequence.sampled(), sequence.request().maxNewTokens())
                : "the deadline passed while the request was waiting";
    }

    /// Lets a sequence stand still whose reader is far behind, and go on when it has caught up.
    ///
    /// @return true if it has stood still for too long
    boolean isStalled(Sequence sequence, long nowNs) {
        TokenStream stream = sequence.stream();
        if (!sequence.isPaused()) {
            if (stream.lag() < settings.lagTokensMax()) return false;
            sequence.pause(nowNs);
            sequence.submission().timeline().countPause();
            counts.countPause();
        }
        // Looked at after the reader can see that it is waited for: one of the two notices the other.
        if (stream.lag() <= settings.lagTokensMax() / 2) {
            sequence.resume();
            return false;
        }
        return nowNs - sequence.pausedSinceNs() >= settings.stallNs();
    }
}
