// Kernels that work on one row (one token) at a time.
#include "vec.h"

enum { PANEL = 16, ROWS_PER_TASK = 4 };

static int64_t row_tasks(int64_t rows) { return (rows + ROWS_PER_TASK - 1) / ROWS_PER_TASK; }

#define FOR_ROWS_OF_TASK(r, item, count)                                                                               \
    for (int64_t r = (item) * ROWS_PER_TASK; r < ((item) + 1) * ROWS_PER_TASK && r < (count); r++)

// --- embedding: out[r, i] = table[tokens[r], i], the table packed as gemm.c has it, since it is often the head too

typedef struct {
    const void *table;
    const int32_t *tokens;
    float *out;
    int64_t ldo, rows, n;
} embed;

static void embed_f32_task(const void *context, int64_t item) {
    const embed *e = context;
    FOR_ROWS_OF_TASK(r, item, e->rows) {
        const float *from = (const float *) e->table + e->tokens[r] / PANEL * PANEL * e->n + e->tokens[r] % PANEL;
        for (int64_t i = 0; i < e->n; i++) e->out[r * e->ldo + i] = from[i * PANEL];
    }
}

static void embed_bf16_task(const void *context, int64_t item) {
    const embed *e = context;
    int64_t pairs = (e->n + 1) / 2;
    FOR_ROWS_OF_TASK(r, item, e->rows) {
        const bf16 *from = (const bf16 *) e->table + (e->tokens[r] / PANEL * PANEL * pairs + e->tokens[r] % PANEL) * 2;
        for (int64_t i = 0; i < e->n; i++) e->out[r * e->ldo + i] = widen(from[i / 2 * PANEL * 2 + i % 2]);
    }
}

KERNEL(embed_f32)(sluice_pool *pool, const float *table, const int32_t *tokens, float *out, int64_t ldo, int64_t rows,
        int64_t n) {
    embed e = {table, tokens, out, ldo, rows, n};
    sluice_pool_run(pool, embed_f32_task, &e, row_tasks(rows), 4 * rows * n);
    return 0;
}

KERNEL(embed_bf16)(sluice_pool *pool, const bf16 *table, const int32_t *tokens, float *out, int64_t ldo, int64_t rows,
        int64_t n) {
    embed e = {table, tokens, out, ldo, rows, n};
    sluice_pool_run(pool, embed_bf16_task, &e, row_tasks(rows), 4 * rows * n);
    return 0;
}

// --- gathering: out[r, i] = x[from(r), i], or out[r, i] += that; from(r) = index[r], or r without index

typedef struct {
    const float *xF32;
    const bf16 *xBf16;
    const int32_t *index;
    float *out;
    int64_t ldx, ldo, rows, n;
    int accumulate;
} gather;

