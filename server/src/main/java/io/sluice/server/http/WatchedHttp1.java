package io.sluice.server.http;

import io.helidon.common.buffers.BufferData;
import io.helidon.common.buffers.DataReader;
import io.helidon.common.buffers.DataWriter;
import io.helidon.common.concurrency.limits.Limit;
import io.helidon.common.socket.HelidonSocket;
import io.helidon.common.socket.PeerInfo;
import io.helidon.common.task.InterruptableTask;
import io.helidon.http.HttpPrologue;
import io.helidon.webserver.ConnectionContext;
import io.helidon.webserver.ListenerContext;
import io.helidon.webserver.ProxyProtocolData;
import io.helidon.webserver.Router;
import io.helidon.webserver.http1.Http1Config;
import io.helidon.webserver.http1.Http1ConnectionListener;
import io.helidon.webserver.http1.Http1ConnectionSelector;
import io.helidon.webserver.spi.ServerConnection;
import io.helidon.webserver.spi.ServerConnectionSelector;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutorService;

/// Helidon's HTTP/1.1 with two changes: its connections read and write through a `ClientConnection`, and all that comes
/// is taken for HTTP/1.1. Any thread.
public final class WatchedHttp1 implements ServerConnectionSelector {
    private final Http1ConnectionSelector http1;
    private final StallWatch stalls;
    private final Duration requestMax;
    private final RequestRoom room;

    /// @param requestMax how long a request may take to arrive
    /// @param room for what has come of requests
    public WatchedHttp1(Http1Config.Builder config, StallWatch stalls, Duration requestMax, RequestRoom room) {
        http1 = Http1ConnectionSelector.builder()
                .config(config.addReceiveListener(new Beginnings()).build())
                .build();
        this.stalls = stalls;
        this.requestMax = requestMax;
        this.room = room;
    }

    @Override
    public int bytesToIdentifyConnection() {
        return http1.bytesToIdentifyConnection();
    }

    /// Nothing else is spoken here, so what is no HTTP/1.1 comes here too, to be answered that it is none: Helidon
    /// would hang up without a word.
    @Override
    public Support supports(BufferData data) {
        return Support.SUPPORTED;
    }

    @Override
    public Set<String> supportedApplicationProtocols() {
        return http1.supportedApplicationProtocols();
    }

    @Override
    public ServerConnection connection(ConnectionContext context) {
        WatchedWriter writer = new WatchedWriter(context.dataWriter(), stalls.clock());
        ClientConnection client =
                new ClientConnection(context.dataReader(), context.serverSocket(), writer, room.share(), requestMax);
        ServerConnection connection = http1.connection(new ReadThrough(context, DataReader.create(client), writer));
        client.onClosing(() -> connection.close(false));
        return new Watched(client, connection, stalls);
    }

    /// Tells connections that a request has begun.
    private static final class Beginnings implements Http1ConnectionListener {
        @Override
        public void prologue(ConnectionContext context, HttpPrologue prologue) {
            ClientConnection.requestBegan();
        }
    }

    private record Watched(ClientConnection client, ServerConnection http1, StallWatch stalls)
            implements ServerConnection, InterruptableTask<Void> {
        @Override
        public void handle(Limit limit) throws InterruptedException {
            stalls.add(client);
            try {
                ScopedValue.where(ClientConnection.CURRENT, client).call(() -> {
                    http1.handle(limit);
                    return true;
                });
            } finally {
                stalls.remove(client);
                client.ended();
            }
        }

        @Override
        public boolean canInterrupt() {
            return http1 instanceof InterruptableTask<?> task && task.canInterrupt();
        }

        @Override
        public Void call() {
            throw new UnsupportedOperationException("a connection is handled, not called");
        }

        @Override
        public Duration idleTime() {
            return http1.idleTime();
        }

        @Override
        public void close(boolean interrupt) {
            http1.close(interrupt);
        }
    }

    private record ReadThrough(ConnectionContext context, DataReader dataReader, DataWriter dataWriter)
            implements ConnectionContext {
        @Override
        public ListenerContext listenerContext() {
            return context.listenerContext();
        }

        @Override
        public ExecutorService executor() {
            return context.executor();
        }

        @Override
        public Router router() {
            return context.router();
        }

        @Override
        public Optional<ProxyProtocolData> proxyProtocolData() {
            return context.proxyProtocolData();
        }

        @Override
        public HelidonSocket serverSocket() {
            return context.serverSocket();
        }

        @Override
        public PeerInfo remotePeer() {
            return context.remotePeer();
        }

        @Override
        public PeerInfo localPeer() {
            return context.localPeer();
        }

        @Override
        public boolean isSecure() {
            return context.isSecure();
        }

        @Override
        public String socketId() {
            return context.socketId();
        }

        @Override
        public String childSocketId() {
            return context.childSocketId();
        }
    }
}
