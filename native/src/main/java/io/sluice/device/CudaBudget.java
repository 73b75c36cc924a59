package io.sluice.device;

import io.sluice.modelstore.ModelConfig;

/// Decides how large a KV cache on a CUDA device is: the share of its memory that the operator allows, less
/// what is in use when everything else is there and the largest steps have run once. A value; any thread.
///
/// @param totalBytes of the device
/// @param share of the whole that may be in use, above 0 and at most 1
record CudaBudget(long totalBytes, double share) {

    /// What was not seen when steps were rehearsed: kernels of shapes that have not run, and gaps between
    /// allocations.
    static final long RESERVE_BYTES = 128L << 20;

    CudaBudget {
        if (!(share > 0 && share <= 1)) throw new IllegalArgumentException("share " + share);
    }

    /// What may still be taken while so much is free; below 0 if too much is in use already.
    long leftBytes(long freeBytes) {
        return (long) (totalBytes * share) - (totalBytes - freeBytes) - RESERVE_BYTES;
    }

    /// Before anything is loaded: refuses what cannot fit.
    ///
    /// @param fixedBytes weights and buffers
    /// @param kvBytes the least KV cache that will do
    /// @throws NotEnoughMemory if that is more than may be taken
    void refuseTooMuch(long freeBytes, long fixedBytes, long kvBytes) {
        if (fixedBytes + kvBytes <= leftBytes(freeBytes)) return;
        long left = leftBytes(freeBytes) - fixedBytes;
        throw refusal("weights and buffers take " + DeviceMemory.binary(fixedBytes), freeBytes, left, kvBytes);
    }

    /// The cache when all the rest is there.
    ///
    /// @param graphBytes what graphs to come will take
    /// @throws NotEnoughMemory if there is no room for it, or not for one sequence of full length
    long kvBytes(
            ModelConfig config, RunnerSettings settings, boolean takesWhatIsLeft, long freeBytes, long graphBytes) {
        long blockBytes = DeviceMemory.blockBytes(config, settings);
        long oneSequence = blockBytes * Math.ceilDiv(settings.contextMax(), settings.blockSize());
        long left = leftBytes(freeBytes) - graphBytes;
        long least = takesWhatIsLeft ? oneSequence : settings.kvCacheBytes();
        if (least > left) {
            throw refusal("graphs will take " + DeviceMemory.binary(graphBytes), freeBytes, left, least);
        }
        if (!takesWhatIsLeft) return least;
        // More than all sequences at full length is of use to the prefix cache alone, and welcome there.
        return left / blockBytes * blockBytes;
    }

    private NotEnoughMemory refusal(String taken, long freeBytes, long left, long kvBytes) {
        String advice = left > 0
                ? "the KV cache can have at most " + DeviceMemory.binary(left) + " and " + DeviceMemory.binary(kvBytes)
                        + " are needed: lower kv-cache-memory or max-model-len, or raise gpu-memory-utilization"
                : "choose a smaller model or dtype, or raise gpu-memory-utilization";
        return new NotEnoughMemory(
                ("the model does not fit the device: %s of %s are free, %s, and at most %d %% of the whole may be in use"
                                + " (with a reserve of %s); %s")
                        .formatted(
                                DeviceMemory.binary(freeBytes),
                                DeviceMemory.binary(totalBytes),
                                taken,
                                Math.round(100 * share),
                                DeviceMemory.binary(RESERVE_BYTES),
                                advice));
    }
}
