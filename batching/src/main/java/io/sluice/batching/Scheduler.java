package io.sluice.batching;

import org.jspecify.annotations.Nullable;

/// Decides, step by step, which tokens of which sequences are computed. Hot path: plan and apply allocate
/// nothing once warm, but when a sequence starts, and when one outgrows the room that it then got. Engine thread only.
///
/// There is no prefill phase and no decode phase: a sequence's computed tokens catch up with its tokens.
/// Every running sequence whose reader keeps up gets at least one token in every step; what is left of the
/// step's budget goes to prompts in their turns, at most a slice each, so that no long prompt freezes the
/// others. If blocks run out, whoever has the least precedence gives its own up: they move to
/// host memory, or are computed again later. Its tokens are kept, so nothing generated is lost or repeated.
/// Whose turn it is to start is `FairQueue`'s decision.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class Scheduler {
    private final ModelLimits limits;
    private final BlockAllocator blocks;
    private final HostBlocks host;
    private final AdmissionController admission;
    private final FairQueue queue;
    private final StepBudget budget;
    private final Reservations reservations;
    private final Starter starter;
    private final GivingWay givingWay;
    private final StepShares shares;
    private final Attendance attendance;
    private final Attendance.Ending ending = this::end;
    private final SequenceList running = SequenceList.byPrecedence();
    private final SequenceList waiting = SequenceList.byArrival(); // all that are not running, queued or not
    private final Step[] steps; // in turn, so that the next can be planned while one is in flight
    private final FollowUp followUp;
    private final Speculation speculation;
    private final SchedulerCounts counts;
    private final StepCosts costs;
    private int turn;
    private int followed; // steps in a row that followed one under way
    private boolean settled; // in the latest plan nobody could start, as long as nothing changes
    private long changes; // of who waits and of who runs
    private long changesAtPlan;
    private StepPlan applied; // the plan whose result is being taken in
    private long arrivals;
    private long starts;
    private long releases; // how often blocks were given back
    private @Nullable Sequence blocked; // waited for memory in an earlier plan
    private long blockedAtChance;
    private @Nullable Thread owner; // only used when assertions are on

    Scheduler(EngineParts.Core core) {
        limits = core.limits();
        blocks = core.blocks();
        host = core.host();
        admission = core.admission();
        queue = core.queue();
        budget = core.budget();
        reservations = core.reservations();
        starter = core.starter();
        givingWay = new GivingWay(limits, blocks, reservations, budget, starter);
        shares = core.shares();
        attendance = core.attendance();
        counts = core.counts();
        costs = new StepCosts(core);
        steps = new Step[] {new Step(limits), new Step(limits)};
        followUp = core.followUp();
        speculation = core.speculation();
        applied = steps[0].plan();
    }

    /// Puts a request's choices last in the queue. Those that can share the first one's prompt wait until it
    /// is computed.
    void add(Submission submission) {
        assert isOwner() : "the scheduler belongs to the engine thread: use Engine.submit";
        blocks.adopt(submission.flow().account());
        for (int choice = 0; choice < submission.choiceCount(); choice++) {
            Sequence sequence = submission.sequence(choice);
            sequence.setOrder(arrivals++);
            waiting.insert(sequence);
            attendance.addWaiting(sequence);
        }
        boolean shares = submission.request().prompt().length > limits.blockSize();
        letIntoQueue(submission, shares ? 1 : submission.choiceCount());
    }

    private void letIntoQueue(Submission submission, int upTo) {
        changes++;
        queue.add(submission, upTo);
    }

    /// Plans the next step. It is empty if nothing is left to do, or if all that could be done waits for
    /// readers. Frozen until it was applied or failed.
    StepPlan plan(long nowNs) {
        assert isOwner() : "the scheduler belongs to the engine thread: use Engine.submit";
        attendance.look(running, waiting, ending, nowNs);
        turn ^= 1;
        Step step = steps[turn];
        step.plan().clear();
        budget.begin(running);
        makeRoom(step, nowNs);
        boolean preempted = secureNextTokens(step);
        settled = !preempted && startWaiting(step, nowNs);
        queue.restore();
        shares.share(step, running);
        followed = 0;
        changesAtPlan = changes;
        Invariant.check(!step.plan().isEmpty() || isIdle() || isHeldUp(), "there is work, but no step makes progress");
        Invariant.check(step.plan().tokenCount() <= limits.stepTokensMax(), "a step over its token budget");
        return step.plan();
    }

    /// Plans the step after the latest, which is under way, with tokens that the device takes from there;
    /// null if that has to wait for its result. Applied after the latest, or discarded.
    @Nullable
    StepPlan follow(long nowNs) {
        boolean somebodyMayStart = !waiting.isEmpty() && !(settled && changes == changesAtPlan);
        if (somebodyMayStart || followed == FollowUp.IN_A_ROW_MAX || attendance.hasNews()) return null;
        if (speculation.isTrying()) return null; // more comes of guesses than of not waiting
        Step next = steps[turn ^ 1];
        next.plan().clear();
        if (!followUp.plan(steps[turn], next, running, nowNs)) return null;
        turn ^= 1;
        followed++;
        counts.countFollowUp();
        return next.plan();
    }

    /// Takes back a step that followed one under way: it will not be applied.
    void discard(StepPlan plan) {
        followUp.discard(stepOf(plan));
    }

    /// True if everything that runs waits for its reader.
    private boolean isHeldUp() {
        return StepShares.activeCount(running) == 0 && (!running.isEmpty() || attendance.hasPaused());
    }

    /// Takes blocks and seats from running sequences that give way, if that lets the next in the queue start
    /// now. Before anything is planned for them.
    private void makeRoom(Step step, long nowNs) {
        Sequence head = waiting.isEmpty() || running.isEmpty() ? null : queue.first(nowNs);
        if (head == null || head.isPaused() || !givingWay.choose(head, running, chances(), counts.steps())) return;
        for (int i = running.size() - 1; i >= 0; i--) {
            Sequence sequence = running.get(i);
            if (!sequence.isLeaving()) continue;
            sequence.setLeaving(false);
            preempt(sequence, step);
        }
    }

    /// Grows when there may be room that was not there before: blocks were given back, or a reader lags,
    /// whose sequence gives way and takes nothing more. Without the latter nothing would ever start while all
    /// that runs stands still.
    private long chances() {
        return releases + counts.pauses();
    }

    /// Sees to it that every running sequence whose reader keeps up has a block for its next token, in order
    /// of precedence; the last give way if blocks run out.
    ///
    /// @return true if a sequence lost its blocks
    private boolean secureNextTokens(Step step) {
        boolean preempted = false;
        boolean isFirst = true;
        for (int i = 0; i < running.size(); i++) {
            Sequence sequence = running.get(i);
            if (sequence.isPaused()) continue;
            sequence.setPrivileged(sequence.isGuaranteed());
            boolean mustGetOn = isFirst;
            isFirst = false;
            while (sequence.status() == Sequence.Status.RUNNING && blocks.room(sequence) == 0) {
                Sequence victim = victim(sequence, i);
                if (mustGetOn && victim == sequence && !sequence.isPrivileged()) {
                    // Nobody else can give way: only now do others' floors.
                    sequence.setPrivileged(true);
                    continue;
                }
                if (running.indexOf(victim) <= i) i--; // all that come after move up
                preempt(victim, step);
                preempted = true;
            }
            if (sequence.status() == Sequence.Status.RUNNING) blocks.cover(sequence, sequence.computed() + 1);
        }
        return preempted;
    }

    /// Who gives its blocks up so that the sequence at `index` can have one: the last whose reader lags,
    /// else the last that comes after it, else itself. Never a guaranteed one; only one of its own tenant,
    /// if that has all that it may have.
    Sequence victim(Sequence sequence, int index) {
        TenantAccount account = sequence.flow().account();
        boolean ownOnly = !sequence.isPrivileged() && account.belowCeiling() <= 0;
        Sequence last = sequence;
        for (int i = running.size() - 1; i >= 0; i--) {
            Sequence candidate = running.get(i);
            if (candidate.isGuaranteed() || (ownOnly && candidate.flow().account() != account)) continue;
            if (candidate.isPaused()) return candidate;
            if (last == sequence && i > index) last = candidate;
        }
        return last;
    }

    /// @return false if somebody waits only for a step with more to spare: time alone may let them start
    private boolean startWaiting(Step step, long nowNs) {
        if (waiting.isEmpty()) return true;
        int promised = blocks.promised(running);
        reservations.survey(running);
        while (running.size() < limits.sequencesMax()) {
            Sequence next = queue.first(nowNs);
            if (next == null) return true;
            if (next.isPaused()) {
                queue.setAside(next);
                continue;
            }
            boolean isAlone = running.isEmpty();
            if (!isAlone && isStillBlocked(next)) return true;
            if (!isAlone && !shares.hasTokensFor(next, running, nowNs)) return false;
            switch (starter.tryStart(next, step.plan(), promised, isAlone)) {
                case STARTED -> {
                    start(next, nowNs);
                    promised += blocks.missing(next);
                    blocks.cover(next, next.computed() + 1);
                }
                case TENANT_FULL -> queue.setAside(next);
                case NO_ROOM -> {
                    if (!queue.isFavoured(next, nowNs)) {
                        blocked = next;
                        blockedAtChance = chances();
                        return true;
                    }
                    queue.setAside(next);
                }
            }
        }
        return true;
    }

    /// True if there was no new chance since the sequence had to wait for memory.
    private boolean isStillBlocked(Sequence sequence) {
        return sequence == blocked && chances() == blockedAtChance;
    }

    private void start(Sequence sequence, long nowNs) {
        boolean forked = Starter.computedSibling(sequence) != null;
        queue.remove(sequence);
        waiting.remove(sequence);
        if (!sequence.hasStarted()) sequence.setStartOrder(starts++);
        running.insert(sequence);
        sequence.flow().classQueue().countStart(sequence, nowNs);
        if (sequence.hasStarted()) return;
        int cached = Math.min(sequence.computed(), sequence.promptLength());
        sequence.start(cached);
        blocks.makeRoom(sequence);
        sequence.chargeUpTo(cached); // cached tokens are free
        counts.countStart(sequence, forked);
        sequence.submission().timeline().start(nowNs, cached);
        admission.start(sequence.submission(), nowNs);
    }

    /// The sequence gives all its blocks up and waits for others, before all that have not started.
    void preempt(Sequence sequence, Step step) {
        running.remove(sequence);
        boolean parked = starter.takeAway(sequence, step.plan());
        releases++;
        waiting.insert(sequence);
        attendance.addWaiting(sequence);
        queue.addReturning(sequence);
        Timeline timeline = sequence.submission().timeline();
        if (parked) timeline.countPark();
        else timeline.countPreemption();
        counts.countPreemption(sequence, parked);
    }

    /// Takes in what the step brought: tokens go to their streams, full blocks to the prefix index.
    ///
    /// @param stepNs how long the step took
    void apply(StepPlan plan, StepResult result, long nowNs, long stepNs) {
        Step step = stepOf(plan);
        applied = plan;
        costs.charge(step, running, stepNs);
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            Sequence sequence = step.sequence(slice);
            if (plan.feedingSlice(slice) >= 0) {
                sequence.countAhead(-1);
                if (isForNothing(sequence)) {
                    counts.countDiscarded();
                    continue;
                }
            }
            if (result.hasFailed(slice)) {
                counts.countFailure();
                end(
                        sequence,
                        FinishReason.FAILED,
                        "the step could not be computed; the request can be tried again",
                        nowNs);
                continue;
            }
            int length = plan.length(slice) - plan.proposedCount(slice);
            charge(sequence, length);
            sequence.advance(length);
            sequence.countStep();
            sequence.submission().timeline().countStep(plan.length(slice));
            blocks.offer(sequence);
            if (sequence.isPromptComputed())
                letIntoQueue(sequence.submission(), sequence.submission().choiceCount());
            PromptReport report = plan.report(slice);
            if (report != null && report.isBroken()) {
                endAsNotFinite(sequence, nowNs);
            } else if (plan.samples(slice)) {
                acceptAll(sequence, result, slice, nowNs);
            } else if (sequence.uncomputed() == 0) {
                end(sequence, FinishReason.LENGTH, "", nowNs); // nothing but its prompt was of interest
            }
        }
        counts.countStep(plan);
        step.clear();
        running.removeEnded();
        queue.settleStep(running, limits.stepTokensMax());
    }

    /// True if the sequence has ended since the step was planned: its token is nobody's.
    boolean isForNothing(Sequence sequence) {
        return sequence.status() == Sequence.Status.ENDED;
    }

    /// What is computed again was paid for already.
    private void charge(Sequence sequence, int length) {
        int end = sequence.computed() + length;
        int promptEnd = Math.min(end, sequence.promptLength());
        int prompt = sequence.chargeUpTo(promptEnd);
        queue.charge(sequence, prompt, sequence.chargeUpTo(end));
    }

    /// Takes in the token that the step sampled, and one more for each guess that was right. A guess that was right
    /// is computed with it; what was computed of the others is worth nothing, and so are their blocks.
    private void acceptAll(Sequence sequence, StepResult result, int slice, long nowNs) {
        int proposed = applied.proposedCount(slice);
        accept(sequence, result, slice, 0, nowNs);
        int right = 0;
        while (right < proposed && isRight(sequence, result, slice, right)) {
            charge(sequence, 1);
            sequence.advance(1);
            blocks.offer(sequence);
            accept(sequence, result, slice, ++right, nowNs);
        }
        if (proposed > 0) speculation.learn(sequence, proposed, right);
        if (sequence.status() != Sequence.Status.RUNNING) return;
        if (proposed > 0) takeBack(sequence);
        sequence.stream().wake();
    }

    /// True if the guess is what was sampled, and the sequence goes on.
    boolean isRight(Sequence sequence, StepResult result, int slice, int guess) {
        return sequence.status() == Sequence.Status.RUNNING
                && result.token(slice, guess) == applied.proposed(slice, guess);
    }

    void takeBack(Sequence sequence) {
        blocks.uncover(sequence, sequence.computed());
    }

    /// Takes in one sampled token.
    void accept(Sequence sequence, StepResult result, int slice, int sample, long nowNs) {
        Invariant.check(sample < result.count(slice), "fewer tokens than guesses were right");
        int token = result.token(slice, sample);
        if (token == StepResult.NO_TOKEN && applied.allowsNothing(slice, sample)) {
            end(sequence, FinishReason.FAILED, "no token of the model can continue the required structure", nowNs);
            return;
        }
        if (token == StepResult.NO_TOKEN) {
            endAsNotFinite(sequence, nowNs);
            return;
        }
        Invariant.check(token >= 0 && token < limits.vocabSize(), "a sampled token outside the vocabulary");
        Invariant.check(applied.allows(slice, sample, token), "a sampled token that the sequence's constraint forbids");
        sequence.countSampled();
        counts.countSampled();
        sequence.submission().timeline().firstToken(nowNs);
        if (sequence.request().isEndToken(token)) {
            end(sequence, FinishReason.STOP, "", nowNs);
            return;
        }
        sequence.append(token);
        reservations.outgrow(sequence);
        sequence.stream().append(token, result, slice, sample);
        TokenConstraint.Progress progress = sequence.progress();
        if (progress != null && !progress.accept(token)) {
            end(sequence, FinishReason.FAILED, "the required structure could not be followed any further", nowNs);
        } else if (progress != null && progress.isOver()) {
            end(sequence, FinishReason.STOP, "", nowNs);
        } else if (sequence.sampled() == sequence.request().maxNewTokens()) {
            end(sequence, FinishReason.LENGTH, "", nowNs);
        }
    }

    private void endAsNotFinite(Sequence sequence, long nowNs) {
        blocks.distrust(sequence);
        end(sequence, FinishReason.FAILED, "the model's output was not finite", nowNs);
    }

    /// Ends a sequence, whatever its state, and frees what it holds.
    void end(Sequence sequence, FinishReason reason, String detail, long nowNs) {
        Invariant.check(sequence.status() != Sequence.Status.ENDED, "a sequence ended twice");
        Submission submission = sequence.submission();
        boolean isQueued =
                sequence.status() != Sequence.Status.RUNNING && sequence.choice() < submission.queuedChoices();
        if (isQueued) queue.remove(sequence);
        blocks.release(sequence);
        releases++;
        changes++;
        host.release(sequence);
        speculation.forget(sequence);
        reservations.release(sequence);
        if (sequence.sampled() > 0 && reason != FinishReason.FAILED) reservations.learn(sequence);
        sequence.setStatus(Sequence.Status.ENDED);
        boolean isLast = submission.endChoice();
        if (isLast) submission.timeline().end(nowNs); // whoever has read the ending may look at it
        sequence.stream().end(sequence.ending(reason, detail));
        sequence.stream().wake();
        if (isLast) {
            admission.settle(submission);
        } else {
            while (!submission.hasQueuedChoice()) letIntoQueue(submission, submission.queuedChoices() + 1);
        }
    }

    private Step stepOf(StepPlan plan) {
        Step step = steps[0].plan() == plan ? steps[0] : steps[1];
        Invariant.check(step.plan() == plan, "only a plan of this scheduler can be applied");
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

    SchedulerCounts counts() {
        return counts;
    }

    private boolean isOwner() {
        if (owner == null) owner = Thread.currentThread();
        return owner == Thread.currentThread();
    }
}
