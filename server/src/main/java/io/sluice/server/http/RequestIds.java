package io.sluice.server.http;

import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.webserver.http.Filter;
import io.helidon.webserver.http.FilterChain;
import io.helidon.webserver.http.RoutingRequest;
import io.helidon.webserver.http.RoutingResponse;
import io.helidon.webserver.http.ServerResponse;
import java.util.HexFormat;
import java.util.concurrent.ThreadLocalRandom;

/// Names each request: by the client's `x-request-id` if that is harmless, else by a fresh one. Any thread.
public final class RequestIds implements Filter {
    static final HeaderName X_REQUEST_ID = HeaderNames.create("x-request-id");
    private static final int LENGTH_MAX = 128;

    @Override
    public void filter(FilterChain chain, RoutingRequest request, RoutingResponse response) {
        String given = request.headers().first(X_REQUEST_ID).orElse("");
        response.header(X_REQUEST_ID, isHarmless(given) ? given : fresh());
        chain.proceed();
    }

    /// The name this response goes out under.
    public static String of(ServerResponse response) {
        return response.headers().first(X_REQUEST_ID).orElseThrow();
    }

    /// A new name; unique enough to find one request among all in a log.
    public static String fresh() {
        ThreadLocalRandom random = ThreadLocalRandom.current();
        HexFormat hex = HexFormat.of();
        return "req-" + hex.toHexDigits(random.nextLong()) + hex.toHexDigits(random.nextLong());
    }

    private static boolean isHarmless(String id) {
        return !id.isEmpty() && id.length() <= LENGTH_MAX && id.chars().allMatch(c -> c > ' ' && c < 0x7F);
    }
}
