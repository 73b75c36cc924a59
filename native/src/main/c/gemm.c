// Matrix multiplication with packed weights: y[r, c] = sum over k of x[r, k] * w[c, k], or y[r, c] += that sum.
//
// The sum runs over k in ascending order into one float32 accumulator per output, whatever the number of rows. So a
// row's result does not depend on the rows beside it. Speed comes from tiles: a tile of rows shares each weight that was
// loaded, and all rows pass over a group of columns while it is in cache, so a step reads each weight from memory once.
//
// Packed weights: panels of 16 columns, an even number of them, columns beyond the matrix zero. Two panels lie interleaved,
// so that a product of few rows, which waits for memory, reads one ascending stream:
//   float32  pair[k][2 panels][16]
//   bf16     pair[k / 2][2 panels][16][2], k rounded up to even with zeros: what a bf16 dot product consumes
// Rows of x are zero between k and the next even number. Rows of y have room for whole pairs of panels.
//
// Compiled three times: float32 weights; WEIGHTS_BF16; and ACTIVATIONS_BF16 as well, which multiplies pairs of bf16 on
// processors that can and is refused elsewhere.
#include "vec.h"

#if defined(ACTIVATIONS_BF16)
typedef bf16 X;
typedef bf16 W;
#define GEMM gemm_bf16
#elif defined(WEIGHTS_BF16)
typedef float X;
typedef bf16 W;
#define GEMM gemm_f32_bf16
#else
typedef float X;
typedef float W;
#define GEMM gemm_f32
#endif

enum { PANEL = 16, VECTORS = PANEL / VL, ROW_BLOCK = 96 };

#if VL == 16
enum { TILE_ROWS = 12, TILE_PANELS = 2 }; // 24 accumulators of 32 registers
#elif VL == 8
enum { TILE_ROWS = 6, TILE_PANELS = 1 }; // 12 of 16
#elif defined(__aarch64__)
enum { TILE_ROWS = 6, TILE_PANELS = 1 }; // 24 of 32
#else
enum { TILE_ROWS = 3, TILE_PANELS = 1 }; // 12 of 16
#endif
enum { SPAN = TILE_PANELS * VECTORS };

typedef struct {
    const void *x, *w;
    float *y;
    int64_t m, k, columnLength, ldx, ldy, rowBlocks;
    int accumulate;
} gemm;

#if !defined(ACTIVATIONS_BF16) || defined(__AVX512BF16__)

INLINE void finish(vf acc[TILE_ROWS][SPAN], const int rows, float *y, int64_t ldy, int accumulate) {
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int s = 0; s < SPAN; s++) {
            float *at = y + r * ldy + s * VL;
            store(at, accumulate ? load(at) + acc[r][s] : acc[r][s]);
        }
    }
}

