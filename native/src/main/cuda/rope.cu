// Rotary positions and the write into the KV cache: rotates q and k of each token's row [q heads | k heads | v heads]; q goes to
// its place, rotated, k and v to the cache. Pairs are (i, i + headDim / 2). rotation[position] = [cos ... | sin ...]. A block of
// threads to a token.
#include "kv.cuh"

enum { THREADS = 256 };

typedef struct {
    void *qkv;
    const float *rotation;
    const int32_t *positions;
    const int64_t *slots; // [token] block * blockSize + position within the block; below 0: padding, nothing is written
    void *cache;
    kv_layout kv;
    int64_t ldq, tokens;
    int32_t format, reserved;
} rope_kv;

DEVICE void rotate(float first, float second, const float *rotation, int64_t i, int64_t half, float *a, float *b) {
    const float cosine = rotation[i], sine = rotation[half + i];
    *a = __fadd_rn(__fmul_rn(first, cosine), -__fmul_rn(second, sine));
    *b = __fadd_rn(__fmul_rn(second, cosine), __fmul_rn(first, sine));
}

static __global__ void BOUNDS(THREADS, 1) rope_kv_tokens(rope_kv a) {
    const kv_layout &kv = a.kv;
    const int64_t headDim = kv.headDim, half = headDim / 2;
    for (int64_t t = blockIdx.x; t < a.tokens; t += gridDim.x) {
        const int64_t slot = a.slots[t];
        if (slot < 0) continue;
        const float *rotation = a.rotation + (int64_t) a.positions[t] * headDim;
        const int64_t row = t * a.ldq, block = slot / kv.blockSize, offset = slot % kv.blockSize, at = offset % CHUNK;
        for (int64_t item = threadIdx.x; item < (kv.heads + kv.kvHeads) * half; item += THREADS) {
            const int64_t head = item / half, i = item % half, from = row + head * headDim + i;
            float x, y;
            rotate(load_number(a.qkv, a.format, from), load_number(a.qkv, a.format, from + half), rotation, i, half, &x, &y);
            if (head < kv.heads) {
                store_number(a.qkv, a.format, from, x);
                store_number(a.qkv, a.format, from + half, y);
            } else {
                const int64_t chunk = kv_chunk(kv, block, head - kv.heads, offset);
                store_number(a.cache, kv.format, chunk + key_at(kv, at, i), x);
                store_number(a.cache, kv.format, chunk + key_at(kv, at, half + i), y);
            }
        }
        const int64_t values = row + (kv.heads + kv.kvHeads) * headDim;
        for (int64_t item = threadIdx.x; item < kv.kvHeads * headDim; item += THREADS) {
            const int64_t chunk = kv_chunk(kv, block, item / headDim, offset) + kv_half(kv);
            store_number(a.cache, kv.format, chunk + value_at(kv, at, item % headDim),
                    load_number(a.qkv, a.format, values + item));
        }
    }
}

API int sluice_cuda_rope_kv(void *qkv, int64_t ldq, int32_t format, const float *rotation, const int32_t *positions,
        const int64_t *slots, void *cache, const kv_layout *layout, int64_t tokens, void *stream) {
    if (int refused = refuse_kv(layout)) return refused;
    if (format != F32 && format != BF16) return REFUSED_FORMAT;
    const rope_kv a = {qkv, rotation, positions, slots, cache, *layout, ldq, tokens, format, 0};
    LAUNCH(rope_kv_tokens, grid_for(tokens), THREADS, 0, stream, a);
}
