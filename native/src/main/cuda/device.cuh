// What kernels are written in. Under nvcc that is CUDA; under a C++ compiler the same words run a kernel's threads one after
// the other on a processor (emulation.h).
#ifndef DEVICE_CUH
#define DEVICE_CUH

#include "sluice_cuda.h"

#if defined(__CUDACC__)

#include <cuda_runtime.h>

// A kernel's shared memory is one struct.
#define SHARED(Type, name)                                                                                             \
    extern __shared__ __align__(16) unsigned char sharedBytes[];                                                       \
    Type &name = *reinterpret_cast<Type *>(sharedBytes)

template <typename Kernel> int allow_shared(Kernel kernel, int64_t bytes) {
    if (bytes <= 48 * 1024) return 0;
    return cudaFuncSetAttribute((const void *) kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, (int) bytes);
}

// Queues a kernel and returns from the calling function, with what became of it.
#define LAUNCH(kernel, grid, threads, sharedSize, stream, ...)                                                         \
    do {                                                                                                               \
        int allowed = allow_shared(kernel, (int64_t) (sharedSize));                                                    \
        if (allowed != 0) return allowed;                                                                              \
        kernel<<<grid, threads, sharedSize, (cudaStream_t) (stream)>>>(__VA_ARGS__);                                   \
        return (int) cudaGetLastError();                                                                               \
    } while (0)

#define UNROLL _Pragma("unroll")
#define DEVICE __device__ __forceinline__
#define MEMBER __device__ __forceinline__
#define RARE static __device__ __noinline__
#define BOUNDS(threads, blocks) __launch_bounds__(threads, blocks)
#define BLOCKS_MAX (1 << 20)
#define BLOCK_OF(threads) (threads)

#else
#include "emulation.h"
#endif

enum { WARP = 32 };
#define ALL_LANES 0xffffffffu

typedef void *stream_t;

DEVICE int lane_of_thread() { return (int) threadIdx.x % WARP; }
DEVICE int warp_of_thread() { return (int) threadIdx.x / WARP; }

// Blocks for so many items; kernels go on from item to item until there are no more.
inline unsigned grid_for(int64_t items) {
    const int64_t most = BLOCKS_MAX;
    return (unsigned) (items < 1 ? 1 : items < most ? items : most);
}

#endif
