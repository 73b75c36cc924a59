// Products of many rows on tensor cores: tiles of 64 rows by 64 output columns, rows of bf16 in shared memory, weights of bf16 or
// quantised ones, which become bf16 in the registers that the tensor core reads. It is there for quantised weights; those of bf16
// are libtorch's, where there is one.
#include "products.cuh"

enum { WARPS = 4, THREADS = WARPS * WARP, TILE = 64, DEPTH = 32, PAD = 8, ROW_TILES = TILE / 16, COLUMN_TILES = TILE / WARPS / 8 };

typedef struct {
    bf16 x[TILE][DEPTH + PAD];
} rows_of_tile;

typedef struct {
    uint32_t at[4];
} words;

// Eight weights of a row from column k on, as pairs of bf16. Zeros beyond the matrix.
DEVICE words weights_of(const weights &w, int64_t row, int64_t k) {
    if (row >= w.rows || k >= w.columns) return {{0u, 0u, 0u, 0u}};
    if (w.format == BF16) {
        const uint32_t *from = (const uint32_t *) ((const bf16 *) w.numbers + row * w.columns + k);
        return {{from[0], from[1], from[2], from[3]}};
    }
    uint32_t bytes[2];
    eight_bytes(w, row, k, bytes);
    const float scale = scale_of(w, row, k / QUANT_BLOCK);
    const float minimum = w.format == Q4 ? minimum_of(w, row, k / QUANT_BLOCK) : 0.0f;
    words result;
    UNROLL for (int i = 0; i < 4; i++) {
        const uint32_t both = bytes[i / 2] >> (i % 2 * 16);
        const float first = (float) (int8_t) both, second = (float) (int8_t) (both >> 8);
        result.at[i] = pack(__fmaf_rn(first, scale, minimum), __fmaf_rn(second, scale, minimum));
    }
    return result;
}

// 64 rows of x from `first` on, 32 inputs from k on; zeros beyond.
DEVICE void load_rows(const product &a, rows_of_tile &shared, int64_t first, int64_t k) {
    for (int i = (int) threadIdx.x; i < TILE * DEPTH / 2; i += THREADS) {
        const int row = i / (DEPTH / 2), at = i % (DEPTH / 2) * 2;
        uint32_t pair = 0;
        if (first + row < a.m && k + at < a.w.columns) {
            pair = *(const uint32_t *) ((const bf16 *) a.x + (first + row) * a.ldx + k + at);
        }
        *(uint32_t *) &shared.x[row][at] = pair;
    }
}

static __global__ void BOUNDS(THREADS, 1) multiply_tiles(product a) {
    SHARED(rows_of_tile, shared);
    const int g = lane_of_thread() / 4, t = lane_of_thread() % 4;
    const int64_t columnTiles = (a.w.rows + TILE - 1) / TILE, tiles = (a.m + TILE - 1) / TILE * columnTiles;
    for (int64_t item = blockIdx.x; item < tiles; item += gridDim.x) {
        const int64_t row = item / columnTiles * TILE;
        const int64_t column = item % columnTiles * TILE + warp_of_thread() * COLUMN_TILES * 8;
        float c[ROW_TILES][COLUMN_TILES][4] = {};
        for (int64_t k = 0; k < a.w.columns; k += DEPTH) {
            __syncthreads();
            load_rows(a, shared, row, k);
            __syncthreads();
            words right[COLUMN_TILES];
            UNROLL for (int n = 0; n < COLUMN_TILES; n++) right[n] = weights_of(a.w, column + n * 8 + g, k + 8 * t);
            UNROLL for (int m = 0; m < ROW_TILES; m++) {
                const uint32_t *above = (const uint32_t *) &shared.x[m * 16 + g][8 * t];
                const uint32_t *below = (const uint32_t *) &shared.x[m * 16 + 8 + g][8 * t];
                UNROLL for (int i = 0; i < 4; i += 2) {
                    const uint32_t left[4] = {above[i], below[i], above[i + 1], below[i + 1]};
                    UNROLL for (int n = 0; n < COLUMN_TILES; n++) mma_bf16(c[m][n], left, right[n].at + i);
                }
            }
        }
        UNROLL for (int m = 0; m < ROW_TILES; m++) UNROLL for (int n = 0; n < COLUMN_TILES; n++) UNROLL for (int i = 0; i < 4; i++) {
            put_product(a, row + m * 16 + g + i / 2 * 8, column + n * 8 + 2 * t + i % 2, c[m][n][i]);
        }
    }
}

// Any number of rows of bf16, by weights of bf16 or quantised ones.
API int sluice_cuda_multiply_many(const void *x, int64_t ldx, const weights *w, void *y, int64_t ldy, int32_t yFormat,
        int64_t m, int32_t accumulate, void *stream) {
    const product a = {x, *w, y, ldx, ldy, m, BF16, yFormat, accumulate, 0};
    if (int refused = refuse_product(&a)) return refused;
    if (w->format == F32) return REFUSED_FORMAT;
    if (w->columns % 8 != 0 || ldx % 2 != 0 || (uintptr_t) x % 4 != 0 || (uintptr_t) w->numbers % 4 != 0) return REFUSED_ALIGNMENT;
    const int64_t tiles = (m + TILE - 1) / TILE * ((w->rows + TILE - 1) / TILE);
    LAUNCH(multiply_tiles, grid_for(tiles), THREADS, sizeof(rows_of_tile), stream, a);
}
