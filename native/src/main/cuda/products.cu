// Products of few rows, at most 16, which wait for the weights to arrive: a block reads 8 rows of the matrix (output columns), its
// warps take turns along them, and their sums are added in the warps' order. How many rows of x there are changes nothing in any
// of them.
#include "products.cuh"

enum { WARPS = 8, THREADS = WARPS * WARP, COLUMNS = 8, ROWS = 16 };

typedef struct {
    float sums[WARPS][ROWS][COLUMNS + 1];
} sums_of_warps;

// Adds up the warps' fragments and writes them.
DEVICE void finish(const product &a, sums_of_warps &shared, const float c[4], int64_t firstColumn) {
    const int g = lane_of_thread() / 4, t = lane_of_thread() % 4;
    __syncthreads(); // what was read before
    UNROLL for (int i = 0; i < 4; i++) shared.sums[warp_of_thread()][g + i / 2 * 8][2 * t + i % 2] = c[i];
    __syncthreads();
    const int row = (int) threadIdx.x / COLUMNS, column = (int) threadIdx.x % COLUMNS;
    if (row >= ROWS) return;
    float sum = 0.0f;
    UNROLL for (int w = 0; w < WARPS; w++) sum = __fadd_rn(sum, shared.sums[w][row][column]);
    put_product(a, row, firstColumn + column, sum);
}

// The row of the matrix that this lane reads; beyond its end any.
DEVICE int64_t column_of(const product &a, int64_t firstColumn) {
    const int64_t column = firstColumn + lane_of_thread() / 4;
    return column < a.w.rows ? column : a.w.rows - 1;
}

typedef struct __align__(16) {
    uint32_t at[4];
} words;

// Eight numbers of bf16 of a row of x, zeros beyond the last row.
DEVICE words eight_of(const product &a, int64_t row, int64_t k) {
    if (row >= a.m) return {{0u, 0u, 0u, 0u}};
    return *(const words *) ((const bf16 *) a.x + row * a.ldx + k);
}

// Weights of bf16. A lane reads eight inputs side by side, and both operands are permuted along k alike.
static __global__ void BOUNDS(THREADS, 1) few_bf16(product a) {
    SHARED(sums_of_warps, shared);
    const int g = lane_of_thread() / 4, t = lane_of_thread() % 4;
    for (int64_t group = blockIdx.x; group * COLUMNS < a.w.rows; group += gridDim.x) {
        const bf16 *w = (const bf16 *) a.w.numbers + column_of(a, group * COLUMNS) * a.w.columns;
        float c[4] = {};
        for (int64_t k = warp_of_thread() * 32; k < a.w.columns; k += WARPS * 32) {
            const int64_t at = k + 8 * t;
            const bool present = at < a.w.columns; // columns are a multiple of 8
            const words weight = present ? *(const words *) (w + at) : words {{0u, 0u, 0u, 0u}};
            const words x = present ? eight_of(a, g, at) : words {{0u, 0u, 0u, 0u}};
            const words xBelow = present ? eight_of(a, g + 8, at) : words {{0u, 0u, 0u, 0u}};
            UNROLL for (int i = 0; i < 4; i += 2) {
                const uint32_t left[4] = {x.at[i], xBelow.at[i], x.at[i + 1], xBelow.at[i + 1]};
                const uint32_t right[2] = {weight.at[i], weight.at[i + 1]};
                mma_bf16(c, left, right);
            }
        }
        finish(a, shared, c, group * COLUMNS);
    }
}

