package io.sluice.server.generation;

import io.sluice.batching.Engines;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;

/// The admitted requests whose answer is neither delivered nor given up; as many as admission lets in. Any
/// thread.
public final class OpenGenerations implements Generation.Place {
    private final Engines engine;
    private final Set<Generation> open = new HashSet<>(); // guarded by this

    OpenGenerations(Engines engine) {
        this.engine = engine;
    }

    synchronized Generation add(Generation generation) {
        open.add(generation);
        return generation;
    }

    @Override
    public synchronized void leave(Generation generation) {
        open.remove(generation);
        if (open.isEmpty()) notifyAll();
    }

    @Override
    public Finish.Failure failure() {
        if (engine.isDeviceLost()) return Finish.Failure.DEVICE;
        return engine.isAlive() ? Finish.Failure.STEP : Finish.Failure.ENGINE;
    }

    /// Ends those that `which` picks, for a reason that their clients are told.
    public void interrupt(Interruption why, Predicate<Generation> which) {
        List<Generation> all;
        synchronized (this) {
            all = List.copyOf(open);
        }
        for (Generation generation : all) {
            if (which.test(generation)) generation.interrupt(why);
        }
    }

    public synchronized int count() {
        return open.size();
    }

    /// Waits until there are none, at most for `patience`.
    ///
    /// @return true if there are none
    public synchronized boolean awaitNone(Duration patience) throws InterruptedException {
        long deadlineNs = System.nanoTime() + patience.toNanos();
        while (!open.isEmpty()) {
            long leftNs = deadlineNs - System.nanoTime();
            if (leftNs <= 0) return false;
            TimeUnit.NANOSECONDS.timedWait(this, leftNs);
        }
        return true;
    }
}
