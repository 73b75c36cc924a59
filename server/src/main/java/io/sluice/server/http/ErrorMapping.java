package io.sluice.server.http;

import static java.lang.System.Logger.Level.ERROR;

import io.helidon.http.DirectHandler;
import io.helidon.http.HeaderValues;
import io.helidon.http.Method;
import io.helidon.http.RequestException;
import io.helidon.http.ServerResponseHeaders;
import io.helidon.http.Status;
import io.helidon.webserver.ServerConnectionException;
import io.helidon.webserver.http.DirectHandlers;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.batching.InvalidRequest;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/// Gives every failure the one shape that clients know, wherever it came up: in a route or in the web server before any
/// route was found. Any thread.
public final class ErrorMapping {
    private static final System.Logger LOG = System.getLogger(ErrorMapping.class.getName());

    /// Anthropic's API.
    private static final String MESSAGES = "/v1/messages";

    // What the web server says of headers that are over their limit, and in place of what it will not repeat: a first
    // line that it cannot read.
    private static final String HEADERS_TOO_LARGE = "Header size exceeded";
    private static final String HIDDEN = "Bad request, see server log for more information";
    private static final String NO_REQUEST_LINE =
            "The request's first line must be METHOD PATH HTTP/1.1, without further spaces.";

    private ErrorMapping() {}

    /// For failures in routes.
    public static void register(HttpRouting.Builder routing) {
        routing.error(ApiError.class, (request, response, error) -> send(request, response, error));
        routing.error(InvalidRequest.class, (request, response, error) -> send(request, response, of(error)));
        routing.error(RuntimeException.class, (request, response, error) -> {
            LOG.log(ERROR, "internal error in " + request.path().path(), error);
            send(request, response, ApiError.internal("The server had an internal error; its log says more."));
        });
    }

    /// For failures that the web server finds itself: broken HTTP, bodies over the limit.
    ///
    /// @param bodyBytesMax that limit
    public static DirectHandlers directHandlers(long bodyBytesMax) {
        DirectHandlers.Builder handlers = DirectHandlers.builder();
        for (DirectHandler.EventType type : DirectHandler.EventType.values()) {
            handlers.addHandler(
                    type, (_, _, status, headers, message) -> direct(found(status, message, bodyBytesMax), headers));
        }
        return handlers.build();
    }

    public static ApiError of(InvalidRequest invalid) {
        return ApiError.invalid(invalid.parameter(), String.valueOf(invalid.getMessage()));
    }

    /// A failure while reading the request, as the client should see it.
    static ApiError of(RequestException broken, long bodyBytesMax) {
        return web(broken.status().code(), broken.getMessage(), bodyBytesMax);
    }

    private static void send(ServerRequest request, ServerResponse response, ApiError error) {
        response.status(Status.create(error.status()));
        response.headers().set(HeaderValues.CONTENT_TYPE_JSON);
        RetryHeaders.set(response.headers(), error.retry());
        if (error.leavesBodyUnread()) response.headers().set(HeaderValues.CONNECTION_CLOSE);
        try {
            if (request.prologue().method().equals(Method.HEAD)) response.send();
            else response.send(body(request, response, error));
        } catch (ServerConnectionException e) {
            // The client has gone and needs no answer. The web server would log that it could not give one.
            ClientConnection.closeAfterResponse();
        }
    }

    /// Each API's clients know its own shape.
    private static byte[] body(ServerRequest request, ServerResponse response, ApiError error) {
        return request.path().rawPath().startsWith(MESSAGES)
                ? MessagesError.body(error, RequestIds.of(response))
                : error.body();
    }

    private static DirectHandler.TransportResponse direct(ApiError error, ServerResponseHeaders headers) {
        headers.set(HeaderValues.CONTENT_TYPE_JSON);
        headers.set(RequestIds.X_REQUEST_ID, RequestIds.fresh());
        RetryHeaders.set(headers, error.retry());
        return DirectHandler.TransportResponse.builder()
                .status(Status.create(error.status()))
                .headers(headers)
                .keepAlive(false)
                .entity(error.body())
                .build();
    }

    /// The web server has one status for all that is wrong before a route is found; the message tells them apart.
    private static ApiError found(Status status, @Nullable String message, long bodyBytesMax) {
        if (HEADERS_TOO_LARGE.equals(message)) {
            return ApiError.invalid(
                    431, null, "headers_too_large", "The request's headers are larger than this server accepts.");
        }
        if (HIDDEN.equals(message)) return web(status.code(), NO_REQUEST_LINE, bodyBytesMax);
        return web(status.code(), message, bodyBytesMax);
    }

    /// True for "not implemented" and "version not supported": the client's fault in spite of their numbers.
    private static boolean isAboutHttp(int status) {
        return status == 501 || status == 505;
    }

    private static ApiError web(int status, @Nullable String message, long bodyBytesMax) {
        String said =
                message == null || message.isBlank() ? Status.create(status).reasonPhrase() : message;
        return switch (status) {
            case 413 -> ApiError.bodyTooLarge(bodyBytesMax);
            case 404 -> ApiError.invalid(404, null, "unknown_url", said);
            case 408 -> ApiError.requestTooSlow();
            case 503 -> ApiError.tooManyBodies();
            default ->
                status >= 500 && !isAboutHttp(status)
                        ? ApiError.internal(said)
                        : ApiError.invalid(
                                status,
                                null,
                                Status.create(status)
                                        .reasonPhrase()
                                        .toLowerCase(Locale.ROOT)
                                        .replace(' ', '_'),
                                said);
        };
    }
}
