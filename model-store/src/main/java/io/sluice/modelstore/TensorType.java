package io.sluice.modelstore;

/// How a tensor's numbers are stored: `blockLength` numbers in `blockBytes` bytes, little-endian. Those after IQ4_XS
/// are what quantised safetensors files hold: their numbers mean something together with scales that other tensors
/// have.
public enum TensorType {
    F32(1, 4),
    F16(1, 2),
    BF16(1, 2),
    Q8_0(32, 34),
    Q4_0(32, 18),
    Q4_1(32, 20),
    Q5_0(32, 22),
    Q5_1(32, 24),
    IQ4_NL(32, 18),
    Q2_K(256, 84),
    Q3_K(256, 110),
    Q4_K(256, 144),
    Q5_K(256, 176),
    Q6_K(256, 210),
    IQ4_XS(256, 136),

    /// Integers of four bits with scales; a tensor hands its rows out as blocks of Q4_1.
    INT4(32, 20),
    /// The same where blocks of 32 do not share a scale: only decoded.
    INT4_SCATTERED(32, 20),
    /// Integers of eight bits with scales; a tensor hands its rows out as blocks of Q8_0.
    INT8(32, 34),
    /// The same where blocks of 32 do not share a scale: only decoded.
    INT8_SCATTERED(32, 34),
    /// Floating-point numbers of eight bits with scales.
    F8_E4M3(1, 1),
    /// Plain bytes; no weights by themselves, like the two that follow.
    I8(1, 1),
    I32(1, 4),
    I64(1, 8);

    private final int blockLength;
    private final int blockBytes;

    TensorType(int blockLength, int blockBytes) {
        this.blockLength = blockLength;
        this.blockBytes = blockBytes;
    }

    public int blockLength() {
        return blockLength;
    }

    public int blockBytes() {
        return blockBytes;
    }

    /// True if several numbers share a scale.
    public boolean isQuantised() {
        return blockLength > 1 || this == F8_E4M3;
    }

    /// True if what is stored are weights without anything else.
    boolean standsByItself() {
        return switch (this) {
            case INT4, INT4_SCATTERED, INT8, INT8_SCATTERED, F8_E4M3, I8, I32, I64 -> false;
            default -> true;
        };
    }

    /// Bytes of `count` numbers, a multiple of the block length.
    ///
    /// @throws ArithmeticException if that is more than a `long` counts
    public long bytes(long count) {
        return Math.multiplyExact(count / blockLength, blockBytes);
    }
}
