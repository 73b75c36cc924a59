package io.sluice.server.settings;

import java.util.List;

/// What the operator wants the model to be computed on. A value.
public sealed interface DeviceChoice {

    /// Whatever the server thinks best.
    record Auto() implements DeviceChoice {}

    record Cpu() implements DeviceChoice {}

    /// CUDA devices and nothing else, each with an engine of its own.
    ///
    /// @param indices as CUDA counts them, in ascending order; empty for all that there are
    record Cuda(List<Integer> indices) implements DeviceChoice {
        public Cuda {
            indices = indices.stream().distinct().sorted().toList();
        }
    }
}
