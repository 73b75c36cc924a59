package io.sluice.device;

import io.sluice.batching.ModelRunner;
import io.sluice.modelstore.ModelFiles;

/// Chooses how a model runs here: the fast path where its kernels load, else the reference path. Any thread.
public final class Device {
    private Device() {}

    /// A runner for the model, to be made on the engine thread. Logs in one line what was chosen and why.
    public static ModelRunner.Factory runner(ModelFiles model, RunnerSettings settings) {
        throw new UnsupportedOperationException("to be written");
    }
}
