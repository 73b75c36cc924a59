package io.sluice.server.metrics;

import io.helidon.webserver.http.Filter;
import io.helidon.webserver.http.FilterChain;
import io.helidon.webserver.http.RoutingRequest;
import io.helidon.webserver.http.RoutingResponse;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/// Counts answers by path, method and class of status, as vLLM's HTTP layer does. Paths that no route has are counted
/// together. Any thread.
public final class HttpMetrics implements Filter {
    private static final String NO_ROUTE = "none";
    private static final Set<String> METHODS = Set.of("GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS", "PATCH");

    private final MeterRegistry registry;
    private final Set<String> paths;

    /// @param paths of routes without variable parts; bounds the series
    public HttpMetrics(MeterRegistry registry, Set<String> paths) {
        this.registry = registry;
        this.paths = Set.copyOf(paths);
    }

    @Override
    public void filter(FilterChain chain, RoutingRequest request, RoutingResponse response) {
        long startNs = System.nanoTime();
        String path = request.path().path();
        String handler = paths.contains(path) ? path : NO_ROUTE;
        String text = request.prologue().method().text();
        String method = METHODS.contains(text) ? text : NO_ROUTE;
        response.whenSent(() -> count(handler, method, response.status().code(), System.nanoTime() - startNs));
        chain.proceed();
    }

    private void count(String handler, String method, int status, long tookNs) {
        String statusClass = status / 100 + "xx";
        registry.counter("http_requests", "handler", handler, "method", method, "status", statusClass)
                .increment();
        registry.timer("http_request_duration", "handler", handler, "method", method)
                .record(tookNs, TimeUnit.NANOSECONDS);
    }
}
