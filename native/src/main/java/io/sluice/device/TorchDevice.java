package io.sluice.device;

/// libtorch's matrix product on one device, queued on one stream. One owner; only the thread that opened it
/// may use and close it, because libtorch's current stream is each thread's own.
interface TorchDevice extends AutoCloseable {

    /// Where tensors over the device's memory are, for libtorch.
    TorchAbi.Place place();

    /// Queues `out = a b` for handles of tensors on the device, whose shapes the caller has checked. Hot
    /// path; returns 0 or, having printed why, 1.
    int multiply(long out, long a, long b);

    @Override
    void close();

    /// Makes one for a stream of the calling thread's.
    @FunctionalInterface
    interface Factory {
        /// Gives libtorch the device's stream.
        ///
        /// @throws TorchFailed if libtorch cannot be had for the device
        TorchDevice open(CudaDevice device);
    }
}
