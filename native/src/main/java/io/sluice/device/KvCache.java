package io.sluice.device;

import io.sluice.batching.ModelLimits;
import io.sluice.batching.StepPlan;
import java.lang.foreign.MemorySegment;

/// Keys and values of all blocks, `[layer][block]`, a block as `KvLayout` has it; and their places in host memory, for
/// sequences that are parked. Pages that were never written take no memory yet. One runner owns and closes it.
final class KvCache implements AutoCloseable {
    private final KvLayout layout;
    private final Region memory;
    private final long start;
    private final long layerBytes;
    private final HostBlocks hostBlocks;

    KvCache(Kernels kernels, KvLayout layout, int layerCount, ModelLimits limits) {
        this.layout = layout;
        layerBytes = limits.blockCount() * layout.blockBytes();
        long hostBytes = hostBytes(layout, layerCount, limits);
        memory = new Region(kernels, bytes(layout, layerCount, limits) + hostBytes);
        start = memory.take(layerCount * layerBytes);
        MemorySegment[] layers = new MemorySegment[layerCount];
        for (int i = 0; i < layerCount; i++) layers[i] = Region.view(layer(i), layerBytes);
        MemorySegment host = Region.view(memory.take(hostBytes), hostBytes);
        hostBlocks = new HostBlocks(layers, layout.blockBytes(), host);
    }

    /// Memory that all blocks take.
    static long bytes(KvLayout layout, int layerCount, ModelLimits limits) {
        return layout.blockBytes() * layerCount * limits.blockCount();
    }

    /// Memory that all host blocks take.
    static long hostBytes(KvLayout layout, int layerCount, ModelLimits limits) {
        return layout.blockBytes() * layerCount * limits.hostBlockCount();
    }

    KvLayout layout() {
        return layout;
    }

    /// Address of the layer's block 0.
    long layer(int layer) {
        return start + layer * layerBytes;
    }

    /// Copies what the plan parks and brings back.
    void copyBlocks(StepPlan plan) {
        hostBlocks.copy(plan);
    }

    @Override
    public void close() {
        memory.close();
    }
}
