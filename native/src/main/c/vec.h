// The vector vocabulary that kernels are written in: VL lanes of float32, the natural width of the instruction set being
// compiled. Fused multiply-add is spelled out (the compiler is told not to fuse by itself), so that the same numbers
// come out of every instance of a kernel, whatever its tile.
#ifndef VEC_H
#define VEC_H

#include "sluice.h"

#include <string.h>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define VL 16
#elif defined(__AVX2__)
#define VL 8
#else
#define VL 4
#endif

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 32")

typedef float vf __attribute__((vector_size(VL * 4)));
typedef int32_t vi __attribute__((vector_size(VL * 4)));
typedef uint32_t vu __attribute__((vector_size(VL * 4)));
typedef uint16_t vh __attribute__((vector_size(VL * 2)));

// Keeps a compiler from folding a vector that is used several times into each of its uses: with one row that costs a third
// of the memory's bandwidth.
#if defined(__AVX512F__)
#define IN_REGISTER(v) __asm__("" : "+v"(v))
#else
#define IN_REGISTER(v) (void) (v)
#endif

INLINE vf splat(float x) { return x - (vf) {}; }

INLINE vf load(const float *p) {
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE void store(float *p, vf v) { memcpy(p, &v, sizeof v); }

// a * b + c, rounded once where the machine can.
INLINE vf fma_(vf a, vf b, vf c) {
#if defined(__AVX512F__)
    return (vf) _mm512_fmadd_ps((__m512) a, (__m512) b, (__m512) c);
#elif defined(__AVX2__)
    return (vf) _mm256_fmadd_ps((__m256) a, (__m256) b, (__m256) c);
#elif defined(__aarch64__)
    return (vf) vfmaq_f32((float32x4_t) c, (float32x4_t) a, (float32x4_t) b);
#else
    return a * b + c;
#endif
}

INLINE vi splat_int(int32_t x) { return x - (vi) {}; }

INLINE vi load_int(const void *p) {
    vi v;
    memcpy(&v, p, sizeof v);
    return v;
}

INLINE vf to_float(vi v) { return __builtin_convertvector(v, vf); }

// Each lane: c plus the sum of four products, bytes of a (unsigned) times bytes of b (signed). Exact.
INLINE vi dot4(vi c, vi a, vi b) {
#if defined(__AVX512VNNI__)
    return (vi) _mm512_dpbusd_epi32((__m512i) c, (__m512i) a, (__m512i) b);
#elif defined(__AVX512BW__)
    // In nibbles: pairs of products of whole bytes would not fit 16 bits.
    __m512i low = _mm512_maddubs_epi16(_mm512_and_si512((__m512i) a, _mm512_set1_epi8(15)), (__m512i) b);
    __m512i high = _mm512_maddubs_epi16(
            _mm512_and_si512(_mm512_srli_epi16((__m512i) a, 4), _mm512_set1_epi8(15)), (__m512i) b);
    return c + (vi) _mm512_madd_epi16(low, _mm512_set1_epi16(1)) + (vi) _mm512_madd_epi16(high, _mm512_set1_epi16(16));
#elif defined(__AVX2__)
    __m256i low = _mm256_maddubs_epi16(_mm256_and_si256((__m256i) a, _mm256_set1_epi8(15)), (__m256i) b);
    __m256i high = _mm256_maddubs_epi16(
            _mm256_and_si256(_mm256_srli_epi16((__m256i) a, 4), _mm256_set1_epi8(15)), (__m256i) b);
    return c + (vi) _mm256_madd_epi16(low, _mm256_set1_epi16(1)) + (vi) _mm256_madd_epi16(high, _mm256_set1_epi16(16));
#else
    for (int shift = 0; shift < 32; shift += 8) {
        c += ((a >> shift) & 255) * (b << (24 - shift) >> 24);
    }
    return c;
#endif
}

INLINE vf max_(vf a, vf b) { return (vf) (((vi) a & (a > b)) | ((vi) b & ~(a > b))); }

INLINE float widen(bf16 x) {
    uint32_t bits = (uint32_t) x << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

// To nearest, ties to even; NaN stays NaN.
INLINE bf16 narrow(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (bf16) ((bits >> 16) | 0x40);
    return (bf16) ((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

INLINE float widen_f16(f16 x) {
    uint32_t sign = (uint32_t) (x & 0x8000u) << 16, magnitude = x & 0x7fffu, bits;
    if (magnitude >= 0x7c00u) bits = 0x7f800000u | (magnitude & 0x3ffu) << 13; // infinite or not a number
    else if (magnitude >= 0x400u) bits = (magnitude << 13) + 0x38000000u;
    else { // magnitude * 2^-24
        float small = (float) magnitude * 0x1p-24f;
        memcpy(&bits, &small, sizeof bits);
    }
    bits |= sign;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

INLINE vf load_bf16(const bf16 *p) {
    vh h;
    memcpy(&h, p, sizeof h);
    return (vf) (__builtin_convertvector(h, vu) << 16);
}

// VL numbers of float16.
INLINE vf load_f16(const f16 *p) {
#if defined(__AVX512F__)
    return (vf) _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *) p));
#elif defined(__F16C__)
    return (vf) _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *) p));
#else
    vf v;
    for (int i = 0; i < VL; i++) v[i] = widen_f16(p[i]);
    return v;
#endif
}

