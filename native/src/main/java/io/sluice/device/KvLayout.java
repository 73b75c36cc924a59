package io.sluice.device;

import io.sluice.device.RunnerSettings.Dtype;

/// How the kernels' KV cache is laid out: `[layer][block][K | V][kvHead]`, then keys as
/// `[position / 16][width][16]` and values as `[position][width]`, `width` being `headDim` rounded up to a multiple of
/// 16 (`kv.h`). Blocks of fewer than 16 positions take the room of 16. A value.
record KvLayout(Dtype dtype, int headCount, int kvHeadCount, int headDim, int blockSize) {
    private static final int LANES = 16;
    private static final int HEAD_DIM_MAX = 256;

    /// Rows (tokens times heads of a group) that the attention kernel computes together.
    private static final int TILE_ROWS = 16;

    /// True if the kernels can serve heads of this width.
    static boolean supports(int headDim) {
        return headDim % 2 == 0 && headDim <= HEAD_DIM_MAX;
    }

    /// Query tokens that share a tile.
    int tileTokens() {
        return Math.max(1, TILE_ROWS / (headCount / kvHeadCount));
    }

    /// Bytes of one block in one layer.
    long blockBytes() {
        return 2L * kvHeadCount * roundUp(blockSize) * roundUp(headDim) * dtype.bytes();
    }

    private static int roundUp(int count) {
        return Math.ceilDiv(count, LANES) * LANES;
    }
}
