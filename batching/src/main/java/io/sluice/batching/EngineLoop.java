package io.sluice.batching;

import com.lmax.disruptor.EventPoller;
import com.lmax.disruptor.EventTranslatorOneArg;
import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.util.Util;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// One engine without its thread: the ring that submissions arrive in, and one turn of the loop. `submit` and
/// `wouldRefuse` on any thread; the rest on the engine thread. The simulation drives it on its own.
final class EngineLoop {

    /// What a turn came to.
    enum Turn {
        /// A step was computed, or something ended.
        WORKED,
        /// There is work, but all of it waits for readers.
        HELD_UP,
        /// There is nothing to do.
        IDLE
    }

    private static final System.Logger LOG = System.getLogger(EngineLoop.class.getName());
    private static final EventTranslatorOneArg<Slot, Submission> FILL = (slot, sequence, it) -> slot.submission = it;

    /// Between looks for requests that were admitted while the engine ended.
    private static final long ENDING_PARK_NS = 50_000;

    /// Steps in a row of which nothing can be computed: the device is of no use any more.
    private static final int LOST_STEPS_MAX = 3;

    private final AdmissionController admission;
    private final Scheduler scheduler;
    private final Attendance attendance;
    private final ModelRunner runner;
    private final LongSupplier clock; // nanoseconds
    private final StepTimeModel times;
    private final StepIsolation isolation;
    private final BlockAudit audit;
    private final LoadReport report;
    private final RingBuffer<Slot> ring;
    private final EventPoller<Slot> poller;
    private final EventPoller.Handler<Slot> take = this::take;
    private final StepClock steps = new StepClock();
    private final StepTally tally = new StepTally();
    private final Saturation saturation;
    private final SequenceInquiry inquiry = new SequenceInquiry();
    private final boolean feeds;
    private @Nullable UnderWay ahead; // launched while the step before was under way, and not awaited yet
    private int lostSteps;
    private volatile EngineStats stats;

    /// A step between its launch and its result.
    ///
    /// @param startNs when it was planned, or the one before was done
    /// @param launchedNs when the device had it
    private record UnderWay(StepPlan plan, ModelRunner.InFlightStep step, long startNs, long launchedNs) {}

    EngineLoop(EngineParts.Core core, Scheduler scheduler, ModelRunner runner, LongSupplier clock) {
        this.scheduler = scheduler;
        this.runner = runner;
        this.clock = clock;
        feeds = runner.canFeed();
        saturation = new Saturation(core.limits(), core.accounts(), core.forecast());
        admission = core.admission();
        attendance = core.attendance();
        core.speculation().requireRunner(runner.proposedMax());
        times = core.times();
        isolation = new StepIsolation(runner);
        audit = new BlockAudit(core.limits(), core.blocks(), core.host());
        report = new LoadReport(core, scheduler, audit);
        // A mailbox, not the queue. One slot per request that may wait: whoever is in it has not started, and
        // admission counts those, so publishing cannot fail for space.
        ring = RingBuffer.createMultiProducer(
                Slot::new, Util.ceilingNextPowerOfTwo(core.settings().waitingMax()));
        poller = ring.newPoller();
        ring.addGatingSequences(poller.getSequence());
        stats = report.publish(0, clock.getAsLong());
    }

    /// Decides about a request and, if it is admitted, hands it to the engine. Any thread; never waits.
    ///
    /// @param wakeEngine called when a reader gives up or catches up
    Admission submit(GenerationRequest request, Attempt attempt, Runnable wakeEngine) {
        Runnable news = () -> {
            attendance.announceNews();
            wakeEngine.run();
        };
        return switch (admission.admit(request, attempt, clock.getAsLong(), news)) {
            case AdmissionController.Verdict.NotTaken(var refused) -> refused;
            case AdmissionController.Verdict.Taken(var submission) -> {
                Invariant.check(ring.tryPublishEvent(FILL, submission), "the ring has no slot for an admitted request");
                yield new Admission.Admitted(submission.streams(), submission.timeline());
            }
        };
    }

    /// Why `submit` would refuse this request now, if it would. Any thread; changes nothing.
    Optional<Admission.Refused> wouldRefuse(GenerationRequest request, Attempt attempt) {
        return admission.wouldRefuse(request, attempt, clock.getAsLong());
    }

    /// Takes what was submitted, plans a step unless one is under way, lets another follow it if that can
    /// be, waits for its result and applies it.
    Turn turn() throws Exception {
        poller.poll(take);
        answerInquiry();
        if (ahead == null && scheduler.isIdle()) return Turn.IDLE;
        UnderWay now = ahead;
        ahead = null;
        if (now == null) {
            long startNs = clock.getAsLong();
            StepPlan plan = scheduler.plan(startNs);
            if (plan.isEmpty()) {
                stats = report.publish(0, clock.getAsLong());
                return scheduler.isIdle() ? Turn.WORKED : Turn.HELD_UP;
            }
            steps.begin(startNs);
            ModelRunner.InFlightStep launched = runner.launch(plan);
            now = new UnderWay(plan, launched, startNs, clock.getAsLong());
        }
        if (feeds && !hasMail()) follow();
        finish(now);
        return Turn.WORKED;
    }

    private void follow() {
        long startNs = clock.getAsLong();
        StepPlan plan = scheduler.follow(startNs);
        if (plan != null) ahead = new UnderWay(plan, runner.launch(plan), startNs, startNs);
    }

