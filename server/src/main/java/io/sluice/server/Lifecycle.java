package io.sluice.server;

import io.sluice.server.generation.GenerationService;
import io.sluice.server.http.ApiError;
import java.time.Duration;
import java.util.function.BooleanSupplier;

/// Knows where the process is between starting and stopping, and so whether a request can be taken. Any thread.
final class Lifecycle {

    /// Where the process is. A value.
    sealed interface Phase {
        /// The model is being loaded.
        record Starting() implements Phase {}

        /// Requests are taken, if the engine is alive.
        record Ready(GenerationService service, BooleanSupplier alive) implements Phase {}

        /// The process was told to stop: it says so to load balancers and still takes requests.
        record Leaving(GenerationService service, BooleanSupplier alive) implements Phase {}

        /// What runs is finished; nothing new is taken.
        record Draining() implements Phase {}
    }

    private static final Duration AFTER_START = Duration.ofSeconds(2);
    private static final Duration AFTER_RESTART = Duration.ofSeconds(10);

    private volatile Phase phase = new Phase.Starting();

    Phase phase() {
        return phase;
    }

    /// The model is loaded.
    void ready(GenerationService service, BooleanSupplier alive) {
        phase = new Phase.Ready(service, alive);
    }

    /// The process is going to stop.
    void leave() {
        if (phase instanceof Phase.Ready(var service, var alive)) phase = new Phase.Leaving(service, alive);
    }

    /// Nothing new is taken from now on.
    void drain() {
        phase = new Phase.Draining();
    }

    /// What answers requests.
    ///
    /// @throws ApiError 503 if nothing does now
    GenerationService service() {
        return switch (phase) {
            case Phase.Starting() ->
                throw ApiError.unavailable("starting", "The server is still loading its model.", AFTER_START);
            case Phase.Ready(var service, var alive) -> ifAlive(service, alive);
            case Phase.Leaving(var service, var alive) -> ifAlive(service, alive);
            case Phase.Draining() ->
                throw ApiError.unavailable("draining", "The server is stopping; another may take over.", AFTER_RESTART);
        };
    }

    private static GenerationService ifAlive(GenerationService service, BooleanSupplier alive) {
        if (alive.getAsBoolean()) return service;
        throw ApiError.unavailable("engine_stopped", "The engine has stopped; the server will restart.", AFTER_RESTART);
    }

    /// True unless only a new process can help.
    boolean isLive() {
        return switch (phase) {
            case Phase.Starting(), Phase.Draining() -> true;
            case Phase.Ready(var _, var alive) -> alive.getAsBoolean();
            case Phase.Leaving(var _, var alive) -> alive.getAsBoolean();
        };
    }

    /// True if load balancers should send requests here.
    boolean isReady() {
        return phase instanceof Phase.Ready(var _, var alive) && alive.getAsBoolean();
    }

    boolean isStarted() {
        return !(phase instanceof Phase.Starting);
    }
}
