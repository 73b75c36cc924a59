package io.sluice.server.batches;

import io.sluice.server.access.Entry;
import io.sluice.server.access.Identity;
import io.sluice.server.access.Intake;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.RequestIds;
import io.sluice.server.openai.StreamOwners;
import io.sluice.server.openai.Unattended;
import java.time.Duration;
import java.time.InstantSource;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;

/// Runs batches: each on a thread of its own, a few of their requests at once, through the same admission as all
/// others. Goes on with those that an earlier process left. Any thread.
public final class BatchRunner implements AutoCloseable {

    /// Requests of all batches that are on their way at once: enough to fill steps that nobody else wants, few enough
    /// to leave the queue to others.
    static final int LINES_AT_ONCE = 16;

    /// For requests that are on their way to be given up.
    private static final Duration LAST_LINES = Duration.ofSeconds(5);

    private final BatchStore store;
    private final Unattended answers;
    private final Intake intake;
    private final InstantSource clock;
    private final Semaphore lines = new Semaphore(LINES_AT_ONCE, true);
    private final Map<String, BatchRun> running = new ConcurrentHashMap<>(); // bounded by the store
    private volatile boolean closed;

    public BatchRunner(BatchStore store, Unattended answers, Intake intake, InstantSource clock) {
        this.store = store;
        this.answers = answers;
        this.intake = intake;
        this.clock = clock;
    }

    /// Goes on with what is not over.
    public void resume() {
        store.unfinished().forEach(this::start);
    }

    void start(Batch batch) {
        if (closed) return;
        BatchRun run = new BatchRun(batch, store, this);
        running.put(batch.text("id"), run);
        run.start(() -> running.remove(batch.text("id"), run));
    }

    void cancel(Batch batch) {
        BatchRun run = running.get(batch.text("id"));
        if (run != null) run.cancel();
    }

    /// One request's way through admission. Whoever is to try again later waits outside: a batch that is over its
    /// quota holds up no other.
    ///
    /// @throws NoAnswer if it is refused or fails
    Answer answer(Batch batch, BatchLine line) throws InterruptedException {
        lines.acquire();
        try {
            Entry entry = Entry.unattended(intake, identity(batch), batch.text("endpoint"));
            return answer(entry, batch.text("endpoint"), line);
        } finally {
            lines.release();
        }
    }

    private Answer answer(Entry entry, String path, BatchLine line) throws InterruptedException {
        try {
            return new Answer(entry.requestId(), answers.answer(entry, path, line.body()));
        } catch (ApiError e) {
            throw new NoAnswer(entry.requestId(), e);
        }
    }

    /// @throws NoAnswer if its key is not accepted any more: nobody is left whose record could be kept
    private Identity identity(Batch batch) {
        Optional<String> key =
                batch.owner().equals(StreamOwners.ANYBODY) ? Optional.empty() : Optional.of(batch.owner());
        return Identity.ofKey(intake.policy().now(), key, clock.instant())
                .orElseThrow(() -> new NoAnswer(
                        RequestIds.fresh(),
                        ApiError.unauthorized("key_revoked", "The API key of this batch was revoked.")));
    }

    /// A request was refused or failed, as its client would have been told.
    static final class NoAnswer extends RuntimeException {
        private final String requestId;
        private final transient ApiError why;

        NoAnswer(String requestId, ApiError why) {
            super(why.getMessage(), null, false, false); // an expected outcome: no stack trace
            this.requestId = requestId;
            this.why = why;
        }

        String requestId() {
            return requestId;
        }

        ApiError why() {
            return why;
        }
    }

    /// What came of it. A value.
    ///
    /// @param json the answer
    record Answer(String requestId, byte[] json) {}

    /// Stops; what is not over goes on when another process starts.
    @Override
    public void close() {
        closed = true;
        List<BatchRun> last = List.copyOf(running.values());
        last.forEach(BatchRun::stop);
        try {
            long endNs = System.nanoTime() + LAST_LINES.toNanos();
            for (BatchRun run : last) run.join(Duration.ofNanos(Math.max(1, endNs - System.nanoTime())));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