static void gather_task(const void *context, int64_t item) {
    const gather *a = context;
    FOR_ROWS_OF_TASK(r, item, a->rows) {
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
    gather a = {x, NULL, index, out, ldx, ldo, rows, n, accumulate};
    sluice_pool_run(pool, gather_task, &a, row_tasks(rows), 2 * rows * n);
    return 0;
}

KERNEL(gather_bf16)(sluice_pool *pool, const bf16 *x, int64_t ldx, const int32_t *index, float *out, int64_t ldo,
        int64_t rows, int64_t n, int accumulate) {
    gather a = {NULL, x, index, out, ldx, ldo, rows, n, accumulate};
    sluice_pool_run(pool, gather_task, &a, row_tasks(rows), 2 * rows * n);
    return 0;
}

// --- RMSNorm: out[r, i] = x[from(r), i] / sqrt(mean of squares + eps) * weight[i]; from(r) = index[r], or r without index

typedef struct {
    const float *x, *weight;
    const int32_t *index;
    float *outF32;
    bf16 *outBf16;
    int64_t ldx, ldo, rows, n;
    float eps;
} rmsnorm;

static void rmsnorm_task(const void *context, int64_t item) {
    const rmsnorm *a = context;
    FOR_ROWS_OF_TASK(r, item, a->rows) {
        const float *x = a->x + (a->index == NULL ? r : a->index[r]) * a->ldx;
        vf squares = {};
        int64_t i = 0;
        for (; i + VL <= a->n; i += VL) squares = fma_(load(x + i), load(x + i), squares);
        float sum = sum_lanes(squares);
        for (; i < a->n; i++) sum += x[i] * x[i];
        float scale = 1.0f / __builtin_sqrtf(sum / (float) a->n + a->eps);
        if (a->outF32 != NULL) {
            for (i = 0; i < a->n; i++) a->outF32[r * a->ldo + i] = x[i] * scale * a->weight[i];
        } else {
            for (i = 0; i < a->n; i++) a->outBf16[r * a->ldo + i] = narrow(x[i] * scale * a->weight[i]);
        }
    }
}

KERNEL(rmsnorm_f32)(sluice_pool *pool, const float *x, int64_t ldx, const int32_t *index, const float *weight, float eps,
        float *out, int64_t ldo, int64_t rows, int64_t n) {
    rmsnorm a = {x, weight, index, out, NULL, ldx, ldo, rows, n, eps};
    sluice_pool_run(pool, rmsnorm_task, &a, row_tasks(rows), 4 * rows * n);
    return 0;
}

KERNEL(rmsnorm_bf16)(sluice_pool *pool, const float *x, int64_t ldx, const int32_t *index, const float *weight, float eps,
        bf16 *out, int64_t ldo, int64_t rows, int64_t n) {
    rmsnorm a = {x, weight, index, NULL, out, ldx, ldo, rows, n, eps};
    sluice_pool_run(pool, rmsnorm_task, &a, row_tasks(rows), 4 * rows * n);
    return 0;
}

// --- SwiGLU: out[r, i] = silu(gateUp[r, i]) * gateUp[r, n + i], silu(g) = g / (1 + e^-g)

typedef struct {
    const float *gateUp;
    float *outF32;
    bf16 *outBf16;
    int64_t ldg, ldo, rows, n;
} silu_mul;

INLINE vf silu_times(vf gate, vf up) { return gate / (exp_(-gate) + 1.0f) * up; }

static void silu_mul_task(const void *context, int64_t item) {
    const silu_mul *a = context;
    FOR_ROWS_OF_TASK(r, item, a->rows) {
        const float *gate = a->gateUp + r * a->ldg;
        const float *up = gate + a->n;
        for (int64_t i = 0; i < a->n; i += VL) {
            int64_t lanes = a->n - i < VL ? a->n - i : VL;
            float g[VL] = {}, u[VL] = {}, result[VL];
            bf16 narrowed[VL];
            if (lanes == VL) {
                vf v = silu_times(load(gate + i), load(up + i));
                if (a->outF32 != NULL) store(a->outF32 + r * a->ldo + i, v);
                else store_bf16(a->outBf16 + r * a->ldo + i, v);
                continue;
            }
            memcpy(g, gate + i, (size_t) lanes * sizeof(float));
            memcpy(u, up + i, (size_t) lanes * sizeof(float));
            store(result, silu_times(load(g), load(u)));
            store_bf16(narrowed, load(result));
            if (a->outF32 != NULL) memcpy(a->outF32 + r * a->ldo + i, result, (size_t) lanes * sizeof(float));
            else memcpy(a->outBf16 + r * a->ldo + i, narrowed, (size_t) lanes * sizeof(bf16));
        }
    }
}

KERNEL(silu_mul_f32)(sluice_pool *pool, const float *gateUp, int64_t ldg, float *out, int64_t ldo, int64_t rows,
        int64_t n) {
    silu_mul a = {gateUp, out, NULL, ldg, ldo, rows, n};
    sluice_pool_run(pool, silu_mul_task, &a, row_tasks(rows), 20 * rows * n);
    return 0;
}

KERNEL(silu_mul_bf16)(sluice_pool *pool, const float *gateUp, int64_t ldg, bf16 *out, int64_t ldo, int64_t rows,
        int64_t n) {
    silu_mul a = {gateUp, NULL, out, ldg, ldo, rows, n};
    sluice_pool_run(pool, silu_mul_task, &a, row_tasks(rows), 20 * rows * n);
    return 0;
}
