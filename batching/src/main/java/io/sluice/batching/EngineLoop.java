package io.sluice.batching;

import com.lmax.disruptor.EventPoller;
import com.lmax.disruptor.EventTranslatorOneArg;
import com.lmax.disruptor.RingBuffer;
import com.lmax.disruptor.util.Util;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/// One engine without its thread: the ring that submissions arrive in, and one turn of the loop. `submit` on any
/// thread; the rest on the engine thread. The simulation drives it on its own.
final class EngineLoop {
    private static final System.Logger LOG = System.getLogger(EngineLoop.class.getName());
    private static final EventTranslatorOneArg<Slot, Submission> FILL = (slot, sequence, it) -> slot.submission = it;

    /// Between looks for requests that were admitted while the engine ended.
    private static final long ENDING_PARK_NS = 50_000;

    private final Scheduler scheduler;
    private final AdmissionController admission;
    private final ModelRunner runner;
    private final LongSupplier clock; // nanoseconds
    private final RingBuffer<Slot> ring;
    private final EventPoller<Slot> poller;
    private final EventPoller.Handler<Slot> take = this::take;
    private final StepClock steps = new StepClock();
    private volatile EngineStats stats;

    EngineLoop(
            EngineSettings settings,
            Scheduler scheduler,
            AdmissionController admission,
            ModelRunner runner,
            LongSupplier clock) {
        this.scheduler = scheduler;
        this.admission = admission;
        this.runner = runner;
        this.clock = clock;
        // A mailbox, not the queue. One slot per request that may wait: whoever is in it has not started, and admission
        // counts those, so publishing cannot fail for space.
        ring = RingBuffer.createMultiProducer(Slot::new, Util.ceilingNextPowerOfTwo(settings.waitingMax()));
        poller = ring.newPoller();
        ring.addGatingSequences(poller.getSequence());
        stats = scheduler.stats(0, clock.getAsLong());
    }

    /// Decides about a request and, if it is admitted, hands it to the engine. Any thread; never waits.
    ///
    /// @param wakeEngine called when a reader gives up or catches up
    Admission submit(GenerationRequest request, Runnable wakeEngine) {
        var submission = new Submission(request, wakeEngine);
        long nowNs = clock.getAsLong();
        Optional<Admission.Refused> refused = admission.admit(submission, nowNs);
        if (refused.isPresent()) return refused.get();
        Invariant.check(ring.tryPublishEvent(FILL, submission), "the ring has no slot for an admitted request");
        return new Admission.Admitted(
                submission.streams(), new Timeline(request, nowNs, new Timeline.Forecast(0, 0, 0, 0)));
    }

    /// Takes what was submitted, plans a step, computes it, applies the result.
    ///
    /// @return false if there was nothing to do
    boolean turn() throws Exception {
        poller.poll(take);
        if (scheduler.isIdle()) return false;
        long startNs = clock.getAsLong();
        steps.begin(startNs);
        StepPlan plan = scheduler.plan(startNs);
        if (!plan.isEmpty()) compute(plan);
        long endNs = clock.getAsLong();
        steps.end(endNs);
        admission.measure(endNs);
        stats = scheduler.stats(endNs - startNs, endNs);
        return true;
    }

    private void compute(StepPlan plan) {
        StepResult result;
        try {
            result = runner.launch(plan).await();
        } catch (ModelRunner.StepFailed failure) {
            LOG.log(System.Logger.Level.WARNING, "a step failed; its requests end and can be tried again", failure);
            scheduler.failRunning(plan, "the step could not be computed; the request can be tried again");
            return;
        }
        scheduler.apply(plan, result);
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

    /// To be called when work arrives after a pause: the pause is neither a slow step nor a slow queue.
    void resume() {
        long nowNs = clock.getAsLong();
        admission.resume(nowNs);
        stats = scheduler.stats(0, nowNs);
    }

    /// Ends all admitted streams as failed without trusting the scheduler, whose state may be what broke. Requests that
    /// are being admitted at this moment were counted before they looked whether the engine has stopped: they are
    /// waited for. The last call.
    void endAll(String detail) {
        admission.stop();
        while (admission.openCount() > 0) {
            for (Submission submission : admission.open()) {
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

    Scheduler scheduler() {
        return scheduler;
    }

    /// A slot of the ring.
    private static final class Slot {
        private @Nullable Submission submission;
    }
}
