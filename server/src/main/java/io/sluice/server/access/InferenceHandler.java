package io.sluice.server.access;

import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.sluice.batching.InvalidRequest;
import io.sluice.server.http.ApiError;
import io.sluice.server.http.ErrorMapping;

/// A route that makes text, or says what one would take: keeps a record of each request, also of those that are
/// refused. Request threads.
public final class InferenceHandler implements Handler {
    private final Intake intake;
    private final Handler route;

    public InferenceHandler(Intake intake, Handler route) {
        this.intake = intake;
        this.route = route;
    }

    @Override
    public void handle(ServerRequest request, ServerResponse response) throws Exception {
        Entry entry = Entry.begin(intake, request, response);
        request.context().register(entry);
        try {
            entry.requireKeyStillAccepted();
            route.handle(request, response);
            entry.answered();
        } catch (ApiError e) {
            entry.failed(e);
            throw e;
        } catch (InvalidRequest e) {
            ApiError error = ErrorMapping.of(e);
            entry.failed(error);
            throw error;
        } catch (Exception | Error e) {
            entry.failed(ApiError.internal("The request was broken off: " + e));
            throw e;
        }
    }
}
