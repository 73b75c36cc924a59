package io.sluice.batching;

import java.util.random.RandomGenerator;

/// How a simulation puts the engine together: the real parts. A mutant overrides one of them.
interface EngineParts {

    /// The engine as it is.
    EngineParts REAL = new EngineParts() {};

    default BlockHash hash(RandomGenerator random, int bits) {
        BlockHash keyed = BlockHash.keyed(random);
        return bits == 64 ? keyed : new WeakHash(keyed, bits);
    }

    default PrefixIndex index(ModelLimits limits, BlockHash hash) {
        return new PrefixIndex(limits.blockCount(), limits.blockSize(), hash);
    }

    default BlockPool pool(ModelLimits limits, PrefixIndex index) {
        return new BlockPool(limits.blockCount(), index);
    }

    default BlockAllocator blocks(ModelLimits limits, EngineSettings settings, BlockPool pool, PrefixIndex index) {
        return new BlockAllocator(limits.blockSize(), settings.prefixCaching(), pool, index);
    }

    default AdmissionController admission(ModelLimits limits, EngineSettings settings, long nowNs) {
        return new AdmissionController(limits, settings.waitingMax(), nowNs);
    }

    default Scheduler scheduler(
            ModelLimits limits, EngineSettings settings, BlockAllocator blocks, AdmissionController admission) {
        return new Scheduler(limits, settings, blocks, admission);
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
