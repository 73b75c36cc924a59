package io.sluice.device;

import java.lang.foreign.MemorySegment;

/// A stretch of zeroed native memory, handed out front to back and given up as a whole. One owner; engine thread.
final class Region implements AutoCloseable {

    /// A cache line and the widest vector.
    static final long ALIGNMENT = 64;

    private final Kernels kernels;
    private final long start;
    private final long bytes;
    private long used;

    Region(Kernels kernels, long bytes) {
        this.kernels = kernels;
        this.bytes = bytes;
        this.start = kernels.map(bytes);
    }

    /// The address of the first byte.
    long start() {
        return start;
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

    /// The memory behind an address that `take(size)` returned.
    static MemorySegment view(long address, long size) {
        return MemorySegment.ofAddress(address).reinterpret(size);
    }

    @Override
    public void close() {
        kernels.unmap(start, bytes);
    }
}
