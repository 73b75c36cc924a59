package io.sluice.batching;

/// Shares a step's tokens out among the sequences that run: one for each whose reader keeps up; what is left
/// of the step's budget goes to prompts in their turns, at most a slice each, so that no long prompt
/// freezes the others. Hot path: no allocation. Engine thread only.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class StepShares {
    private final EngineSettings settings;
    private final StepBudget budget;
    private final BlockAllocator blocks;
    private final Speculation speculation;
    private final PromptTurns turns = new PromptTurns();

    StepShares(EngineSettings settings, StepBudget budget, BlockAllocator blocks, Speculation speculation) {
        this.settings = settings;
        this.budget = budget;
        this.blocks = blocks;
        this.speculation = speculation;
    }

    /// True if this step has tokens for one more sequence, besides those that come before it and have prompt
    /// left.
    boolean hasTokensFor(Sequence next, SequenceList running, long nowNs) {
        if (!budget.hasTimeForOneMore(next)) return false;
        ClassQueue itsClass = next.flow().classQueue();
        int active = 0;
        int wantedBefore = 0;
        int wantedInClass = 0;
        double wantedBeforeNs = 0;
        double firstTokensNs = 0;
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            if (sequence.isPaused()) continue;
            active++;
            int wanted = wantedTokens(sequence);
            firstTokensNs += firstTokenNs(sequence);
            if (PromptTurns.goesBefore(sequence, next)) {
                wantedBefore += wanted;
                wantedBeforeNs += budget.promptNs(wanted, sequence.computed() + 1);
            }
            if (sequence.flow().classQueue() == itsClass) wantedInClass += wanted;
        }
        int left = tokensMax() - active - 1;
        // Of what its floor is owed, those of the class that run come first.
        boolean isOwed = itsClass.credit() > wantedInClass * FairQueue.PROMPT_COST;
        if (isOwed || itsClass.isOverdue(nowNs)) return left > 0;
        return left > wantedBefore && budget.promptNs() - firstTokensNs > wantedBeforeNs;
    }

    /// Gives each its tokens: one at least; what is left of the step first to those of classes whose floors
    /// are owed it, then in their turns, as far as it has time.
    void share(Step step, SequenceList running) {
        int left = tokensMax() - activeCount(running);
        double leftNs = budget.promptNs();
        for (int i = 0; i < running.size(); i++) leftNs -= firstTokenNs(running.get(i));
        turns.collect(running);
        speculation.propose(running, left, turns.size(), budget);
        addWriting(step, running);
        int owed = 0;
        double owedNs = 0;
        for (int i = 0; i < turns.size(); i++) {
            int own = owedTokens(turns.get(i), left - owed, leftNs - owedNs);
            owed += own;
            owedNs += ns(turns.get(i), own);
        }
        left -= owed;
        leftNs -= owedNs;
        for (int i = 0; i < turns.size(); i++) {
            Sequence sequence = turns.get(i);
            int own = owedTokens(sequence, owed, owedNs);
            owed -= own;
            owedNs -= ns(sequence, own);
            int more = budget.promptTokensWithin(leftNs, sequence.computed() + 1 + own, left);
            int taken = addSlice(step, sequence, 1 + own + more);
            left -= Math.max(0, taken - 1 - own);
            leftNs -= Math.max(0, ns(sequence, taken - 1) - ns(sequence, own));
        }
    }

    /// Plans the one token of each that has no more to compute, and what is proposed to follow it.
    private void addWriting(Step step, SequenceList running) {
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            if (sequence.isPaused() || sequence.uncomputed() != 1) continue;
            if (sequence.proposal().count() == 0) addSlice(step, sequence, 1);
            else addProposing(step, sequence);
        }
    }

    private void addProposing(Step step, Sequence sequence) {
        Proposal proposal = sequence.proposal();
        step.addProposing(sequence, proposal);
        sample(step, sequence);
    }

    private void sample(Step step, Sequence sequence) {
        StepPlan plan = step.plan();
        plan.sample(
                samplingOf(sequence),
                sequence.tokens(),
                sequence.promptLength(),
                sequence.request().endTokens());
        TokenConstraint.Progress progress = sequence.progress();
        if (progress == null) return;
        plan.constrain(progress);
        Proposal proposal = sequence.proposal();
        if (proposal.count() > 0) constrainAhead(plan, sequence, proposal);
    }

    /// Each sample after a guess may be what may come if the guess is right.
    void constrainAhead(StepPlan plan, Sequence sequence, Proposal proposal) {
        TokenConstraint.Progress ahead = Invariant.present(sequence.lookAhead(), "a constraint");
        for (int i = 0; i < proposal.count(); i++) {
            Invariant.check(ahead.accept(proposal.tokens()[i]), "a guess that the constraint forbids was kept");
            plan.constrain(ahead, i + 1);
        }
    }

    /// What the one token takes that the sequence gets anyway, if it is of a prompt.
    private double firstTokenNs(Sequence sequence) {
        return sequence.isPaused() || sequence.uncomputed() == 1 ? 0 : budget.promptNs(1, sequence.computed());
    }

    /// What so many tokens of the sequence take beyond the one that it gets anyway.
    private double ns(Sequence sequence, int tokens) {
        return tokens <= 0 ? 0 : budget.promptNs(tokens, sequence.computed() + 1);
    }

    private int wantedTokens(Sequence sequence) {
        return Math.min(sequence.uncomputed(), sliceMax()) - 1;
    }

    static int activeCount(SequenceList running) {
        int active = 0;
        for (int i = 0; i < running.size(); i++) {
            if (!running.get(i).isPaused()) active++;
        }
        return active;
    }

    /// Prompt tokens of the sequence that its class's floor is owed, of at most `most` and `mostNs`.
    private int owedTokens(Sequence sequence, int most, double mostNs) {
        double credit = sequence.flow().classQueue().credit() / FairQueue.PROMPT_COST;
        if (credit <= 0) return 0;
        int owed = (int) Math.clamp(credit, 0, Math.min(wantedTokens(sequence), most));
        return budget.promptTokensWithin(mostNs, sequence.computed() + 1, owed);
    }

    /// The most tokens of one step.
    int tokensMax() {
        return budget.tokensMax();
    }

    /// The most tokens of one sequence in one step.
    int sliceMax() {
        return settings.sliceTokensMax();
    }

    /// Plans the sequence's next tokens, at most `tokensMax`.
    ///
    /// @return how many
    int addSlice(Step step, Sequence sequence, int tokensMax) {
        int length = Math.min(Math.min(sequence.uncomputed(), sliceMax()), tokensMax);
        length = (int) Math.min(length, blocks.room(sequence));
        Invariant.check(length > 0, "an empty slice: the last token is always computed");
        blocks.cover(sequence, sequence.computed() + length);
        boolean reports = sequence.isReporting();
        step.add(sequence, length);
        if (reports) step.plan().report(Invariant.present(sequence.report(), "a report"), sequence.tokens());
        if (length == sequence.uncomputed() && sequence.request().wantsOutput()) sample(step, sequence);
        return length;
    }

    /// How the sequence's next token is chosen.
    SamplingParams samplingOf(Sequence sequence) {
        return sequence.sampling();
    }
}
