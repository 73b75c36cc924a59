// What the device can do at best, to hold kernels against.
#include "device.cuh"

enum { THREADS = 256, AT_ONCE = 8 };

typedef struct {
    uint32_t at[4];
} quad;

// Reads everything once and keeps nothing: what streams in is folded into one word, which is written only if it has a value that
// no compiler can rule out.
static __global__ void BOUNDS(THREADS, 1) read_all(const quad *from, int64_t count, uint32_t *sink) {
    uint32_t folded = 0;
    const int64_t step = (int64_t) gridDim.x * THREADS;
    int64_t i = (int64_t) blockIdx.x * THREADS + threadIdx.x;
    for (; i + (AT_ONCE - 1) * step < count; i += AT_ONCE * step) {
        quad parts[AT_ONCE];
        UNROLL for (int k = 0; k < AT_ONCE; k++) parts[k] = from[i + k * step];
        UNROLL for (int k = 0; k < AT_ONCE; k++) folded ^= parts[k].at[0] ^ parts[k].at[1] ^ parts[k].at[2] ^ parts[k].at[3];
    }
    for (; i < count; i += step) folded ^= from[i].at[0] ^ from[i].at[1] ^ from[i].at[2] ^ from[i].at[3];
    if (folded == 0x5eed5eedu) *sink = folded;
}

// `bytes` is rounded down to 16.
API int sluice_cuda_read(const void *from, int64_t bytes, uint32_t *sink, int64_t blocks, void *stream) {
    if ((uintptr_t) from % 16 != 0) return REFUSED_ALIGNMENT;
    LAUNCH(read_all, grid_for(blocks), THREADS, 0, stream, (const quad *) from, bytes / 16, sink);
}
