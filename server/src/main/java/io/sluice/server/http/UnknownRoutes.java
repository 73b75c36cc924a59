package io.sluice.server.http;

import io.helidon.http.HeaderNames;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.HttpRouting;
import java.util.List;

/// Answers what no route takes: known paths with another method by 405, all others by 404. Any thread.
public final class UnknownRoutes {
    private UnknownRoutes() {}

    /// A path and the method that it knows.
    public record Known(String method, String path) {}

    /// To be called when all routes are there: the first that fits answers.
    public static void register(HttpRouting.Builder routing, List<Known> known) {
        for (Known route : known) routing.any(route.path(), methodNotAllowed(route.method()));
        routing.any((request, _) -> {
            throw ApiError.invalid(
                    404,
                    null,
                    "unknown_url",
                    "Unknown request URL: " + request.prologue().method().text() + " "
                            + request.path().path() + ".");
        });
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
}
