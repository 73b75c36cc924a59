// Kernels that work on one row (one token) at a time: a block of 8 warps a row.
#include "weights.cuh"

enum { THREADS = 256, WARPS = THREADS / WARP };

// --- embedding: out[r, i] = table[tokens[r], i]; zeros for what is no token

static __global__ void BOUNDS(THREADS, 1) embed_rows(weights table, const int32_t *tokens, float *out, int64_t ldo,
        int64_t rows) {
    for (int64_t r = blockIdx.x; r < rows; r += gridDim.x) {
        const int32_t token = tokens[r];
        const bool known = token >= 0 && token < table.rows;
        for (int64_t i = threadIdx.x; i < table.columns; i += THREADS) {
            out[r * ldo + i] = known ? weight_at(table, token, i) : 0.0f;
        }
    }
}

API int sluice_cuda_embed(const weights *table, const int32_t *tokens, float *out, int64_t ldo, int64_t rows, void *stream) {
    if (int refused = refuse_weights(table)) return refused;
    const weights w = *table;
    LAUNCH(embed_rows, grid_for(rows), THREADS, 0, stream, w, tokens, out, ldo, rows);
}

// --- the sum of what all threads of the block give, in every thread

typedef struct {
    float parts[WARPS];
} block_sums;

DEVICE float block_sum(block_sums &shared, float x) {
    x = warp_sum(x);
    __syncthreads(); // what was read before
    if (lane_of_thread() == 0) shared.parts[warp_of_thread()] = x;
    __syncthreads();
    float sum = 0.0f;
    for (int w = 0; w < WARPS; w++) sum = __fadd_rn(sum, shared.parts[w]);
    return sum;
}

// --- residual and RMSNorm: x[f, i] += addend[f, i]; out[r, i] = x[f, i] / sqrt(mean of squares + eps) * weight[i];
//     f = index[r], or r without index; without addend nothing is added

typedef struct {
    float *x;
    const void *addend;
    const int32_t *index;
    const float *weight;
    out_rows out;
    int64_t ldx, lda, rows, n;
    float eps;
    int32_t addendFormat;
} rmsnorm;

static __global__ void BOUNDS(THREADS, 1) rmsnorm_rows(rmsnorm a) {
    SHARED(block_sums, shared);
    for (int64_t r = blockIdx.x; r < a.rows; r += gridDim.x) {
        const int64_t from = a.index == nullptr ? r : a.index[r];
        float *x = a.x + from * a.ldx;
        float squares = 0.0f;
        for (int64_t i = threadIdx.x; i < a.n; i += THREADS) {
            float v = x[i];
            if (a.addend != nullptr) {
                v = __fadd_rn(v, load_number(a.addend, a.addendFormat, from * a.lda + i));
                x[i] = v;
            }
            squares = __fmaf_rn(v, v, squares);
        }
        const float sum = block_sum(shared, squares);
        const float scale = __fdiv_rn(1.0f, __fsqrt_rn(__fadd_rn(__fdiv_rn(sum, (float) a.n), a.eps)));
        // Each thread reads what it wrote itself: the same i.
        for (int64_t i = warp_of_thread() * WARP; i < a.n; i += THREADS) {
            const int64_t at = i + lane_of_thread();
            const bool present = at < a.n;
            const float v = present ? __fmul_rn(__fmul_rn(x[at], scale), a.weight[at]) : 0.0f;
            warp_put(a.out, r, i, v, present);
        }
    }
}

API int sluice_cuda_rmsnorm(float *x, int64_t ldx, const void *addend, int64_t lda, int32_t addendFormat, const int32_t *index,
        const float *weight, float eps, void *out, int64_t ldo, int32_t outFormat, int64_t rows, int64_t n, void *stream) {
    if (!out_fits(outFormat, n)) return REFUSED_FORMAT;
    if (addendFormat != F32 && addendFormat != BF16) return REFUSED_FORMAT;
    const rmsnorm a = {x, addend, index, weight, {out, ldo, outFormat, 0}, ldx, lda, rows, n, eps, addendFormat};
    LAUNCH(rmsnorm_rows, grid_for(rows), THREADS, sizeof(block_sums), stream, a);
}

// --- SwiGLU: out[r, i] = silu(gateUp[r, i]) * gateUp[r, n + i], silu(g) = g / (1 + e^-g)

typedef struct {
    const void *gateUp;
    out_rows out;
    int64_t ldg, rows, n;
    int32_t format, reserved;
} silu_mul;

static __global__ void BOUNDS(THREADS, 1) silu_mul_rows(silu_mul a) {
    for (int64_t r = blockIdx.x; r < a.rows; r += gridDim.x) {
        for (int64_t i = warp_of_thread() * WARP; i < a.n; i += THREADS) {
            const int64_t at = i + lane_of_thread();
            const bool present = at < a.n;
            float v = 0.0f;
            if (present) {
                const float gate = load_number(a.gateUp, a.format, r * a.ldg + at);
                const float up = load_number(a.gateUp, a.format, r * a.ldg + a.n + at);
                v = __fmul_rn(__fdiv_rn(gate, __fadd_rn(1.0f, expf(-gate))), up);
            }
            warp_put(a.out, r, i, v, present);
        }
    }
}

API int sluice_cuda_silu_mul(const void *gateUp, int64_t ldg, int32_t format, void *out, int64_t ldo, int32_t outFormat,
        int64_t rows, int64_t n, void *stream) {
    if (!out_fits(outFormat, n) || (format != F32 && format != BF16)) return REFUSED_FORMAT;
    const silu_mul a = {gateUp, {out, ldo, outFormat, 0}, ldg, rows, n, format, 0};
    LAUNCH(silu_mul_rows, grid_for(rows), THREADS, 0, stream, a);
}

// --- the residual stream alone: x[r, i] += addend[r, i]

static __global__ void BOUNDS(THREADS, 1) add_rows(float *x, int64_t ldx, const void *addend, int64_t lda, int32_t format,
        int64_t rows, int64_t n) {
    for (int64_t r = blockIdx.x; r < rows; r += gridDim.x) {
        for (int64_t i = threadIdx.x; i < n; i += THREADS) {
            x[r * ldx + i] = __fadd_rn(x[r * ldx + i], load_number(addend, format, r * lda + i));
        }
    }
}

API int sluice_cuda_add(float *x, int64_t ldx, const void *addend, int64_t lda, int32_t format, int64_t rows, int64_t n,
        void *stream) {
    if (format != F32 && format != BF16) return REFUSED_FORMAT;
    LAUNCH(add_rows, grid_for(rows), THREADS, 0, stream, x, ldx, addend, lda, format, rows, n);
}

// --- sampled ids become the next step's tokens without leaving the device: tokens[i] = sampled[fromRow[i]], where fromRow[i] is not
//     below 0. A row that had no token to choose goes on with token 0; its sequence ends when the host learns of it.

static __global__ void BOUNDS(THREADS, 1) feed_tokens(const sampled *from, const int32_t *fromRow, int32_t *tokens, int64_t count) {
    for (int64_t i = (int64_t) blockIdx.x * THREADS + threadIdx.x; i < count; i += (int64_t) gridDim.x * THREADS) {
        if (fromRow[i] < 0) continue;
        const int32_t token = from[fromRow[i]].token;
        tokens[i] = token < 0 ? 0 : token;
    }
}

API int sluice_cuda_feed(const sampled *from, const int32_t *fromRow, int32_t *tokens, int64_t count, void *stream) {
    LAUNCH(feed_tokens, grid_for((count + THREADS - 1) / THREADS), THREADS, 0, stream, from, fromRow, tokens, count);
}
