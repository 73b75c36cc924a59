package io.sluice.batching;

import org.jspecify.annotations.Nullable;

/// A plan, and the sequences of its slices. Engine thread only.
final class Step {
    private final StepPlan plan;
    private final @Nullable Sequence[] sequences; // [slice]

    Step(ModelLimits limits) {
        plan = new StepPlan(limits);
        sequences = new Sequence[limits.sequencesMax()];
    }

    StepPlan plan() {
        return plan;
    }

    /// Plans the next `length` tokens of the sequence, and no sample.
    void add(Sequence sequence, int length) {
        BlockTable table = sequence.table();
        int slice = plan.add(sequence.tokens(), sequence.computed(), length, table.array(), table.count());
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
        BlockTable table = sequence.table();
        int slice = plan.addFed(feeding, position, table.array(), table.count());
        GenerationRequest request = sequence.request();
        plan.sample(sequence.sampling(), sequence.tokens(), sequence.promptLength(), request.endTokens());
        sequences[slice] = sequence;
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
