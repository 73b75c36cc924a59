package io.sluice.server.http;

import io.helidon.common.buffers.DataReader;
import io.helidon.common.socket.HelidonSocket;
import io.helidon.http.DirectHandler;
import io.helidon.http.RequestException;
import io.helidon.http.Status;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// Notices what Helidon does not look for: that a client has gone while its request waits, that a request trickles in
/// and never ends, however much of it comes, that a client takes nothing of its answer. What is read ahead is handed to
/// the connection when it
/// asks for more, so pipelined requests and kept-alive connections go on as if nothing had been read.
///
/// The connection's thread calls everything here, but for `breakOff` and what asks about writing; only the reading
/// ahead has a thread of its own.
public final class ClientConnection implements Supplier<byte @Nullable []> {

    /// The connection that the current request came in on; bound for as long as the connection is served.
    static final ScopedValue<ClientConnection> CURRENT = ScopedValue.newInstance();

    private final DataReader socket;
    private final HelidonSocket channel;
    private final WatchedWriter writer;
    private final RequestRoom.Share share; // connection thread only
    private final Duration requestMax;
    private @Nullable FutureTask<byte @Nullable []> ahead; // connection thread only
    private boolean closing; // connection thread only
    private boolean receiving; // a request is on its way, or the first one is waited for; connection thread only
    private boolean heard; // something of it has come; connection thread only
    private boolean answered; // it has its answer, though not all of it may have come; connection thread only
    private long receivedByNs; // connection thread only
    private Runnable onClosing = () -> {}; // connection thread only
    private @Nullable Runnable onGone; // guarded by this
    private boolean gone; // guarded by this
    private volatile boolean stalled;

    /// @param share for what has come of a request
    /// @param requestMax how long a request may take to arrive
    ClientConnection(
            DataReader socket,
            HelidonSocket channel,
            WatchedWriter writer,
            RequestRoom.Share share,
            Duration requestMax) {
        this.socket = socket;
        this.channel = channel;
        this.writer = writer;
        this.share = share;
        this.requestMax = requestMax;
        awaitRequest();
    }

    /// A watch that runs `onGone` when the client goes, from now until it is closed.
    public static Watch watch(Runnable onGone) {
        if (CURRENT.isBound()) CURRENT.get().startWatch(onGone);
        return new Watch();
    }

    /// What breaks the current connection off, for whichever thread wants to.
    public static Runnable currentBreakOff() {
        return CURRENT.isBound() ? CURRENT.get()::breakOff : () -> {};
    }

    /// True if the current connection was broken off because its client took nothing.
    public static boolean isCurrentStalled() {
        return CURRENT.isBound() && CURRENT.get().stalled;
    }

    /// Ends the connection after this response: Helidon itself would wait for the client to do so.
    static void closeAfterResponse() {
        if (!CURRENT.isBound()) return;
        CURRENT.get().closing = true;
        CURRENT.get().onClosing.run();
    }

    /// The first line of a request has been read.
    static void requestBegan() {
        if (!CURRENT.isBound()) return;
        ClientConnection connection = CURRENT.get();
        if (!connection.receiving || connection.answered) connection.awaitRequest();
        connection.heard = true;
        connection.answered = false;
    }

    /// The current request has come whole: what follows is the wait for the next one, which may take its time.
    static void requestReceived() {
        if (!CURRENT.isBound()) return;
        CURRENT.get().receiving = false;
        CURRENT.get().share.clear();
    }

    /// The current request has its answer: whatever of it may still come, no other can be given.
    static void requestAnswered() {
        if (CURRENT.isBound()) CURRENT.get().answered = true;
    }

    /// The connection is served no longer.
    void ended() {
        share.clear();
    }

    /// Does `stop` when the connection is to end after a response: what was read already must not become a request.
    void onClosing(Runnable stop) {
        onClosing = stop;
    }

    /// The next bytes from the client, null at the end.
    ///
    /// @throws RequestException 408 if a request does not arrive in time, 413 or 503 if there is no room for it
    @Override
    public byte @Nullable [] get() {
        if (closing) return null;
        FutureTask<byte @Nullable []> reading = ahead;
        if (reading == null && !receiving) return arrived(read());
        if (reading == null) {
            reading = readAhead();
            ahead = reading;
        }
        try {
            byte[] bytes = receiving ? reading.get(leftNs(), TimeUnit.NANOSECONDS) : reading.get();
            ahead = null;
            return arrived(bytes);
        } catch (InterruptedException e) {
            // The server is closing this connection; the reading thread ends when the socket is closed.
            Thread.currentThread().interrupt();
            return null;
        } catch (ExecutionException e) {
            return null; // the socket failed: for the connection that is an end like another
        } catch (TimeoutException e) {
            if (!heard || answered) return null; // nobody to answer, or nothing
            throw tooSlow();
        }
    }

    /// Breaks the connection off: whatever blocks in it fails. Any thread.
    void breakOff() {
        try {
            channel.close();
        } catch (UncheckedIOException e) {
            // It was closed already, or the client was quicker.
        }
    }

    /// The same because the client takes nothing. Any thread.
    void breakOffStalled() {
        stalled = true;
        breakOff();
    }

    /// What the connection writes through. Any thread may ask it how it fares.
    WatchedWriter writer() {
        return writer;
    }

    /// The time in which a client's leaving is reported.
    public static final class Watch implements AutoCloseable {
        private Watch() {}

        @Override
        public void close() {
            if (CURRENT.isBound()) CURRENT.get().setOnGone(null);
        }
    }

    private void awaitRequest() {
        receiving = true;
        heard = false;
        share.clear();
        receivedByNs = System.nanoTime() + requestMax.toNanos();
    }

    private byte @Nullable [] arrived(byte @Nullable [] bytes) {
        if (bytes == null) return null;
        if (!receiving) awaitRequest();
        heard = true;
        share.add(bytes.length);
        return bytes;
    }

    private long leftNs() {
        return receivedByNs - System.nanoTime();
    }

    private static RequestException tooSlow() {
        return RequestException.builder()
                .type(DirectHandler.EventType.OTHER)
                .status(Status.REQUEST_TIMEOUT_408)
                .setKeepAlive(false)
                .message("the request does not arrive")
                .build();
    }

    private void startWatch(Runnable callback) {
        setOnGone(callback);
        if (ahead == null) ahead = readAhead(); // else still reading since an earlier request
    }

    private FutureTask<byte @Nullable []> readAhead() {
        FutureTask<byte @Nullable []> reading = new FutureTask<>(this::readOrReport);
        Thread.ofVirtual().name("client-watch").start(reading);
        return reading;
    }

    private byte @Nullable [] readOrReport() {
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
