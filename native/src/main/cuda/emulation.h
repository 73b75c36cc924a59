// CUDA's words on a processor, for checking kernels where there is no GPU. A block's threads are fibers on one thread: each runs
// until it waits for others (a barrier, a shuffle, a tensor core), so a kernel is the same source as on a GPU. In which
// order they run is shuffled by a seed: what forgets a barrier gives other numbers under another seed. Shared and device
// memory begin as NaN. One launch at a time in the process.
#ifndef EMULATION_H
#define EMULATION_H

#include <functional>
#include <math.h>
#include <stdint.h>
#include <string.h>

struct dim3 {
    unsigned x = 1, y = 1, z = 1;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};

struct index3 {
    unsigned x, y, z;
};

extern index3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;

namespace emulation {
extern unsigned char *shared; // the running block's
void wait_for_block();
// Gives `mine` to the warp and returns all lanes' values, `bytes` each, valid until this lane's next exchange but one.
const unsigned char *exchange(const void *mine, unsigned bytes);
int launch(void *stream, dim3 grid, unsigned threads, int64_t sharedBytes, std::function<void()> kernel);
} // namespace emulation

#define __global__
#define __device__
#define __host__
#define __align__(n) __attribute__((aligned(n)))
#define DEVICE static inline __attribute__((unused))
#define MEMBER
#define RARE static
#define UNROLL
#define BOUNDS(threads, blocks)
#define BLOCK_OF(threads) 64 // as few as show that warps share the work
#define BLOCKS_MAX 7 // few, so that blocks go on to further items, as they seldom do on a GPU
#define SHARED(Type, name) Type &name = *reinterpret_cast<Type *>(emulation::shared)
#define LAUNCH(kernel, grid, threads, sharedSize, stream, ...)                                                         \
    return emulation::launch(stream, grid, threads, (int64_t) (sharedSize), [=] { kernel(__VA_ARGS__); })

static inline void __syncthreads() { emulation::wait_for_block(); }
static inline void __syncwarp() { emulation::exchange("", 1); }

template <typename T> T emulated_lane(T x, int lane) {
    T result;
    memcpy(&result, emulation::exchange(&x, sizeof x) + (lane & 31) * sizeof x, sizeof x);
    return result;
}

template <typename T> T __shfl_sync(uint32_t, T x, int lane) { return emulated_lane(x, lane); }
template <typename T> T __shfl_xor_sync(uint32_t, T x, int other) {
    return emulated_lane(x, (int) threadIdx.x % 32 ^ other);
}
template <typename T> T __shfl_up_sync(uint32_t, T x, int distance) {
    int lane = (int) threadIdx.x % 32;
    return emulated_lane(x, lane < distance ? lane : lane - distance);
}
static inline uint32_t __ballot_sync(uint32_t, int holds) {
    const unsigned char one = holds != 0;
    const unsigned char *all = emulation::exchange(&one, 1);
    uint32_t ballot = 0;
    for (int lane = 0; lane < 32; lane++) ballot |= (uint32_t) all[lane] << lane;
    return ballot;
}
static inline int __any_sync(uint32_t lanes, int holds) { return __ballot_sync(lanes, holds) != 0; }
static inline int __ffs(int x) { return __builtin_ffs(x); }

static inline float __int_as_float(int bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static inline int __float_as_int(float x) {
    int bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
static inline double __longlong_as_double(long long bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
static inline long long __double_as_longlong(double x) {
    long long bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }
static inline float __fsqrt_rn(float a) { return sqrtf(a); }
static inline float __fmaf_rn(float a, float b, float c) { return fmaf(a, b, c); }
static inline double __dmul_rn(double a, double b) { return a * b; }
static inline double __dadd_rn(double a, double b) { return a + b; }
static inline int __float2int_rn(float x) { return x != x ? 0 : (int) lrintf(x); }

static inline int atomicAdd(int *p, int x) {
    int before = *p;
    *p += x;
    return before;
}
static inline int atomicOr(int *p, int x) {
    int before = *p;
    *p |= x;
    return before;
}
static inline int atomicExch(int *p, int x) {
    int before = *p;
    *p = x;
    return before;
}

// Tensor cores: see numbers.cuh for who holds what.
void mma_bf16(float c[4], const uint32_t a[4], const uint32_t b[2]);
void mma_int8(int c[4], const uint32_t a[4], const uint32_t b[2]);

#endif
