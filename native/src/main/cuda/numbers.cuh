// Numbers as kernels read and write them, and what a warp does with 32 of them.
#ifndef NUMBERS_CUH
#define NUMBERS_CUH

#include "device.cuh"

#include <math.h>
#include <string.h>

typedef uint16_t bf16;
typedef uint16_t f16;

#define INFINITE __int_as_float(0x7f800000)

// --- single numbers

DEVICE float widen(bf16 x) { return __int_as_float((int) ((uint32_t) x << 16)); }

// To nearest, ties to even; NaN stays NaN.
DEVICE bf16 narrow(float x) {
    uint32_t bits = (uint32_t) __float_as_int(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (bf16) ((bits >> 16) | 0x40);
    return (bf16) ((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

DEVICE float widen_f16(f16 x) {
    uint32_t sign = (uint32_t) (x & 0x8000u) << 16, magnitude = x & 0x7fffu, bits;
    if (magnitude >= 0x7c00u) bits = 0x7f800000u | (magnitude & 0x3ffu) << 13; // infinite or not a number
    else if (magnitude >= 0x400u) bits = (magnitude << 13) + 0x38000000u;
    else bits = (uint32_t) __float_as_int((float) magnitude * 5.9604644775390625e-8f); // 2^-24
    return __int_as_float((int) (bits | sign));
}

// Two numbers of bf16 in a word, the first in the low half.
DEVICE uint32_t pack(float first, float second) { return (uint32_t) narrow(first) | (uint32_t) narrow(second) << 16; }
DEVICE float low(uint32_t pair) { return __int_as_float((int) (pair << 16)); }
DEVICE float high(uint32_t pair) { return __int_as_float((int) (pair & 0xffff0000u)); }

DEVICE float load_number(const void *p, int format, int64_t i) {
    return format == F32 ? ((const float *) p)[i] : widen(((const bf16 *) p)[i]);
}

DEVICE void store_number(void *p, int format, int64_t i, float x) {
    if (format == F32) ((float *) p)[i] = x;
    else ((bf16 *) p)[i] = narrow(x);
}

DEVICE int leading_zeros(uint32_t x) {
#if defined(__CUDACC__)
    return __clz((int) x);
#else
    return x == 0 ? 32 : __builtin_clz(x);
#endif
}

// --- 32 lanes, results the same in every lane and for every order of execution

DEVICE float warp_sum(float x) {
    for (int other = WARP / 2; other > 0; other /= 2) x = __fadd_rn(x, __shfl_xor_sync(ALL_LANES, x, other));
    return x;
}

DEVICE int warp_sum(int x) {
    for (int other = WARP / 2; other > 0; other /= 2) x += __shfl_xor_sync(ALL_LANES, x, other);
    return x;
}

DEVICE double warp_sum(double x) {
    for (int other = WARP / 2; other > 0; other /= 2) x = __dadd_rn(x, __shfl_xor_sync(ALL_LANES, x, other));
    return x;
}

DEVICE int warp_max(int x) {
    for (int other = WARP / 2; other > 0; other /= 2) {
        int y = __shfl_xor_sync(ALL_LANES, x, other);
        x = y > x ? y : x;
    }
    return x;
}

DEVICE float warp_max(float x) {
    for (int other = WARP / 2; other > 0; other /= 2) x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, other));
    return x;
}

// Rows that a kernel writes and a product reads.
typedef struct {
    void *rows;
    int64_t stride; // numbers, or blocks of bytes, from one row to the next
    int32_t format, reserved;
} out_rows;

inline int out_fits(int format, int64_t n) {
    return format == F32 || format == BF16 || (format == INT8 && n % QUANT_BLOCK == 0);
}

// The whole warp: number `i` + lane of row r, where `present`. `i` is a multiple of 32. What is not a number, or infinite, makes
// a block's scale so, and with it all products of the block.
DEVICE void warp_put(const out_rows &out, int64_t r, int64_t i, float x, bool present) {
    const int lane = lane_of_thread();
    if (out.format != INT8) {
        if (present) store_number(out.rows, out.format, r * out.stride + i + lane, x);
        return;
    }
    const float magnitude = __int_as_float(warp_max(__float_as_int(x) & 0x7fffffff)); // as integers NaN is above all
    const float inverse = magnitude > 7.52316385e-37f && magnitude < INFINITE ? __fdiv_rn(127.0f, magnitude) : 0.0f;
    const int rounded = __float2int_rn(__fmul_rn(x, inverse));
    const int sum = warp_sum(rounded);
    quant_row *block = (quant_row *) out.rows + r * out.stride + i / QUANT_BLOCK;
    block->number[lane] = (int8_t) rounded;
    if (lane != 0) return;
    block->scale = __fdiv_rn(magnitude, 127.0f);
    block->scaledSum = __fmul_rn(block->scale, (float) sum);
    block->offset = -128 * sum;
}

// --- tensor cores: c += a * b of one warp; fragments as the PTX manual has them, g = lane / 4, t = lane % 4
//
//   m16n8k16 bf16   a {row g, k 2t..}, {g + 8, 2t..}, {g, 8 + 2t..}, {g + 8, 8 + 2t..}; b {k 2t.., column g}, {8 + 2t.., g}
//   m16n8k32 int8   a {row g, k 4t..}, {g + 8, 4t..}, {g, 16 + 4t..}, {g + 8, 16 + 4t..}; b {k 4t.., column g}, {16 + 4t.., g}
//   c               {row g, columns 2t, 2t + 1}, {g + 8, 2t, 2t + 1}

#if defined(__CUDACC__)
DEVICE void mma_bf16(float c[4], const uint32_t a[4], const uint32_t b[2]) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

DEVICE void mma_int8(int c[4], const uint32_t a[4], const uint32_t b[2]) {
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
                 : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif

#endif
