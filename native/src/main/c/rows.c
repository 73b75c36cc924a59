// Kernels that work on one row (one token) at a time.
#include "out.h"

// --- gathering: out[r, i] = x[from(r), i], or out[r, i] += that; from(r) = index[r], or r without index

typedef struct {
    const float *xF32;
    const bf16 *xBf16;
    const int32_t *index;
    float *out;
    int64_t ldx, ldo, n;
    int accumulate;
} gather;

static void gather_task(const void *context, int64_t first, int64_t end) {
    const gather *a = context;
    for (int64_t r = first; r < end; r++) {
        int64_t from = (a->index == NULL ? r : a->index[r]) * a->ldx;
        float *out = a->out + r * a->ldo;
        int64_t i = 0;
        for (; i + VL <= a->n; i += VL) {
            vf x = a->xF32 != NULL ? load(a->xF32 + from + i) : load_bf16(a->xBf16 + from + i);
            store(out + i, a->accumulate ? load(out + i) + x : x);
        }
        for (; i < a->n; i++) {
            float x = a->xF32 != NULL ? a->xF32[from + i] : widen(a->xBf16[from + i]);
            out[i] = a->accumulate ? out[i] + x : x;
        }
    }
}

KERNEL(gather_f32)(sluice_pool *pool, const float *x, int64_t ldx, const int32_t *index, float *out, int64_t ldo,
        int64_t rows, int64_t n, int accumulate) {
    gather a = {x, NULL, index, out, ldx, ldo, n, accumulate};
    sluice_pool_run(pool, gather_task, &a, rows, 2 * rows * n);
    return 0;
}

KERNEL(gather_bf16)(sluice_pool *pool, const bf16 *x, int64_t ldx, const int32_t *index, float *out, int64_t ldo,
        int64_t rows, int64_t n, int accumulate) {
    gather a = {NULL, x, index, out, ldx, ldo, n, accumulate};
    sluice_pool_run(pool, gather_task, &a, rows, 2 * rows * n);
    return 0;
}

// --- RMSNorm: out[r, i] = x[from(r), i] / sqrt(mean of squares + eps) * weight[i]; from(r) = index[r], or r without index

typedef struct {
    const float *x, *weight;
    const int32_t *index;
    out_rows out;
    int64_t ldx, n;
    float eps;
} rmsnorm;

static void rmsnorm_task(const void *context, int64_t first, int64_t end) {
    const rmsnorm *a = context;
    for (int64_t r = first; r < end; r++) {
        const float *x = a->x + (a->index == NULL ? r : a->index[r]) * a->ldx;
        vf squares = {};
        int64_t i = 0;
        for (; i + VL <= a->n; i += VL) squares = fma_(load(x + i), load(x + i), squares);
        float sum = sum_lanes(squares);
        for (; i < a->n; i++) sum += x[i] * x[i];
        float scale = 1.0f / __builtin_sqrtf(sum / (float) a->n + a->eps);
        for (i = 0; i < a->n; i += QUANT_BLOCK) {
            int64_t count = a->n - i < QUANT_BLOCK ? a->n - i : QUANT_BLOCK;
            vf v[BLOCK_VECTORS], weight[BLOCK_VECTORS];
            load_block(x + i, count, v);
            load_block(a->weight + i, count, weight);
            UNROLL for (int j = 0; j < BLOCK_VECTORS; j++) v[j] = v[j] * scale * weight[j];
            put_block(&a->out, r, i, v, count);
        }
    }
}

KERNEL(rmsnorm)(sluice_pool *pool, const float *x, int64_t ldx, const int32_t *index, const float *weight, float eps,
        void *out, int64_t ldo, int outFormat, int64_t rows, int64_t n) {
    if (!out_fits(outFormat, n)) return -1;
    rmsnorm a = {x, weight, index, {out, ldo, outFormat}, ldx, n, eps};
    sluice_pool_run(pool, rmsnorm_task, &a, rows, 4 * rows * n);
    return 0;
}

// --- SwiGLU: out[r, i] = silu(gateUp[r, i]) * gateUp[r, n + i], silu(g) = g / (1 + e^-g)

typedef struct {
    const float *gateUp;
    out_rows out;
    int64_t ldg, n;
} silu_mul;

INLINE vf silu_times(vf gate, vf up) { return gate / (exp_(-gate) + 1.0f) * up; }

static void silu_mul_task(const void *context, int64_t first, int64_t end) {
    const silu_mul *a = context;
    for (int64_t r = first; r < end; r++) {
        const float *gate = a->gateUp + r * a->ldg;
        for (int64_t i = 0; i < a->n; i += QUANT_BLOCK) {
            int64_t count = a->n - i < QUANT_BLOCK ? a->n - i : QUANT_BLOCK;
            vf v[BLOCK_VECTORS], up[BLOCK_VECTORS];
            load_block(gate + i, count, v);
            load_block(gate + a->n + i, count, up);
            UNROLL for (int j = 0; j < BLOCK_VECTORS; j++) v[j] = silu_times(v[j], up[j]);
            put_block(&a->out, r, i, v, count);
        }
    }
}

KERNEL(silu_mul)(sluice_pool *pool, const float *gateUp, int64_t ldg, void *out, int64_t ldo, int outFormat,
        int64_t rows, int64_t n) {
    if (!out_fits(outFormat, n)) return -1;
    silu_mul a = {gateUp, {out, ldo, outFormat}, ldg, n};
    sluice_pool_run(pool, silu_mul_task, &a, rows, 20 * rows * n);
    return 0;
}