// Weights of bytes or half bytes against rows of bytes. The sum of a block of 32 is exact, in integers; blocks are added in
// float32.
static __global__ void BOUNDS(THREADS, 1) few_quantised(product a) {
    SHARED(sums_of_warps, shared);
    const int g = lane_of_thread() / 4, t = lane_of_thread() % 4;
    const int64_t blocks = a.w.columns / QUANT_BLOCK;
    const quant_row *x = (const quant_row *) a.x + (g < a.m ? g : 0) * a.ldx;
    const quant_row *below = (const quant_row *) a.x + (g + 8 < a.m ? g + 8 : 0) * a.ldx;
    for (int64_t group = blockIdx.x; group * COLUMNS < a.w.rows; group += gridDim.x) {
        const int64_t first = group * COLUMNS, column = column_of(a, first);
        const int64_t mine[2] = {first + 2 * t < a.w.rows ? first + 2 * t : a.w.rows - 1,
                first + 2 * t + 1 < a.w.rows ? first + 2 * t + 1 : a.w.rows - 1};
        float c[4] = {};
        for (int64_t b = warp_of_thread(); b < blocks; b += WARPS) {
            uint32_t right[2];
            eight_bytes(a.w, column, b * QUANT_BLOCK + 8 * t, right);
            const uint32_t *above = (const uint32_t *) x[b].number + 2 * t, *lower = (const uint32_t *) below[b].number + 2 * t;
            const uint32_t left[4] = {above[0], lower[0], above[1], lower[1]};
            int sum[4] = {};
            mma_int8(sum, left, right);
            UNROLL for (int i = 0; i < 4; i++) {
                const quant_row &row = i < 2 ? x[b] : below[b];
                c[i] = __fmaf_rn((float) sum[i], __fmul_rn(scale_of(a.w, mine[i % 2], b), row.scale), c[i]);
                if (a.w.format == Q4) c[i] = __fmaf_rn(minimum_of(a.w, mine[i % 2], b), row.scaledSum, c[i]);
            }
        }
        finish(a, shared, c, first);
    }
}

// Anything else: a warp to each number of y.
static __global__ void BOUNDS(THREADS, 1) plain_product(product a) {
    const int64_t items = a.m * a.w.rows;
    for (int64_t item = (int64_t) blockIdx.x * WARPS + warp_of_thread(); item < items; item += (int64_t) gridDim.x * WARPS) {
        const int64_t row = item / a.w.rows, column = item % a.w.rows;
        float sum = 0.0f;
        for (int64_t k = lane_of_thread(); k < a.w.columns; k += WARP) {
            sum = __fmaf_rn(load_number(a.x, a.xFormat, row * a.ldx + k), weight_at(a.w, column, k), sum);
        }
        sum = warp_sum(sum);
        if (lane_of_thread() == 0) put_product(a, row, column, sum);
    }
}

// Any number of rows of float32 or bf16, any weights; slow.
API int sluice_cuda_multiply_plain(const void *x, int64_t ldx, int32_t xFormat, const weights *w, void *y, int64_t ldy,
        int32_t yFormat, int64_t m, int32_t accumulate, void *stream) {
    const product a = {x, *w, y, ldx, ldy, m, xFormat, yFormat, accumulate, 0};
    if (int refused = refuse_product(&a)) return refused;
    if (xFormat != F32 && xFormat != BF16) return REFUSED_FORMAT;
    LAUNCH(plain_product, grid_for((m * w->rows + WARPS - 1) / WARPS), THREADS, 0, stream, a);
}

// At most 16 rows: of bf16 by weights of bf16, or of bytes by quantised weights.
API int sluice_cuda_multiply_few(const void *x, int64_t ldx, int32_t xFormat, const weights *w, void *y, int64_t ldy,
        int32_t yFormat, int64_t m, int32_t accumulate, void *stream) {
    const product a = {x, *w, y, ldx, ldy, m, xFormat, yFormat, accumulate, 0};
    if (int refused = refuse_product(&a)) return refused;
    if (m < 1 || m > ROWS) return REFUSED_SHAPE;
    const unsigned grid = grid_for((w->rows + COLUMNS - 1) / COLUMNS);
    if (is_quantised(w)) {
        if (xFormat != INT8) return REFUSED_FORMAT;
        LAUNCH(few_quantised, grid, THREADS, sizeof(sums_of_warps), stream, a);
    }
    if (w->format != BF16 || xFormat != BF16) return REFUSED_FORMAT;
    if (w->columns % 8 != 0 || ldx % 8 != 0 || (uintptr_t) x % 16 != 0 || (uintptr_t) w->numbers % 16 != 0) {
        return REFUSED_ALIGNMENT;
    }
    LAUNCH(few_bf16, grid, THREADS, sizeof(sums_of_warps), stream, a);
}
