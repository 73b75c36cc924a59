package io.sluice.server;

import io.helidon.http.HeaderValues;
import io.helidon.http.Status;
import io.helidon.webserver.http.HttpRules;
import io.helidon.webserver.http.HttpService;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.server.http.JsonOut;
import java.util.function.BooleanSupplier;

/// The questions that operators' machinery asks: is the process alive, has it started, does it take requests, which
/// version is it. Request threads.
final class ProbeRoutes implements HttpService {
    private final Lifecycle lifecycle;

    ProbeRoutes(Lifecycle lifecycle) {
        this.lifecycle = lifecycle;
    }

    @Override
    public void routing(HttpRules rules) {
        rules.get("/livez", (_, response) -> answer(response, lifecycle::isLive))
                .get("/startupz", (_, response) -> answer(response, lifecycle::isStarted))
                .get("/readyz", (_, response) -> answer(response, lifecycle::isReady))
                .get("/ping", (_, response) -> answer(response, lifecycle::isReady)) // SageMaker's word
                .get("/health", (_, response) -> answer(response, lifecycle::isReady))
                .get("/version", (_, response) -> version(response));
    }

    /// Yes or no, and nothing else: anybody may ask. The log says why.
    private static void answer(ServerResponse response, BooleanSupplier good) {
        boolean ok = good.getAsBoolean();
        response.status(ok ? Status.OK_200 : Status.SERVICE_UNAVAILABLE_503);
        send(
                response,
                new JsonOut().raw("{\"status\":").string(ok ? "ok" : "not ok").raw("}"));
    }

    private static void version(ServerResponse response) {
        send(response, new JsonOut().raw("{\"version\":").string(Version.TEXT).raw("}"));
    }

    private static void send(ServerResponse response, JsonOut out) {
        response.header(HeaderValues.CONTENT_TYPE_JSON);
        response.header(HeaderValues.CACHE_NO_CACHE);
        response.send(out.toBytes());
    }
}
