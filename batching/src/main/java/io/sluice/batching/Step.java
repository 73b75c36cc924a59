package io.sluice.batching;

import org.jspecify.annotations.Nullable;

/// A plan, and the sequences of its slices. Engine thread only.
final class Step {
    private final StepPlan plan;
    private final @Nullable Sequence[] sequences; // [slice]
    private final @Nullable BlockTable[] writtenTables; // [slice], whose blocks the plan's row of the slice holds
    private final int[] writtenCounts; // [slice], how many of them
    private final int[] writtenRemovals; // [slice], and which

    Step(ModelLimits limits) {
        plan = new StepPlan(limits);
        sequences = new Sequence[limits.sequencesMax()];
        writtenTables = new BlockTable[limits.sequencesMax()];
        writtenCounts = new int[limits.sequencesMax()];
        writtenRemovals = new int[limits.sequencesMax()];
    }

    StepPlan plan() {
        return plan;
    }

    /// Plans the next `length` tokens of the sequence, and no sample.
    void add(Sequence sequence, int length) {
        int known = writeTable(plan.sliceCount(), sequence.table());
        BlockTable table = sequence.table();
        int slice = plan.add(sequence.tokens(), sequence.computed(), length, table.array(), known, table.count());
        sequences[slice] = sequence;
    }

    /// Plans the sequence's last token, and those that are proposed to follow it; no sample.
    void addProposing(Sequence sequence, Proposal proposal) {
        add(sequence, 1);
        plan.propose(proposal.tokens(), proposal.count());
    }

    /// Plans the token that the step before samples for its slice `feeding`, and the sample after it.
    ///
    /// @param position of that token
    void addFed(Sequence sequence, int feeding, int position) {
        int known = writeTable(plan.sliceCount(), sequence.table());
        BlockTable table = sequence.table();
        int slice = plan.addFed(feeding, position, table.array(), known, table.count());
        GenerationRequest request = sequence.request();
        plan.sample(sequence.sampling(), sequence.tokens(), sequence.promptLength(), request.endTokens());
        sequences[slice] = sequence;
    }

    /// A sequence that writes is the same slice for many steps, and its blocks, hundreds of them, hardly change:
    /// only those that are new since this plan was last used need to be written.
    ///
    /// @return blocks of the table that the plan's row of the slice holds already
    private int writeTable(int slice, BlockTable table) {
        boolean same = writtenTables[slice] == table && writtenRemovals[slice] == table.removals();
        int known = same ? writtenCounts[slice] : 0;
        writtenTables[slice] = table;
        writtenCounts[slice] = table.count();
        writtenRemovals[slice] = table.removals();
        return known;
    }

    /// The sequence of a slice, until it was applied.
    Sequence sequence(int slice) {
        return Invariant.present(sequences[slice], "a plan was applied twice");
    }

    void clear() {
        for (int slice = 0; slice < plan.sliceCount(); slice++) sequences[slice] = null;
        plan.forgetReports();
    }
}
