package io.sluice.server.batches;

import static java.lang.System.Logger.Level.ERROR;

import io.sluice.server.http.ApiError;
import io.sluice.server.openai.Fields;
import io.sluice.server.openai.Json;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/// One batch on its way, from wherever it stands to its end. Its own thread, which starts one for each request.
final class BatchRun {
    private static final System.Logger LOG = System.getLogger(BatchRun.class.getName());

    /// What a refusal without a time is tried again after.
    private static final Duration PAUSE = Duration.ofSeconds(2);

    private static final int BAD_REQUEST = 400;

    private final Batch batch;
    private final BatchStore store;
    private final BatchRunner runner;
    private final Thread thread;
    private volatile Runnable afterwards = () -> {};
    private volatile boolean cancelled;
    private volatile boolean stopped; // the process is ending
    private volatile Optional<String> broken = Optional.empty(); // why the batch cannot go on

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

    /// Ends it; requests that are on their way are still answered.
    void cancel() {
        become("cancelling");
        synchronized (this) {
            cancelled = true;
            notifyAll();
        }
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
            List<BatchLine> lines =
                    BatchLine.parse(store.folder().read(batch.text("input_file_id")), batch.text("endpoint"));
            if (!cancelled) become("in_progress");
            compute(lines);
            if (!stopped) end(lines);
        } catch (BatchLine.Wrong e) {
            fail(e.code(), String.valueOf(e.getMessage()), Optional.of(e.line()));
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // nobody does; another process goes on
        } catch (RuntimeException e) {
            LOG.log(ERROR, "the batch " + batch.text("id") + " cannot go on", e);
            fail("internal_error", "The server had an internal error; its log says more.", Optional.empty());
        } finally {
            afterwards.run();
        }
    }

    private void compute(List<BatchLine> lines) throws InterruptedException {
        Set<String> done = done(lines.size());
        // Closing waits for those that are on their way.
        try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
            for (BatchLine line : lines) {
                if (isEnding()) return;
                if (done.contains(line.name())) continue;
                runner.lines().acquire();
                threads.execute(() -> compute(line));
            }
        }
    }

    private boolean isEnding() {
        return cancelled || stopped || broken.isPresent() || isExpired();
    }

    private boolean isExpired() {
        return store.nowSecond() >= batch.number("expires_at");
    }

    /// The requests that an earlier process has dealt with.
    private Set<String> done(int total) {
        Set<String> done = new HashSet<>();
        int good = read(outputId(), done);
        int bad = read(errorId(), done);
        batch.count(total, good, bad);
        return done;
    }

    private int read(String id, Set<String> done) {
        store.folder().cutLastLine(id);
        int count = 0;
        for (String line : new String(store.folder().read(id), StandardCharsets.UTF_8).split("\n", -1)) {
            Optional<Map<String, Object>> result = line.isEmpty() ? Optional.empty() : Json.objectIn(line);
            if (result.isEmpty()) continue;
            count++;
            done.add(Batch.text(Fields.of(result.get()), "custom_id"));
        }
        return count;
    }

    private void compute(BatchLine line) {
        try {
            answer(line);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // given up: it is not done
        } catch (ApiError e) {
            broken = Optional.of(e.getMessage()); // there is no room for what it came to
        } finally {
            runner.lines().release();
        }
    }

    private void answer(BatchLine line) throws InterruptedException {
        while (!isEnding()) {
            try {
                BatchRunner.Answer answer = runner.answer(batch, line);
                write(outputId(), line.answered(answer.requestId(), 200, answer.json()), true);
                return;
            } catch (ApiError e) {
                Optional<Duration> pause = pause(e);
                if (pause.isEmpty()) {
                    write(errorId(), line.answered(line.name(), e.status(), e.body()), false);
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
    private static Optional<Duration> pause(ApiError e) {
        return switch (e.retry()) {
            case ApiError.Retry.After(Duration pause) -> Optional.of(pause);
            case ApiError.Retry.Never() -> Optional.empty();
            case ApiError.Retry.Unsaid() -> e.status() > BAD_REQUEST + 99 ? Optional.of(PAUSE) : Optional.empty();
        };
    }

    private synchronized void write(String id, byte[] line, boolean good) {
        store.folder().append(id, line);
        batch.countLine(good);
    }

    private void end(List<BatchLine> lines) {
        boolean expired = !cancelled && isExpired();
        if (expired) writeUnsent(lines);
        if (broken.isEmpty()) become("finalizing");
        publish(outputId(), "output_file_id", "output");
        publish(errorId(), "error_file_id", "error");
        if (broken.isPresent()) fail("storage_full", broken.get(), Optional.empty());
        else become(cancelled ? "cancelled" : expired ? "expired" : "completed");
    }

    private void writeUnsent(List<BatchLine> lines) {
        Set<String> done = done(lines.size());
        for (BatchLine line : lines) {
            if (!done.contains(line.name())) {
                write(
                        errorId(),
                        line.unsent("batch_expired", "The batch expired before this request was served."),
                        false);
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

    private void become(String status) {
        batch.become(status, store.nowSecond());
        store.save(batch);
    }

    private void fail(String code, String message, Optional<Integer> line) {
        Map<String, Object> error =
                Map.of("code", code, "message", message, "line", line.isPresent() ? line.get() : line);
        batch.put("errors", Map.of("object", "list", "data", List.of(error)));
        become("failed");
    }
}