    private void finish(UnderWay now) {
        StepResult result = result(now);
        long endNs = clock.getAsLong();
        long stepNs = endNs - now.startNs;
        int sequences = now.plan.sliceCount();
        int tokens = now.plan.tokenCount();
        if (result == null) {
            scheduler.counts().countUnattributed(stepNs);
        } else {
            StepPlan plan = now.plan;
            int writing = plan.writingSlices();
            int proposed = plan.proposedTokens();
            times.measure(writing, proposed, plan.tokenCount() - writing - proposed, plan.promptPairs(), stepNs);
            scheduler.apply(plan, result, endNs, stepNs);
            if (scheduler.counts().steps() % BlockAudit.STEPS_BETWEEN == 0) audit.countLeaked(scheduler.running());
        }
        steps.end(endNs);
        // The device begins with it now: until then it was busy with this one.
        if (ahead != null) {
            ahead = new UnderWay(ahead.plan, ahead.step, endNs, endNs);
            steps.begin(endNs);
        }
        long publishedNs = clock.getAsLong();
        stats = report.publish(publishedNs - now.startNs, publishedNs);
        tally.count(sequences, tokens, now.startNs, now.launchedNs, endNs, publishedNs);
    }

    /// The step's result; null if it is planned again, because it followed one whose tokens it took on the
    /// device.
    private @Nullable StepResult result(UnderWay now) {
        try {
            StepResult result = now.step.await();
            result.clearFailures();
            lostSteps = 0;
            return result;
        } catch (ModelRunner.StepFailed failure) {
            takeBackAhead();
            if (isFed(now.plan)) {
                scheduler.discard(now.plan);
                return null;
            }
            return isolated(now.plan, failure);
        }
    }

    private static boolean isFed(StepPlan plan) {
        return plan.sliceCount() > 0 && plan.feedingSlice(0) >= 0;
    }

    /// What followed a step that failed was fed with nothing.
    private void takeBackAhead() {
        UnderWay next = ahead;
        if (next == null) return;
        ahead = null;
        try {
            StepResult worthless = next.step.await();
            worthless.clearFailures();
        } catch (ModelRunner.StepFailed failure) {
            LOG.log(System.Logger.Level.DEBUG, "the step after one that failed failed, too", failure);
        }
        scheduler.discard(next.plan);
    }

    private StepResult isolated(StepPlan plan, ModelRunner.StepFailed failure) {
        StepResult result = isolation.compute(plan);
        int failed = 0;
        for (int slice = 0; slice < plan.sliceCount(); slice++) {
            if (result.hasFailed(slice)) failed++;
        }
        LOG.log(
                System.Logger.Level.WARNING,
                "a step failed; " + failed + " of its " + plan.sliceCount() + " sequences end and can be tried again",
                failure);
        countLost(failed == plan.sliceCount(), failure);
        return result;
    }

    private void countLost(boolean whole, ModelRunner.StepFailed failure) {
        lostSteps = whole ? lostSteps + 1 : 0;
        if (lostSteps < LOST_STEPS_MAX) return;
        throw new ModelRunner.DeviceLost(LOST_STEPS_MAX + " steps in a row could not be computed at all", failure);
    }

    private boolean take(Slot slot, long sequence, boolean endOfBatch) {
        Submission submission = Invariant.present(slot.submission, "an empty slot was published");
        slot.submission = null; // or the request would live for another lap of the ring
        scheduler.add(submission);
        return true;
    }

    /// True if something was published and not taken yet.
    boolean hasMail() {
        return ring.getCursor() > poller.getSequence().get();
    }

    /// True if somebody wants to know what the engine has before it.
    boolean isAsked() {
        return inquiry.isOpen();
    }

    void answerInquiry() {
        if (inquiry.isOpen()) inquiry.answer(scheduler, clock.getAsLong());
    }

    /// What the engine has before it. Any thread but the engine's; empty if it does not answer within
    /// `patience`.
    Optional<List<SequenceState>> sequences(Runnable wakeEngine, Duration patience) throws InterruptedException {
        return inquiry.ask(wakeEngine, patience);
    }

    /// True if a reader gave up or caught up, and the scheduler has not looked yet.
    boolean hasNews() {
        return attendance.hasNews();
    }

    /// To be called when work arrives after a pause: the pause is not a slow step.
    void resume() {
        stats = report.publish(0, clock.getAsLong());
    }

    /// Full check, in idle moments.
    void checkInvariants() {
        audit.check(scheduler.running(), scheduler.waiting());
    }

    /// Ends all admitted streams as failed without trusting the scheduler, whose state may be what broke.
    /// Requests that are being admitted at this moment were counted before they looked whether the engine
    /// has stopped: they are waited for. The last call.
    void endAll(String detail) {
        admission.stop();
        while (admission.openCount() > 0) {
            for (Submission submission : admission.open()) {
                submission.timeline().end(clock.getAsLong()); // whoever has read the ending may look at it
                for (int choice = 0; choice < submission.choiceCount(); choice++) fail(submission, choice, detail);
                admission.abandon(submission);
            }
            if (admission.openCount() > 0) LockSupport.parkNanos(ENDING_PARK_NS);
        }
    }

    private static void fail(Submission submission, int choice, String detail) {
        Sequence sequence = submission.sequence(choice);
        TokenStream stream = sequence.stream();
        if (stream.ending().isEmpty()) stream.end(sequence.ending(FinishReason.FAILED, detail));
        stream.wake();
    }

    EngineStats stats() {
        return stats;
    }

    StepClock steps() {
        return steps;
    }

    StepFigures figures() {
        return tally.read();
    }

    /// How near the engine is to what it can do. Any thread.
    Outlook outlook() {
        return saturation.outlook(clock.getAsLong());
    }

    Scheduler scheduler() {
        return scheduler;
    }

    /// A slot of the ring.
    private static final class Slot {
        private @Nullable Submission submission;
    }
}
