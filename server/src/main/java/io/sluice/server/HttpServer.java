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
import io.sluice.server.http.RequestIds;
import io.sluice.server.http.WatchedHttp1;
import io.sluice.server.openai.ChatCompletionsRoute;
import io.sluice.server.openai.CompletionsRoute;
import io.sluice.server.openai.ModelsRoute;
import io.sluice.server.openai.Serving;
import io.sluice.server.settings.ServerSettings;
import java.net.BindException;
import java.time.Duration;
import java.util.List;

/// The listening socket and the routes behind it. HTTP/1.1; one virtual thread per connection. Any thread.
final class HttpServer implements AutoCloseable {

    /// What responses that are being written when the listener stops may still take.
    private static final Duration LAST_BYTES = Duration.ofSeconds(5);

    private static final int HEADERS_BYTES_MAX = 16 * 1024;

    /// Paths and the methods they know.
    private record Route(String method, String path) {}

    private static final List<Route> ROUTES = List.of(
            new Route("POST", "/v1/chat/completions"),
            new Route("POST", "/v1/completions"),
            new Route("GET", "/v1/models"),
            new Route("GET", "/v1/models/{id}"),
            new Route("GET", "/livez"),
            new Route("GET", "/readyz"),
            new Route("GET", "/startupz"),
            new Route("GET", "/health"),
            new Route("GET", "/version"),
            new Route("GET", "/metrics"));

    private final WebServer server;

    private HttpServer(WebServer server) {
        this.server = server;
    }

    /// Starts listening.
    ///
    /// @throws ListenFailed if the address cannot be listened on
    static HttpServer start(ServerSettings.Http settings, Lifecycle lifecycle, ServerMetrics metrics) {
        WebServer server = WebServer.builder()
                .host(settings.host())
                .port(settings.port())
                .shutdownHook(false) // draining comes first, and is ours
                .shutdownGracePeriod(LAST_BYTES)
                .maxPayloadSize(settings.bodyBytesMax())
                // Nagle's algorithm would hold back every second token.
                .connectionOptions(SocketOptions.builder().tcpNoDelay(true).build())
                .addConnectionSelector(new WatchedHttp1(
                        Http1Config.builder().maxHeadersSize(HEADERS_BYTES_MAX).build()))
                .directHandlers(ErrorMapping.directHandlers())
                .addRouting(routing(settings, lifecycle, metrics))
                .build();
        try {
            return new HttpServer(server.start());
        } catch (RuntimeException e) {
            server.stop();
            throw listenFailed(settings, e);
        }
    }

    private static HttpRouting.Builder routing(
            ServerSettings.Http settings, Lifecycle lifecycle, ServerMetrics metrics) {
        Serving serving = new Serving(lifecycle::service, settings.bodyBytesMax(), settings.heartbeat());
        ModelsRoute models = new ModelsRoute(serving);
        HttpRouting.Builder routing = HttpRouting.builder();
        routing.addFilter(new ConnectionClosing());
        routing.addFilter(new RequestIds());
        ErrorMapping.register(routing);
        routing.post("/v1/chat/completions", new ChatCompletionsRoute(serving));
        routing.post("/v1/completions", new CompletionsRoute(serving));
        routing.get("/v1/models", models);
        routing.get("/v1/models/{id}", models::handleOne);
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
    }

    /// The address cannot be listened on; the message says what to do.
    static final class ListenFailed extends RuntimeException {
        ListenFailed(String message, Throwable cause) {
            super(message, cause);
        }
    }

    private static RuntimeException listenFailed(ServerSettings.Http settings, RuntimeException failure) {
        for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
            if (cause instanceof BindException) {
                return new ListenFailed(
                        "cannot listen on " + settings.host() + " port " + settings.port() + ": " + cause.getMessage()
                                + "; choose another with --port, or --port 0 for any free one",
                        failure);
            }
        }
        return failure;
    }
}
