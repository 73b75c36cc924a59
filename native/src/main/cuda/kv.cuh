// The KV cache of one layer, as the CPU kernels have it (kv.h): blocks of `blockSize` positions, a power of two.
//
//   block[K | V][kvHead][position / 16]   float32: K [width][16 positions], V [16 positions][width]
//                                         bf16: K [width / 2][16 positions][2 dimensions], V [8 pairs of positions][width][2 positions]
//
// width is headDim rounded up to a multiple of 16. In bf16 each word is a pair that a tensor core consumes: a fragment of a
// key or a value is read as it lies, and eight lanes read eight words side by side.
#ifndef KV_CUH
#define KV_CUH

#include "numbers.cuh"

enum { CHUNK = 16, HEAD_DIM_MAX = 256 };

typedef struct {
    int32_t heads, kvHeads, headDim, blockSize, format, reserved;
} kv_layout;

DEVICE int64_t kv_width(const kv_layout &kv) { return (kv.headDim + CHUNK - 1) / CHUNK * CHUNK; }

DEVICE int64_t kv_head(const kv_layout &kv) { return (kv.blockSize + CHUNK - 1) / CHUNK * CHUNK * kv_width(kv); }

// Numbers of a block's keys, and of its values.
DEVICE int64_t kv_half(const kv_layout &kv) { return kv.kvHeads * kv_head(kv); }

// Numbers from the layer's start to the keys of the 16 positions that `position` (within its block) belongs to.
DEVICE int64_t kv_chunk(const kv_layout &kv, int64_t block, int64_t kvHead, int64_t position) {
    return block * 2 * kv_half(kv) + kvHead * kv_head(kv) + position / CHUNK * CHUNK * kv_width(kv);
}

// Places within a chunk of 16 positions.
DEVICE int64_t key_at(const kv_layout &kv, int64_t position, int64_t i) {
    return kv.format == BF16 ? (i / 2 * CHUNK + position) * 2 + i % 2 : i * CHUNK + position;
}
DEVICE int64_t value_at(const kv_layout &kv, int64_t position, int64_t i) {
    return kv.format == BF16 ? (position / 2 * kv_width(kv) + i) * 2 + position % 2 : position * kv_width(kv) + i;
}

inline int refuse_kv(const kv_layout *kv) {
    if (kv->format != F32 && kv->format != BF16) return REFUSED_FORMAT;
    if (kv->headDim < 2 || kv->headDim > HEAD_DIM_MAX || kv->headDim % 2 != 0) return REFUSED_SHAPE;
    if (kv->blockSize < 1 || (kv->blockSize & (kv->blockSize - 1)) != 0) return REFUSED_SHAPE;
    if (kv->kvHeads < 1 || kv->heads < kv->kvHeads || kv->heads % kv->kvHeads != 0) return REFUSED_SHAPE;
    return 0;
}

#endif
