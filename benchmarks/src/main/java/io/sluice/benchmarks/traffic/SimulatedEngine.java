package io.sluice.benchmarks.traffic;

import io.sluice.batching.Admission;
import io.sluice.batching.Attempt;
import io.sluice.batching.FinishReason;
import io.sluice.batching.Outlook;
import java.util.Optional;
import java.util.function.BooleanSupplier;

/// An engine in a replay: takes requests, and computes a step in virtual time when it is told to. One thread.
interface SimulatedEngine {

    /// The answer to a submitted request.
    sealed interface Answer {
        record Admitted(Output output) implements Answer {}

        record Refused(Admission.Refused why) implements Answer {}
    }

    /// What is visible of an admitted request.
    interface Output {

        /// Tokens that its client can have. The client takes them.
        int take();

        /// True once nothing more comes.
        boolean hasEnded();

        /// How it ended, once it has.
        Ended ended();
    }

    /// How a request ended. A value.
    ///
    /// @param complete all of its tokens came
    record Ended(boolean complete, FinishReason reason, int cachedTokens, int preemptions) {}

    /// What the engine holds and has done. A value.
    ///
    /// @param blocksUsed KV blocks that running requests hold
    /// @param waiting requests that hold none yet
    /// @param steps so far
    /// @param preemptions requests that lost their blocks and were computed again, so far
    /// @param parks requests whose blocks went to host memory, so far
    /// @param guaranteedPreemptions of both, those of guaranteed classes
    record State(
            int blocksUsed,
            int blockCount,
            int running,
            int waiting,
            long steps,
            long preemptions,
            long parks,
            long guaranteedPreemptions) {
        /// Of both engines together.
        State plus(State other) {
            return new State(
                    blocksUsed + other.blocksUsed,
                    blockCount + other.blockCount,
                    running + other.running,
                    waiting + other.waiting,
                    steps + other.steps,
                    preemptions + other.preemptions,
                    parks + other.parks,
                    guaranteedPreemptions + other.guaranteedPreemptions);
        }
    }

    /// Decides about a request.
    ///
    /// @param attempt whether its client says that it was refused before
    Answer submit(TrafficRequest request, Attempt attempt);

    /// Computes a step, if there is one.
    ///
    /// @param log cleared, then told which requests got a token
    /// @return false if there was nothing to do
    boolean turn(StepLog log);

    /// Work arrived after a turn that had nothing to do.
    void resume();

    /// Tells, whenever it is asked, whether the request would be admitted at that moment. Asking changes
    /// nothing.
    BooleanSupplier probe(TrafficRequest request);

    State state();

    /// How near it is to what it can do; empty if it does not know.
    default Optional<Outlook> outlook() {
        return Optional.empty();
    }
}
