package io.sluice.device;

/// What an operator decides about a CUDA device. A value.
///
/// @param deviceIndex as CUDA counts them
/// @param memoryShare of the device's memory that may be in use when all is loaded, others' included; above
/// 0, at most 1
/// @param takesWhatIsLeft the KV cache is what that leaves, and no less than the runner's settings say;
/// else it is what they say
public record CudaSettings(int deviceIndex, double memoryShare, boolean takesWhatIsLeft) {
    public CudaSettings {
        if (deviceIndex < 0) throw new IllegalArgumentException("device " + deviceIndex);
        if (!(memoryShare > 0 && memoryShare <= 1)) throw new IllegalArgumentException("share " + memoryShare);
    }
}