INLINE void store_bf16(bf16 *p, vf v) {
    vu bits = (vu) v;
    vu nan = (vu) ((bits & 0x7fffffffu) > 0x7f800000u);
    vu rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    vh h = __builtin_convertvector((rounded & ~nan) | (((bits >> 16) | 0x40u) & nan), vh);
    memcpy(p, &h, sizeof h);
}

// Largest and sum of the lanes, in one fixed order: halves against halves.
INLINE float max_lanes(vf v) {
#if defined(__AVX512F__)
    return _mm512_reduce_max_ps((__m512) v);
#else
    float lane[VL];
    memcpy(lane, &v, sizeof v);
    UNROLL for (int width = VL / 2; width > 0; width /= 2) {
        UNROLL for (int i = 0; i < width; i++) lane[i] = lane[i] > lane[i + width] ? lane[i] : lane[i + width];
    }
    return lane[0];
#endif
}

INLINE float sum_lanes(vf v) {
#if defined(__AVX512F__)
    return _mm512_reduce_add_ps((__m512) v);
#else
    float lane[VL];
    memcpy(lane, &v, sizeof v);
    UNROLL for (int width = VL / 2; width > 0; width /= 2) {
        UNROLL for (int i = 0; i < width; i++) lane[i] += lane[i + width];
    }
    return lane[0];
#endif
}

// Largest, if none is negative, and sum of the lanes, of integers.
INLINE int32_t max_int_lanes(vi v) {
#if defined(__AVX512F__)
    return _mm512_reduce_max_epi32((__m512i) v);
#else
    int32_t largest = 0;
    UNROLL for (int i = 0; i < VL; i++) largest = v[i] > largest ? v[i] : largest;
    return largest;
#endif
}

INLINE int32_t sum_int_lanes(vi v) {
#if defined(__AVX512F__)
    return _mm512_reduce_add_epi32((__m512i) v);
#else
    int32_t sum = 0;
    UNROLL for (int i = 0; i < VL; i++) sum += v[i];
    return sum;
#endif
}

// e to the x within 2 units in the last place; 0 below -87. x = n ln 2 + r, |r| <= ln 2 / 2, and a polynomial for e^r.
INLINE vf exp_(vf x) {
    vi tiny = x < -87.0f;
    x = (vf) (((vi) splat(88.0f) & (x > 88.0f)) | ((vi) x & ~(x > 88.0f)));
    x = (vf) ((vi) x & ~tiny);
    const float toInteger = 12582912.0f; // 1.5 * 2^23: adding it rounds to an integer in the low bits
    vf shifted = fma_(x, splat(1.44269504088896341f), splat(toInteger));
    vf n = shifted - toInteger;
    vf r = fma_(n, splat(-0.693359375f), x);
    r = fma_(n, splat(2.12194440e-4f), r);
    vf p = splat(1.9875691500e-4f);
    p = fma_(p, r, splat(1.3981999507e-3f));
    p = fma_(p, r, splat(8.3334519073e-3f));
    p = fma_(p, r, splat(4.1665795894e-2f));
    p = fma_(p, r, splat(1.6666665459e-1f));
    p = fma_(p, r, splat(5.0000001201e-1f));
    vf result = fma_(p, r * r, r) + 1.0f;
    vi scale = (__builtin_convertvector(n, vi) + 127) << 23;
    return (vf) ((vi) (result * (vf) scale) & ~tiny);
}

// The hyperbolic tangent, within 2^-23 of it.
INLINE vf tanh_(vf x) { return 1.0f - 2.0f / (exp_(x + x) + 1.0f); }

#endif
