package io.sluice.server.http;

import io.helidon.http.HeaderValues;
import io.helidon.webserver.http.Filter;
import io.helidon.webserver.http.FilterChain;
import io.helidon.webserver.http.RoutingRequest;
import io.helidon.webserver.http.RoutingResponse;
import java.util.function.BooleanSupplier;

/// Ends a connection whose request or response said `Connection: close`. Helidon says it and then waits for
/// the client to hang up, while clients that read to the end wait for the server. A server that is going to
/// stop says it with every answer, so that proxies keep no connection to it. Any thread.
public final class ConnectionClosing implements Filter {
    private final BooleanSupplier leaving;

    /// @param leaving true once the server is going to stop
    public ConnectionClosing(BooleanSupplier leaving) {
        this.leaving = leaving;
    }

    @Override
    public void filter(FilterChain chain, RoutingRequest request, RoutingResponse response) {
        if (leaving.getAsBoolean()) response.header(HeaderValues.CONNECTION_CLOSE);
        response.whenSent(() -> {
            if (request.headers().containsToken(HeaderValues.CONNECTION_CLOSE)
                    || response.headers().containsToken(HeaderValues.CONNECTION_CLOSE)) {
                ClientConnection.closeAfterResponse();
            }
        });
        chain.proceed();
    }
}
