package io.sluice.batching;

/// How far one sequence's blocks are known to the prefix index: the hash and the entry of the last of them.
/// Engine thread only.
final class PrefixChain {
    private static final long ROOT_HIGH = 0x517cc1b727220a95L; // any two words will do
    private static final long ROOT_LOW = 0x2545f4914f6cdd1dL;

    private final PrefixScope scope;
    private int length;
    private long high;
    private long low;
    private int lastBlock;
    private long lastSerial;

    PrefixChain(PrefixScope scope) {
        this.scope = scope;
        reset();
    }

    /// Back to before the first block.
    void reset() {
        length = 0;
        high = ROOT_HIGH;
        low = ROOT_LOW;
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

    /// The salt of the next block, which ends before position `end`: the tenant's own, unless the block lies
    /// in a prefix that several tenants share.
    long salt(int end) {
        return end <= scope.sharedTokens() ? scope.sharedSalt() : scope.salt();
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
