package io.sluice.device;

import io.sluice.device.RunnerSettings.Dtype;

/// How the kernels' KV cache is laid out: `[layer][block][K | V][kvHead]`, then keys as
/// `[position / 16][headDim][16]` and values as `[position][headDim]` (`kv.h`). A value.
record KvLayout(Dtype dtype, int headCount, int kvHeadCount, int headDim, int blockSize) {

    /// Rows (tokens times heads of a group) that the attention kernel computes together.
    private static final int TILE_ROWS = 16;

    /// True if the kernels can serve the shape.
    static boolean supports(int headDim, int blockSize) {
        return headDim % 16 == 0 && headDim <= 256 && blockSize % 16 == 0;
    }

    /// Query tokens that share a tile.
    int tileTokens() {
        return Math.max(1, TILE_ROWS / (headCount / kvHeadCount));
    }

    /// Bytes of one block in one layer.
    long blockBytes() {
        return 2L * kvHeadCount * blockSize * headDim * dtype.bytes();
    }
}
