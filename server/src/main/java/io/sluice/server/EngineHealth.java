package io.sluice.server;

import io.sluice.batching.Engines;
import java.time.Duration;
import java.util.Optional;

/// Decides from outside whether the engine can still be trusted to answer: a step that hangs cannot say so
/// itself. Any thread.
final class EngineHealth {

    /// What a step may take before anything is known of steps: more than any step of a model that people
    /// wait for.
    private static final Duration STEP_MAX_MIN = Duration.ofSeconds(5);

    /// How much longer than usual a step may take: a step of the longest prompt among steps of single
    /// tokens is.
    private static final int TIMES_USUAL = 10;

    private final Engines engine;
    private final Optional<Duration> stepMax;

    /// @param stepMax how long a step may take; empty for what the steps so far suggest
    EngineHealth(Engines engine, Optional<Duration> stepMax) {
        this.engine = engine;
        this.stepMax = stepMax;
    }

    /// False once the engine has stopped by itself.
    boolean isAlive() {
        return engine.isAlive();
    }

    /// True while a step takes longer than a step may. It passes when the step returns.
    boolean isStuck() {
        return stepTime().compareTo(stepMax()) > 0;
    }

    /// For how long the step in flight has been so.
    Duration stepTime() {
        long startedNs = engine.stepStartedNs();
        return startedNs == 0 ? Duration.ZERO : Duration.ofNanos(engine.nowNs() - startedNs);
    }

    Duration stepMax() {
        Duration usual = Duration.ofNanos(engine.usualStepMaxNs()).multipliedBy(TIMES_USUAL);
        return stepMax.orElse(usual.compareTo(STEP_MAX_MIN) > 0 ? usual : STEP_MAX_MIN);
    }
}
