package io.sluice.batching;

import org.jspecify.annotations.Nullable;

/// Decides which running sequences give their blocks and seats up so that the next in the queue can start, and
/// remembers for whom nobody could: to look again in every step would cost more than it brings. Hot path: no
/// allocation but the search's own. Engine thread only.
final class GivingWay {
    private final ModelLimits limits;
    private final BlockAllocator blocks;
    private final Reservations reservations;
    private final StepBudget budget;
    private final Starter starter;
    private @Nullable Sequence roomless; // nobody could give way to it in an earlier plan
    private long roomlessAtChance;
    private long roomlessUntilStep;

    GivingWay(
            ModelLimits limits, BlockAllocator blocks, Reservations reservations, StepBudget budget, Starter starter) {
        this.limits = limits;
        this.blocks = blocks;
        this.reservations = reservations;
        this.budget = budget;
        this.starter = starter;
    }

    /// Marks as leaving those who give way to `head`, if it needs that to start, may start, and could then.
    ///
    /// @param chances grows when there may be room that was not there before
    /// @param step counts steps
    /// @return true if some are leaving
    boolean choose(Sequence head, SequenceList running, long chances, long step) {
        if (head == roomless && chances == roomlessAtChance && step < roomlessUntilStep) return false;
        if (!reservations.isBelowCeiling(head) || !budget.hasTimeForOneMore(head)) return false;
        int promised = blocks.promised(running);
        reservations.survey(running);
        boolean hasRoom = blocks.missing(head) <= blocks.freeFor(head) - promised && reservations.fits(head);
        if (hasRoom && running.size() < limits.sequencesMax()) return false;
        if (starter.chooseLeaving(head, running, promised)) return true;
        roomless = head;
        roomlessAtChance = chances;
        roomlessUntilStep = step + Starter.STEPS_BEFORE_PARKING;
        return false;
    }
}
