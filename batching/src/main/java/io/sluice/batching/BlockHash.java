package io.sluice.batching;

import java.util.random.RandomGenerator;

/// The chained hash of a block's tokens: each block's hash covers all blocks before it. One caller at a time; the
/// result is held until the next call, so that nothing is allocated.
interface BlockHash {

    /// Hashes `length` tokens from `from` on, after the block whose hash is (`parentHigh`, `parentLow`).
    void compute(long parentHigh, long parentLow, int[] tokens, int from, int length);

    long high();

    long low();

    /// A hash under a key that no caller can know: collisions cannot be crafted, so lookups stay short.
    static BlockHash keyed(RandomGenerator random) {
        return new SipHash(random.nextLong(), random.nextLong());
    }

    /// SipHash-2-4 with its 128-bit output (Aumasson and Bernstein, 2012) of the parent's two words and the tokens,
    /// all little-endian.
    final class SipHash implements BlockHash {
        private final long key0;
        private final long key1;
        private long v0;
        private long v1;
        private long v2;
        private long v3;
        private long high;
        private long low;

        SipHash(long key0, long key1) {
            this.key0 = key0;
            this.key1 = key1;
        }

        @Override
        public void compute(long parentHigh, long parentLow, int[] tokens, int from, int length) {
            v0 = key0 ^ 0x736f6d6570736575L;
            v1 = key1 ^ 0x646f72616e646f6dL ^ 0xee;
            v2 = key0 ^ 0x6c7967656e657261L;
            v3 = key1 ^ 0x7465646279746573L;
            word(parentHigh);
            word(parentLow);
            int pairs = length & ~1;
            for (int i = 0; i < pairs; i += 2) {
                word((tokens[from + i] & 0xffff_ffffL) | ((long) tokens[from + i + 1] << 32));
            }
            long odd = pairs < length ? tokens[from + pairs] & 0xffff_ffffL : 0;
            long bytes = 2L * Long.BYTES + (long) length * Integer.BYTES;
            word(bytes << 56 | odd);
            v2 ^= 0xee;
            rounds(4);
            low = v0 ^ v1 ^ v2 ^ v3;
            v1 ^= 0xdd;
            rounds(4);
            high = v0 ^ v1 ^ v2 ^ v3;
        }

        @Override
        public long high() {
            return high;
        }

        @Override
        public long low() {
            return low;
        }

        private void word(long word) {
            v3 ^= word;
            rounds(2);
            v0 ^= word;
        }

        private void rounds(int count) {
            for (int i = 0; i < count; i++) {
                v0 += v1;
                v2 += v3;
                v1 = Long.rotateLeft(v1, 13) ^ v0;
                v3 = Long.rotateLeft(v3, 16) ^ v2;
                v0 = Long.rotateLeft(v0, 32);
                v2 += v1;
                v0 += v3;
                v1 = Long.rotateLeft(v1, 17) ^ v2;
                v3 = Long.rotateLeft(v3, 21) ^ v0;
                v2 = Long.rotateLeft(v2, 32);
            }
        }
    }
}
