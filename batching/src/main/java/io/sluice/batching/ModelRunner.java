package io.sluice.batching;

/// The port to a device: computes steps. Built, used and closed on the engine thread only.
///
/// The engine owns *which* blocks hold what; the runner owns the tensors behind them. A runner keeps no
/// state per sequence: everything that a step needs is in its plan.
public interface ModelRunner extends AutoCloseable {

    /// What this runner can hold and compute; constant.
    ModelLimits limits();

    /// True if it can report on prompts (`StepPlan.report`); constant.
    default boolean canReport() {
        return true;
    }

    /// Queues the plan's work on the device and returns: first its copies, then its slices. The plan stays
    /// frozen until `await` has returned.
    InFlightStep launch(StepPlan plan);

    /// True if a step may be launched while the one before is under way, and may take tokens that that one
    /// samples (`StepPlan.addFed`). Constant.
    default boolean canFeed() {
        return false;
    }

    /// The most proposed tokens of one slice (`StepPlan.propose`) that it samples after; 0 if it takes none. Constant.
    default int proposedMax() {
        return 0;
    }

    @Override
    void close();

    /// A step under way.
    interface InFlightStep {

        /// Blocks until the step is done. Steps are awaited in the order in which they were launched. The
        /// result is valid until the second `launch` after the step's own; of a runner that cannot feed,
        /// until the next. After a failed step its copies are made, the runner can go on, and nothing else
        /// has changed but perhaps the positions of the plan's own slices.
        ///
        /// @throws StepFailed if the slices could not be computed
        /// @throws DeviceLost if the device cannot be used again in this process
        StepResult await();
    }

    /// Makes the runner on the engine thread, which will own it.
    @FunctionalInterface
    interface Factory {
        ModelRunner create();
    }

    /// This step was not computed; the next one may be.
    final class StepFailed extends RuntimeException {
        public StepFailed(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /// The device cannot be used again in this process.
    final class DeviceLost extends RuntimeException {
        public DeviceLost(String message, Throwable cause) {
            super(message, cause);
        }
    }
}
