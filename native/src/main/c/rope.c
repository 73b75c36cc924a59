// What becomes of queries, keys and values between their product and attention: biases, norms of the heads, rotary positions,
// and the write into the KV cache. Each token's row is [q heads | k heads | v heads]; q stays where it is, k and v go to the
// cache. Of a head the first rotaryDim numbers are turned, in pairs (i, i + rotaryDim / 2) as Hugging Face lays them out.
// rotation[position] = [cos ... | sin ...].
#include "kv.h"

typedef struct {
    float *qkv;
    const float *rotation;
    const int32_t *positions;
    const int64_t *slots; // [token] block * blockSize + position within the block
    void *cache;
    int64_t ldq, heads, kvHeads, headDim, blockSize, rotaryDim;
    const float *bias; // of the whole row, or NULL
    const float *queryNorm, *keyNorm; // [headDim], or NULL
    float eps;
} rope_kv;

INLINE void add_bias(float *x, const float *bias, int64_t n) {
    int64_t i = 0;
    for (; i + VL <= n; i += VL) store(x + i, load(x + i) + load(bias + i));
    for (; i < n; i++) x[i] += bias[i];
}

INLINE void normalise_head(float *x, const float *weight, float eps, int64_t n) {
    vf squares = {};
    int64_t i = 0;
    for (; i + VL <= n; i += VL) squares = fma_(load(x + i), load(x + i), squares);
    float sum = sum_lanes(squares);
    for (; i < n; i++) sum += x[i] * x[i];
    const float scale = 1.0f / __builtin_sqrtf(sum / (float) n + eps);
    for (i = 0; i + VL <= n; i += VL) store(x + i, load(x + i) * scale * load(weight + i));
    for (; i < n; i++) x[i] = x[i] * scale * weight[i];
}

INLINE void rotate(float *x, const float *rotation, int64_t rotaryDim) {
    int64_t half = rotaryDim / 2;
    for (int64_t i = 0; i < half; i++) {
        float a = x[i], b = x[half + i];
        x[i] = a * rotation[i] - b * rotation[half + i];
        x[half + i] = b * rotation[i] + a * rotation[half + i];
    }
}

static void rope_kv_task(const void *context, int64_t first, int64_t end) {
    const rope_kv *a = context;
    const int64_t half = kv_half(a->blockSize, a->kvHeads, a->headDim);
    for (int64_t t = first; t < end; t++) {
        const float *rotation = a->rotation + (int64_t) a->positions[t] * a->rotaryDim;
        float *q = a->qkv + t * a->ldq;
        float *k = q + a->heads * a->headDim;
        const float *v = k + a->kvHeads * a->headDim;
        if (a->bias != NULL) add_bias(q, a->bias, (a->heads + 2 * a->kvHeads) * a->headDim);
        for (int64_t h = 0; h < a->heads + a->kvHeads; h++) {
            float *head = q + h * a->headDim;
            if (a->queryNorm != NULL) normalise_head(head, h < a->heads ? a->queryNorm : a->keyNorm, a->eps, a->headDim);
            rotate(head, rotation, a->rotaryDim);
        }
        int64_t offset = a->slots[t] % a->blockSize;
        KV *block = (KV *) a->cache + a->slots[t] / a->blockSize * 2 * half;
        for (int64_t h = 0; h < a->kvHeads; h++) {
            KV *key = block + kv_chunk(offset, h, a->blockSize, a->headDim);
            KV *value = key + half;
            const int64_t at = offset % CHUNK, width = kv_width(a->headDim);
            for (int64_t i = 0; i < a->headDim; i++) key[key_at(at, i)] = to_kv(k[h * a->headDim + i]);
            for (int64_t i = 0; i < a->headDim; i++) value[value_at(at, i, width)] = to_kv(v[h * a->headDim + i]);
        }
    }
}

// A rotaryDim of 0 turns nothing.
KERNEL(KV_NAME(rope_kv))(sluice_pool *pool, float *qkv, int64_t ldq, const float *rotation, const int32_t *positions,
        const int64_t *slots, KV *cache, int64_t tokens, int64_t heads, int64_t kvHeads, int64_t headDim,
        int64_t blockSize, int64_t rotaryDim, const float *bias, const float *queryNorm, const float *keyNorm, float eps) {
    if (headDim % 2 != 0 || rotaryDim % 2 != 0 || rotaryDim > headDim) return -1;
    if ((queryNorm == NULL) != (keyNorm == NULL)) return -2;
    rope_kv a = {qkv, rotation, positions, slots, cache, ldq, heads, kvHeads, headDim, blockSize, rotaryDim, bias, queryNorm,
            keyNorm, eps};
    sluice_pool_run(pool, rope_kv_task, &a, tokens,
            4 * tokens * (heads + 2 * kvHeads) * headDim);
    return 0;
}
