package io.sluice.server.http;

import static java.lang.System.Logger.Level.DEBUG;

import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;

/// Breaks off connections whose client takes nothing of its answer. A write that blocks cannot look at a clock, so one
/// thread looks at all connections. Any thread.
public final class StallWatch implements AutoCloseable {
    private static final System.Logger LOG = System.getLogger(StallWatch.class.getName());

    /// How late a stalled client may be found, as a part of the time it is given; and at most.
    private static final int LOOKS_PER_TIMEOUT = 8;

    private static final Duration BETWEEN_LOOKS_MAX = Duration.ofSeconds(1);

    private final Duration timeout;
    private final LongSupplier clock; // nanoseconds
    private final Set<ClientConnection> connections = ConcurrentHashMap.newKeySet(); // those being served
    private final Thread thread = Thread.ofVirtual().name("stall-watch").unstarted(this::run);

    /// A watch that looks at nothing before it is started.
    ///
    /// @param timeout how long a client may take nothing
    public StallWatch(Duration timeout, LongSupplier clock) {
        this.timeout = timeout;
        this.clock = clock;
    }

    /// Begins to look.
    public void start() {
        thread.start();
    }

    void add(ClientConnection connection) {
        connections.add(connection);
    }

    void remove(ClientConnection connection) {
        connections.remove(connection);
    }

    LongSupplier clock() {
        return clock;
    }

    private void run() {
        Duration share = timeout.dividedBy(LOOKS_PER_TIMEOUT);
        Duration pause = share.compareTo(BETWEEN_LOOKS_MAX) < 0 ? share : BETWEEN_LOOKS_MAX;
        try {
            while (true) {
                Thread.sleep(pause);
                look();
            }
        } catch (InterruptedException e) {
            // Closed.
        }
    }

    private void look() {
        long nowNs = clock.getAsLong();
        for (ClientConnection connection : connections) {
            long sinceNs = connection.writer().waitingSinceNs();
            if (sinceNs == WatchedWriter.IDLE || nowNs - sinceNs < timeout.toNanos()) continue;
            LOG.log(DEBUG, "a client took nothing of its answer for {0} s", timeout.toSeconds());
            connection.breakOffStalled();
        }
    }

    @Override
    public void close() {
        thread.interrupt();
    }
}
