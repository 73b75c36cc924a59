package io.sluice.batching;

/// Plans the step after one that is under way, before the tokens are known that it samples: the same
/// sequences, each at its next position, fed by the device. Hot path: no allocation. Engine thread only.
///
/// It does so only where everything but those tokens is known. A sequence under a grammar waits for its
/// token, since the mask follows from it, and so does one with penalties, whose counts do; everybody else
/// of that step waits with it. Where tokens are proposed no step follows: how far they lead is not known. A
/// sequence that its token ends is in the next step for nothing: what comes of that is discarded.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class FollowUp {

    /// Steps that follow one another before all is looked at again: what changes by time alone waits no
    /// longer.
    static final int IN_A_ROW_MAX = 16;

    private final BlockAllocator blocks;
    private final Attendance attendance;

    FollowUp(BlockAllocator blocks, Attendance attendance) {
        this.blocks = blocks;
        this.attendance = attendance;
    }

    /// Plans `next` to follow `latest`, if it can be planned; else takes nothing.
    ///
    /// @param latest is under way
    /// @param next empty
    boolean plan(Step latest, Step next, SequenceList running, long nowNs) {
        if (!isKnown(latest, running, nowNs)) return false;
        for (int slice = 0; slice < latest.plan().sliceCount(); slice++) {
            Sequence sequence = latest.sequence(slice);
            if (sequence.status() != Sequence.Status.RUNNING || isLast(sequence)) continue;
            int position = latest.plan().firstPosition(slice) + latest.plan().length(slice);
            if (!blocks.canCover(sequence, position + 1)) {
                discard(next);
                return false;
            }
            blocks.cover(sequence, position + 1);
            sequence.countAhead(1);
            next.addFed(sequence, slice, position);
        }
        return next.plan().sliceCount() > 0;
    }

    /// True if all that runs is in the step, each with a token after it that depends on nothing else.
    private boolean isKnown(Step latest, SequenceList running, long nowNs) {
        StepPlan plan = latest.plan();
        int going = 0;
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            Sequence sequence = latest.sequence(slice);
            if (sequence.status() == Sequence.Status.ENDED) continue;
            if (!plan.samples(slice) || needsItsToken(sequence) || !attendance.isUndisturbed(sequence, nowNs))
                return false;
            going++;
        }
        return going == running.size();
    }

    /// True if how the next token is chosen depends on the one before.
    boolean needsItsToken(Sequence sequence) {
        return sequence.progress() != null || sequence.sampling().usesHistory();
    }

    /// True if the token that is being sampled is the last that the request may have.
    private static boolean isLast(Sequence sequence) {
        return sequence.sampled() + 1 >= sequence.request().maxNewTokens();
    }

    /// Takes the step back: nothing of it will be applied.
    void discard(Step step) {
        for (int slice = 0; slice < step.plan().sliceCount(); slice++) {
            Sequence sequence = step.sequence(slice);
            if (sequence.status() != Sequence.Status.RUNNING) continue;
            sequence.countAhead(-1);
            giveBack(sequence, step.plan().firstPosition(slice));
        }
        step.clear();
        step.plan().clear();
    }

    void giveBack(Sequence sequence, int position) {
        blocks.uncover(sequence, position);
    }
}
