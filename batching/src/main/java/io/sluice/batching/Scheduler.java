package io.sluice.batching;

import org.jspecify.annotations.Nullable;

/// Decides, step by step, which tokens of which sequences are computed. Hot path: plan and apply allocate nothing once
/// warm, but for the growing storage of the tokens themselves. Engine thread only.
///
/// There is no prefill phase and no decode phase: a sequence's computed tokens catch up with its tokens. Every running
/// sequence gets at least one token in every step; what is left of the step's budget goes to the oldest first, at most
/// a slice each, so that no long prompt freezes the others. If blocks run out, the youngest gives its own back and is
/// computed again later: its tokens are kept, so nothing generated is lost or repeated.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class Scheduler {
    private final ModelLimits limits;
    private final int sliceTokensMax;
    private final BlockAllocator blocks;
    private final AdmissionController admission;
    private final SequenceList running = new SequenceList(); // oldest first
    private final SequenceList waiting = new SequenceList(); // oldest first
    private final Step[] steps; // in turn, so that the next can be planned while one is in flight
    private final SchedulerCounts counts = new SchedulerCounts();
    private int turn;
    private long arrivals;
    private @Nullable Thread owner; // only used when assertions are on

    Scheduler(ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
        this.limits = limits;
        sliceTokensMax = settings.sliceTokensMax();
        this.blocks = blocks;
        this.admission = admission;
        steps = new Step[] {new Step(limits), new Step(limits)};
    }

    /// Puts a request's choices last in the queue.
    void add(Submission submission) {
        assert isOwner() : "the scheduler belongs to the engine thread: use Engine.submit";
        for (int choice = 0; choice < submission.choiceCount(); choice++) {
            Sequence sequence = submission.sequence(choice);
            sequence.setOrder(arrivals++);
            waiting.insert(sequence);
        }
    }

    /// Plans the next step; it is empty only if nothing is left to do. Frozen until it was applied or failed.
    StepPlan plan(long nowNs) {
        assert isOwner() : "the scheduler belongs to the engine thread: use Engine.submit";
        endUnwanted(running, nowNs);
        endUnwanted(waiting, nowNs);
        turn ^= 1;
        Step step = steps[turn];
        step.plan.clear();
        boolean preempted = planRunning(step);
        if (!preempted) planWaiting(step);
        Invariant.check(!step.plan.isEmpty() || isIdle(), "there is work, but no step makes progress");
        Invariant.check(step.plan.tokenCount() <= limits.stepTokensMax(), "a step over its token budget");
        return step.plan;
    }

    private void endUnwanted(SequenceList list, long nowNs) {
        boolean ended = false;
        for (int i = 0; i < list.size(); i++) {
            Sequence sequence = list.get(i);
            if (isCancelled(sequence)) {
                end(sequence, FinishReason.CANCELLED, "");
            } else if (isExpired(sequence, nowNs)) {
                end(sequence, FinishReason.EXPIRED, expiryDetail(sequence));
            } else {
                continue;
            }
            ended = true;
        }
        if (ended) list.removeEnded();
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

    /// Gives every running sequence its slice, oldest first; the youngest give way if blocks run out.
    ///
    /// @return true if a sequence lost its blocks
    private boolean planRunning(Step step) {
        boolean preempted = false;
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            while (blocks.room(sequence) == 0) {
                preempt(running.last());
                preempted = true;
                if (i == running.size()) return true; // it was the youngest itself
            }
            // One token is kept back for each younger one.
            int budget = stepBudget() - step.plan.tokenCount() - (running.size() - i - 1);
            addSlice(step, sequence, budget);
        }
        return preempted;
    }

    private void planWaiting(Step step) {
        if (waiting.isEmpty()) return;
        int promised = 0; // blocks that running sequences will take for tokens they have already
        for (int i = 0; i < running.size(); i++) promised += blocks.missing(running.get(i));
        int at = 0;
        while (at < waiting.size() && running.size() < limits.sequencesMax()) {
            int budget = stepBudget() - step.plan.tokenCount();
            if (budget == 0) return;
            Sequence sequence = waiting.get(at);
            if (waitsForSibling(sequence)) {
                at++;
                continue;
            }
            if (!tryStart(sequence, promised)) return; // first come, first served
            waiting.remove(at);
            running.insert(sequence);
            addSlice(step, sequence, budget);
            promised += blocks.missing(sequence);
        }
    }

    /// The most tokens of one step.
    int stepBudget() {
        return limits.stepTokensMax();
    }

    /// The most tokens of one sequence in one step.
    int sliceMax() {
        return sliceTokensMax;
    }

    /// True if an older choice of the same request will have computed blocks to share.
    boolean waitsForSibling(Sequence sequence) {
        if (sequence.choice() == 0 || sequence.promptLength() <= limits.blockSize()) return false;
        if (computedSibling(sequence) != null) return false;
        for (int choice = 0; choice < sequence.choice(); choice++) {
            if (sequence.submission().sequence(choice).status() != Sequence.Status.ENDED) return true;
        }
        return false;
    }

    /// A running choice of the same request whose prompt is computed, or null.
    @Nullable
    Sequence computedSibling(Sequence sequence) {
        Submission submission = sequence.submission();
        for (int choice = 0; choice < submission.choiceCount(); choice++) {
            Sequence sibling = submission.sequence(choice);
            if (sibling.status() == Sequence.Status.RUNNING && sibling.isPromptComputed()) return sibling;
        }
        return null;
    }

    /// Moves a waiting sequence to running if all its tokens fit now, so that it is not started to give way at once.
    private boolean tryStart(Sequence sequence, int promised) {
        Sequence sibling = computedSibling(sequence);
        int reused = blocks.reuse(sequence, sibling);
        if (blocks.missing(sequence) > blocks.freeCount() - promised) {
            blocks.release(sequence);
            sequence.rewind();
            return false;
        }
        sequence.advance(reused);
        sequence.setStatus(Sequence.Status.RUNNING);
        if (!sequence.hasStarted()) {
            sequence.start(reused);
            counts.countStart(sequence, sibling != null);
            admission.start(sequence.submission());
        }
        return true;
    }

    /// Plans the sequence's next tokens, at most `budget`.
    void addSlice(Step step, Sequence sequence, int budget) {
        int length = Math.min(Math.min(sequence.uncomputed(), sliceMax()), budget);
        length = (int) Math.min(length, blocks.room(sequence));
        Invariant.check(length > 0, "an empty slice: the last token is always computed");
        int position = sequence.computed();
        blocks.cover(sequence, position + length);
        BlockTable table = sequence.table();
        int slice = step.plan.add(sequence.tokens(), position, length, table.array(), table.count());
        step.sequences[slice] = sequence;
        if (length == sequence.uncomputed()) {
            GenerationRequest request = sequence.request();
            step.plan.sample(samplingOf(sequence), sequence.tokens(), sequence.promptLength(), request.endTokens());
        }
    }

    /// How the sequence's next token is chosen.
    SamplingParams samplingOf(Sequence sequence) {
        return sequence.sampling();
    }

    /// The sequence gives all its blocks back and goes to where its arrival belongs in the queue.
    void preempt(Sequence sequence) {
        blocks.release(sequence);
        sequence.rewind();
        sequence.setStatus(Sequence.Status.WAITING);
        running.remove(running.size() - 1);
        waiting.insert(sequence);
        counts.countPreemption();
    }

    /// Takes in what the step brought: tokens go to their streams, full blocks to the prefix index.
    void apply(StepPlan plan, StepResult result) {
        Step step = stepOf(plan);
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            Sequence sequence = step.sequence(slice);
            sequence.advance(plan.length(slice));
            blocks.offer(sequence);
            if (plan.samples(slice)) accept(sequence, result, slice);
        }
        counts.countStep(plan);
        step.clear();
        running.removeEnded();
    }

    /// Takes in one sampled token.
    void accept(Sequence sequence, StepResult result, int slice) {
        int token = result.token(slice);
        if (token == StepResult.NO_TOKEN) {
            blocks.distrust(sequence);
            end(sequence, FinishReason.FAILED, "the model's output was not finite");
            return;
        }
        Invariant.check(token >= 0 && token < limits.vocabSize(), "a sampled token outside the vocabulary");
        sequence.countSampled();
        counts.countSampled();
        if (sequence.request().isEndToken(token)) {
            end(sequence, FinishReason.STOP, "");
            return;
        }
        sequence.append(token);
        sequence.stream().append(token, result, slice);
        if (sequence.sampled() == sequence.request().maxNewTokens()) {
            end(sequence, FinishReason.LENGTH, "");
        } else {
            sequence.stream().wake();
        }
    }

    /// Fails every sequence that owns blocks, because a step could not be computed: what the blocks hold is unknown.
    void failRunning(StepPlan plan, String detail) {
        for (int i = 0; i < running.size(); i++) end(running.get(i), FinishReason.FAILED, detail);
        running.removeEnded();
        stepOf(plan).clear();
        blocks.forgetAll();
        Invariant.check(blocks.freeCount() == blocks.blockCount(), "a block is in use, but no sequence runs");
    }

    /// Ends a sequence, whatever its state, and frees what it holds.
    void end(Sequence sequence, FinishReason reason, String detail) {
        Invariant.check(sequence.status() != Sequence.Status.ENDED, "a sequence ended twice");
        blocks.release(sequence);
        sequence.setStatus(Sequence.Status.ENDED);
        sequence.stream().end(sequence.ending(reason, detail));
        sequence.stream().wake();
        if (sequence.submission().endChoice()) admission.settle(sequence.submission());
    }

    private Step stepOf(StepPlan plan) {
        Step step = steps[turn];
        Invariant.check(step.plan == plan, "only the latest plan can be applied");
        return step;
    }

    boolean isIdle() {
        return running.isEmpty() && waiting.isEmpty();
    }

    /// The sequence of a slice of the latest plan.
    Sequence planned(int slice) {
        return steps[turn].sequence(slice);
    }

    SequenceList running() {
        return running;
    }

    SequenceList waiting() {
        return waiting;
    }

    /// A snapshot after a step of `stepNs`, taken at `nowNs`.
    EngineStats stats(long stepNs, long nowNs) {
        return counts.snapshot(running.size(), waiting.size(), blocks, stepNs, nowNs);
    }

    SchedulerCounts counts() {
        return counts;
    }

    private boolean isOwner() {
        if (owner == null) owner = Thread.currentThread();
        return owner == Thread.currentThread();
    }

    /// Full check, for tests and idle moments.
    void checkInvariants() {
        int[] held = new int[blocks.blockCount()];
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            BlockTable table = sequence.table();
            Invariant.check(sequence.status() == Sequence.Status.RUNNING, "a running sequence's status");
            Invariant.check(sequence.uncomputed() > 0, "a running sequence has nothing left to compute");
            Invariant.check(table.count() == limits.blocksFor(sequence.computed()), "a table's length");
            Invariant.check(i == 0 || running.get(i - 1).order() < sequence.order(), "the order of running");
            for (int b = 0; b < table.count(); b++) held[table.block(b)]++;
        }
        for (int i = 0; i < waiting.size(); i++) {
            Sequence sequence = waiting.get(i);
            Invariant.check(sequence.status() == Sequence.Status.WAITING, "a waiting sequence's status");
            Invariant.check(sequence.table().count() == 0, "a waiting sequence owns blocks");
            Invariant.check(sequence.computed() == 0, "a waiting sequence has computed tokens");
            Invariant.check(i == 0 || waiting.get(i - 1).order() < sequence.order(), "the order of waiting");
        }
        blocks.checkInvariants(held);
    }

    /// A plan and the sequences of its slices.
    static final class Step {
        private final StepPlan plan;
        private final @Nullable Sequence[] sequences; // [slice]

        Step(ModelLimits limits) {
            plan = new StepPlan(limits);
            sequences = new Sequence[limits.sequencesMax()];
        }

        Sequence sequence(int slice) {
            return Invariant.present(sequences[slice], "a plan was applied twice");
        }

        void clear() {
            for (int slice = 0; slice < plan.sliceCount(); slice++) sequences[slice] = null;
        }
    }
}
