package io.sluice.batching;

import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.random.RandomGenerator;

/// The engine without its thread, on a clock that the caller moves: the production admission, ring, scheduler, blocks
/// and streams, for simulators that ask what a policy does. One thread for everything.
///
/// The runner moves the clock while it computes, and may let requests be submitted meanwhile, as clients would.
public final class VirtualEngine {
    private final EngineLoop loop;

    /// An engine that nobody has submitted to.
    ///
    /// @param clock nanoseconds; never goes back
    /// @param random draws the key of the prefix index's hash, so that a run can be repeated
    public VirtualEngine(EngineSettings settings, ModelRunner runner, LongSupplier clock, RandomGenerator random) {
        this(settings, EngineParts.REAL, runner, clock, random);
    }

    /// The same with a draft model, whose runner the caller closes.
    public VirtualEngine(
            EngineSettings settings,
            ModelRunner runner,
            ModelRunner draft,
            LongSupplier clock,
            RandomGenerator random) {
        this(settings, new EngineParts.WithDraft(new DraftProposer(draft)), runner, clock, random);
    }

    private VirtualEngine(
            EngineSettings settings,
            EngineParts parts,
            ModelRunner runner,
            LongSupplier clock,
            RandomGenerator random) {
        EngineParts.Core core = parts.core(runner.limits(), settings, random);
        loop = new EngineLoop(core, EngineParts.REAL.scheduler(core), runner, clock);
    }

    /// Decides about a request as `Engine.submit` does; the tokens must be of the runner's vocabulary.
    public Admission submit(GenerationRequest request) {
        return submit(request, Attempt.FIRST);
    }

    /// The same, of a request that may have been refused before.
    public Admission submit(GenerationRequest request, Attempt attempt) {
        return loop.submit(request, attempt, () -> {});
    }

    /// Why `submit` would refuse this request at this moment, if it would. Changes nothing.
    public Optional<Admission.Refused> wouldRefuse(GenerationRequest request) {
        return loop.wouldRefuse(request, Attempt.FIRST);
    }

    /// One turn of the loop: takes what was submitted, plans a step, computes it, applies the result.
    ///
    /// @return false if there was nothing to do
    public boolean turn() {
        try {
            return switch (loop.turn()) {
                case WORKED -> true;
                case HELD_UP, IDLE -> false;
            };
        } catch (RuntimeException failure) {
            throw failure;
        } catch (Exception failure) { // the ring's interface declares it
            throw new IllegalStateException(failure);
        }
    }

    /// To be called when work arrives after a turn that had nothing to do.
    public void resume() {
        loop.resume();
    }

    /// How near it is to what it can do, at this moment.
    public Outlook outlook() {
        return loop.outlook();
    }

    /// The latest snapshot.
    public EngineStats stats() {
        return loop.stats();
    }
}
