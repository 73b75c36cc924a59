package io.sluice.server.access;

import io.helidon.http.HeaderName;
import io.helidon.http.HeaderNames;
import io.helidon.http.ServerRequestHeaders;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// Reads W3C trace context. Any thread.
final class TraceContext {
    private static final HeaderName TRACEPARENT = HeaderNames.create("traceparent");
    private static final Pattern FORM = Pattern.compile("[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?");
    private static final String INVALID = "0".repeat(32);

    private TraceContext() {}

    /// The trace that the request belongs to; empty if its header says none, or nonsense.
    static Optional<String> traceId(ServerRequestHeaders headers) {
        return headers.first(TRACEPARENT)
                .map(FORM::matcher)
                .filter(Matcher::matches)
                .map(form -> form.group(1))
                .filter(id -> !id.equals(INVALID));
    }
}
