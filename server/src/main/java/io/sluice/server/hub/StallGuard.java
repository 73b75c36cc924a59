package io.sluice.server.hub;

import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;

/// Closes a stream that nothing has come from for too long, so that its reader is told. The reader's thread makes,
/// asks and closes it.
final class StallGuard implements AutoCloseable {
    private final AtomicLong heard = new AtomicLong();
    private final Thread watch;
    private volatile boolean stalled;

    StallGuard(InputStream in, Duration silenceMax) {
        watch = Thread.ofVirtual().start(() -> watch(in, silenceMax));
    }

    /// Something came.
    void hears() {
        heard.incrementAndGet();
    }

    /// True if the stream was closed for its silence.
    boolean isStalled() {
        return stalled;
    }

    private void watch(InputStream in, Duration silenceMax) {
        try {
            long before;
            do {
                before = heard.get();
                Thread.sleep(silenceMax);
            } while (heard.get() != before);
            stalled = true;
            in.close();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt(); // read to its end
        } catch (IOException e) {
            stalled = true; // closed all the same
        }
    }

    @Override
    public void close() {
        watch.interrupt();
    }
}
