package io.sluice.device;

/// Keys and values of all blocks: `[layer][block]`, a block as `KvLayout` has it. Pages that were never written take no
/// memory yet. One runner owns and closes it.
final class KvCache implements AutoCloseable {
    private final KvLayout layout;
    private final Region memory;
    private final long start;
    private final long layerBytes;

    KvCache(Kernels kernels, KvLayout layout, int layerCount, int blockCount) {
        this.layout = layout;
        layerBytes = blockCount * layout.blockBytes();
        memory = new Region(kernels, layerCount * layerBytes);
        start = memory.take(layerCount * layerBytes);
    }

    KvLayout layout() {
        return layout;
    }

    /// Address of the layer's block 0.
    long layer(int layer) {
        return start + layer * layerBytes;
    }

    @Override
    public void close() {
        memory.close();
    }
}
