// Rows that a kernel writes and a product reads: float32, bf16, or bytes in blocks of 32 (quant.h).
#ifndef OUT_H
#define OUT_H

#include "quant.h"

enum { OUT_F32 = 0, OUT_BF16 = 1, OUT_INT8 = 2 };

typedef struct {
    void *rows;
    int64_t stride; // numbers, or blocks of bytes, from one row to the next
    int format;
} out_rows;

// What a kernel can write rows of n numbers to.
INLINE int out_fits(int format, int64_t n) {
    return format == OUT_F32 || format == OUT_BF16 || (format == OUT_INT8 && n % QUANT_BLOCK == 0);
}

// A block of 32 numbers from x, zeros from `count` on.
INLINE void load_block(const float *x, int64_t count, vf v[BLOCK_VECTORS]) {
    _Alignas(64) float block[QUANT_BLOCK] = {};
    if (count < QUANT_BLOCK) x = memcpy(block, x, (size_t) count * sizeof(float));
    UNROLL for (int j = 0; j < BLOCK_VECTORS; j++) v[j] = load(x + j * VL);
}

// Numbers [i, i + count) of row r, at most 32.
INLINE void put_block(const out_rows *out, int64_t r, int64_t i, const vf v[BLOCK_VECTORS], int64_t count) {
    if (out->format == OUT_INT8) {
        quantise(v, (quant_row *) out->rows + r * out->stride + i / QUANT_BLOCK);
        return;
    }
    const int64_t at = r * out->stride + i;
    const size_t size = out->format == OUT_F32 ? sizeof(float) : sizeof(bf16);
    void *to = (char *) out->rows + at * (int64_t) size;
    _Alignas(64) float block[QUANT_BLOCK];
    void *whole = count < QUANT_BLOCK ? block : to;
    if (out->format == OUT_F32) UNROLL for (int j = 0; j < BLOCK_VECTORS; j++) store((float *) whole + j * VL, v[j]);
    else UNROLL for (int j = 0; j < BLOCK_VECTORS; j++) store_bf16((bf16 *) whole + j * VL, v[j]);
    if (count < QUANT_BLOCK) memcpy(to, block, (size_t) count * size);
}

#endif
