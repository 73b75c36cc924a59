package io.sluice.device;

import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.device.RunnerSettings.Gemm;

/// Decides who multiplies on the fast path, and says why. A value.
record GemmChoice(boolean libtorch, String why) {

    /// @param quantised the model's weights are kept quantised if our kernels multiply
    /// @param amx the processor has matrix units for bfloat16, which oneDNN uses and our kernels do not
    static GemmChoice of(RunnerSettings settings, boolean quantised, boolean amx) {
        return switch (settings.gemm()) {
            case KERNELS -> new GemmChoice(false, "asked for");
            case LIBTORCH -> new GemmChoice(true, "asked for");
            case AUTO -> automatic(settings, quantised, amx);
        };
    }

    private static GemmChoice automatic(RunnerSettings settings, boolean quantised, boolean amx) {
        if (quantised) return new GemmChoice(false, "they multiply quantised weights as they are stored");
        if (!amx) return new GemmChoice(false, "this processor has no AMX for bfloat16");
        if (settings.dtype() != Dtype.BFLOAT16) return new GemmChoice(false, "AMX does not multiply float32");
        if (settings.deterministic()) return new GemmChoice(false, "they do not depend on the batch");
        return new GemmChoice(true, "this processor has AMX for bfloat16");
    }

    /// Our own products for these settings.
    static KernelProducts own(RunnerSettings settings, Kernels kernels) {
        boolean keepsQuantised = settings.keepsQuantised() && settings.dtype() != Dtype.FLOAT32;
        return new KernelProducts(kernels, settings.dtype(), keepsQuantised);
    }

    /// Makes the products. What was chosen for the operator never fails for want of libtorch.
    ///
    /// @param outputsMax the most numbers of one product
    /// @throws TorchFailed if libtorch was asked for and cannot be loaded
    Opened open(RunnerSettings settings, Kernels kernels, long outputsMax) {
        Products own = own(settings, kernels);
        if (!libtorch) return new Opened(own, this);
        boolean tiled = settings.deterministic() || settings.dtype() == Dtype.FLOAT32;
        try {
            Products torch = TorchProducts.open(kernels, settings.dtype(), tiled, outputsMax, settings.threads());
            return new Opened(torch, this);
        } catch (TorchFailed e) {
            if (settings.gemm() != Gemm.AUTO) throw e;
            return new Opened(own, new GemmChoice(false, String.valueOf(e.getMessage())));
        }
    }

    /// The products, and what was chosen in the end.
    record Opened(Products products, GemmChoice choice) {}
}
