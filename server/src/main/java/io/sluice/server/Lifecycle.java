package io.sluice.server;

import io.sluice.server.generation.GenerationService;
import io.sluice.server.http.ApiError;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/// Knows where the process is between starting and stopping, and so whether a request can be taken. Any thread.
final class Lifecycle {

    /// Where the process is. A value.
    sealed interface Phase {
        /// The model is being loaded.
        record Starting() implements Phase {}

        /// Requests are taken, if the engine is alive.
        record Ready(GenerationService service) implements Phase {}

        /// The process was told to stop: it says so to load balancers and still takes requests.
        record Leaving(GenerationService service) implements Phase {}

        /// What runs is finished; nothing new is taken.
        record Draining() implements Phase {}
    }

    private static final Duration AFTER_START = Duration.ofSeconds(2);
    private static final Duration AFTER_RESTART = Duration.ofSeconds(10);

    private volatile Phase phase = new Phase.Starting();
    private volatile @Nullable EngineHealth health; // set once, before requests are taken

    /// The model is loaded.
    void ready(GenerationService service, EngineHealth engine) {
        health = engine;
        phase = new Phase.Ready(service);
    }

    /// The process is going to stop.
    void leave() {
        if (phase instanceof Phase.Ready(var service)) phase = new Phase.Leaving(service);
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
            case Phase.Ready(var service) -> ifAlive(service);
            case Phase.Leaving(var service) -> ifAlive(service);
            case Phase.Draining() ->
                throw ApiError.unavailable("draining", "The server is stopping; another may take over.", AFTER_RESTART);
        };
    }

    private GenerationService ifAlive(GenerationService service) {
        if (isLive()) return service;
        throw ApiError.unavailable("engine_stopped", "The engine has stopped; the server will restart.", AFTER_RESTART);
    }

    /// True unless only a new process can help.
    boolean isLive() {
        EngineHealth engine = health;
        return engine == null || engine.isAlive();
    }

    /// True if load balancers should send requests here.
    boolean isReady() {
        EngineHealth engine = health;
        return phase instanceof Phase.Ready && engine != null && engine.isAlive() && !engine.isStuck();
    }

    boolean isStarted() {
        return !(phase instanceof Phase.Starting);
    }

    /// True once the process is going to stop.
    boolean isLeaving() {
        return switch (phase) {
            case Phase.Starting(), Phase.Ready _ -> false;
            case Phase.Leaving _, Phase.Draining() -> true;
        };
    }
}
