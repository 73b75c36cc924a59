package io.sluice.batching;

import io.sluice.batching.Admission.Reason;
import io.sluice.batching.Admission.Refused;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// Decides at once which requests the engine takes, and counts those it took until each has ended. `admit`
/// on any thread; the rest on the engine thread unless said otherwise.
///
/// A request is taken if its promise can be kept: if it fits at all, and if it is expected to start in time
/// for its class and its deadlines. What starts when is `Scheduler`'s business.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class AdmissionController {

    /// Whether requests are taken.
    private enum State {
        OPEN,
        DRAINING,
        STOPPED
    }

    /// A full queue takes requests again below this part of its bound: else every caller would be told to
    /// come back in a moment, in vain.
    private static final double REOPENS_AT = 0.8;

    /// A tenant may have so many requests waiting in a class for each place of the queue that is left: four
    /// fifths of it if it is alone, and however much one sends, there is a place for the others (dynamic
    /// thresholds: Choudhury and Hahne, 1998).
    private static final int WAITING_PER_FREE_PLACE = 4;

    /// However long its prompt takes, a request may wait for this part of its class's target.
    private static final double OWN_PART_MIN = 0.2;

    private static final long DRAINER_LOOKS_NS = 100_000_000;
    private static final long RETRY_DRAINING_S = 10;

    private final ModelLimits limits;
    private final int waitingMax;
    private final Accounts accounts;
    private final WaitForecast forecast;
    private final AtomicInteger openCount = new AtomicInteger(); // admitted and not ended
    private final AtomicInteger waitingCount = new AtomicInteger(); // of those, not started; at most waitingMax
    private final Set<Submission> open = ConcurrentHashMap.newKeySet(); // bounded by what waits and runs
    private volatile boolean queueClosed; // it was full, and is not much emptier yet
    private volatile State state = State.OPEN;
    private volatile @Nullable Thread drainer;

    AdmissionController(ModelLimits limits, int waitingMax, Accounts accounts, WaitForecast forecast) {
        this.limits = limits;
        this.waitingMax = waitingMax;
        this.accounts = accounts;
        this.forecast = forecast;
    }

    /// What was decided about a request. A value.
    sealed interface Verdict {

        /// It is taken, and counted.
        record Taken(Submission submission) implements Verdict {}

        /// It is not.
        record NotTaken(Refused refused) implements Verdict {}
    }

    /// Counts the request in, or says why not. Any thread; never waits. Who is counted in must publish.
    ///
    /// @param attempt whether it was refused before
    /// @param wakeEngine called when a reader gives up or catches up
    Verdict admit(GenerationRequest request, Attempt attempt, long nowNs, Runnable wakeEngine) {
        // Counted before looking at the state: the engine's end waits for this count, so nobody slips in
        // behind it. Whatever happens, also for want of memory, who is not taken is counted out again.
        openCount.incrementAndGet();
        @Nullable Flow flow = null;
        boolean taken = false;
        try {
            flow = accounts.open(request.caller(), nowNs);
            boolean isAwaited = attempt == Attempt.AGAIN && flow.returns().comeBack(nowNs);
            Assessment assessment = assess(request, flow, nowNs);
            Verdict verdict = decide(request, flow, assessment, isAwaited, nowNs, wakeEngine);
            taken = verdict instanceof Verdict.Taken;
            if (attempt == Attempt.FIRST) countOffered(flow, assessment, verdict, nowNs);
            return verdict;
        } finally {
            if (!taken) {
                if (flow != null) accounts.close(flow);
                leaveOpen();
            }
        }
    }

    /// What clients want of the engine, whether they get it or not. Who comes again was counted before.
    private static void countOffered(Flow flow, Assessment assessment, Verdict verdict, long nowNs) {
        boolean isWork = switch (verdict) {
            case Verdict.Taken _ -> true;
            case Verdict.NotTaken(Refused refused) ->
                switch (refused.reason()) {
                    case QUEUE_FULL, NO_CAPACITY, DEADLINE_TOO_SOON -> true;
                    case NEVER_FITS, DEADLINE_PASSED, DRAINING, STOPPED -> false;
                };
        };
        if (!isWork) return;
        Timeline.Forecast expected = assessment.forecast();
        long promptNs = expected.firstTokenNs() - expected.waitNs();
        flow.classQueue().countOffered(assessment.demand().ns(), promptNs, nowNs);
    }

    /// @param isAwaited it comes when it was told to: nobody else who was goes before it
    private Verdict decide(
            GenerationRequest request,
            Flow flow,
            Assessment assessment,
            boolean isAwaited,
            long nowNs,
            Runnable wakeEngine) {
        Timeline.Forecast expected = assessment.forecast();
        Refused refused = assessment.refused();
        if (refused == null && !isAwaited) {
            Refused behind = standsBehind(flow, assessment, nowNs);
            if (behind != null) return told(behind, flow, assessment, nowNs);
        }
        if (refused == null) {
            // Made before it takes a place: there may be no memory for it.
            var submission = new Submission(request, flow, expected, assessment.demand(), nowNs, wakeEngine);
            refused = enter(submission, nowNs);
            if (refused == null) return new Verdict.Taken(submission);
        }
        if (refused.reason() == Reason.NO_CAPACITY) {
            flow.noteRefused(nowNs);
            flow.classQueue().deference().refused(flow, nowNs);
            long awayNs = refused.retryAfter().toNanos();
            double learned = flow.gate().close(expected.waitNs(), allowedNs(flow, expected, nowNs), awayNs, nowNs);
            flow.classQueue().bias().learnDecline(learned);
        }
        return told(refused, flow, assessment, nowNs);
    }

    /// A refusal if there is room for the request, but not for those as well who were told to come back, are expected,
    /// and go before it.
    private @Nullable Refused standsBehind(Flow flow, Assessment assessment, long nowNs) {
        double awaited = flow.returns().expected(nowNs);
        if (awaited < 1 || forecast.nothingWaits()) return null;
        double free = waitingMax - waitingCount.get() - awaited;
        boolean crowds = flow.backlog().requests() + awaited >= WAITING_PER_FREE_PLACE * free;
        Timeline.Forecast expected = assessment.forecast();
        double waitNs = expected.waitNs() + awaited * forecast.startIntervalNs(flow, assessment.demand(), nowNs);
        if (!crowds && waitNs <= allowedNs(flow, expected, nowNs)) return null;
        String detail = "about %.0f callers of tenant %s were told to come back and go before it"
                .formatted(awaited, flow.account().name());
        return refuse(Reason.NO_CAPACITY, detail, 0);
    }

    /// The refusal with a moment at which there is room also for those who were told before.
    private Verdict told(Refused refused, Flow flow, Assessment assessment, long nowNs) {
        boolean waits = refused.reason() == Reason.NO_CAPACITY || refused.reason() == Reason.QUEUE_FULL;
        if (!waits) return new Verdict.NotTaken(refused);
        double intervalNs = forecast.startIntervalNs(flow, assessment.demand(), nowNs);
        long mostNs = flow.classQueue().patience().ns();
        long awayNs = flow.returns().tell(refused.retryAfter().toNanos(), intervalNs, mostNs, nowNs);
        return new Verdict.NotTaken(refuse(refused.reason(), refused.detail(), awayNs));
    }

    /// Takes a place in the queue, unless others were faster since the request was looked at.
    private @Nullable Refused enter(Submission submission, long nowNs) {
        Flow flow = submission.flow();
        if (!enterWaiting()) return queueFull(flow);
        Timeline.Forecast expected = submission.timeline().forecast();
        ForecastBias bias = flow.classQueue().bias();
        Gate.Entry entry = flow.gate().open(expected.waitNs(), allowedNs(flow, expected, nowNs), bias.decline(), nowNs);
        if (entry.awayNs() > 0) {
            waitingCount.decrementAndGet();
            return waitsTooLong(flow, expected, entry.awayNs());
        }
        bias.learnDecline(entry.learned());
        queueClosed = false;
        flow.addWaiting(submission.demand(), nowNs);
        open.add(submission);
        return null;
    }

    /// What would be decided about the request now, without deciding it. Any thread.
    Optional<Refused> wouldRefuse(GenerationRequest request, Attempt attempt, long nowNs) {
        Flow flow = accounts.open(request.caller(), nowNs);
        try {
            boolean isAwaited = attempt == Attempt.AGAIN && flow.returns().hasDue(nowNs);
            Assessment assessment = assess(request, flow, nowNs);
            Refused refused = assessment.refused();
            if (refused == null && !isAwaited) refused = standsBehind(flow, assessment, nowNs);
            if (refused == null && waitingCount.get() >= waitingMax) refused = queueFull(flow);
            return Optional.ofNullable(refused);
        } finally {
            accounts.close(flow);
        }
    }

    /// A request, looked at.
    private record Assessment(@Nullable Refused refused, Timeline.Forecast forecast, Demand demand) {}

    private Assessment assess(GenerationRequest request, Flow flow, long nowNs) {
        Demand demand = forecast.demandOf(request, flow);
        long rawWaitNs = forecast.waitNs(flow, demand, nowNs);
        long waitNs = forecast.corrected(rawWaitNs, flow);
        var expected = new Timeline.Forecast(
                rawWaitNs,
                waitNs,
                waitNs + forecast.prefillNs(request, flow, nowNs),
                forecast.requestsAhead(flow),
                WaitForecast.reservedTokens(request, flow) * request.choiceCount());
        return new Assessment(refusal(request, flow, expected, nowNs), expected, demand);
    }

    private @Nullable Refused refusal(GenerationRequest request, Flow flow, Timeline.Forecast expected, long nowNs) {
        if (state == State.STOPPED) return refuse(Reason.STOPPED, "the engine has stopped", 0);
        Refused never = neverFits(request);
        if (never != null) return never;
        if (request.deadlines().of(false) <= nowNs) return refuse(Reason.DEADLINE_PASSED, "the deadline has passed", 0);
        if (state == State.DRAINING) {
            return refuse(
                    Reason.DRAINING,
                    "the engine is finishing its work and takes nothing new",
                    Duration.ofSeconds(RETRY_DRAINING_S).toNanos());
        }
        TrafficClass trafficClass = request.caller().trafficClass();
        if (flow.classQueue().backlog().requests() >= trafficClass.waitingMax()) return queueFull(flow);
        if (isQueueClosed()) return queueFull(flow);
        Refused crowding = crowdsOthersOut(flow, expected);
        if (crowding != null) return crowding;
        Refused late = deadlineTooSoon(request, flow, expected, nowNs);
        return late != null ? late : waitTooLong(flow, expected, nowNs);
    }

    private @Nullable Refused neverFits(GenerationRequest request) {
        String needs = "%d prompt tokens and up to %d output tokens"
                .formatted(request.prompt().length, request.maxNewTokens());
        if (request.tokenCountMax() > limits.contextMax()) {
            String detail = needs + " exceed the context of " + limits.contextMax() + " tokens";
            return refuse(Reason.NEVER_FITS, detail, 0);
        }
        int blocks = limits.blocksFor(request.tokenCountMax());
        if (blocks > limits.blockCount()) {
            String detail = needs + " exceed the KV cache of " + limits.cacheTokens() + " tokens";
            return refuse(Reason.NEVER_FITS, detail, 0);
        }
        Tenant tenant = request.caller().tenant();
        int ceiling = TenantAccount.ceiling(tenant, limits.blockCount());
        if (blocks > ceiling) {
            String detail = needs + " exceed the part of the KV cache that " + tenant.name() + " may use, "
                    + (long) ceiling * limits.blockSize() + " tokens (kv-ceiling)";
            return refuse(Reason.NEVER_FITS, detail, 0);
        }
        return null;
    }

    private @Nullable Refused deadlineTooSoon(
            GenerationRequest request, Flow flow, Timeline.Forecast expected, long nowNs) {
        Deadlines deadlines = request.deadlines();
        if (deadlines.equals(Deadlines.NONE)) return null;
        long endNs = expected.firstTokenNs() + forecast.decodeNs(request, flow);
        long missedNs =
                Math.max(expected.firstTokenNs() - (deadlines.of(false) - nowNs), endNs - (deadlines.lastNs() - nowNs));
        if (missedNs <= 0) return null;
        String detail = "its first token is expected in %s and its last in %s, after a deadline"
                .formatted(text(expected.firstTokenNs()), text(endNs));
        if (missedNs <= expected.waitNs()) return refuse(Reason.DEADLINE_TOO_SOON, detail, missedNs);
        // What waiting does not cause, waiting does not cure, unless there is nothing else to do: an engine that
        // refused for ever what it was once too slow for would never find out that it is not any more.
        boolean isTried = open.isEmpty() && forecast.isConceivable(request, flow, nowNs);
        if (!isTried) return refuse(Reason.DEADLINE_TOO_SOON, detail, 0);
        long untilTriedNs = forecast.trustedForNs(nowNs);
        return untilTriedNs <= 0 ? null : refuse(Reason.DEADLINE_TOO_SOON, detail, untilTriedNs);
    }

    private @Nullable Refused waitTooLong(Flow flow, Timeline.Forecast expected, long nowNs) {
        if (expected.waitNs() == 0 && forecast.nothingWaits()) return null;
        double decline = flow.classQueue().bias().decline();
        long awayNs = flow.gate().awayNs(expected.waitNs(), allowedNs(flow, expected, nowNs), decline, nowNs);
        return awayNs == 0 ? null : waitsTooLong(flow, expected, awayNs);
    }

    private static Refused waitsTooLong(Flow flow, Timeline.Forecast expected, long awayNs) {
        TrafficClass trafficClass = flow.classQueue().terms();
        String detail = "a request of class %s would wait %s for its first token, longer than its target of %s allows"
                .formatted(trafficClass.name(), text(expected.firstTokenNs()), text(trafficClass.firstTokenTargetNs()));
        return refuse(Reason.NO_CAPACITY, detail, awayNs);
    }

    /// How long a request may wait. What its own prompt takes is not the queue's fault, but leaves less of
    /// the target to wait in.
    private static double allowedNs(Flow flow, Timeline.Forecast expected, long nowNs) {
        double targetNs = flow.classQueue().terms().firstTokenTargetNs();
        long prefillNs = expected.firstTokenNs() - expected.waitNs();
        double mostNs = Math.max(targetNs - prefillNs, targetNs * OWN_PART_MIN);
        return mostNs * flow.classQueue().deference().part(flow, nowNs);
    }

    /// The last places of the queue are for those who have few requests in it.
    private @Nullable Refused crowdsOthersOut(Flow flow, Timeline.Forecast expected) {
        int own = flow.backlog().requests();
        int free = Math.max(0, waitingMax - waitingCount.get());
        int excess = own - WAITING_PER_FREE_PLACE * free;
        if (own == 0 || excess < 0) return null;
        String detail = "%d requests of tenant %s are waiting already, and the places that are left are for others"
                .formatted(own, flow.account().name());
        // Each that starts leaves one place more.
        int toStart = Math.min(own, excess / (WAITING_PER_FREE_PLACE + 1) + 1);
        return refuse(Reason.QUEUE_FULL, detail, (long) ((double) expected.waitNs() * toStart / own));
    }

    /// The most requests that one tenant may have waiting in one class.
    static int waitingMaxOfOne(int waitingMax) {
        return Math.ceilDiv(waitingMax * WAITING_PER_FREE_PLACE, WAITING_PER_FREE_PLACE + 1);
    }

    private Refused queueFull(Flow flow) {
        ClassQueue queue = flow.classQueue();
        int classMax = queue.terms().waitingMax();
        boolean ofClass = queue.backlog().requests() >= classMax;
        int count = ofClass ? queue.backlog().requests() : waitingCount.get();
        int bound = ofClass ? classMax : waitingMax;
        String detail = "%d requests%s are waiting already, as many as may"
                .formatted(count, ofClass ? " of class " + queue.name() : "");
        double part = Math.max(1, count - bound * REOPENS_AT) / Math.max(1, count);
        long queuedNs = 0;
        for (ClassQueue each : accounts.classes())
            queuedNs += ofClass && each != queue ? 0 : each.backlog().ns();
        return refuse(Reason.QUEUE_FULL, detail, (long) (queuedNs * part));
    }

    private static Refused refuse(Reason reason, String detail, long retryAfterNs) {
        return new Refused(reason, detail, Duration.ofNanos(retryAfterNs));
    }

    private static String text(long ns) {
        return "%.1f s".formatted(ns / 1e9);
    }

    private boolean isQueueClosed() {
        return queueClosed && waitingCount.get() > waitingMax * REOPENS_AT;
    }

    private boolean enterWaiting() {
        if (waitingCount.incrementAndGet() <= waitingMax) return true;
        waitingCount.decrementAndGet();
        queueClosed = true;
        return false;
    }

    /// The request leaves the queue: one of its choices has been given blocks. Once for each request that
    /// starts.
    void start(Submission submission, long nowNs) {
        if (submission.hasStarted()) return;
        submission.start();
        forecast.learn(submission, nowNs);
        leaveWaiting(submission);
    }

    /// The request's last choice has ended: its place is free. Exactly once for each admitted request.
    void settle(Submission submission) {
        Invariant.check(open.contains(submission), "an admitted request was settled twice");
        if (!submission.hasStarted()) leaveWaiting(submission);
        abandon(submission);
    }

    /// The engine has ended, whatever its state was: the request's place is free.
    void abandon(Submission submission) {
        open.remove(submission);
        accounts.close(submission.flow());
        leaveOpen();
    }

    private void leaveWaiting(Submission submission) {
        submission.flow().removeWaiting(submission.demand());
        Invariant.check(waitingCount.decrementAndGet() >= 0, "more requests left the queue than entered it");
    }

    private void leaveOpen() {
        if (openCount.decrementAndGet() == 0) LockSupport.unpark(drainer);
    }

    /// Nothing new is admitted from now on. Any thread.
    void startDraining() {
        if (state == State.OPEN) state = State.DRAINING;
    }

    /// Waits until everything admitted has ended, at most `grace`. Any thread but the engine's.
    ///
    /// @return true if nothing is left
    boolean awaitEmpty(Duration grace) throws InterruptedException {
        long start = System.nanoTime();
        drainer = Thread.currentThread();
        while (openCount.get() > 0) {
            long leftNs = grace.toNanos() - (System.nanoTime() - start);
            if (leftNs <= 0) return false;
            // Bounded, because a second drainer would take the first one's place.
            LockSupport.parkNanos(this, Math.min(leftNs, DRAINER_LOOKS_NS));
            if (Thread.interrupted()) throw new InterruptedException();
        }
        return true;
    }

    /// Nothing is admitted any more, and whoever is still publishing finds that out or is found in `open`.
    void stop() {
        state = State.STOPPED;
    }

    boolean isStopped() {
        return state == State.STOPPED;
    }

    /// Admitted requests that have not ended.
    int openCount() {
        return openCount.get();
    }

    /// Admitted requests that have not started.
    int waitingCount() {
        return waitingCount.get();
    }

    /// The admitted requests that have not ended, for the engine's end.
    Iterable<Submission> open() {
        return open;
    }
}
