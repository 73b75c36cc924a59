package io.sluice.batching;

import java.util.random.RandomGenerator;

/// How a simulation puts the engine together: the real parts, a hash that may be weak, and a device. A mutant
/// overrides one of them.
interface SimulatedParts extends EngineParts {

    /// The engine as it is.
    SimulatedParts REAL = new SimulatedParts() {};

    /// A hash of which `bits` bits are left.
    default BlockHash hash(RandomGenerator random, int bits) {
        BlockHash keyed = hash(random);
        return bits == 64 ? keyed : new WeakHash(keyed, bits);
    }

    default ModelRunner runner(ShadowRunner shadow) {
        return shadow;
    }

    /// A hash with so few bits that collisions are everyday: lookups must be right all the same.
    record WeakHash(BlockHash strong, int bits) implements BlockHash {
        @Override
        public void compute(long parentHigh, long parentLow, int[] tokens, int from, int length) {
            strong.compute(parentHigh, parentLow, tokens, from, length);
        }

        @Override
        public long high() {
            return 0;
        }

        @Override
        public long low() {
            return strong.low() & ((1L << bits) - 1);
        }
    }
}
