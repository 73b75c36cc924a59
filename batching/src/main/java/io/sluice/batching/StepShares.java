package io.sluice.batching;

/// Shares a step's tokens out among the sequences that run: one for each whose reader keeps up; what is left
/// of the step's budget goes to those of higher precedence first, at most a slice each, so that no long
/// prompt freezes the others. Hot path: no allocation. Engine thread only.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class StepShares {
    private final EngineSettings settings;
    private final StepBudget budget;
    private final BlockAllocator blocks;

    StepShares(EngineSettings settings, StepBudget budget, BlockAllocator blocks) {
        this.settings = settings;
        this.budget = budget;
        this.blocks = blocks;
    }

    /// True if this step has tokens for one more sequence, besides those that come before it and have prompt
    /// left.
    boolean hasTokensFor(Sequence next, SequenceList running, long nowNs) {
        if (!budget.hasTimeForOneMore(next)) return false;
        ClassQueue itsClass = next.flow().classQueue();
        int active = 0;
        int wantedBefore = 0;
        int wantedInClass = 0;
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            if (sequence.isPaused()) continue;
            active++;
            int wanted = Math.min(sequence.uncomputed(), sliceMax()) - 1;
            if (sequence.precedence() < next.precedence()) wantedBefore += wanted;
            if (sequence.flow().classQueue() == itsClass) wantedInClass += wanted;
        }
        int left = stepBudget(active + 1) - active;
        // Of what its floor is owed, those of the class that run come first.
        boolean isOwed = itsClass.credit() > wantedInClass * FairQueue.PROMPT_COST;
        return left > (isOwed || itsClass.isOverdue(nowNs) ? 0 : wantedBefore);
    }

    /// Gives each its tokens: one at least; what is left of the budget first to those of classes whose
    /// floors are owed it, then by precedence.
    void share(Step step, SequenceList running) {
        int active = activeCount(running);
        int left = stepBudget(active) - active;
        int owed = 0;
        for (int i = 0; i < running.size(); i++) owed += owedTokens(running.get(i), left - owed);
        left -= owed;
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            if (sequence.isPaused()) continue;
            int own = owedTokens(sequence, owed);
            owed -= own;
            int before = step.plan().tokenCount();
            addSlice(step, sequence, 1 + own + left);
            left -= Math.max(0, step.plan().tokenCount() - before - 1 - own);
        }
    }

    static int activeCount(SequenceList running) {
        int active = 0;
        for (int i = 0; i < running.size(); i++) {
            if (!running.get(i).isPaused()) active++;
        }
        return active;
    }

    /// Prompt tokens of the sequence that its class's floor is owed, of at most `most`.
    private int owedTokens(Sequence sequence, int most) {
        double credit = sequence.flow().classQueue().credit() / FairQueue.PROMPT_COST;
        if (sequence.isPaused() || sequence.uncomputed() == 1 || credit <= 0) return 0;
        int wanted = Math.min(sequence.uncomputed(), sliceMax()) - 1;
        return (int) Math.clamp(credit, 0, Math.min(wanted, most));
    }

    /// The most tokens of one step.
    ///
    /// @param active sequences that get a token at least
    int stepBudget(int active) {
        return budget.tokensMax(active);
    }

    /// The most tokens of one sequence in one step.
    int sliceMax() {
        return settings.sliceTokensMax();
    }

    /// Plans the sequence's next tokens, at most `tokensMax`.
    void addSlice(Step step, Sequence sequence, int tokensMax) {
        int length = Math.min(Math.min(sequence.uncomputed(), sliceMax()), tokensMax);
        length = (int) Math.min(length, blocks.room(sequence));
        Invariant.check(length > 0, "an empty slice: the last token is always computed");
        blocks.cover(sequence, sequence.computed() + length);
        step.add(sequence, length);
        if (length == sequence.uncomputed()) {
            GenerationRequest request = sequence.request();
            step.plan().sample(samplingOf(sequence), sequence.tokens(), sequence.promptLength(), request.endTokens());
            TokenConstraint.Progress progress = sequence.progress();
            if (progress != null) step.plan().constrain(progress);
        }
    }

    /// How the sequence's next token is chosen.
    SamplingParams samplingOf(Sequence sequence) {
        return sequence.sampling();
    }
}
