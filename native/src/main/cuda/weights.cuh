// Weight matrices as sluice_cuda.h lays them out.
#ifndef WEIGHTS_CUH
#define WEIGHTS_CUH

#include "numbers.cuh"

// Eight numbers of a row from column `i` on, a multiple of eight, in words that tensor cores consume.
//   bf16   four pairs
//   int8   two words of four
DEVICE void eight_bytes(const weights &w, int64_t row, int64_t i, uint32_t words[2]) {
    if (w.format == Q8) {
        const uint32_t *from = (const uint32_t *) ((const int8_t *) w.numbers + row * w.columns + i);
        words[0] = from[0];
        words[1] = from[1];
    } else {
        const uint32_t halves = *(const uint32_t *) ((const uint8_t *) w.numbers + (row * w.columns + i) / 2);
        words[0] = halves & 0x0f0f0f0fu;
        words[1] = halves >> 4 & 0x0f0f0f0fu;
    }
}

DEVICE float scale_of(const weights &w, int64_t row, int64_t block) {
    const int64_t at = row * (w.columns / QUANT_BLOCK) + block;
    return widen_f16(((const f16 *) w.scales)[w.format == Q4 ? 2 * at : at]);
}

DEVICE float minimum_of(const weights &w, int64_t row, int64_t block) {
    return widen_f16(((const f16 *) w.scales)[2 * (row * (w.columns / QUANT_BLOCK) + block) + 1]);
}

// One number, of any format.
DEVICE float weight_at(const weights &w, int64_t row, int64_t i) {
    if (w.format == F32 || w.format == BF16) return load_number(w.numbers, w.format, row * w.columns + i);
    const int64_t block = i / QUANT_BLOCK;
    if (w.format == Q8) return (float) ((const int8_t *) w.numbers)[row * w.columns + i] * scale_of(w, row, block);
    const uint8_t halves = ((const uint8_t *) w.numbers)[(row * w.columns + i) / 8 * 4 + i % 4];
    const int number = i % 8 < 4 ? halves & 15 : halves >> 4;
    return __fadd_rn(__fmul_rn((float) number, scale_of(w, row, block)), minimum_of(w, row, block));
}

inline int is_quantised(const weights *w) { return w->format == Q8 || w->format == Q4; }

// 0, or why no kernel can read the matrix.
inline int refuse_weights(const weights *w) {
    if (w->format != F32 && w->format != BF16 && !is_quantised(w)) return REFUSED_FORMAT;
    if (w->rows < 1 || w->columns < 1) return REFUSED_SHAPE;
    if (is_quantised(w) && w->columns % QUANT_BLOCK != 0) return REFUSED_SHAPE;
    if (is_quantised(w) && ((uintptr_t) w->numbers % 8 != 0 || (uintptr_t) w->scales % 4 != 0)) return REFUSED_ALIGNMENT;
    return 0;
}

#endif
