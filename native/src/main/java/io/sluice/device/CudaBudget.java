package io.sluice.device;

/// Decides whether a model and its KV cache fit a device: the share of its memory that the operator allows, less what
/// others have taken. A value; any thread.
///
/// @param totalBytes of the device
/// @param freeBytes of it, before anything of this runner is there
/// @param share of the whole that may be in use, above 0 and at most 1
record CudaBudget(long totalBytes, long freeBytes, double share) {

    /// What graphs and kernels that are loaded when they are first used take beyond our own allocations.
    static final long RESERVE_BYTES = 512L << 20;

    CudaBudget {
        if (!(share > 0 && share <= 1)) throw new IllegalArgumentException("share " + share);
    }

    /// What a KV cache can have beside weights, activations and scratch of `fixedBytes`; below 0 if they do not fit.
    long leftBytes(long fixedBytes) {
        long takenByOthers = totalBytes - freeBytes;
        return (long) (totalBytes * share) - takenByOthers - RESERVE_BYTES - fixedBytes;
    }

    /// @throws NotEnoughMemory if a KV cache of `kvBytes` does not fit beside the rest
    void refuseTooMuch(long fixedBytes, long kvBytes) {
        long left = leftBytes(fixedBytes);
        if (kvBytes <= left) return;
        String advice = left > 0
                ? "lower kv-cache-memory to at most " + DeviceMemory.binary(left)
                : "choose a smaller model or dtype";
        throw new NotEnoughMemory(
                ("weights and buffers (%s), KV cache (%s) and a reserve (%s) do not fit the device: %s of %s are free,"
                                + " and at most %d %% may be used: %s")
                        .formatted(
                                DeviceMemory.binary(fixedBytes),
                                DeviceMemory.binary(kvBytes),
                                DeviceMemory.binary(RESERVE_BYTES),
                                DeviceMemory.binary(freeBytes),
                                DeviceMemory.binary(totalBytes),
                                Math.round(100 * share),
                                advice));
    }
}
