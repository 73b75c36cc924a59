package io.sluice.batching;

/// How far one sequence's blocks are known to the prefix index: the hash and the entry of the last of them. Engine
/// thread only.
final class PrefixChain {
    private final long salt;
    private int length;
    private long high;
    private long low;
    private int lastBlock;
    private long lastSerial;

    PrefixChain(long salt) {
        this.salt = salt;
        reset();
    }

    /// Back to before the first block.
    void reset() {
        length = 0;
        high = salt;
        low = ~salt;
        lastBlock = BlockPool.NO_BLOCK;
        lastSerial = 0;
    }

    void extend(long blockHigh, long blockLow, int block, long serial) {
        length++;
        high = blockHigh;
        low = blockLow;
        lastBlock = block;
        lastSerial = serial;
    }

    /// Blocks followed or offered so far.
    int length() {
        return length;
    }

    long salt() {
        return salt;
    }

    long high() {
        return high;
    }

    long low() {
        return low;
    }

    int lastBlock() {
        return lastBlock;
    }

    long lastSerial() {
        return lastSerial;
    }
}
