package io.sluice.server.http;

import io.helidon.common.buffers.DataReader;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Notices at once that a client has gone while its request waits. Helidon has no such signal, because nobody reads the
/// socket then; here somebody does. What is read ahead is handed to the connection when it asks for more, so pipelined
/// requests and kept-alive connections go on as if nothing had been read.
///
/// The connection's thread calls everything here; only the reading ahead has a thread of its own.
public final class ClientConnection implements Supplier<byte @Nullable []> {

    /// The connection that the current request came in on; bound for as long as the connection is served.
    static final ScopedValue<ClientConnection> CURRENT = ScopedValue.newInstance();

    private final DataReader socket;
    private @Nullable FutureTask<byte @Nullable []> ahead; // connection thread only
    private boolean closing; // connection thread only
    private Runnable onClosing = () -> {}; // connection thread only
    private @Nullable Runnable onGone; // guarded by this
    private boolean gone; // guarded by this

    ClientConnection(DataReader socket) {
        this.socket = socket;
    }

    /// A watch that runs `onGone` when the client goes, from now until it is closed.
    public static Watch watch(Runnable onGone) {
        if (CURRENT.isBound()) CURRENT.get().startWatch(onGone);
        return new Watch();
    }

    /// Ends the connection after this response: Helidon itself would wait for the client to do so.
    static void closeAfterResponse() {
        if (!CURRENT.isBound()) return;
        CURRENT.get().closing = true;
        CURRENT.get().onClosing.run();
    }

    /// Does `stop` when the connection is to end after a response: what was read already must not become a request.
    void onClosing(Runnable stop) {
        onClosing = stop;
    }

    /// The next bytes from the client, null at the end.
    @Override
    public byte @Nullable [] get() {
        if (closing) return null;
        FutureTask<byte @Nullable []> reading = ahead;
        if (reading == null) return read();
        try {
            byte[] bytes = reading.get();
            ahead = null;
            return bytes;
        } catch (InterruptedException e) {
            // The server is closing this connection; the reading thread ends when the socket is closed.
            Thread.currentThread().interrupt();
            return null;
        } catch (ExecutionException e) {
            return null; // the socket failed: for the connection that is an end like another
        }
    }

    /// The time in which a client's leaving is reported.
    public static final class Watch implements AutoCloseable {
        private Watch() {}

        @Override
        public void close() {
            if (CURRENT.isBound()) CURRENT.get().setOnGone(null);
        }
    }

    private void startWatch(Runnable callback) {
        setOnGone(callback);
        if (ahead != null) return; // still reading since an earlier request
        FutureTask<byte @Nullable []> reading = new FutureTask<>(this::readAhead);
        ahead = reading;
        Thread.ofVirtual().name("client-watch").start(reading);
    }

    private byte @Nullable [] readAhead() {
        boolean ended = true;
        try {
            byte[] bytes = read();
            ended = bytes == null;
            return bytes;
        } finally {
            if (ended) reportGone();
        }
    }

    private byte @Nullable [] read() {
        try {
            socket.ensureAvailable();
            return socket.readBytes(socket.available());
        } catch (DataReader.InsufficientDataAvailableException e) {
            return null;
        }
    }

    private synchronized void setOnGone(@Nullable Runnable callback) {
        onGone = callback;
        if (gone && callback != null) callback.run();
    }

    private synchronized void reportGone() {
        gone = true;
        if (onGone != null) onGone.run();
    }
}
