package io.sluice.modelstore;

/// How a tensor's numbers are stored: `blockLength` numbers in `blockBytes` bytes, little-endian.
public enum TensorType {
    F32(1, 4),
    F16(1, 2),
    BF16(1, 2),
    Q8_0(32, 34),
    Q4_0(32, 18),
    Q4_1(32, 20),
    Q4_K(256, 144),
    Q6_K(256, 210);

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

    /// Bytes of `count` numbers, a multiple of the block length.
    ///
    /// @throws ArithmeticException if that is more than a `long` counts
    public long bytes(long count) {
        return Math.multiplyExact(count / blockLength, blockBytes);
    }
}
