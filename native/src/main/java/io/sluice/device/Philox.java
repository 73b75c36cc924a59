package io.sluice.device;

/// The counter-based random generator Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
/// SC 2011): a number follows from its key and counter alone, so nothing is kept between draws. Any thread.
final class Philox {
    private static final long MULTIPLIER_0 = 0xD2511F53L;
    private static final long MULTIPLIER_1 = 0xCD9E8D57L;
    private static final int WEYL_0 = 0x9E3779B9;
    private static final int WEYL_1 = 0xBB67AE85;
    private static final long LOW = 0xffffffffL;
    private static final int ROUNDS = 10;

    private Philox() {}

    /// A number in (0, 1), uniform over 2^53 values, neither end included.
    static double uniform(long key, long counter) {
        return ((bits(key, counter, 0) >>> 11) + 0.5) * 0x1p-53;
    }

    /// The first two of the four words that a block gives, the first in the low half.
    static long bits(long key, long counterLow, long counterHigh) {
        int k0 = (int) key;
        int k1 = (int) (key >>> 32);
        int c0 = (int) counterLow;
        int c1 = (int) (counterLow >>> 32);
        int c2 = (int) counterHigh;
        int c3 = (int) (counterHigh >>> 32);
        for (int round = 0; round < ROUNDS; round++) {
            long product0 = (c0 & LOW) * MULTIPLIER_0;
            long product1 = (c2 & LOW) * MULTIPLIER_1;
            c0 = (int) (product1 >>> 32) ^ c1 ^ k0;
            c1 = (int) product1;
            c2 = (int) (product0 >>> 32) ^ c3 ^ k1;
            c3 = (int) product0;
            k0 += WEYL_0;
            k1 += WEYL_1;
        }
        return (c1 & LOW) << 32 | (c0 & LOW);
    }
}
