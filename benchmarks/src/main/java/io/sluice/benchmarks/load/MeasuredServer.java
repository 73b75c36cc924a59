package io.sluice.benchmarks.load;

import io.sluice.benchmarks.load.ShapeOptions.Shape;
import java.io.IOException;
import java.time.Duration;

/// One server that is measured several times over the same connections. Main thread; the load runs on its own.
final class MeasuredServer implements AutoCloseable {
    private final Target target;
    private final Shape shape;
    private final Keyring keyring;
    private final ConnectionPool pool;
    private final String model;

    /// @param model the name that it is asked for; nothing for the first that the server names
    /// @throws IOException if no server answers there
    MeasuredServer(Target target, Shape shape, Keyring keyring, String model) throws IOException {
        this.target = target;
        this.shape = shape;
        this.keyring = keyring;
        pool = new ConnectionPool(target, shape.silenceMax());
        try {
            this.model = model.isEmpty() ? ModelNames.first(pool, target, keyring.first()) : model;
        } catch (IOException e) {
            pool.close();
            throw e;
        }
    }

    String model() {
        return model;
    }

    Target target() {
        return target;
    }

    /// Keeps so many requests under way until `requests` were sent.
    LoadStats.Snapshot closed(int concurrency, int requests, long seed) {
        Asks asks = Asks.closed(seed, keyring, shape.prompt(), shape.output(), requests);
        var stats = new LoadStats(Duration.ZERO);
        run(asks, stats, Duration.ofDays(1)).runClosed(concurrency);
        return stats.snapshot();
    }

    /// Sends at random moments for `span`; requests of its first part `warmUp` are not counted.
    LoadStats.Snapshot open(double requestsPerSecond, Duration warmUp, Duration span, long seed) {
        var gaps = new ArrivalGaps(requestsPerSecond, 1);
        Asks asks = Asks.open(seed, keyring, gaps, shape.prompt(), shape.output(), Integer.MAX_VALUE);
        var stats = new LoadStats(warmUp);
        run(asks, stats, warmUp.plus(span)).runOpen();
        return stats.snapshot();
    }

    private LoadRun run(Asks asks, LoadStats stats, Duration limit) {
        var writer = new RequestWriter(target, shape.endpoint(), model, shape.ignoreEnd());
        return new LoadRun(new LoadClient(pool, writer, Patience.NONE, stats.tokensSeen()), asks, stats, limit);
    }

    @Override
    public void close() {
        pool.close();
    }
}
