package io.sluice.device;

/// What each benchmarked kernel call moves and computes: the sums behind "% of the machine". A value. Shapes
/// are those of Llama-3.1-8B; weights and keys come from memory, activations may come from a cache, which shows
/// as more than 100 %.
enum KernelWork {
    GEMM_FLOAT32_1(Format.FLOAT32, 1),
    GEMM_FLOAT32_256(Format.FLOAT32, 256),
    GEMM_BFLOAT16_1(Format.BFLOAT16, 1),
    GEMM_BFLOAT16_16(Format.BFLOAT16, 16),
    GEMM_BFLOAT16_256(Format.BFLOAT16, 256),
    GEMM_INT8_1(Format.INT8, 1),
    GEMM_INT8_256(Format.INT8, 256),
    GEMM_INT4_1(Format.INT4, 1),
    GEMM_INT4_256(Format.INT4, 256),
    EMBED(KernelWork.ROWS * KernelWork.HIDDEN * 6.0, 0),
    GATHER(KernelWork.ROWS * KernelWork.HIDDEN * 8.0, 0),
    SCATTER_ADD(KernelWork.ROWS * KernelWork.HIDDEN * 12.0, KernelWork.ROWS * KernelWork.HIDDEN * 2.0),
    RMS_NORM(KernelWork.ROWS * KernelWork.HIDDEN * 8.0, KernelWork.ROWS * KernelWork.HIDDEN * 4.0),
    SILU_MUL(KernelWork.ROWS * KernelWork.INTERMEDIATE * 12.0, 0),
    GELU_MUL(KernelWork.ROWS * KernelWork.INTERMEDIATE * 12.0, 0),
    SCALE(KernelWork.ROWS * KernelWork.HIDDEN * 8.0, KernelWork.ROWS * KernelWork.HIDDEN),
    SOFT_CAP(KernelWork.ROWS * KernelWork.HIDDEN * 8.0, 0),
    ARGMAX(KernelWork.SAMPLED * KernelWork.VOCABULARY * 4.0, 0),
    /// Rows of queries, keys and values read; queries written back, keys and values written to the cache.
    ROPE_KV(KernelWork.ROWS * KernelWork.QKV * 4.0 + KernelWork.ROWS * (4096 * 4.0 + 2048 * 2.0), 0),
    /// Eight sequences of 2,048 tokens each ask for one more.
    ATTENTION(
            KernelWork.SEQUENCES * KernelWork.CONTEXT * 2.0 * 1024 * 2,
            KernelWork.SEQUENCES * KernelWork.CONTEXT * 4.0 * 4096);

    static final int ROWS = 256;
    static final int HIDDEN = 4096;
    static final int INTERMEDIATE = 14_336;
    static final int QKV = 6144; // 32 heads of queries, 8 of keys, 8 of values, 128 wide
    static final int VOCABULARY = 128_256;
    static final int SAMPLED = 32;
    static final int SEQUENCES = 8;
    static final int CONTEXT = 2048;

    private final Format weights;
    private final int rows; // of a product, else 0
    private final double bytes;
    private final double flops;

    KernelWork(Format weights, int rows) {
        this.weights = weights;
        this.rows = rows;
        bytes = PackedMatrix.bytes(HIDDEN, HIDDEN, weights) + rows * HIDDEN * 8.0;
        flops = 2.0 * rows * HIDDEN * HIDDEN;
    }

    KernelWork(double bytes, double flops) {
        weights = Format.FLOAT32;
        rows = 0;
        this.bytes = bytes;
        this.flops = flops;
    }

    boolean isProduct() {
        return rows > 0;
    }

    /// How a product's weights are kept.
    Format weights() {
        return weights;
    }

    /// Rows of a product.
    int rows() {
        return rows;
    }

    /// Read and written by one call.
    double bytes() {
        return bytes;
    }

    /// Additions and multiplications of one call, where they are of interest.
    double flops() {
        return flops;
    }
}
