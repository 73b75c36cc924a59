// Matrix multiplication with weights of 8 or 4 bits: y[r, c] = sum over k of x[r, k] * w[c, k], or y[r, c] += that sum.
// Layouts of both are in quant.h. Within a block of 32 inputs the sum is exact, in integers; blocks are added in
// ascending order into one float32 accumulator per output, whatever the number of rows. So a row's result does not
// depend on the rows beside it.
//
// Compiled twice: for Q8, and with WEIGHTS_Q4.
#include "quant.h"

#if defined(WEIGHTS_Q4)
typedef q4_block W;
#define GEMM gemm_q4
#else
typedef q8_block W;
#define GEMM gemm_q8
#endif

enum { VECTORS = PANEL / VL, ROW_BLOCK = 96 };

// Of each tile sums of integers and of floats are in registers, beside weights and a row's bytes.
#if VL == 16
enum { TILE_ROWS = 6, TILE_PANELS = 2 }; // 24 of 32
#elif VL == 8
enum { TILE_ROWS = 2, TILE_PANELS = 1 }; // 8 of 16
#else
enum { TILE_ROWS = 1, TILE_PANELS = 1 };
#endif
enum { SPAN = TILE_PANELS * VECTORS };

typedef struct {
    const quant_row *x;
    const W *w;
    float *y;
    int64_t m, blocks, ldx, ldy, rowBlocks;
    int accumulate;
} gemm;

// Bytes of one group of four inputs of VL columns, counted in vectors from the first column of the two panels.
INLINE vi weight_group(const W *w, int64_t vector, int group) {
#if defined(WEIGHTS_Q4)
    vi pairs = load_int((const uint8_t *) w->number[group / 2] + vector * VL * 4);
    return (group % 2 == 0 ? pairs : pairs >> 4) & 0x0f0f0f0f;
#else
    return load_int((const uint8_t *) w->number[group] + vector * VL * 4);
#endif
}

// The tile's products of one block of 32 inputs, exactly.
INLINE void multiply_block(const int rows, const quant_row *x, int64_t ldx, const W *w, int64_t vector,
        vi sum[TILE_ROWS][SPAN]) {
    UNROLL for (int r = 0; r < rows; r++) {
#if defined(WEIGHTS_Q4)
        const vi start = {};
#else
        const vi start = splat_int(x[r * ldx].offset);
#endif
        UNROLL for (int s = 0; s < SPAN; s++) sum[r][s] = start;
    }
    UNROLL for (int group = 0; group < GROUPS; group++) {
        vi weight[SPAN];
        UNROLL for (int s = 0; s < SPAN; s++) weight[s] = weight_group(w, vector + s, group);
        UNROLL for (int r = 0; r < rows; r++) {
            int32_t four;
            memcpy(&four, x[r * ldx].number + 4 * group, sizeof four);
            vi activation = splat_int(four);
            IN_REGISTER(activation);
            UNROLL for (int s = 0; s < SPAN; s++) sum[r][s] = dot4(sum[r][s], weight[s], activation);
        }
    }
}

// A tile of constant height: after unrolling, the sums are registers.
INLINE void tile(const int rows, const gemm *g, const quant_row *x, const W *w, int64_t vector, float *y) {
    const int64_t ldx = g->ldx, blocks = g->blocks;
    vf acc[TILE_ROWS][SPAN];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int s = 0; s < SPAN; s++) acc[r][s] = (vf) {};
    for (int64_t b = 0; b < blocks; b++) {
        vi sum[TILE_ROWS][SPAN];
        multiply_block(rows, x + b, ldx, w + b, vector, sum);
        UNROLL for (int s = 0; s < SPAN; s++) {
            const vf scale = load_f16((const f16 *) w[b].scale + (vector + s) * VL);
            UNROLL for (int r = 0; r < rows; r++) {
                acc[r][s] = fma_(to_float(sum[r][s]), scale * x[r * ldx + b].scale, acc[r][s]);
            }
#if defined(WEIGHTS_Q4)
            const vf minimum = load_f16((const f16 *) w[b].minimum + (vector + s) * VL);
            UNROLL for (int r = 0; r < rows; r++) {
                acc[r][s] = fma_(minimum, splat(x[r * ldx + b].scaledSum), acc[r][s]);
            }
#endif
        }
    }
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int s = 0; s < SPAN; s++) {
            float *at = y + r * g->ldy + s * VL;
            store(at, g->accumulate ? load(at) + acc[r][s] : acc[r][s]);
        }
    }
}

// One height of tile; those that the instruction set has no registers for are never asked for.
#define ROWS(height)                                                                                                   \
    case height:                                                                                                       \
        tile(height <= TILE_ROWS ? height : 1, g, x, w, vector, y);                                                            \
        break;

static void tile_of(int64_t rows, const gemm *g, const quant_row *x, const W *w, int64_t vector, float *y) {
    switch (rows) { ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6) }
}

// One item: a block of rows against TILE_PANELS panels, in tiles of nearly equal height.
static void gemm_task(const void *context, int64_t first, int64_t last) {
    const gemm *g = context;
    for (int64_t item = first; item < last; item++) {
        int64_t panel = item / g->rowBlocks * TILE_PANELS;
        int64_t row = item % g->rowBlocks * ROW_BLOCK;
        int64_t end = row + ROW_BLOCK < g->m ? row + ROW_BLOCK : g->m;
        for (int64_t tiles = (end - row + TILE_ROWS - 1) / TILE_ROWS; tiles > 0; tiles--) {
            int64_t rows = (end - row + tiles - 1) / tiles;
            tile_of(rows, g, g->x + row * g->ldx, g->w + panel / 2 * g->blocks, panel % 2 * VECTORS,
                    g->y + row * g->ldy + panel * PANEL);
            row += rows;
        }
    }
}

KERNEL(GEMM)(sluice_pool *pool, const quant_row *x, int64_t ldx, const W *w, float *y, int64_t ldy, int64_t m, int64_t n,
        int64_t k, int accumulate) {
    if (k % QUANT_BLOCK != 0) return -1;
    int64_t panelGroups = (n + 2 * PANEL - 1) / (2 * PANEL) * (2 / TILE_PANELS);
    gemm g = {x, w, y, m, k / QUANT_BLOCK, ldx, ldy, (m + ROW_BLOCK - 1) / ROW_BLOCK, accumulate};
    sluice_pool_run(pool, gemm_task, &g, panelGroups * g.rowBlocks, m * n * k);
    return 0;
}
