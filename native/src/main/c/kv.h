// The KV cache of one layer: blocks of `blockSize` positions, a power of two.
//
//   block[K | V][kvHead][position / 16]   K: [width][16 positions], so that a vector holds one dimension of 16 keys
//                                         V: [16 positions][width], so that a vector holds 16 dimensions of a value
//
// In bf16 two numbers that a dot product of pairs consumes lie side by side: K [width / 2][16 positions][2 dimensions],
// V [8 pairs of positions][width][2 positions].
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
INLINE KV to_kv(float x) { return narrow(x); }

// Places within a chunk of 16 positions.
INLINE int64_t key_at(int64_t position, int64_t i) { return (i / 2 * CHUNK + position) * 2 + i % 2; }
INLINE int64_t value_at(int64_t position, int64_t i, int64_t width) { return (position / 2 * width + i) * 2 + position % 2; }
#else
typedef float KV;
#define KV_NAME(kernel) kernel##_f32
INLINE KV to_kv(float x) { return x; }

INLINE int64_t key_at(int64_t position, int64_t i) { return i * CHUNK + position; }
INLINE int64_t value_at(int64_t position, int64_t i, int64_t width) { return position * width + i; }
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
