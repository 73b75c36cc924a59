package io.sluice.device;

import java.util.Locale;

/// The processor instruction sets that the CPU kernels are compiled for, best first.
enum InstructionSet {
    /// With VNNI.
    AVX512BF16,
    AVX512VNNI,
    AVX512,
    AVX2,
    PORTABLE;

    /// As the kernels' symbols spell it.
    String symbol() {
        return name().toLowerCase(Locale.ROOT);
    }

    /// True if the processor multiplies pairs of bf16: activations are rounded to bf16 then, else they stay float32.
    boolean multipliesBf16() {
        return this == AVX512BF16;
    }
}
