package io.sluice.device;

import io.sluice.batching.StepPlan;
import java.lang.foreign.MemorySegment;

/// Carries out a plan's copies between a cache's blocks and their places in host memory, where sequences are parked. A
/// block is the same part of several areas, of keys and values of each layer; in host memory its parts lie side by
/// side. Does not own the memory. Engine thread only; hot path, no allocation.
final class HostBlocks {
    private final MemorySegment[] areas; // each [block, partBytes]
    private final long partBytes;
    private final MemorySegment host; // [host block, area, partBytes]

    HostBlocks(MemorySegment[] areas, long partBytes, MemorySegment host) {
        this.areas = areas.clone();
        this.partBytes = partBytes;
        this.host = host;
    }

    /// First all copies out, then all copies in: what one sequence gives up can be filled for another.
    ///
    /// @throws IndexOutOfBoundsException if there is no such block
    void copy(StepPlan plan) {
        for (int i = 0; i < plan.copiesOutCount(); i++) {
            for (int area = 0; area < areas.length; area++) {
                long from = plan.copyOutBlock(i) * partBytes;
                MemorySegment.copy(areas[area], from, host, hostOffset(plan.copyOutHostBlock(i), area), partBytes);
            }
        }
        for (int i = 0; i < plan.copiesInCount(); i++) {
            for (int area = 0; area < areas.length; area++) {
                long to = plan.copyInBlock(i) * partBytes;
                MemorySegment.copy(host, hostOffset(plan.copyInHostBlock(i), area), areas[area], to, partBytes);
            }
        }
    }

    private long hostOffset(long hostBlock, int area) {
        return (hostBlock * areas.length + area) * partBytes;
    }
}
