package io.sluice.server;

import io.helidon.common.socket.SocketOptions;
import io.helidon.http.HeaderNames;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http1.Http1Config;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.ConnectionClosing;
import io.sluice.server.http.ErrorMapping;
import io.sluice.server.http.RequestArrival;
import io.sluice.server.http.RequestIds;
import io.sluice.server.http.StallWatch;
import io.sluice.server.http.WatchedHttp1;
import io.sluice.server.openai.ChatCompletionsRoute;
import io.sluice.server.openai.CompletionsRoute;
import io.sluice.server.openai.ModelsRoute;
import io.sluice.server.openai.ResumableStreams;
import io.sluice.server.openai.Serving;
import io.sluice.server.openai.StreamOwners;
import io.sluice.server.openai.StreamsRoute;
import io.sluice.server.settings.ServerSettings;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;

/// The listening socket and the routes behind it. HTTP/1.1; one virtual thread per connection. Any thread.
final class HttpServer implements AutoCloseable {

    /// What responses that are being written when the listener stops may still take.
    private static final Duration LAST_BYTES = Duration.ofSeconds(5);

    private static final int HEADERS_BYTES_MAX = 16 * 1024;

    /// What the system may hold of an answer that its client does not take; Linux makes it twice as much. Left to
    /// itself it would be up to 4 MiB, which for a thousand slow readers is more than the heap. It also decides how
    /// soon a reader that takes little is seen to take something: once a third of it is free.
    private static final int SEND_BUFFER_BYTES = 32 * 1024;

    /// Paths and the methods they know.
    private record Route(String method, String path) {}

    private static final List<Route> ROUTES = List.of(
            new Route("POST", "/v1/chat/completions"),
            new Route("POST", "/v1/completions"),
            new Route("GET", "/v1/models"),
            new Route("GET", "/v1/models/{id}"),
            new Route("GET, DELETE", "/v1/streams/{id}"),
            new Route("GET", "/livez"),
            new Route("GET", "/readyz"),
            new Route("GET", "/startupz"),
            new Route("GET", "/health"),
            new Route("GET", "/version"),
            new Route("GET", "/metrics"));

    private final WebServer server;
    private final StallWatch stalls;

    private HttpServer(WebServer server, StallWatch stalls) {
        this.server = server;
        this.stalls = stalls;
    }

    /// Starts listening, for everybody alike.
    ///
    /// @throws ListenFailed if the address cannot be listened on
    static HttpServer start(ServerSettings.Http settings, Lifecycle lifecycle, ServerMetrics metrics) {
        return start(settings, lifecycle, metrics, _ -> StreamOwners.ANYBODY);
    }

    /// The same with streams that belong to somebody.
    static HttpServer start(
            ServerSettings.Http settings, Lifecycle lifecycle, ServerMetrics metrics, StreamOwners owners) {
        requireFree(settings);
        StallWatch stalls = new StallWatch(settings.streams().stallTimeout(), System::nanoTime);
        WebServer server = WebServer.builder()
                .host(settings.host())
                .port(settings.port())
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
                        Http1Config.builder().maxHeadersSize(HEADERS_BYTES_MAX), stalls, settings.requestTimeout()))
                .directHandlers(ErrorMapping.directHandlers())
                .addRouting(routing(settings, lifecycle, metrics, owners))
                .build();
        server.start();
        // Helidon logs why it could not start, and returns.
        if (!server.isRunning()) throw new ListenFailed(settings, "the log says why");
        stalls.start();
        return new HttpServer(server, stalls);
    }

    /// Helidon would report an address in use in its log alone.
    private static void requireFree(ServerSettings.Http settings) {
        try (ServerSocket probe = new ServerSocket()) {
            probe.setReuseAddress(true);
            probe.bind(new InetSocketAddress(settings.host(), settings.port()));
        } catch (IOException e) {
            throw new ListenFailed(settings, String.valueOf(e.getMessage()));
        }
    }

    private static HttpRouting.Builder routing(
            ServerSettings.Http settings, Lifecycle lifecycle, ServerMetrics metrics, StreamOwners owners) {
        ResumableStreams streams = new ResumableStreams(
                settings.streams().resumableMax(), settings.streams().grace());
        metrics.observe(streams);
        Serving serving = new Serving(
                lifecycle::service, settings.bodyBytesMax(), settings.streams().heartbeat(), streams, owners);
        ModelsRoute models = new ModelsRoute(serving);
        StreamsRoute kept = new StreamsRoute(serving);
        HttpRouting.Builder routing = HttpRouting.builder();
        routing.addFilter(new RequestArrival());
        routing.addFilter(new ConnectionClosing(lifecycle::isLeaving));
        routing.addFilter(new RequestIds());
        ErrorMapping.register(routing);
        routing.post("/v1/chat/completions", new ChatCompletionsRoute(serving));
        routing.post("/v1/completions", new CompletionsRoute(serving));
        routing.get("/v1/models", models);
        routing.get("/v1/models/{id}", models::handleOne);
        routing.get("/v1/streams/{id}", kept);
        routing.delete("/v1/streams/{id}", kept::delete);
        routing.get("/metrics", new MetricsRoute(metrics));
        routing.register(new ProbeRoutes(lifecycle));
        for (Route route : ROUTES) routing.any(route.path(), methodNotAllowed(route.method()));
        routing.any((request, _) -> {
            throw ApiError.invalid(
                    404,
                    null,
                    "unknown_url",
                    "Unknown request URL: " + request.prologue().method().text() + " "
                            + request.path().path() + ".");
        });
        return routing;
    }

    private static Handler methodNotAllowed(String allowed) {
        return (request, response) -> {
            response.header(HeaderNames.ALLOW, allowed);
            throw ApiError.invalid(
                    405,
                    null,
                    "method_not_allowed",
                    request.path().path() + " takes " + allowed + ", not "
                            + request.prologue().method().text() + ".");
        };
    }

    /// The port that is listened on.
    int port() {
        return server.port();
    }

    /// Stops listening, and gives responses under way a moment to end.
    @Override
    public void close() {
        server.stop();
        stalls.close();
    }

    /// The address cannot be listened on; the message says what to do.
    static final class ListenFailed extends RuntimeException {
        ListenFailed(ServerSettings.Http settings, String why) {
            super("cannot listen on " + settings.host() + " port " + settings.port() + ": " + why
                    + "; choose another with --port, or --port 0 for any free one");
        }
    }
}