// A tile of constant height: after unrolling, the accumulators are registers.
#if defined(ACTIVATIONS_BF16)
INLINE void tile(const int rows, const gemm *g, const X *x, const W *w, float *y) {
    const int64_t pairs = (g->k + 1) / 2;
    const int64_t ldx = g->ldx;
    vf acc[TILE_ROWS][SPAN];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int s = 0; s < SPAN; s++) acc[r][s] = (vf) {};
    for (int64_t k = 0; k < pairs; k++) {
        __m512bh weight[SPAN];
        UNROLL for (int s = 0; s < SPAN; s++) {
            weight[s] = (__m512bh) _mm512_loadu_si512(w + (2 * k + s) * 2 * PANEL);
        }
        UNROLL for (int r = 0; r < rows; r++) {
            int32_t pair;
            memcpy(&pair, x + r * ldx + 2 * k, sizeof pair);
            __m512bh activation = (__m512bh) _mm512_set1_epi32(pair);
            UNROLL for (int s = 0; s < SPAN; s++) {
                acc[r][s] = (vf) _mm512_dpbf16_ps((__m512) acc[r][s], activation, weight[s]);
            }
        }
    }
    finish(acc, rows, y, g->ldy, g->accumulate);
}
#elif defined(WEIGHTS_BF16)
INLINE void tile(const int rows, const gemm *g, const X *x, const W *w, float *y) {
    const int64_t pairs = (g->k + 1) / 2;
    const int64_t ldx = g->ldx;
    vf acc[TILE_ROWS][SPAN];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int s = 0; s < SPAN; s++) acc[r][s] = (vf) {};
    for (int64_t k = 0; k < pairs; k++) {
        vu pair[SPAN];
        UNROLL for (int s = 0; s < SPAN; s++) {
            memcpy(&pair[s], w + (2 * k + s / VECTORS) * 2 * PANEL + s % VECTORS * 2 * VL, sizeof(vu));
        }
        UNROLL for (int r = 0; r < rows; r++) {
            vf even = splat(x[r * ldx + 2 * k]);
            UNROLL for (int s = 0; s < SPAN; s++) acc[r][s] = fma_(even, (vf) (pair[s] << 16), acc[r][s]);
        }
        UNROLL for (int r = 0; r < rows; r++) {
            vf odd = splat(x[r * ldx + 2 * k + 1]);
            UNROLL for (int s = 0; s < SPAN; s++) acc[r][s] = fma_(odd, (vf) (pair[s] & 0xffff0000u), acc[r][s]);
        }
    }
    finish(acc, rows, y, g->ldy, g->accumulate);
}
#else
INLINE void tile(const int rows, const gemm *g, const X *x, const W *w, float *y) {
    const int64_t ldx = g->ldx;
    vf acc[TILE_ROWS][SPAN];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int s = 0; s < SPAN; s++) acc[r][s] = (vf) {};
    for (int64_t k = 0; k < g->k; k++) {
        vf weight[SPAN];
        UNROLL for (int s = 0; s < SPAN; s++) {
            weight[s] = load(w + (2 * k + s / VECTORS) * PANEL + s % VECTORS * VL);
        }
        UNROLL for (int r = 0; r < rows; r++) {
            vf activation = splat(x[r * ldx + k]);
            UNROLL for (int s = 0; s < SPAN; s++) acc[r][s] = fma_(activation, weight[s], acc[r][s]);
        }
    }
    finish(acc, rows, y, g->ldy, g->accumulate);
}
#endif

// One height of tile; those that the instruction set has no registers for are never asked for.
#define ROWS(height)                                                                                                   \
    case height:                                                                                                       \
        tile(height <= TILE_ROWS ? height : 1, g, x, w, y);                                                            \
        break;

static void tile_of(int64_t rows, const gemm *g, const X *x, const W *w, float *y) {
    switch (rows) {
        ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6) ROWS(7) ROWS(8) ROWS(9) ROWS(10) ROWS(11) ROWS(12)
    }
}

// One item: a block of rows against TILE_PANELS panels, in tiles of nearly equal height.
static void gemm_task(const void *context, int64_t first, int64_t last) {
    const gemm *g = context;
    for (int64_t item = first; item < last; item++) {
        int64_t column = item / g->rowBlocks * TILE_PANELS * PANEL;
        int64_t row = item % g->rowBlocks * ROW_BLOCK;
        int64_t end = row + ROW_BLOCK < g->m ? row + ROW_BLOCK : g->m;
        int64_t pair = column / (2 * PANEL), panel = column / PANEL % 2;
        const W *w = (const W *) g->w + pair * 2 * PANEL * g->columnLength + panel * PANEL * (int64_t) (sizeof(float) / sizeof(W));
        for (int64_t tiles = (end - row + TILE_ROWS - 1) / TILE_ROWS; tiles > 0; tiles--) {
            int64_t rows = (end - row + tiles - 1) / tiles;
            tile_of(rows, g, (const X *) g->x + row * g->ldx, w, g->y + row * g->ldy + column);
            row += rows;
        }
    }
}

#endif

KERNEL(GEMM)(sluice_pool *pool, const X *x, int64_t ldx, const W *w, float *y, int64_t ldy, int64_t m, int64_t n,
        int64_t k, int accumulate) {
#if defined(ACTIVATIONS_BF16) && !defined(__AVX512BF16__)
    (void) pool, (void) x, (void) ldx, (void) w, (void) y, (void) ldy, (void) m, (void) n, (void) k, (void) accumulate;
    return -1;
#else
    int64_t columnGroups = (n + 2 * PANEL - 1) / (2 * PANEL) * (2 / TILE_PANELS);
    int64_t columnLength = sizeof(W) == sizeof(bf16) ? (k + 1) / 2 * 2 : k;
    gemm g = {x, w, y, m, k, columnLength, ldx, ldy, (m + ROW_BLOCK - 1) / ROW_BLOCK, accumulate};
    sluice_pool_run(pool, gemm_task, &g, columnGroups * g.rowBlocks, m * n * k);
    return 0;
#endif
}
