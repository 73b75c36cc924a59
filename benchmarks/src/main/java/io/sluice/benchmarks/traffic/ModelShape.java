package io.sluice.benchmarks.traffic;

import java.util.List;

/// A model as far as the time of a step depends on it, in 16-bit numbers. A value.
///
/// @param bodyParameters of all layers; read in every step, used by every token
/// @param headParameters of the product that makes logits; read and used for the tokens that sample
/// @param embeddingParameters of a separate embedding table; they fill memory, but only single rows are read
/// @param queryWidth query heads times their width
/// @param kvBytesPerToken keys and values of all layers
record ModelShape(
        String name,
        double bodyParameters,
        double headParameters,
        double embeddingParameters,
        int layers,
        int queryWidth,
        int kvBytesPerToken,
        int contextMax,
        int vocabSize) {
    static final double BYTES_PER_PARAMETER = 2;

    /// 15.01 GB read in a step, 128 KiB of keys and values per token.
    static final ModelShape LLAMA_3_1_8B =
            new ModelShape("llama-3.1-8b", 6.980e9, 0.525e9, 0.525e9, 32, 4096, 128 << 10, 131_072, 128_256);

    /// 15.14 GB read in a step, 144 KiB of keys and values per token.
    static final ModelShape QWEN3_8B =
            new ModelShape("qwen3-8b", 6.947e9, 0.622e9, 0.622e9, 36, 4096, 144 << 10, 40_960, 151_936);

    /// 0.27 GB read in a step, 22.5 KiB of keys and values per token; embedding and head are one table.
    static final ModelShape SMOLLM2_135M =
            new ModelShape("smollm2-135m", 106.2e6, 28.3e6, 0, 30, 576, 23_040, 8_192, 49_152);

    static final List<ModelShape> ALL = List.of(LLAMA_3_1_8B, QWEN3_8B, SMOLLM2_135M);

    double weightBytes() {
        return (bodyParameters + headParameters + embeddingParameters) * BYTES_PER_PARAMETER;
    }
}
