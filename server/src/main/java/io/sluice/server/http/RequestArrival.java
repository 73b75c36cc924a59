package io.sluice.server.http;

import io.helidon.webserver.http.Filter;
import io.helidon.webserver.http.FilterChain;
import io.helidon.webserver.http.RoutingRequest;
import io.helidon.webserver.http.RoutingResponse;

/// Tells the connection when a request has come whole and when it has its answer, so that only requests under way are
/// hurried. A body is reported by whoever reads it. Any thread.
public final class RequestArrival implements Filter {

    @Override
    public void filter(FilterChain chain, RoutingRequest request, RoutingResponse response) {
        if (!request.content().hasEntity()) ClientConnection.requestReceived();
        response.whenSent(ClientConnection::requestAnswered);
        chain.proceed();
    }
}
