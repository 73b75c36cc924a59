package io.sluice.modelstore;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/// A value made once, by whoever needs it first or ahead of time by a thread of its own. Any thread.
final class Deferred<T> {
    private final FutureTask<T> task;

    Deferred(Callable<T> maker) {
        task = new FutureTask<>(maker);
    }

    /// Begins making the value, so that nobody has to wait for all of it later.
    void startInBackground(String threadName) {
        Thread.ofPlatform().daemon().name(threadName).start(task);
    }

    /// The value; what making it threw is thrown to every caller.
    T get() {
        task.run(); // does nothing if it ran or is running elsewhere
        boolean interrupted = false;
        try {
            while (true) {
                try {
                    return task.get();
                } catch (InterruptedException e) {
                    interrupted = true;
                } catch (ExecutionException e) {
                    throw unwrapped(e);
                }
            }
        } finally {
            if (interrupted) {
                Thread.currentThread().interrupt();
            }
        }
    }

    private static RuntimeException unwrapped(ExecutionException e) {
        return switch (e.getCause()) {
            case RuntimeException cause -> cause;
            case Error cause -> throw cause;
            case null, default -> new IllegalStateException(e);
        };
    }
}
