package io.sluice.benchmarks.traffic;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/// Runs independent replays on a few threads and gives their results back in order, so that the number of
/// threads changes nothing but the time. The caller's thread waits.
final class ReplayPool implements AutoCloseable {
    private final ExecutorService threads;

    ReplayPool(int threadCount) {
        threads = Executors.newFixedThreadPool(threadCount);
    }

    <T> List<T> run(List<Callable<T>> replays) {
        var results = new ArrayList<T>(replays.size());
        try {
            for (Future<T> future : threads.invokeAll(replays)) results.add(future.get());
        } catch (InterruptedException e) {
            throw new IllegalStateException("replays were interrupted", e);
        } catch (ExecutionException e) {
            throw new IllegalStateException(String.valueOf(e.getCause()), e);
        }
        return results;
    }

    @Override
    public void close() {
        threads.shutdownNow();
    }
}
