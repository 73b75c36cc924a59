package io.sluice.batching;

/// Divides each step among the requests that it was for, so that the parts add up to the whole. Hot path: no
/// allocation. Engine thread only.
///
/// A step's time goes to its sequences in proportion to what each of them adds to it, by the same model of step times
/// that steps are planned with; what a step costs in any case is divided evenly. Blocks go to those that hold them: one
/// that several share, to each of them in equal parts.
final class StepCosts {
    private final StepTimeModel times;
    private final BlockAllocator blocks;
    private final SchedulerCounts counts;
    private final double[] weights; // [slice]

    StepCosts(EngineParts.Core core) {
        times = core.times();
        blocks = core.blocks();
        counts = core.counts();
        weights = new double[core.limits().sequencesMax()];
    }

    /// A step has been computed and nothing of it was taken in yet.
    void charge(Step step, SequenceList running, long stepNs) {
        chargeTime(step, stepNs);
        chargeBlocks(running, stepNs);
    }

    private void chargeTime(Step step, long stepNs) {
        int slices = step.plan().sliceCount();
        double whole = weigh(step);
        if (whole <= 0) { // it was for nobody
            counts.countUnattributed(stepNs);
            return;
        }
        double before = 0;
        long given = 0;
        for (int slice = 0; slice < slices; slice++) {
            before += weights[slice];
            long upTo = slice == slices - 1 ? stepNs : Math.min(stepNs, Math.round(stepNs * (before / whole)));
            if (weights[slice] > 0) {
                step.sequence(slice).submission().timeline().countDevice(upTo - given);
                given = upTo;
            }
        }
        counts.countDevice(given);
        if (given < stepNs) counts.countUnattributed(stepNs - given);
    }

    private double weigh(Step step) {
        StepPlan plan = step.plan();
        int slices = plan.sliceCount();
        double modelled = 0;
        for (int slice = 0; slice < slices; slice++) {
            weights[slice] = times.sliceNs(plan, slice);
            modelled += weights[slice];
        }
        double evenNs = times.constantNs() / slices;
        double whole = 0;
        for (int slice = 0; slice < slices; slice++) {
            boolean isForNothing = step.sequence(slice).status() == Sequence.Status.ENDED;
            // Where nothing is known of what things cost, every token costs the same.
            double part = modelled > 0 ? weights[slice] + evenNs : plan.length(slice);
            weights[slice] = isForNothing ? 0 : part;
            whole += weights[slice];
        }
        return whole;
    }

    private void chargeBlocks(SequenceList running, long stepNs) {
        int used = blocks.blockCount() - blocks.freeCount();
        int held = 0;
        for (int i = 0; i < running.size(); i++) held += running.get(i).table().count();
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            double its = held == used ? sequence.table().count() : shareOf(sequence.table());
            sequence.submission().timeline().countHeld(its, stepNs);
        }
        counts.countHeld(used * stepNs);
    }

    private double shareOf(BlockTable table) {
        double share = 0;
        for (int i = 0; i < table.count(); i++) share += 1.0 / blocks.references(table.block(i));
        return share;
    }
}
