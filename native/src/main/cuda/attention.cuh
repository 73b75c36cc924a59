// What the attention kernels share: the call, and how parts of a softmax are put together.
#ifndef ATTENTION_CUH
#define ATTENTION_CUH

#include "kv.cuh"

enum { TILE_ROWS = 16 };

typedef struct {
    const void *q; // [token, ldq], head h at h * headDim
    const void *cache;
    const int32_t *blockTables; // [slice, tableStride]
    const int32_t *tokenStart; // [slices + 1]
    const int32_t *firstPosition; // [slice]
    out_rows out;
    kv_layout kv;
    int64_t ldq, tableStride, slices;
    int32_t qFormat, reserved;
} attention;

// Where a position of a slice lies: its chunk's keys, in numbers from the layer's start.
DEVICE int64_t chunk_of(const attention &a, int64_t slice, int64_t kvHead, int64_t position) {
    const int64_t block = a.blockTables[slice * a.tableStride + position / a.kv.blockSize];
    return kv_chunk(a.kv, block, kvHead, position % a.kv.blockSize);
}

// A softmax over some of a row's keys: the largest score, the sum of weights relative to it (0: no key was visible).
typedef struct {
    float maximum, sum;
} softmax_part;

// Adds the next part of a row's keys: what to multiply the sums so far by, and those of the part.
DEVICE softmax_part fold(const softmax_part &sofar, const softmax_part &next, float *scaleSofar, float *scaleNext) {
    if (next.sum == 0.0f) {
        *scaleSofar = 1.0f;
        *scaleNext = 0.0f;
        return sofar;
    }
    const float maximum = fmaxf(sofar.maximum, next.maximum);
    *scaleSofar = sofar.sum == 0.0f ? 0.0f : expf(__fadd_rn(sofar.maximum, -maximum));
    *scaleNext = expf(__fadd_rn(next.maximum, -maximum));
    return {maximum, __fmaf_rn(sofar.sum, *scaleSofar, __fmul_rn(next.sum, *scaleNext))};
}

#endif
