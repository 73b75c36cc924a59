// Weights of 8 and 4 bits and the rows that they are multiplied with, all in blocks of 32 numbers along a row.
//
// A row that enters a product is rounded to signed bytes, block by block, with the block's largest magnitude as 127:
//
//   int8     {int8 number[32], float32 scale, float32 scale times the sum of the numbers, int32 -128 times that sum}
//
// Weights are panels of 16 columns, an even number of them, columns beyond the matrix zero. Two panels are blocks of 32
// inputs, one block after the other, so that a product of few rows, which waits for memory, reads one ascending stream. In a
// block the four inputs of a column that a dot product of bytes consumes lie side by side:
//
//   Q8       {uint8 [8][2 panels][16][4], float16 scale[2][16]}                       w = scale * (number - 128)
//   Q4       {uint8 [4][2 panels][16][4], float16 scale[2][16], minimum[2][16]}       w = scale * number + minimum
//            low halves of bytes [g][p][c][i] are inputs 8 g + i, high halves inputs 8 g + 4 + i
#ifndef QUANT_H
#define QUANT_H

#include "vec.h"

enum { PANEL = 16, QUANT_BLOCK = 32, GROUPS = QUANT_BLOCK / 4, BLOCK_VECTORS = QUANT_BLOCK / VL };

typedef struct {
    int8_t number[QUANT_BLOCK];
    float scale, scaledSum;
    int32_t offset; // what numbers of weights that are 128 too large add too much, negated
} quant_row;

typedef struct {
    uint8_t number[GROUPS][2][PANEL][4];
    f16 scale[2][PANEL];
} q8_block;

typedef struct {
    uint8_t number[GROUPS / 2][2][PANEL][4];
    f16 scale[2][PANEL], minimum[2][PANEL];
} q4_block;

// The nearest whole number, ties to even.
INLINE vi round_int(vf x) {
#if defined(__AVX512F__)
    return (vi) _mm512_cvtps_epi32((__m512) x);
#elif defined(__AVX2__)
    return (vi) _mm256_cvtps_epi32((__m256) x);
#else
    const float toInteger = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer in the low bits
    return (vi) (x + toInteger) - 0x4b400000;
#endif
}

// Rounds 32 numbers. What is not a number, or infinite, makes the scale so, and with it all products of the block.
INLINE void quantise(const vf v[BLOCK_VECTORS], quant_row *out) {
    vi largest = {};
    UNROLL for (int i = 0; i < BLOCK_VECTORS; i++) {
        vi magnitude = (vi) v[i] & 0x7fffffff; // as integers, in the same order, NaN above all
        largest = (magnitude & (magnitude > largest)) | (largest & ~(magnitude > largest));
    }
    const int32_t bits = max_int_lanes(largest);
    float magnitude;
    memcpy(&magnitude, &bits, sizeof magnitude);
    const float inverse = magnitude > 0x1p-120f && magnitude < __builtin_inff() ? 127.0f / magnitude : 0.0f;
    vi sums = {};
    UNROLL for (int i = 0; i < BLOCK_VECTORS; i++) {
        vi rounded = round_int(v[i] * inverse);
        sums += rounded;
        int8_t bytes __attribute__((vector_size(VL))) = __builtin_convertvector(rounded, __typeof__(bytes));
        memcpy(out->number + i * VL, &bytes, VL);
    }
    const int32_t sum = sum_int_lanes(sums);
    out->scale = magnitude / 127.0f;
    out->scaledSum = out->scale * (float) sum;
    out->offset = -128 * sum;
}

#endif
