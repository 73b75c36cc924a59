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

// --- gated MLP: out[r, i] = act(gateUp[r, i]) * gateUp[r, n + i]

typedef struct {
    const float *gateUp;
    out_rows out;
    int64_t ldg, n;
} gate_mul;

// silu(g) = g / (1 + e^-g)
INLINE vf silu_times(vf gate, vf up) { return gate / (exp_(-gate) + 1.0f) * up; }

// GELU in its tanh approximation, g / 2 * (1 + tanh(u)), which is g / (1 + e^-2u); u = sqrt(2 / pi) * (g + 0.044715 g^3)
INLINE vf gelu_times(vf gate, vf up) {
    vf u = 0.7978845608028654f * (gate + 0.044715f * gate * gate * gate);
    return gate / (exp_(-(u + u)) + 1.0f) * up;
}

// Defines the kernel <name>_mul with act(gate) * up as times(gate, up).
#define GATE_MUL(name, times)                                                                                          \
    static void name##_mul_task(const void *context, int64_t first, int64_t end) {                                     \
        const gate_mul *a = context;                                                                                   \
        for (int64_t r = first; r < end; r++) {                                                                        \
            const float *gate = a->gateUp + r * a->ldg;                                                                \
            for (int64_t i = 0; i < a->n; i += QUANT_BLOCK) {                                                          \
                int64_t count = a->n - i < QUANT_BLOCK ? a->n - i : QUANT_BLOCK;                                       \
                vf v[BLOCK_VECTORS], up[BLOCK_VECTORS];                                                                \
                load_block(gate + i, count, v);                                                                        \
                load_block(gate + a->n + i, count, up);                                                                \
                UNROLL for (int j = 0; j < BLOCK_VECTORS; j++) v[j] = times(v[j], up[j]);                              \
                put_block(&a->out, r, i, v, count);                                                                    \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    KERNEL(name##_mul)(sluice_pool *pool, const float *gateUp, int64_t ldg, void *out, int64_t ldo, int outFormat,     \
            int64_t rows, int64_t n) {                                                                                 \
        if (!out_fits(outFormat, n)) return -1;                                                                        \
        gate_mul a = {gateUp, {out, ldo, outFormat}, ldg, n};                                                          \
        sluice_pool_run(pool, name##_mul_task, &a, rows, 20 * rows * n);                                               \
        return 0;                                                                                                      \
    }

GATE_MUL(silu, silu_times)
GATE_MUL(gelu, gelu_times)

// --- in place, number by number: x *= factor, and x = cap * tanh(x / cap)

typedef struct {
    float *x;
    int64_t ldx, n;
    float number;
} in_place;

INLINE vf scaled(vf x, float factor) { return x * factor; }
INLINE vf soft_capped(vf x, float cap) { return cap * tanh_(x / cap); }

#define IN_PLACE(name, value)                                                                                          \
    static void name##_task(const void *context, int64_t first, int64_t end) {                                         \
        const in_place *a = context;                                                                                   \
        for (int64_t r = first; r < end; r++) {                                                                        \
            float *x = a->x + r * a->ldx;                                                                              \
            int64_t i = 0;                                                                                             \
            for (; i + VL <= a->n; i += VL) store(x + i, value(load(x + i), a->number));                               \
            for (; i < a->n; i++) x[i] = value(splat(x[i]), a->number)[0];                                             \
        }                                                                                                              \
    }                                                                                                                  \
    KERNEL(name)(sluice_pool *pool, float *x, int64_t ldx, float number, int64_t rows, int64_t n) {                    \
        in_place a = {x, ldx, n, number};                                                                              \
        sluice_pool_run(pool, name##_task, &a, rows, 10 * rows * n);                                                   \
        return 0;                                                                                                      \
    }

IN_PLACE(scale, scaled)
IN_PLACE(soft_cap, soft_capped)

// --- scattering: out[index[r], i] += weight[r] * x[r, i]; no index twice

typedef struct {
    const float *x, *weight;
    const int32_t *index;
    float *out;
    int64_t ldx, ldo, n;
} scatter_add;

static void scatter_add_task(const void *context, int64_t first, int64_t end) {
    const scatter_add *a = context;
    for (int64_t r = first; r < end; r++) {
        const float *x = a->x + r * a->ldx;
        float *out = a->out + a->index[r] * a->ldo;
        const vf weight = splat(a->weight[r]);
        int64_t i = 0;
        for (; i + VL <= a->n; i += VL) store(out + i, fma_(weight, load(x + i), load(out + i)));
        for (; i < a->n; i++) out[i] = fma_(weight, splat(x[i]), splat(out[i]))[0];
    }
}

KERNEL(scatter_add)(sluice_pool *pool, const float *x, int64_t ldx, const int32_t *index, const float *weight, float *out,
        int64_t ldo, int64_t rows, int64_t n) {
    scatter_add a = {x, weight, index, out, ldx, ldo, n};
    sluice_pool_run(pool, scatter_add_task, &a, rows, 4 * rows * n);
    return 0;
}
