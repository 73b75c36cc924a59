// The KV cache of one layer: blocks of `blockSize` positions, a power of two.
//
//   block[K | V][kvHead][position / 16]   K: [width][16 positions], so that a vector holds one dimension of 16 keys
//                                         V: [16 positions][width], so that a vector holds 16 dimensions of a value
//
// width is headDim rounded up to a multiple of 16, zeros beyond headDim. Blocks of fewer than 16 positions have room for
// 16 all the same.
//
// The files that touch it are compiled twice: for a cache of float32, and with KV_BF16 for one of bf16.
#ifndef KV_H
#define KV_H

#include "vec.h"

enum { CHUNK = 16 };

#if defined(KV_BF16)
typedef bf16 KV;
#define KV_NAME(kernel) kernel##_bf16
INLINE vf load_kv(const KV *p) { return load_bf16(p); }
INLINE void put_kv(KV *at, float x) { *at = narrow(x); }
#else
typedef float KV;
#define KV_NAME(kernel) kernel##_f32
INLINE vf load_kv(const KV *p) { return load(p); }
INLINE void put_kv(KV *at, float x) { *at = x; }
#endif

INLINE int64_t kv_width(int64_t headDim) { return (headDim + CHUNK - 1) / CHUNK * CHUNK; }

INLINE int64_t kv_head(int64_t blockSize, int64_t headDim) {
    return (blockSize + CHUNK - 1) / CHUNK * CHUNK * kv_width(headDim);
}

// Elements of a block's keys, and of its values.
INLINE int64_t kv_half(int64_t blockSize, int64_t kvHeads, int64_t headDim) {
    return kvHeads * kv_head(blockSize, headDim);
}

// Elements from a block's start to the keys of the 16 positions that `position` (within its block) belongs to.
INLINE int64_t kv_chunk(int64_t position, int64_t kvHead, int64_t blockSize, int64_t headDim) {
    return kvHead * kv_head(blockSize, headDim) + position / CHUNK * CHUNK * kv_width(headDim);
}

#endif
