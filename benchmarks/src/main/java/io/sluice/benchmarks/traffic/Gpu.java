package io.sluice.benchmarks.traffic;

import java.util.List;

/// A device as far as the time of a step depends on it. A value.
///
/// @param memoryBytes what a runner may fill with weights, activations and the KV cache
/// @param bytesPerSecond read from its memory, achieved
/// @param flopsPerSecond of 16-bit matrix products, achieved
/// @param stepOverheadNs of every step, whatever it computes: launches, gaps between kernels, the host
/// @param hostBytesPerSecond copied between its memory and the host's, one way
record Gpu(
        String name,
        double memoryBytes,
        double bytesPerSecond,
        double flopsPerSecond,
        long stepOverheadNs,
        double hostBytesPerSecond) {
    private static final double GIB = 1 << 30;

    /// The rates with which the sum of product time and read time predicts TensorRT-LLM 0.15's published fp16
    /// throughput of Llama-3.1-8B on an H100 within 1 to 13 % over seven shapes: 3.0 TB/s and 660 TFLOP/s.
    /// The overhead is what is then left of vLLM 0.19.1's published 6.44 ms per token at batch 1 (15.01 GB of
    /// weights take 5.00 ms). Memory is 90 % of 79 GiB, as vLLM takes by default. The copy rate is an
    /// assumption: PCIe 5 x16 has 63 GB/s, pinned copies get about four fifths of it.
    static final Gpu H100 = new Gpu("h100", 0.9 * 79 * GIB, 3.0e12, 660e12, 1_440_000, 50e9);

    /// 4.3 TB/s copied and 790 TFLOP/s of bf16 products, both measured; the rest as for the H100.
    static final Gpu H200 = new Gpu("h200", 0.9 * 140 * GIB, 4.3e12, 790e12, 1_440_000, 50e9);

    /// Two cores of a Zen 5 server, measured when quiet: 50.4 GB/s read, 955 GFLOP/s of bf16 products.
    /// Memory, overhead and copy rate are assumptions. A bound on what such a machine can do, not a forecast.
    static final Gpu CPU = new Gpu("cpu", 8 * GIB, 50.4e9, 955e9, 200_000, 20e9);

    static final List<Gpu> ALL = List.of(H100, H200, CPU);
}
