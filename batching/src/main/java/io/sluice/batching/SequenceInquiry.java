package io.sluice.batching;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// Lets any thread ask the engine thread, between two steps, what it has before it. Whoever asks while a
/// question is open shares its answer, so that many who ask cost no more than one.
final class SequenceInquiry {

    /// More than anybody looks through.
    private static final int ROWS_MAX = 1000;

    private final AtomicReference<@Nullable CompletableFuture<List<SequenceState>>> open = new AtomicReference<>();

    /// Asks and waits. Any thread but the engine's.
    ///
    /// @return empty if there was no answer within `patience`
    Optional<List<SequenceState>> ask(Runnable wakeEngine, Duration patience) throws InterruptedException {
        var mine = new CompletableFuture<List<SequenceState>>();
        var others = open.compareAndExchange(null, mine);
        wakeEngine.run();
        try {
            return Optional.of((others == null ? mine : others).get(patience.toNanos(), TimeUnit.NANOSECONDS));
        } catch (TimeoutException e) {
            return Optional.empty();
        } catch (ExecutionException e) {
            throw new IllegalStateException(e); // nobody completes it so
        }
    }

    /// True if somebody asks. Any thread.
    boolean isOpen() {
        return open.get() != null;
    }

    /// Answers, if somebody asks: those that run in order of precedence, then those that wait in order of
    /// arrival. Engine thread only.
    void answer(Scheduler scheduler, long nowNs) {
        var asked = open.getAndSet(null);
        if (asked == null) return;
        List<SequenceState> rows = new ArrayList<>();
        add(rows, scheduler.running(), nowNs);
        add(rows, scheduler.waiting(), nowNs);
        asked.complete(List.copyOf(rows));
    }

    private static void add(List<SequenceState> rows, SequenceList sequences, long nowNs) {
        for (int i = 0; i < sequences.size() && rows.size() < ROWS_MAX; i++) {
            rows.add(SequenceState.of(sequences.get(i), nowNs));
        }
    }
}
