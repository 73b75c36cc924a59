package io.sluice.batching;

import java.util.function.LongSupplier;

/// An engine for tests that say themselves what time it is.
public final class EngineOnClock {
    private EngineOnClock() {}

    public static Engine start(EngineSettings settings, ModelRunner.Factory runner, LongSupplier clock) {
        return Engine.start("test", settings, runner, clock);
    }
}
