package io.sluice.batching;

import java.time.Duration;

/// Owns one model's engine thread and its loop: take submissions, plan, launch, await, apply. Any thread may submit.
public final class Engine implements AutoCloseable {

    /// Starts the engine thread, which makes the runner; returns when the runner is ready.
    ///
    /// @throws RuntimeException whatever the factory threw
    public static Engine start(String name, EngineSettings settings, ModelRunner.Factory runner) {
        throw new UnsupportedOperationException("to be written");
    }

    /// Decides about a request at once, without waiting for the engine.
    public Admission submit(GenerationRequest request) {
        throw new UnsupportedOperationException("to be written");
    }

    /// What the runner can hold.
    public ModelLimits limits() {
        throw new UnsupportedOperationException("to be written");
    }

    /// The latest snapshot.
    public EngineStats stats() {
        throw new UnsupportedOperationException("to be written");
    }

    /// The clock that deadlines are on, in nanoseconds.
    public long nowNs() {
        throw new UnsupportedOperationException("to be written");
    }

    /// False once the engine has stopped by itself (device lost, broken invariant): the process should end.
    public boolean isAlive() {
        throw new UnsupportedOperationException("to be written");
    }

    /// Refuses new work from now on and waits until everything admitted has ended, at most `grace`.
    ///
    /// @return true if nothing was left
    public boolean drain(Duration grace) throws InterruptedException {
        throw new UnsupportedOperationException("to be written");
    }

    /// Ends what is left as failed and retryable, closes the runner on the engine thread, and waits for the thread.
    @Override
    public void close() {
        throw new UnsupportedOperationException("to be written");
    }
}
