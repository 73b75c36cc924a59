package io.sluice.batching;

import java.time.Duration;
import java.util.Arrays;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/// One choice's output on its way from the engine to its request: an append-only log of at most `maxNewTokens` tokens.
/// The engine thread writes, one request thread reads, either may be ahead; the writer never waits. How far the reader
/// is behind is known, so that the engine can let a sequence stand still whose reader does.
public final class TokenStream {

    /// What can be said of a finished choice.
    ///
    /// @param reason how it ended
    /// @param detail for `FAILED` and `EXPIRED`, one sentence for the caller; else empty
    /// @param promptTokens length of the prompt
    /// @param cachedTokens prompt tokens that were taken from the prefix cache, or shared with another choice,
    /// when it first ran
    /// @param sampledTokens tokens computed for it, an end token included
    public record Ending(FinishReason reason, String detail, int promptTokens, int cachedTokens, int sampledTokens) {}

    private static final int INITIAL_CAPACITY = 32;

    private final int tokensMax;
    private final int topMax; // alternatives kept per token, or NO_LOGPROBS
    private final Runnable wakeEngine;
    private final @Nullable PromptReport report;

    // Written by the engine. An array once published is only appended to beyond `count`, so that a reader who still
    // sees an older one finds the same tokens in it.
    private volatile Log log;
    private volatile int count;
    private volatile @Nullable Ending ending;

    private volatile boolean cancelled;
    private volatile int consumed; // tokens that the reader has dealt with; written by the reader
    private volatile boolean paused; // the sequence stands still until the reader has caught up; written by the engine
    private volatile @Nullable Thread parked; // the reader, while it may be asleep
    private @Nullable Thread reader; // only used when assertions are on

    /// An empty stream.
    ///
    /// @param wakeEngine called on the reader's thread when it gives up or catches up
    TokenStream(int maxNewTokens, int topLogprobs, Runnable wakeEngine) {
        this(maxNewTokens, topLogprobs, wakeEngine, null);
    }

    /// The same, with what is found out about the prompt.
    TokenStream(int maxNewTokens, int topLogprobs, Runnable wakeEngine, @Nullable PromptReport report) {
        this.report = report;
        tokensMax = maxNewTokens;
        topMax = topLogprobs;
        this.wakeEngine = wakeEngine;
        log = new Log(Math.min(INITIAL_CAPACITY, tokensMax), topMax);
    }

    /// Waits until more than `seen` tokens are published, the stream has ended, or `patience` is over. The reader has
    /// dealt with the first `seen`: what it wrote for them was taken.
    ///
    /// @return the number of published tokens; those with an index below it can be read
    public int await(int seen, Duration patience) throws InterruptedException {
        assert isOnlyReader() : "a token stream has one reader: take the choice's own stream";
        consumed = seen;
        if (paused) wakeEngine.run();
        long start = System.nanoTime();
        long patienceNs = patience.toNanos();
        parked = Thread.currentThread();
        try {
            while (count <= seen && ending == null) {
                long leftNs = patienceNs - (System.nanoTime() - start);
                if (leftNs <= 0) break;
                LockSupport.parkNanos(this, leftNs);
                if (Thread.interrupted()) throw new InterruptedException();
            }
        } finally {
            parked = null;
        }
        return count;
    }

    /// Published tokens so far.
    public int count() {
        return count;
    }

    /// Token id at `index`, below `count()`.
    public int token(int index) {
        return log.tokens[index];
    }

    /// Log-probability of the token at `index`; meaningful if the request asked for it.
    public float logprob(int index) {
        return log.logprobs[index];
    }

    /// Number of alternatives reported at `index`.
    public int topCount(int index) {
        return log.topCounts[index];
    }

    /// Alternative `rank` at `index`, most likely first.
    public int topToken(int index, int rank) {
        return log.topTokens[index * topMax + rank];
    }

    public float topLogprob(int index, int rank) {
        return log.topLogprobs[index * topMax + rank];
    }

    /// What was found out about the prompt, once there is a token or the stream has ended. Empty if nothing was asked,
    /// for all choices but the first, and if the prompt was not computed to its end.
    public Optional<PromptReport> promptReport() {
        boolean published = count > 0 || ending != null; // what was written before is seen after this
        return published && report != null && report.isComplete() ? Optional.of(report) : Optional.empty();
    }

