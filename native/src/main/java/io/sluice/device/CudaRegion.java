package io.sluice.device;

/// A stretch of device memory, handed out front to back and freed as a whole. Its content is whatever stood there. One
/// owner; the device's thread.
final class CudaRegion implements AutoCloseable {

    /// What CUDA's own allocations are aligned to; the widest loads of the kernels and of libtorch need less.
    static final long ALIGNMENT = 256;

    private final CudaDevice device;
    private final long start;
    private final long bytes;
    private long used;
    private boolean closed;

    CudaRegion(CudaDevice device, long bytes) {
        this.device = device;
        this.bytes = bytes;
        start = device.alloc(bytes);
    }

    /// The address of the next `size` bytes.
    long take(long size) {
        long taken = start + used;
        used += aligned(size);
        if (used > bytes) throw new IllegalStateException("region of " + bytes + " bytes is too small for " + used);
        return taken;
    }

    /// What `take(size)` uses up.
    static long aligned(long size) {
        return Math.ceilDiv(size, ALIGNMENT) * ALIGNMENT;
    }

    @Override
    public void close() {
        if (closed) return;
        closed = true;
        device.free(start);
    }
}
