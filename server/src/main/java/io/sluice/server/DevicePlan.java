package io.sluice.server;

import io.sluice.device.CudaDevices;
import io.sluice.device.DeviceUnavailable;
import io.sluice.server.settings.DeviceChoice;
import java.util.List;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/// Decides on which devices the model is computed. What was asked for by name is used or refused; nothing
/// takes its place. A value.
///
/// @param gpus CUDA devices, each with an engine of its own; empty if the model is computed on the CPU
/// @param words for the operator
record DevicePlan(List<Integer> gpus, String words) {
    DevicePlan {
        gpus = List.copyOf(gpus);
    }

    /// @param here which GPUs there are; not asked where none is wanted
    /// @throws DeviceUnavailable if one that was asked for is not there
    static DevicePlan of(DeviceChoice choice, Supplier<CudaDevices> here) {
        return switch (choice) {
            case DeviceChoice.Cpu() -> new DevicePlan(List.of(), "the CPU");
            case DeviceChoice.Auto() -> new DevicePlan(List.of(), automatic(here.get()));
            case DeviceChoice.Cuda(List<Integer> indices) -> gpus(indices, here.get());
        };
    }

    private static String automatic(CudaDevices here) {
        if (here.names().isEmpty()) return "the CPU";
        return "the CPU. " + here.listed()
                + ": not used, because the kernels for it have not yet run on a GPU; --device cuda:0 tries them";
    }

    private static DevicePlan gpus(List<Integer> indices, CudaDevices here) {
        List<Integer> wanted = indices;
        if (wanted.isEmpty()) {
            here.requireAny();
            wanted = IntStream.range(0, here.names().size()).boxed().toList();
        }
        wanted.forEach(here::require);
        List<String> named = wanted.stream()
                .map(index -> "cuda:" + index + ", " + here.names().get(index))
                .toList();
        return new DevicePlan(wanted, String.join("; ", named) + " (not yet run on a GPU)");
    }

    /// What an engine may count on of memory that all engines share.
    long memoryOfOne(long bytes) {
        return bytes / Math.max(1, gpus.size());
    }

    boolean isGpu() {
        return !gpus.isEmpty();
    }
}
