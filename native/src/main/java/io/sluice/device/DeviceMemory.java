package io.sluice.device;

import io.sluice.batching.ModelLimits;
import io.sluice.modelstore.ModelConfig;

/// Decides how many KV blocks a runner gets and whether model and cache fit the machine, before any of it is allocated.
/// Any thread.
final class DeviceMemory {
    private DeviceMemory() {}

    /// Memory of one block: keys and values of `blockSize` positions in every layer.
    static long blockBytes(ModelConfig config, RunnerSettings settings) {
        long positionNumbers = 2L * config.layerCount() * config.kvHeadCount() * config.headDim();
        return positionNumbers * settings.kvDtype().bytes() * settings.blockSize();
    }

    /// What a runner with these settings can hold and compute.
    ///
    /// @throws NotEnoughMemory if the KV cache is too small for one sequence of `contextMax` tokens
    static ModelLimits limits(ModelConfig config, RunnerSettings settings) {
        long blockBytes = blockBytes(config, settings);
        long blocks = settings.kvCacheBytes() / blockBytes;
        long blocksNeeded = Math.ceilDiv(settings.contextMax(), settings.blockSize());
        if (blocks < blocksNeeded) {
            throw new NotEnoughMemory(
                    ("a KV cache of %s holds %,d tokens of this model, but one sequence may have %,d: raise"
                                    + " kv-cache-memory to at least %s, or lower max-model-len to %,d")
                            .formatted(
                                    binary(settings.kvCacheBytes()),
                                    blocks * settings.blockSize(),
                                    settings.contextMax(),
                                    binary(blocksNeeded * blockBytes),
                                    blocks * settings.blockSize()));
        }
        return new ModelLimits(
                Math.toIntExact(Math.min(blocks, Integer.MAX_VALUE)),
                settings.blockSize(),
                settings.contextMax(),
                settings.stepTokensMax(),
                settings.sequencesMax(),
                config.vocabSize(),
                Math.toIntExact(Math.min(settings.parkBytes() / blockBytes, Integer.MAX_VALUE)));
    }

    /// Refuses what would push the machine, or the container, into swapping or being killed.
    ///
    /// @param weightBytes weights as the runner keeps them
    /// @param kvBytes the KV cache
    /// @param parkBytes host memory for parked sequences
    /// @param bufferBytes what a step needs besides
    /// @throws NotEnoughMemory if that is more than what is available
    static void refuseTooMuch(long weightBytes, long kvBytes, long parkBytes, long bufferBytes, long availableBytes) {
        long needed = weightBytes + kvBytes + parkBytes + bufferBytes;
        if (needed > availableBytes) {
            throw new NotEnoughMemory(
                    ("weights (%s), KV cache (%s), parked sequences (%s) and buffers (%s) need %s, but %s are"
                                    + " available: lower kv-cache-memory or park-memory, or choose a smaller model or"
                                    + " dtype")
                            .formatted(
                                    binary(weightBytes),
                                    binary(kvBytes),
                                    binary(parkBytes),
                                    binary(bufferBytes),
                                    binary(needed),
                                    binary(availableBytes)));
        }
    }

    /// Bytes for people, in binary units.
    static String binary(long bytes) {
        if (bytes < 1L << 20) return "%,d KiB".formatted(Math.ceilDiv(bytes, 1L << 10));
        if (bytes < 10L << 30) return "%,d MiB".formatted(Math.ceilDiv(bytes, 1L << 20));
        return "%,d GiB".formatted(Math.ceilDiv(bytes, 1L << 30));
    }
}
