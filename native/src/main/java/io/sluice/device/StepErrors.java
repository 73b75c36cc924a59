package io.sluice.device;

import io.sluice.batching.ModelRunner.DeviceLost;
import io.sluice.batching.ModelRunner.StepFailed;

/// Decides what an error in a step means for the runner. Any thread.
final class StepErrors {
    private StepErrors() {}

    /// A step that was refused, or found no memory, leaves nothing behind: every step writes all that it reads
    /// but for keys and values of earlier positions. Anything else says that the process itself is not what it
    /// should be, such as memory that cannot be accessed.
    ///
    /// @param who could not compute, for the message
    static RuntimeException meaning(String who, Throwable error) {
        return switch (error) {
            case RuntimeException e -> failed(who, e);
            case OutOfMemoryError e -> failed(who, e);
            default -> new DeviceLost(who + " can compute no more: " + error, error);
        };
    }

    private static StepFailed failed(String who, Throwable error) {
        return new StepFailed(who + " could not compute a step: " + error.getMessage(), error);
    }
}
