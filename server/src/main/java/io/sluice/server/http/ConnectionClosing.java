package io.sluice.server.http;

import io.helidon.http.HeaderValues;
import io.helidon.webserver.http.Filter;
import io.helidon.webserver.http.FilterChain;
import io.helidon.webserver.http.RoutingRequest;
import io.helidon.webserver.http.RoutingResponse;

/// Ends a connection whose request or response said `Connection: close`. Helidon says it and then waits for the client
/// to
/// hang up, while clients that read to the end wait for the server. Any thread.
public final class ConnectionClosing implements Filter {

    @Override
    public void filter(FilterChain chain, RoutingRequest request, RoutingResponse response) {
        response.whenSent(() -> {
            if (request.headers().containsToken(HeaderValues.CONNECTION_CLOSE)
                    || response.headers().containsToken(HeaderValues.CONNECTION_CLOSE)) {
                ClientConnection.closeAfterResponse();
            }
        });
        chain.proceed();
    }
}
