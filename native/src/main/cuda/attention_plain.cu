// Attention for any head size and cache format, one query token and head to a warp: softmax(q . k / sqrt(headDim)) over the keys
// of its sequence up to and including its own position, times the values. Keys are taken 32 at a time, one to a lane, from
// position 0 up; only keys and values that the row may see are read. Slow, and what the other kernel is compared with.
#include "attention.cuh"

enum { WARPS = 4, THREADS = WARPS * WARP, LANE_DIMS = HEAD_DIM_MAX / WARP };

DEVICE int64_t slice_of_token(const attention &a, int64_t token) {
    int64_t low = 0, high = a.slices;
    while (high - low > 1) {
        const int64_t middle = (low + high) / 2;
        if (a.tokenStart[middle] <= token) low = middle;
        else high = middle;
    }
    return low;
}

// The lane's key's score; minus infinity beyond the last key.
DEVICE float score(const attention &a, int64_t slice, int64_t kvHead, int64_t query, int64_t position, int64_t limit,
        float scale) {
    if (position >= limit) return -INFINITE;
    const int64_t chunk = chunk_of(a, slice, kvHead, position), at = position % a.kv.blockSize % CHUNK;
    float sum = 0.0f;
    for (int64_t i = 0; i < a.kv.headDim; i++) {
        const float q = __fmul_rn(load_number(a.q, a.qFormat, query + i), scale);
        sum = __fmaf_rn(q, load_number(a.cache, a.kv.format, chunk + key_at(a.kv, at, i)), sum);
    }
    return sum;
}

static __global__ void BOUNDS(THREADS, 1) attend_rows(attention a) {
    const int lane = lane_of_thread();
    const kv_layout &kv = a.kv;
    const int64_t items = a.tokenStart[a.slices] * (int64_t) kv.heads, half = kv_half(kv);
    const float scale = __fdiv_rn(1.0f, __fsqrt_rn((float) kv.headDim));
    for (int64_t item = (int64_t) blockIdx.x * WARPS + warp_of_thread(); item < items; item += (int64_t) gridDim.x * WARPS) {
        const int64_t token = item / kv.heads, head = item % kv.heads, kvHead = head / (kv.heads / kv.kvHeads);
        const int64_t slice = slice_of_token(a, token);
        const int64_t limit = a.firstPosition[slice] + token - a.tokenStart[slice] + 1;
        const int64_t query = token * a.ldq + head * kv.headDim;
        float sums[LANE_DIMS] = {};
        softmax_part sofar = {-INFINITE, 0.0f};
        for (int64_t first = 0; first < limit; first += WARP) {
            const float s = score(a, slice, kvHead, query, first + lane, limit, scale);
            const float maximum = warp_max(s);
            const float weight = first + lane < limit ? expf(__fadd_rn(s, -maximum)) : 0.0f;
            const softmax_part next = {maximum, warp_sum(weight)};
            float scaleSofar, scaleNext;
            sofar = fold(sofar, next, &scaleSofar, &scaleNext);
            UNROLL for (int d = 0; d < LANE_DIMS; d++) sums[d] = __fmul_rn(sums[d], scaleSofar);
            for (int64_t j = 0; j < WARP && first + j < limit; j++) {
                const float w = __fmul_rn(__shfl_sync(ALL_LANES, weight, (int) j), scaleNext);
                const int64_t position = first + j, chunk = chunk_of(a, slice, kvHead, position) + half;
                const int64_t at = position % kv.blockSize % CHUNK;
                UNROLL for (int d = 0; d < LANE_DIMS; d++) {
                    const int64_t i = lane + d * WARP;
                    if (i >= kv.headDim) continue;
                    sums[d] = __fmaf_rn(w, load_number(a.cache, kv.format, chunk + value_at(kv, at, i)), sums[d]);
                }
            }
        }
        UNROLL for (int d = 0; d < LANE_DIMS; d++) {
            const int64_t i = (int64_t) d * WARP;
            if (i >= kv.headDim) break;
            const bool present = i + lane < kv.headDim;
            // A head begins anywhere: rows of bytes need heads of whole blocks, which the call has checked.
            out_rows out = a.out;
            if (out.format == INT8) warp_put(out, token, head * kv.headDim + i, __fdiv_rn(sums[d], sofar.sum), present);
            else if (present) {
                store_number(out.rows, out.format, token * out.stride + head * kv.headDim + i + lane,
                        __fdiv_rn(sums[d], sofar.sum));
            }
        }
    }
}

API int sluice_cuda_attention_plain(const void *q, int64_t ldq, int32_t qFormat, const void *cache, const kv_layout *layout,
        const int32_t *blockTables, int64_t tableStride, const int32_t *tokenStart, const int32_t *firstPosition, int64_t slices,
        int64_t tokens, void *out, int64_t ldo, int32_t outFormat, void *stream) {
    if (int refused = refuse_kv(layout)) return refused;
    if (!out_fits(outFormat, layout->headDim) || (qFormat != F32 && qFormat != BF16)) return REFUSED_FORMAT;
    const attention a = {q, cache, blockTables, tokenStart, firstPosition, {out, ldo, outFormat, 0}, *layout, ldq, tableStride,
            slices, qFormat, 0};
    LAUNCH(attend_rows, grid_for((tokens * layout->heads + WARPS - 1) / WARPS), THREADS, 0, stream, a);
}
