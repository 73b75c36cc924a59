package io.sluice.server;

import io.helidon.http.HeaderNames;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.server.access.Identity;
import java.io.IOException;
import java.io.OutputStream;

/// `GET /metrics`, in Prometheus' text format. A tenant's key sees the totals; the tenants' series are for
/// admin keys, and for everybody where no key is needed. Request threads.
final class MetricsRoute implements Handler {
    private static final String TEXT_FORMAT = "text/plain; version=0.0.4; charset=utf-8";
    private final ServerMetrics metrics;

    MetricsRoute(ServerMetrics metrics) {
        this.metrics = metrics;
    }

    @Override
    public void handle(ServerRequest request, ServerResponse response) throws IOException {
        response.header(HeaderNames.CONTENT_TYPE, TEXT_FORMAT);
        try (OutputStream out = response.outputStream()) {
            metrics.scrape(out, TEXT_FORMAT);
            boolean tenantOnly = request.context()
                    .get(Identity.class)
                    .filter(it -> !it.isAdmin())
                    .isPresent();
            if (!tenantOnly) metrics.scrapeTenants(out, TEXT_FORMAT);
        }
    }
}
