// Rotary positions and the write into the KV cache: rotates q and k of each token's row [q heads | k heads | v heads];
// q stays where it is, k and v go to the cache. Pairs are (i, i + headDim / 2), as Hugging Face lays them out. rotation[position] = [cos ... | sin ...].
#include "kv.h"

typedef struct {
    float *qkv;
    const float *rotation;
    const int32_t *positions;
    const int64_t *slots; // [token] block * blockSize + position within the block
    void *cache;
    int64_t ldq, heads, kvHeads, headDim, blockSize;
} rope_kv;

INLINE void rotate(float *x, const float *rotation, int64_t headDim) {
    int64_t half = headDim / 2;
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
        const float *rotation = a->rotation + (int64_t) a->positions[t] * a->headDim;
        float *q = a->qkv + t * a->ldq;
        float *k = q + a->heads * a->headDim;
        const float *v = k + a->kvHeads * a->headDim;
        for (int64_t h = 0; h < a->heads + a->kvHeads; h++) rotate(q + h * a->headDim, rotation, a->headDim);
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

KERNEL(KV_NAME(rope_kv))(sluice_pool *pool, float *qkv, int64_t ldq, const float *rotation, const int32_t *positions,
        const int64_t *slots, KV *cache, int64_t tokens, int64_t heads, int64_t kvHeads, int64_t headDim,
        int64_t blockSize) {
    if (headDim % 2 != 0) return -1;
    rope_kv a = {qkv, rotation, positions, slots, cache, ldq, heads, kvHeads, headDim, blockSize};
    sluice_pool_run(pool, rope_kv_task, &a, tokens,
            4 * tokens * (heads + 2 * kvHeads) * headDim);
    return 0;
}