    /// Present once the stream has ended; all its tokens are published by then.
    public Optional<Ending> ending() {
        return Optional.ofNullable(ending);
    }

    /// Gives the stream up: the engine ends it at its next plan and frees its blocks. Any thread; idempotent.
    public void cancel() {
        if (cancelled || ending != null) return;
        cancelled = true;
        wakeEngine.run();
    }

    /// Lets another thread be the reader, from the first token on again. Whoever read before must have stopped.
    public void handOver() {
        reader = null;
    }

    /// Published tokens that the reader has not dealt with. Read by the engine.
    int lag() {
        return count - consumed;
    }

    /// Whether the reader's catching up is news for the engine. Engine thread only.
    void setPaused(boolean standsStill) {
        paused = standsStill;
    }

    /// True once the reader gave up. Read by the engine.
    boolean isCancelled() {
        return cancelled;
    }

    /// Makes room for the first `room` tokens, so that `append` allocates nothing for them. Not where log-probabilities
    /// are kept: they take a hundred times as much. Engine thread only.
    void reserve(int room) {
        if (topMax == SamplingParams.NO_LOGPROBS && room > log.capacity()) log = log.grown(room, topMax);
    }

    /// Publishes a token that `slice` sampled as its `sample`-th, with what was asked of its log-probabilities. Engine
    /// thread only; `wake` is due after it.
    void append(int token, StepResult result, int slice, int sample) {
        int index = count;
        Invariant.check(ending == null, "a token after the stream's end");
        Invariant.check(index < tokensMax, "more tokens than the request may have");
        Log current = log;
        if (index == current.capacity()) {
            current = current.grown(Math.min(tokensMax, index * 2), topMax);
            log = current;
        }
        current.tokens[index] = token;
        if (topMax != SamplingParams.NO_LOGPROBS) current.keepLogprobs(index, topMax, result, slice, sample);
        count = index + 1;
    }

    /// Ends the stream. Engine thread only, once; `wake` is due after it.
    void end(Ending how) {
        Invariant.check(ending == null, "a stream ended twice");
        ending = how;
    }

    /// Wakes the reader if it sleeps. Once per step and stream, after all that the step brought.
    void wake() {
        LockSupport.unpark(parked);
    }

    private boolean isOnlyReader() {
        if (reader == null) reader = Thread.currentThread();
        return reader == Thread.currentThread();
    }

    /// The arrays. Those for log-probabilities are empty unless asked for.
    private static final class Log {
        private final int[] tokens; // [token]
        private final float[] logprobs; // [token]
        private final int[] topCounts; // [token]
        private final int[] topTokens; // [token, topMax]
        private final float[] topLogprobs; // [token, topMax]

        Log(int capacity, int topMax) {
            boolean asked = topMax != SamplingParams.NO_LOGPROBS;
            tokens = new int[capacity];
            logprobs = new float[asked ? capacity : 0];
            topCounts = new int[asked ? capacity : 0];
            topTokens = new int[asked ? capacity * topMax : 0];
            topLogprobs = new float[asked ? capacity * topMax : 0];
        }

        private Log(Log shorter, int capacity, int topMax) {
            boolean asked = topMax != SamplingParams.NO_LOGPROBS;
            tokens = Arrays.copyOf(shorter.tokens, capacity);
            logprobs = Arrays.copyOf(shorter.logprobs, asked ? capacity : 0);
            topCounts = Arrays.copyOf(shorter.topCounts, asked ? capacity : 0);
            topTokens = Arrays.copyOf(shorter.topTokens, asked ? capacity * topMax : 0);
            topLogprobs = Arrays.copyOf(shorter.topLogprobs, asked ? capacity * topMax : 0);
        }

        int capacity() {
            return tokens.length;
        }

        Log grown(int capacity, int topMax) {
            return new Log(this, capacity, topMax);
        }

        void keepLogprobs(int index, int topMax, StepResult result, int slice, int sample) {
            logprobs[index] = result.logprob(slice, sample);
            topCounts[index] = Math.min(topMax, result.topCount(slice, sample));
            for (int rank = 0; rank < topCounts[index]; rank++) {
                topTokens[index * topMax + rank] = result.topToken(slice, sample, rank);
                topLogprobs[index * topMax + rank] = result.topLogprob(slice, sample, rank);
            }
        }
    }
}
