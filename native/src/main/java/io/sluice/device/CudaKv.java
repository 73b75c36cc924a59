package io.sluice.device;

import static java.lang.foreign.ValueLayout.JAVA_INT;

import io.sluice.device.RunnerSettings.Dtype;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/// A KV cache's layout as the CUDA kernels read it; the layout itself is the CPU's. A value; does not own the
/// description.
///
/// @param description the C struct `kv_layout`, in host memory
record CudaKv(KvLayout layout, long description) {
    private static final int CHUNK = 16;
    private static final int TILE_ROWS = 16;
    private static final int PARTITION_CHUNKS = 8;

    /// @param host where the description is put; it must live as long as the layout
    static CudaKv describe(SegmentAllocator host, KvLayout layout) {
        MemorySegment struct = host.allocate(24, 4);
        struct.setAtIndex(JAVA_INT, 0, layout.headCount());
        struct.setAtIndex(JAVA_INT, 1, layout.kvHeadCount());
        struct.setAtIndex(JAVA_INT, 2, layout.headDim());
        struct.setAtIndex(JAVA_INT, 3, layout.blockSize());
        struct.setAtIndex(JAVA_INT, 4, Format.of(layout.dtype()).code());
        return new CudaKv(layout, struct.address());
    }

    /// True if tensor cores can serve it; else `attentionPlain` does.
    boolean fitsTensorCores() {
        return layout.dtype() == Dtype.BFLOAT16
                && switch (layout.headDim()) {
                    case 64, 96, 128, 256 -> true;
                    default -> false;
                };
    }

    /// Positions of a partition: what a warp attends to as one.
    int partitionKeys() {
        return PARTITION_CHUNKS * Math.min(CHUNK, layout.blockSize());
    }

    /// Bytes of float32 that one partial result takes, over all heads.
    long partialBytes() {
        int parts = Math.ceilDiv(layout.headCount() / layout.kvHeadCount(), TILE_ROWS);
        return 4L * layout.kvHeadCount() * parts * TILE_ROWS * (layout.headDim() + 2);
    }

    /// The cache's memory: `[layer][block]`. A value.
    record Cache(long address, long layerBytes, long blockBytes, int layerCount) {
        long layer(int layer) {
            return address + layer * layerBytes;
        }
    }

    /// Where the step's slices are described on the device: int32 arrays.
    ///
    /// @param blockTables `[slice, tableStride]`
    /// @param tokenStart `[slice + 1]` first row of each slice
    /// @param firstPosition `[slice]`
    record Slices(long blockTables, int tableStride, long tokenStart, long firstPosition, int count) {}

    /// How attention is split up, on the device (`AttentionPlan`). The counts are read there; the launch has blocks for
    /// `launchedItems` and `launchedMerges`, which go on to further ones.
    record Work(
            long items,
            long itemCount,
            int launchedItems,
            long merges,
            long mergeCount,
            int launchedMerges,
            long partials) {}
}
