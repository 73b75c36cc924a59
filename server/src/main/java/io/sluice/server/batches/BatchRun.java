package io.sluice.server.batches;

import static java.lang.System.Logger.Level.ERROR;

import io.sluice.server.http.ApiError;
import io.sluice.server.openai.Fields;
import io.sluice.server.openai.Json;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/// One batch on its way, from wherever it stands to its end. Its own thread, which starts one for each request.
final class BatchRun {
    private static final System.Logger LOG = System.getLogger(BatchRun.class.getName());

    /// What a refusal without a time is tried again after.
    private static final Duration PAUSE = Duration.ofSeconds(2);

    private static final int SERVER_ERRORS = 500;

    /// Of a request that the server fails without saying when another try is worth it.
    private static final int TRIES_MAX = 10;

    private final Batch batch;
    private final BatchStore store;
    private final BatchRunner runner;
    private final Semaphore places = new Semaphore(BatchRunner.LINES_AT_ONCE); // requests begun, waiting ones too
    private final Thread thread;
    private volatile Runnable afterwards = () -> {};
    private volatile boolean cancelled;
    private volatile boolean stopped; // the process is ending
    private volatile Optional<ApiError> broken = Optional.empty(); // why the batch cannot go on

    BatchRun(Batch batch, BatchStore store, BatchRunner runner) {
        this.batch = batch;
        this.store = store;
        this.runner = runner;
        this.thread = Thread.ofVirtual().name("batch").unstarted(this::run);
    }

    /// @param afterwards run when it has ended or stopped
    void start(Runnable afterwards) {
        this.afterwards = afterwards;
        thread.start();
    }

    /// Ends it, unless it is over; requests that are on their way are still answered.
    synchronized void cancel() {
        if (batch.isOver()) return;
        cancelled = true;
        notifyAll();
        become("cancelling");
    }

    /// Stops it where it stands.
    void stop() {
        synchronized (this) {
            stopped = true;
            notifyAll();
        }
    }

    /// Waits until it has stopped.
    void join(Duration patience) throws InterruptedException {
        thread.join(patience);
    }

