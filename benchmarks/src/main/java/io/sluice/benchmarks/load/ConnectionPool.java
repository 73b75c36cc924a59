package io.sluice.benchmarks.load;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;

/// Keeps connections that can be used again; the one used last goes first. It never holds more than were open
/// at the same time, and that is bounded by the requests under way. Any thread.
final class ConnectionPool implements AutoCloseable {
    private final Target target;
    private final Duration silenceMax;
    private final ConcurrentLinkedDeque<HttpConnection> idle = new ConcurrentLinkedDeque<>();
    private final AtomicInteger opened = new AtomicInteger();

    ConnectionPool(Target target, Duration silenceMax) {
        this.target = target;
        this.silenceMax = silenceMax;
    }

    HttpConnection take() throws IOException {
        HttpConnection known = idle.pollFirst();
        return known != null ? known : open();
    }

    HttpConnection open() throws IOException {
        HttpConnection fresh = HttpConnection.open(target, silenceMax);
        opened.incrementAndGet();
        return fresh;
    }

    void giveBack(@Nullable HttpConnection connection) {
        if (connection != null) idle.addFirst(connection);
    }

    /// Connections that were opened so far.
    int openedCount() {
        return opened.get();
    }

    @Override
    public void close() {
        for (HttpConnection connection = idle.poll(); connection != null; connection = idle.poll()) connection.close();
    }
}
