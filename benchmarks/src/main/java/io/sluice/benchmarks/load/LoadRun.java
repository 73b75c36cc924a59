package io.sluice.benchmarks.load;

import java.time.Duration;
import java.util.concurrent.Phaser;
import java.util.concurrent.Semaphore;
import java.util.concurrent.locks.LockSupport;

/// Sends requests and hands every result to the statistics. A virtual thread for each request under way;
/// `run` waits until all is done, `stop` may come from any thread.
final class LoadRun {

    /// Connections need memory here and at the server. Beyond so many an open loop counts requests as not
    /// sent, which is said in the report: it is not one any more.
    static final int OUTSTANDING_MAX = 20_000;

    private final LoadClient client;
    private final Asks asks;
    private final LoadStats stats;
    private final Duration duration;
    private final Phaser underWay = new Phaser(1);
    private final Semaphore room = new Semaphore(OUTSTANDING_MAX);
    private volatile boolean stopping;

    /// @param duration after which nothing more is sent
    LoadRun(LoadClient client, Asks asks, LoadStats stats, Duration duration) {
        this.client = client;
        this.asks = asks;
        this.stats = stats;
        this.duration = duration;
    }

    /// Sends each request at its own moment, whatever the answers do.
    void runOpen() {
        long startNs = System.nanoTime();
        stats.start(startNs);
        while (asks.hasNext() && !stopping) {
            Ask ask = asks.next();
            if (ask.atNs() >= duration.toNanos()) break;
            long intendedNs = startNs + ask.atNs();
            waitUntil(intendedNs);
            if (stopping) break;
            if (room.tryAcquire()) start(ask, intendedNs);
            else stats.notSent(ask);
        }
        stats.sendingEnded(System.nanoTime());
        underWay.arriveAndAwaitAdvance();
    }

    private void waitUntil(long momentNs) {
        while (!stopping) {
            long leftNs = momentNs - System.nanoTime();
            if (leftNs <= 0) return;
            LockSupport.parkNanos(this, Math.min(leftNs, 100_000_000L)); // looks at `stopping` now and then
        }
    }

    private void start(Ask ask, long intendedNs) {
        underWay.register();
        stats.sent(ask);
        Thread.ofVirtual().start(() -> {
            try {
                stats.ended(client.ask(ask, intendedNs));
            } catch (InterruptedException e) {
                throw new IllegalStateException("nobody interrupts a request", e);
            } finally {
                room.release();
                underWay.arriveAndDeregister();
            }
        });
    }

    /// Keeps `concurrency` requests under way; whoever is done sends the next.
    void runClosed(int concurrency) {
        long startNs = System.nanoTime();
        stats.start(startNs);
        for (int i = 0; i < concurrency; i++) {
            underWay.register();
            Thread.ofVirtual().start(() -> {
                try {
                    keepAsking(startNs);
                } catch (InterruptedException e) {
                    throw new IllegalStateException("nobody interrupts a request", e);
                } finally {
                    underWay.arriveAndDeregister();
                }
            });
        }
        underWay.arriveAndAwaitAdvance();
        stats.sendingEnded(System.nanoTime());
    }

    private void keepAsking(long startNs) throws InterruptedException {
        while (!stopping && System.nanoTime() - startNs < duration.toNanos()) {
            Ask ask;
            synchronized (asks) {
                if (!asks.hasNext()) return;
                ask = asks.next();
            }
            stats.sent(ask);
            stats.ended(client.ask(ask, System.nanoTime()));
        }
    }

    /// Sends nothing more; what is under way is waited for.
    void stop() {
        stopping = true;
    }
}
