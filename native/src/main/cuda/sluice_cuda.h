// The CUDA kernels' plain C ABI. Every function takes pointers, sizes and a stream, allocates nothing unless it says so,
// never unwinds, and returns 0, a negative number for arguments it cannot serve, or CUDA's own error number. Pointers that a
// kernel reads are device memory, or pinned host memory. Kernels are queued on the stream and nothing waits for them, so all
// of them can be captured in a CUDA graph: what differs from step to step is read from device memory.
//
// How work is split among blocks, warps and calls never changes a result: each number is computed in an order that depends on
// its own inputs alone.
//
// The same sources compile for a processor (device.cuh). That library has the same functions; it is there to check the
// kernels' arithmetic where there is no GPU, and far too slow for anything else.
#ifndef SLUICE_CUDA_H
#define SLUICE_CUDA_H

#include <stdint.h>

// Changes whenever a signature or a layout does; the caller refuses any other.
#define SLUICE_CUDA_ABI 2

#define API extern "C" __attribute__((visibility("default")))

// Formats of rows and of weights; the first three as in out.h of the CPU kernels.
enum { F32 = 0, BF16 = 1, INT8 = 2, Q8 = 3, Q4 = 4 };

enum { REFUSED_SHAPE = -1, REFUSED_FORMAT = -2, REFUSED_ALIGNMENT = -3 };

// Numbers of a quantised block.
enum { QUANT_BLOCK = 32 };

// A row that enters a product with quantised weights is rounded to signed bytes, block by block, with the block's largest
// magnitude as 127. As in quant.h of the CPU kernels, where `offset` has a use.
typedef struct {
    int8_t number[QUANT_BLOCK];
    float scale, scaledSum;
    int32_t offset;
} quant_row;

// A weight matrix [rows, columns], row-major, so that libtorch can multiply by it too if it is not quantised.
//   F32, BF16  numbers
//   Q8         int8 numbers [row][column]; float16 scales [row][column / 32]
//   Q4         half bytes [row][column / 8][4], low halves inputs 8 g + i, high halves 8 g + 4 + i;
//              float16 scales [row][column / 32][scale, minimum]; w = scale * number + minimum
typedef struct {
    const void *numbers;
    const void *scales;
    int64_t rows, columns;
    int32_t format, reserved;
} weights;

// Part of an attention call: query tokens [firstToken, firstToken + tokens) of one slice, at most as many as make 16 rows
// with the heads of a group (at least one), over the partitions [firstPartition, endPartition) of its keys. `partial` says where the
// result goes: -1 to the output; else it is one partition only, and goes to that place for `sluice_cuda_merge`.
typedef struct {
    int32_t slice, firstToken, tokens, firstPartition, endPartition, partial, reserved[2];
} attention_item;

// Partial results [firstPartial, firstPartial + count) of the query tokens, to be merged in that order.
typedef struct {
    int32_t slice, firstToken, tokens, firstPartial, count, reserved[3];
} merge_item;

// How one row's token is chosen. Offsets count from the arrays of `sluice_cuda_sample`.
typedef struct {
    uint64_t seed;
    int64_t position;
    float temperature, topP, minP, frequencyPenalty, presencePenalty, repetitionPenalty;
    int32_t topK, topLogprobs; // -1: none asked for
    int32_t biasStart, biasCount;
    int32_t maskedStart, maskedCount; // tokens that may not be chosen
    int32_t historyStart, historyLength, promptLength; // history 0 if penalties are off
    int32_t maskRow; // row of the bit masks, -1: everything may be chosen
} sampling;

enum { TOP_LOGPROBS_MAX = 20 };

// What is asked of a row. The first `topCount` tops are set.
typedef struct {
    int32_t token; // -1: logits are no numbers, or leave nothing to choose
    float logprob;
    int32_t topCount;
    int32_t topToken[TOP_LOGPROBS_MAX];
    float topLogprob[TOP_LOGPROBS_MAX];
} sampled;

#endif
