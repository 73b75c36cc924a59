// Packs weights the way the products read them (gemm.c, quant.h): up to 16 rows, each an output column,
// as panel `side` of a pair.
#include "quant.h"

// --- from float32 rows, `k` apart

KERNEL(pack_f32)(const float *rows, int64_t count, int64_t k, float *pair, int64_t side) {
    if (count < 0 || count > PANEL) return -1;
    for (int64_t i = 0; i < k; i++) {
        for (int64_t c = 0; c < PANEL; c++) pair[(2 * i + side) * PANEL + c] = c < count ? rows[c * k + i] : 0.0f;
    }
    return 0;
}

KERNEL(pack_bf16)(const float *rows, int64_t count, int64_t k, bf16 *pair, int64_t side) {
    if (count < 0 || count > PANEL) return -1;
    for (int64_t i = 0; i < (k + 1) / 2 * 2; i++) {
        for (int64_t c = 0; c < PANEL; c++) {
            pair[((i / 2 * 2 + side) * PANEL + c) * 2 + i % 2] = c < count && i < k ? narrow(rows[c * k + i]) : 0;
        }
    }
    return 0;
}

// --- from rows of bf16, one after the other

KERNEL(pack_stored_bf16)(const bf16 *rows, int64_t count, int64_t k, bf16 *pair, int64_t side) {
    if (count < 0 || count > PANEL) return -1;
    for (int64_t i = 0; i < (k + 1) / 2; i++) {
        bf16 *to = pair + (2 * i + side) * PANEL * 2;
        for (int64_t c = 0; c < count; c++) {
            to[2 * c] = rows[c * k + 2 * i];
            to[2 * c + 1] = 2 * i + 1 < k ? rows[c * k + 2 * i + 1] : 0;
        }
        for (int64_t c = 2 * count; c < 2 * PANEL; c++) to[c] = 0;
    }
    return 0;
}

// --- from rows as ggml stores them, one after the other, in blocks of 32 numbers, to zeroed memory

typedef struct {
    uint16_t scale;
    int8_t number[QUANT_BLOCK];
} ggml_q8_0;

typedef struct {
    uint16_t scale;
    uint8_t pair[QUANT_BLOCK / 2]; // low halves are numbers 0..15, high halves 16..31
} ggml_q4_0;

typedef struct {
    uint16_t scale, minimum;
    uint8_t pair[QUANT_BLOCK / 2];
} ggml_q4_1;

KERNEL(pack_q8_0)(const ggml_q8_0 *rows, int64_t count, int64_t k, q8_block *to, int64_t side) {
    if (count < 0 || count > PANEL || k % QUANT_BLOCK != 0) return -1;
    const int64_t blocks = k / QUANT_BLOCK;
    for (int64_t b = 0; b < blocks; b++, to++) {
        for (int64_t c = 0; c < count; c++) {
            const ggml_q8_0 *from = rows + c * blocks + b;
            to->scale[side][c] = from->scale;
            for (int i = 0; i < QUANT_BLOCK; i++) to->number[i / 4][side][c][i % 4] = (uint8_t) (from->number[i] + 128);
        }
    }
    return 0;
}

INLINE void pack_halves(const uint8_t *pair, q4_block *to, int64_t side, int64_t column) {
    for (int i = 0; i < QUANT_BLOCK; i++) {
        int number = i < QUANT_BLOCK / 2 ? pair[i] & 15 : pair[i - QUANT_BLOCK / 2] >> 4;
        to->number[i / 8][side][column][i % 4] |= (uint8_t) (i % 8 < 4 ? number : number << 4);
    }
}

// The float16 that is -8 times as much.
INLINE f16 times_minus_8(f16 x) {
    uint32_t magnitude = x & 0x7fffu, sign = ~x & 0x8000u;
    if (magnitude >= 0x7000u) magnitude = magnitude > 0x7c00u ? magnitude : 0x7c00u; // infinite, or not a number
    else if (magnitude >= 0x400u) magnitude += 3 << 10;
    else { // magnitude * 2^-24, times 2^3
        uint32_t wide = magnitude << 3, exponent = 1;
        if (wide >= 0x400u) {
            while (wide >= 0x800u) wide >>= 1, exponent++; // drops zeros only: 13 bits, the last three zero
            magnitude = exponent << 10 | (wide & 0x3ffu);
        } else magnitude = wide;
    }
    return (f16) (sign | magnitude);
}

// w = scale * (number - 8), which is scale * number + minimum.
KERNEL(pack_q4_0)(const ggml_q4_0 *rows, int64_t count, int64_t k, q4_block *to, int64_t side) {
    if (count < 0 || count > PANEL || k % QUANT_BLOCK != 0) return -1;
    const int64_t blocks = k / QUANT_BLOCK;
    for (int64_t b = 0; b < blocks; b++, to++) {
        for (int64_t c = 0; c < count; c++) {
            const ggml_q4_0 *from = rows + c * blocks + b;
            to->scale[side][c] = from->scale;
            to->minimum[side][c] = times_minus_8(from->scale);
            pack_halves(from->pair, to, side, c);
        }
    }
    return 0;
}

KERNEL(pack_q4_1)(const ggml_q4_1 *rows, int64_t count, int64_t k, q4_block *to, int64_t side) {
    if (count < 0 || count > PANEL || k % QUANT_BLOCK != 0) return -1;
    const int64_t blocks = k / QUANT_BLOCK;
    for (int64_t b = 0; b < blocks; b++, to++) {
        for (int64_t c = 0; c < count; c++) {
            const ggml_q4_1 *from = rows + c * blocks + b;
            to->scale[side][c] = from->scale;
            to->minimum[side][c] = from->minimum;
            pack_halves(from->pair, to, side, c);
        }
    }
    return 0;
}
