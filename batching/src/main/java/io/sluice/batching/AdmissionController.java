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

/// Decides at once which requests the engine takes, and counts those it took until each has ended. `admit` on any
/// thread; the rest on the engine thread unless said otherwise.
///
/// Not final: the tests plant one-line bugs by overriding single methods.
class AdmissionController {

    /// Whether requests are taken.
    private enum State {
        OPEN,
        DRAINING,
        STOPPED
    }

    private static final long RETRY_MIN_S = 1;
    private static final long RETRY_MAX_S = 60;
    private static final long RATE_WINDOW_NS = 1_000_000_000L;

    private final ModelLimits limits;
    private final int waitingMax;
    private final AtomicInteger openCount = new AtomicInteger(); // admitted and not ended
    private final AtomicInteger waitingCount = new AtomicInteger(); // of those, not started; at most waitingMax
    private final Set<Submission> open = ConcurrentHashMap.newKeySet(); // bounded by what waits and runs
    private volatile State state = State.OPEN;
    private volatile @Nullable Thread drainer;

    // The measured drain: how many requests leave the queue each second. Written by the engine.
    private volatile double leavingPerSecond;
    private int leftInWindow;
    private long windowStartNs;

    AdmissionController(ModelLimits limits, int waitingMax, long nowNs) {
        this.limits = limits;
        this.waitingMax = waitingMax;
        windowStartNs = nowNs;
    }

    /// Counts the request in, or says why not. Any thread; never waits. Who is counted in must publish.
    Optional<Refused> admit(Submission submission, long nowNs) {
        // Counted before looking at the state: the engine's end waits for this count, so nobody slips in behind it.
        openCount.incrementAndGet();
        Optional<Refused> refused = refusal(submission.request(), nowNs);
        if (refused.isPresent()) leaveOpen();
        else open.add(submission);
        return refused;
    }

    private Optional<Refused> refusal(GenerationRequest request, long nowNs) {
        Optional<Refused> refused = refusalWhateverWaits(request, nowNs);
        if (refused.isPresent() || enterWaiting()) return refused;
        String detail = "%d requests are waiting already".formatted(waitingMax);
        return refuse(Reason.QUEUE_FULL, detail, retryAfter(waitingMax));
    }

    /// Whether the request would be admitted at this moment. Changes nothing: nobody is counted in. Any thread.
    boolean wouldAdmit(GenerationRequest request, long nowNs) {
        return refusalWhateverWaits(request, nowNs).isEmpty() && waitingCount.get() < waitingMax;
    }

    private Optional<Refused> refusalWhateverWaits(GenerationRequest request, long nowNs) {
        if (state == State.STOPPED) return refuse(Reason.STOPPED, "the engine has stopped", Duration.ZERO);
        if (request.tokenCountMax() > limits.contextMax()) {
            String detail = "%d prompt tokens and up to %d output tokens exceed the context of %d tokens"
                    .formatted(request.prompt().length, request.maxNewTokens(), limits.contextMax());
            return refuse(Reason.NEVER_FITS, detail, Duration.ZERO);
        }
        if (limits.blocksFor(request.tokenCountMax()) > limits.blockCount()) {
            String detail = "%d prompt tokens and up to %d output tokens exceed the KV cache of %d tokens"
                    .formatted(request.prompt().length, request.maxNewTokens(), limits.cacheTokens());
            return refuse(Reason.NEVER_FITS, detail, Duration.ZERO);
        }
        if (request.deadlines().of(false) <= nowNs) {
            return refuse(Reason.DEADLINE_PASSED, "the deadline has passed", Duration.ZERO);
        }
        if (state == State.DRAINING) {
            return refuse(Reason.DRAINING, "the engine is finishing its work and takes nothing new", retryAfter(0));
        }
        return Optional.empty();
    }

    private static Optional<Refused> refuse(Reason reason, String detail, Duration retryAfter) {
        return Optional.of(new Refused(reason, detail, retryAfter));
    }

    private boolean enterWaiting() {
        if (waitingCount.incrementAndGet() <= waitingMax) return true;
        waitingCount.decrementAndGet();
        return false;
    }

    /// Until as many requests as wait now will have left the queue, at the measured rate; the shortest answer while
    /// nothing is known.
    private Duration retryAfter(int waiting) {
        double rate = leavingPerSecond;
        double seconds = rate == 0 ? 0 : waiting / rate;
        return Duration.ofSeconds(Math.clamp((long) Math.ceil(seconds), RETRY_MIN_S, RETRY_MAX_S));
    }

    /// The request leaves the queue: one of its choices has been given blocks. Once for each request that starts.
    void start(Submission submission) {
        if (submission.hasStarted()) return;
        submission.start();
        leaveWaiting();
    }

    /// The request's last choice has ended: its place is free. Exactly once for each admitted request.
    void settle(Submission submission) {
        Invariant.check(open.contains(submission), "an admitted request was settled twice");
        if (!submission.hasStarted()) leaveWaiting();
        open.remove(submission);
        leaveOpen();
    }

    /// The engine has ended, whatever its state was: the request's place is free.
    void abandon(Submission submission) {
        open.remove(submission);
        leaveOpen();
    }

    private void leaveWaiting() {
        leftInWindow++;
        Invariant.check(waitingCount.decrementAndGet() >= 0, "more requests left the queue than entered it");
    }

    private void leaveOpen() {
        if (openCount.decrementAndGet() == 0) LockSupport.unpark(drainer);
    }

    /// Updates the measured drain rate: the mean of the last window and of what was known before it.
    void measure(long nowNs) {
        long elapsedNs = nowNs - windowStartNs;
        if (elapsedNs < RATE_WINDOW_NS) return;
        double latest = leftInWindow * 1e9 / elapsedNs;
        leavingPerSecond = leavingPerSecond == 0 ? latest : (leavingPerSecond + latest) / 2;
        leftInWindow = 0;
        windowStartNs = nowNs;
    }

    /// Starts measuring afresh after a pause, which says nothing about the rate.
    void resume(long nowNs) {
        leftInWindow = 0;
        windowStartNs = nowNs;
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
            LockSupport.parkNanos(this, Math.min(leftNs, RATE_WINDOW_NS / 10));
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
