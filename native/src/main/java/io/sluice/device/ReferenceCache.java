package io.sluice.device;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.sluice.batching.ModelLimits;
import io.sluice.batching.StepPlan;
import io.sluice.device.RunnerSettings.Dtype;
import io.sluice.modelstore.ModelConfig;
import java.lang.foreign.MemorySegment;

/// The reference path's keys and values, in blocks that the engine hands out. Blocks are never cleared: what lies past
/// a sequence's end is an earlier sequence's and is never used. Engine thread only.
final class ReferenceCache implements AutoCloseable {
    private final int blockSize;
    private final NDArray[] keys; // [layer][block, offset, kvHead, headDim]
    private final NDArray[] values; // [layer][block, offset, kvHead, headDim]
    private final Tensor
            host; // [host block, layer, K | V, offset, kvHead, headDim]; what was never written takes no memory
    private final HostBlocks hostBlocks;

    /// @param manager owns the arrays of the blocks; those in host memory are this cache's own
    ReferenceCache(NDManager manager, ModelConfig config, ModelLimits limits) {
        blockSize = limits.blockSize();
        keys = new NDArray[config.layerCount()];
        values = new NDArray[config.layerCount()];
        Shape shape = new Shape(limits.blockCount(), blockSize, config.kvHeadCount(), config.headDim());
        for (int layer = 0; layer < keys.length; layer++) {
            keys[layer] = manager.create(shape, DataType.FLOAT32);
            values[layer] = manager.create(shape, DataType.FLOAT32);
        }
        long partNumbers = shape.slice(1).size();
        host = Tensor.empty(Dtype.FLOAT32, limits.hostBlockCount(), 2L * config.layerCount(), partNumbers);
        hostBlocks = new HostBlocks(areas(), partNumbers * Float.BYTES, host.memory());
    }

    private MemorySegment[] areas() {
        MemorySegment[] areas = new MemorySegment[2 * keys.length];
        for (int layer = 0; layer < keys.length; layer++) {
            areas[2 * layer] = Tensor.memoryOf(keys[layer]);
            areas[2 * layer + 1] = Tensor.memoryOf(values[layer]);
        }
        return areas;
    }

    /// Copies what the plan parks and brings back.
    void copyBlocks(StepPlan plan) {
        hostBlocks.copy(plan);
    }

    @Override
    public void close() {
        host.close();
    }

    /// Stores the keys and values of a slice's own positions.
    ///
    /// @param sliceKeys [length, kvHead, headDim], as `sliceValues`
    void write(int layer, StepPlan plan, int slice, NDArray sliceKeys, NDArray sliceValues) {
        int first = plan.firstPosition(slice);
        int end = first + plan.length(slice);
        for (int position = first; position < end; ) {
            int index = position / blockSize;
            int runEnd = Math.min(end, (index + 1) * blockSize);
            int offset = position % blockSize;
            NDIndex place = new NDIndex(plan.block(slice, index)).addSliceDim(offset, offset + runEnd - position);
            keys[layer].set(place, RowTiles.slice(sliceKeys, position - first, runEnd - first));
            values[layer].set(place, RowTiles.slice(sliceValues, position - first, runEnd - first));
            position = runEnd;
        }
    }

    /// Keys of a sequence's positions `[0, end)`, then zeros up to a whole tile: [positions, kvHead, headDim].
    ///
    /// @param blocks the sequence's block numbers, [blockCount]; the result is in their manager
    NDArray keys(int layer, NDArray blocks, int end) {
        return read(keys[layer], blocks, end);
    }

    /// Values, like `keys`.
    NDArray values(int layer, NDArray blocks, int end) {
        return read(values[layer], blocks, end);
    }

    private static NDArray read(NDArray cache, NDArray blocks, int end) {
        NDArray taken = cache.get(blocks.getManager(), new NDIndex().addIndices("{}", blocks));
        Shape shape = taken.getShape(); // [blocks, offset, kvHead, headDim]
        NDArray positions = taken.reshape(shape.get(0) * shape.get(1), shape.get(2), shape.get(3));
        return RowTiles.pad(
                RowTiles.slice(positions, 0, end), 0, Math.ceilDiv(end, RowTiles.ROWS) * RowTiles.ROWS - end);
    }
}
