package io.sluice.batching;

import java.time.Duration;
import java.util.List;
import java.util.Optional;

/// What the rest of the process sees of a model's engines: one (`Engine`), or one for each device
/// (`EngineGroup`), as if they were one. Any thread.
public interface Engines extends AutoCloseable {

    /// Decides about a request at once, without waiting.
    ///
    /// @param attempt whether it was refused before
    /// @throws InvalidRequest if the request names tokens that the model does not have
    Admission submit(GenerationRequest request, Attempt attempt);

    /// The same, of a request that comes for the first time.
    default Admission submit(GenerationRequest request) {
        return submit(request, Attempt.FIRST);
    }

    /// What all runners together can hold.
    ModelLimits limits();

    /// The most admitted requests of one tenant that may wait for a first step.
    int waitingMax();

    /// The tenant's blocks of the KV caches.
    TenantBlocks blocksOf(String tenant);

    /// The latest snapshot.
    EngineStats stats();

    /// What steps were like so far.
    StepFigures figures();

    /// How near the engines are to what they can do.
    Outlook outlook();

    /// When the step in flight that is oldest began, on the engines' clock; 0 while there is none.
    long stepStartedNs();

    /// How long the longest of the recent steps took, without a single one that stands out.
    long usualStepMaxNs();

    /// What there is to do, a thousand sequences of each engine at most.
    ///
    /// @return empty if nobody answers within `patience`, or not any more
    Optional<List<SequenceState>> sequences(Duration patience) throws InterruptedException;

    /// The clock that deadlines are on, in nanoseconds.
    long nowNs();

    /// False once nothing is served any more.
    boolean isAlive();

    /// True once a device cannot be used again in this process.
    boolean isDeviceLost();

    /// Waits until nothing is served any more, at most for `patience`.
    ///
    /// @return true if that is so
    boolean awaitEnd(Duration patience) throws InterruptedException;

    /// Refuses new work from now on and waits until everything admitted has ended, at most `grace`.
    ///
    /// @return true if nothing was left
    boolean drain(Duration grace) throws InterruptedException;

    /// Ends what is left as failed and retryable, and waits for the engines' threads.
    @Override
    void close();
}