    private void run() {
        try {
            if (batch.text("status").equals("cancelling")) cancelled = true; // by a process that ended meanwhile
            int total = check();
            Set<String> done = done(total);
            begin();
            compute(done);
            if (!stopped) end(total);
        } catch (BatchLine.Wrong e) {
            fail(e.code(), String.valueOf(e.getMessage()), Optional.of(e.line()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // nobody does; another process goes on
        } catch (ApiError e) {
            fail(String.valueOf(e.code()), e.getMessage(), Optional.empty()); // it cannot be written
        } catch (IOException | RuntimeException e) {
            LOG.log(ERROR, "the batch " + batch.text("id") + " cannot go on", e);
            fail("internal_error", "The server had an internal error; its log says more.", Optional.empty());
        } finally {
            afterwards.run();
        }
    }

    private synchronized void begin() {
        if (!cancelled) become("in_progress");
    }

    private LineReader input() throws IOException {
        return new LineReader(store.folder().open(batch.text("input_file_id")));
    }

    private int check() throws IOException {
        try (LineReader input = input()) {
            return BatchLine.check(input, endpoint());
        }
    }

    private String endpoint() {
        return batch.text("endpoint");
    }

    private void compute(Set<String> done) throws IOException, InterruptedException {
        // Threads are closed first, and that waits for requests that are on their way.
        try (LineReader input = input();
                ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            BatchLine line = BatchLine.next(input, endpoint());
            while (line != null && !isEnding()) {
                BatchLine one = line;
                if (!done.contains(one.name())) {
                    places.acquire();
                    threads.execute(() -> compute(one));
                }
                line = BatchLine.next(input, endpoint());
            }
        }
    }

    private boolean isEnding() {
        return cancelled || stopped || broken.isPresent() || isExpired();
    }

    private boolean isExpired() {
        return store.nowSecond() >= batch.number("expires_at");
    }

    /// The requests that have been dealt with.
    private Set<String> done(int total) throws IOException {
        Set<String> done = new HashSet<>();
        int good = read(outputId(), done);
        int bad = read(errorId(), done);
        batch.count(total, good, bad);
        return done;
    }

    private int read(String id, Set<String> done) throws IOException {
        int count = 0;
        long wholeBytes;
        try (LineReader lines = new LineReader(store.folder().open(id))) {
            long before = lines.wholeBytes();
            for (byte[] line = lines.next(); line != null && lines.wholeBytes() > before; line = lines.next()) {
                before = lines.wholeBytes();
                Optional<Map<String, Object>> result = Json.objectIn(new String(line, StandardCharsets.UTF_8));
                if (result.isEmpty()) continue;
                count++;
                done.add(Batch.text(Fields.of(result.get()), "custom_id"));
            }
            wholeBytes = before;
        }
        store.folder().cutLastLine(id, wholeBytes);
        return count;
    }

    /// Whatever goes wrong with one request, the batch does not end as if it had been answered.
    private void compute(BatchLine line) {
        try {
            answer(line);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // given up: it is not done
        } catch (ApiError e) {
            broken = Optional.of(e); // there is no room for what it came to
        } catch (RuntimeException e) {
            LOG.log(ERROR, "a request of the batch " + batch.text("id") + " failed", e);
            broken = Optional.of(ApiError.internal("The server had an internal error; its log says more."));
        } finally {
            places.release();
        }
    }

    private void answer(BatchLine line) throws InterruptedException {
        int tries = 0;
        while (!isEnding()) {
            try {
                BatchRunner.Answer answer = runner.answer(batch, line);
                write(outputId(), line.answered(answer.requestId(), 200, answer.json()), true);
                return;
            } catch (BatchRunner.NoAnswer e) {
                Optional<Duration> pause = pause(e.why(), ++tries);
                if (pause.isEmpty()) {
                    write(
                            errorId(),
                            line.answered(
                                    e.requestId(), e.why().status(), e.why().body()),
                            false);
                    return;
                }
                pauseFor(pause.get());
            }
        }
    }

    private synchronized void pauseFor(Duration pause) throws InterruptedException {
        long endNs = System.nanoTime() + pause.toNanos();
        while (!isEnding()) {
            long leftNs = endNs - System.nanoTime();
            if (leftNs <= 0) return;
            TimeUnit.NANOSECONDS.timedWait(this, leftNs);
        }
    }

    /// How long until another try is worth it; empty if none is.
    private static Optional<Duration> pause(ApiError e, int tries) {
        return switch (e.retry()) {
            case ApiError.Retry.After(Duration pause) -> Optional.of(pause);
            case ApiError.Retry.Never() -> Optional.empty();
            case ApiError.Retry.Unsaid() ->
                e.status() >= SERVER_ERRORS && tries < TRIES_MAX ? Optional.of(PAUSE) : Optional.empty();
        };
    }

    private synchronized void write(String id, byte[] line, boolean good) {
        store.folder().append(id, line);
        batch.countLine(good);
    }

    private void end(int total) throws IOException {
        boolean expired = !cancelled && isExpired();
        if (expired && broken.isEmpty()) writeUnsent(done(total));
        if (broken.isEmpty()) become("finalizing");
        publish(outputId(), "output_file_id", "output");
        publish(errorId(), "error_file_id", "error");
        conclude(expired);
    }

    /// Once and for all: who cancels it afterwards is told that it is over.
    private synchronized void conclude(boolean expired) {
        if (broken.isPresent()) {
            fail(String.valueOf(broken.get().code()), broken.get().getMessage(), Optional.empty());
        } else {
            become(cancelled ? "cancelled" : expired ? "expired" : "completed");
        }
    }

    private void writeUnsent(Set<String> done) throws IOException {
        try (LineReader input = input()) {
            BatchLine line = BatchLine.next(input, endpoint());
            while (line != null) {
                if (!done.contains(line.name())) {
                    String why = "The batch expired before this request was served.";
                    write(errorId(), line.unsent("batch_expired", why), false);
                }
                line = BatchLine.next(input, endpoint());
            }
        }
    }

    private void publish(String id, String field, String name) {
        if (store.folder().sizeOf(id) == 0) return;
        store.addWritten(id, batch.owner(), batch.text("id") + "_" + name + ".jsonl");
        batch.put(field, id);
    }

    /// Named by the batch, so that whoever goes on with it finds them.
    private String outputId() {
        return "file-" + batch.text("id").substring("batch_".length()) + "-output";
    }

    private String errorId() {
        return "file-" + batch.text("id").substring("batch_".length()) + "-error";
    }

    private synchronized void become(String status) {
        batch.become(status, store.nowSecond());
        store.save(batch);
    }

    private synchronized void fail(String code, String message, Optional<Integer> line) {
        Map<String, Object> error =
                Map.of("code", code, "message", message, "line", line.isPresent() ? line.get() : line);
        batch.put("errors", Map.of("object", "list", "data", List.of(error)));
        try {
            become("failed");
        } catch (ApiError e) {
            LOG.log(ERROR, "that the batch {0} has failed is not on disk: a restart goes on with it", batch.text("id"));
        }
    }
}
