package io.sluice.device;

import java.util.Arrays;
import java.util.Map;

/// What part of the machine's measured rates a kernel reaches. A value.
///
/// @param us what `MachineBenchmark` took, by what it measured; nothing is known of what is missing
public record MachineLimits(Map<String, Double> us) {
    public MachineLimits {
        us = Map.copyOf(us);
    }

    /// Bytes that the kernel moves, over what the memory brings in the same time; NaN if one of them is not known.
    public double ofMemory(String kernel, double kernelUs) {
        if (!isKnown(kernel)) return Double.NaN;
        double perUs = MachineBenchmark.READ_BYTES / us.getOrDefault("READ", Double.NaN);
        return KernelWork.valueOf(kernel).bytes() / kernelUs / perUs;
    }

    /// What the kernel computes, over what a large product computes in the same time: in float32 for float32 weights,
    /// else in bfloat16. NaN if that is not known, or if the kernel hardly computes.
    public double ofProducts(String kernel, double kernelUs) {
        if (!isKnown(kernel)) return Double.NaN;
        KernelWork work = KernelWork.valueOf(kernel);
        if (work.flops() == 0 || !(work.isProduct() || work == KernelWork.ATTENTION)) return Double.NaN;
        boolean whole = work.isProduct() && work.weights() == Format.FLOAT32;
        double perUs =
                MachineBenchmark.GEMM_FLOPS / us.getOrDefault(whole ? "GEMM_FLOAT32" : "GEMM_BFLOAT16", Double.NaN);
        return work.flops() / kernelUs / perUs;
    }

    private static boolean isKnown(String kernel) {
        return Arrays.stream(KernelWork.values()).anyMatch(work -> work.name().equals(kernel));
    }
}
