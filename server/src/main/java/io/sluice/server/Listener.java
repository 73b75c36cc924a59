package io.sluice.server;

import io.helidon.common.socket.SocketOptions;
import io.helidon.webserver.ErrorHandling;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http1.Http1Config;
import io.sluice.server.http.ErrorMapping;
import io.sluice.server.http.RequestRoom;
import io.sluice.server.http.StallWatch;
import io.sluice.server.http.WatchedHttp1;
import io.sluice.server.settings.ServerSettings;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;

/// A listening socket. HTTP/1.1; one virtual thread per connection. Any thread.
final class Listener implements AutoCloseable {

    /// What responses that are being written when the listener stops may still take.
    private static final Duration LAST_BYTES = Duration.ofSeconds(5);

    private static final int HEADERS_BYTES_MAX = 16 * 1024;

    /// What the system may hold of an answer that its client does not take; Linux makes it twice as much. Left to
    /// itself it would be up to 4 MiB, which for a thousand slow readers is more than the heap. It also decides how
    /// soon a reader that takes little is seen to take something: once a third of it is free.
    private static final int SEND_BUFFER_BYTES = 32 * 1024;

    private final WebServer server;
    private final StallWatch stalls;

    /// Where to listen. A value.
    ///
    /// @param port 0 for any free one
    /// @param flag that chooses another port
    record Address(String host, int port, String flag) {}

    private Listener(WebServer server, StallWatch stalls) {
        this.server = server;
        this.stalls = stalls;
    }

    /// Starts listening.
    ///
    /// @param settings how long and how much clients may send and leave unread
    /// @throws ListenFailed if the address cannot be listened on
    static Listener start(Address address, ServerSettings.Http settings, HttpRouting.Builder routing) {
        requireFree(address);
        StallWatch stalls = new StallWatch(settings.streams().stallTimeout(), System::nanoTime);
        WebServer server = WebServer.builder()
                .host(address.host())
                .port(address.port())
                .shutdownHook(false) // draining comes first, and is ours
                .shutdownGracePeriod(LAST_BYTES)
                .maxPayloadSize(settings.bodyBytesMax())
                // Nagle's algorithm would hold back every second token.
                .connectionOptions(SocketOptions.builder()
                        .tcpNoDelay(true)
                        .socketSendBufferSize(SEND_BUFFER_BYTES)
                        .build())
                // With one protocol alone, connections are watched from their first moment on.
                .protocolsDiscoverServices(false)
                .addConnectionSelector(new WatchedHttp1(
                        Http1Config.builder().maxHeadersSize(HEADERS_BYTES_MAX),
                        stalls,
                        settings.requestTimeout(),
                        room(settings)))
                .directHandlers(ErrorMapping.directHandlers(settings.bodyBytesMax()))
                // What is wrong with broken HTTP would be the log's alone.
                .errorHandling(ErrorHandling.builder().includeEntity(true).build())
                .addRouting(routing)
                .build();
        server.start();
        // Helidon logs why it could not start, and returns.
        if (!server.isRunning()) throw new ListenFailed(address, "the log says why");
        stalls.start();
        return new Listener(server, stalls);
    }

    /// Requests on their way take an eighth of the heap at most, and a body is copied to a buffer that grows: up to
    /// three times as much.
    private static RequestRoom room(ServerSettings.Http settings) {
        return new RequestRoom(settings.bodyBytesMax(), Runtime.getRuntime().maxMemory() / 8);
    }

    /// Helidon would report an address in use in its log alone.
    private static void requireFree(Address address) {
        try (ServerSocket probe = new ServerSocket()) {
            probe.setReuseAddress(true);
            probe.bind(new InetSocketAddress(address.host(), address.port()));
        } catch (IOException e) {
            throw new ListenFailed(address, String.valueOf(e.getMessage()));
        }
    }

    /// The port that is listened on.
    int port() {
        return server.port();
    }

    /// Where clients on this machine find it.
    static String url(String host, int port) {
        boolean everywhere = host.equals("0.0.0.0") || host.equals("::");
        String address = everywhere ? "127.0.0.1" : host.contains(":") ? "[" + host + "]" : host;
        return "http://" + address + ":" + port;
    }

    /// Stops listening, and gives responses under way a moment to end.
    @Override
    public void close() {
        server.stop();
        stalls.close();
    }

    /// The address cannot be listened on; the message says what to do.
    static final class ListenFailed extends RuntimeException {
        ListenFailed(Address address, String why) {
            super("cannot listen on " + address.host() + " port " + address.port() + ": " + why
                    + "; choose another with " + address.flag() + ", or " + address.flag() + " 0 for any free one");
        }
    }
}
