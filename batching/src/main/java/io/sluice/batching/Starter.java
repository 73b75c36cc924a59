package io.sluice.batching;

import org.jspecify.annotations.Nullable;

/// Gives waiting sequences their blocks: those that start, those that come back from host memory, and those
/// that others have to be parked for. Hot path: no allocation. Engine thread only.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class Starter {

    /// What became of an attempt to start a sequence.
    enum Outcome {
        /// It owns its blocks and may compute.
        STARTED,
        /// Its tenant has all that it may have; others may go before it.
        TENANT_FULL,
        /// It has to wait for memory, and nobody should take what becomes free before it.
        NO_ROOM
    }

    /// Steps that a sequence computes before it can be parked for another: moving it costs about as much as
    /// one.
    static final int STEPS_BEFORE_PARKING = 8;

    private final BlockAllocator blocks;
    private final HostBlocks host;
    private final Reservations reservations;

    Starter(BlockAllocator blocks, HostBlocks host, Reservations reservations) {
        this.blocks = blocks;
        this.host = host;
        this.reservations = reservations;
    }

    /// Gives a waiting sequence its blocks, if all of its tokens have room now and what it is expected to
    /// need has room later. `Reservations.survey` was called since the last change of what runs.
    ///
    /// @param promised free blocks that running sequences will take for tokens they have already
    /// @param isAlone nothing runs: there is nothing to wait for
    Outcome tryStart(Sequence sequence, StepPlan plan, int promised, boolean isAlone) {
        if (!isAlone && !reservations.isBelowCeiling(sequence)) return Outcome.TENANT_FULL;
        sequence.setPrivileged(isAlone || sequence.isGuaranteed());
        int reused = blocks.reuse(sequence, computedSibling(sequence));
        sequence.setSharedBlocks(blocks.sharedCount(sequence));
        boolean hasRoom = blocks.missing(sequence) <= blocks.available(sequence) - promised;
        if (!hasRoom || !(isAlone || reservations.fits(sequence))) {
            giveUp(sequence);
            return Outcome.NO_ROOM;
        }
        if (sequence.status() == Sequence.Status.PARKED) bringBack(sequence, plan);
        sequence.reach(reused);
        sequence.setStatus(Sequence.Status.RUNNING);
        sequence.resetSteps();
        reservations.reserve(sequence);
        reservations.add(sequence);
        return Outcome.STARTED;
    }

    private void giveUp(Sequence sequence) {
        blocks.release(sequence);
        sequence.forgetBlocks();
    }

    /// What it has found computed on the device is as good as its own copy; the rest is copied in.
    void bringBack(Sequence sequence, StepPlan plan) {
        int found = sequence.table().count();
        blocks.cover(sequence, sequence.computed());
        host.copyIn(sequence, found, plan);
    }

    /// A running choice of the same request whose prompt is computed, or null.
    @Nullable
    static Sequence computedSibling(Sequence sequence) {
        Submission submission = sequence.submission();
        for (int choice = 0; choice < submission.choiceCount(); choice++) {
            Sequence sibling = submission.sequence(choice);
            if (sibling.status() == Sequence.Status.RUNNING && sibling.isPromptComputed()) return sibling;
        }
        return null;
    }

    /// Marks running sequences that give way to `head` as leaving, as many as are needed and no more: first
    /// those whose readers lag, then parkable ones of higher ranks, as far as there is host memory; each
    /// time the last first. None if all of that would not be enough. `promised` free blocks will be taken
    /// for tokens that running sequences have.
    ///
    /// @return true if some are leaving, and the head can start when they have left
    boolean chooseLeaving(Sequence head, SequenceList running, int promised) {
        var need = new Need(head, promised);
        for (int i = running.size() - 1; i >= 0; i--) {
            Sequence sequence = running.get(i);
            if (sequence.isPaused() && !sequence.isGuaranteed() && isEnough(sequence, running, need)) return true;
        }
        int hostFree = host.freeCount();
        for (int i = running.size() - 1; i >= 0; i--) {
            Sequence sequence = running.get(i);
            int held = sequence.table().count();
            if (sequence.isLeaving() || held > hostFree || !givesWay(sequence, head)) continue;
            hostFree -= held;
            if (isEnough(sequence, running, need)) return true;
        }
        for (int i = 0; i < running.size(); i++) running.get(i).setLeaving(false);
        return false;
    }

    /// What a sequence needs to start, while room is sought for it.
    private static final class Need {
        private final Sequence head;
        private int promised;
        private int reclaimed;

        Need(Sequence head, int promised) {
            this.head = head;
            this.promised = promised;
        }
    }

    /// Marks one more as leaving.
    ///
    /// @return true if the head can start then
    private boolean isEnough(Sequence leaving, SequenceList running, Need need) {
        leaving.setLeaving(true);
        need.reclaimed += leaving.table().count();
        if (!leaving.isPaused()) need.promised -= blocks.missing(leaving);
        reservations.survey(running);
        int free = blocks.freeFor(need.head) + need.reclaimed - need.promised;
        return blocks.missing(need.head) <= free && reservations.fits(need.head);
    }

    private static boolean givesWay(Sequence sequence, Sequence head) {
        TrafficClass trafficClass = sequence.request().caller().trafficClass();
        return trafficClass.parkable()
                && trafficClass.rank() > head.request().caller().trafficClass().rank()
                && sequence.flow().classQueue().credit() <= 0
                && sequence.stepsSinceStart() >= STEPS_BEFORE_PARKING;
    }

    /// Moves a running sequence's blocks to host memory if there is room for them, else gives them up: then
    /// they are computed again. Its tokens are kept in any case.
    ///
    /// @return true if it is parked
    boolean takeAway(Sequence sequence, StepPlan plan) {
        boolean parks = sequence.computed() > 0 && sequence.table().count() <= host.freeCount();
        if (parks) host.copyOut(sequence, plan);
        blocks.release(sequence);
        sequence.forgetBlocks();
        reservations.release(sequence);
        if (!parks) sequence.rewind();
        sequence.setStatus(parks ? Sequence.Status.PARKED : Sequence.Status.WAITING);
        return parks;
    }
}
