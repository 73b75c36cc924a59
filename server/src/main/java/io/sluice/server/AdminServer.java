package io.sluice.server;

import io.helidon.webserver.http.HttpRouting;
import io.sluice.server.access.AccessFilter;
import io.sluice.server.admin.AdminRoutes;
import io.sluice.server.http.ConnectionClosing;
import io.sluice.server.http.ErrorMapping;
import io.sluice.server.http.RequestArrival;
import io.sluice.server.http.RequestIds;
import io.sluice.server.http.UnknownRoutes;
import io.sluice.server.settings.ServerSettings;

/// The routes for operators, on a socket of their own. Any thread.
final class AdminServer implements AutoCloseable {
    private static final int PORT_MAX = 65535;

    private final Listener listener;

    private AdminServer(Listener listener) {
        this.listener = listener;
    }

    /// Starts listening.
    ///
    /// @throws Listener.ListenFailed if the address cannot be listened on
    static AdminServer start(
            Listener.Address address, ServerSettings.Http settings, AccessFilter access, AdminRoutes routes) {
        HttpRouting.Builder routing = HttpRouting.builder();
        routing.addFilter(new RequestArrival());
        routing.addFilter(new ConnectionClosing(() -> false));
        routing.addFilter(new RequestIds());
        routing.addFilter(access);
        ErrorMapping.register(routing);
        routing.register(routes);
        UnknownRoutes.register(routing, AdminRoutes.KNOWN);
        return new AdminServer(Listener.start(address, settings, routing));
    }

    /// The port after the main one; any free one if that was any free one, or the last.
    static int portAfter(int chosen) {
        return chosen == 0 || chosen == PORT_MAX ? 0 : chosen + 1;
    }

    int port() {
        return listener.port();
    }

    @Override
    public void close() {
        listener.close();
    }
}
