// The kernels' plain C ABI. Every function takes pointers and sizes, allocates nothing, never unwinds, and returns 0
// or a negative number for arguments it cannot serve.
//
// A kernel exists once per instruction set, as sluice_<kernel>_<set>; the caller picks a set that sluice_cpu_supports.
// Kernels take the pool whose threads share the work. How it is shared never changes a result: each output number is
// computed by one thread, in an order that depends on its own inputs alone. So results are independent of the number
// of threads, of what else is in the batch, and of how a prompt is cut into slices.
//
// bf16 is the upper half of a float32. Weight matrices are packed (see gemm.c), the KV cache is blocked (attention.c).
#ifndef SLUICE_H
#define SLUICE_H

#include <stdint.h>

typedef uint16_t bf16;
typedef uint16_t f16;
typedef struct sluice_pool sluice_pool;

// Changes whenever a signature or a layout does; the caller refuses any other.
#define SLUICE_ABI 4

#define API __attribute__((visibility("default")))

API int sluice_abi(void);

// 1 if the processor can run the instruction set: "portable", "avx2", "avx512", "avx512vnni", "avx512bf16"; or has what
// no kernel of ours uses, and the system lets programs use it: "amx_bf16".
API int sluice_cpu_supports(const char *set);

// Zeroed memory straight from the system, touched only when used, on large pages where the system has them.
API void *sluice_map(int64_t bytes);
API int sluice_unmap(void *memory, int64_t bytes);

// Lets go of the whole pages of mapped file memory, which are read again if they are touched.
API int sluice_forget(void *memory, int64_t bytes);

// A pool of threads - 1 workers; the caller of a kernel is the other one. One caller at a time. NULL if it cannot be had.
API sluice_pool *sluice_pool_open(int threads);
API int sluice_pool_close(sluice_pool *pool);

// Runs the task over [0, items), in runs [first, end) that the pool's threads take, and returns when all are done. `work`
// is a rough number of multiplications in all: too little is not shared out, waking others would take longer.
typedef void (*sluice_task)(const void *context, int64_t first, int64_t end);
void sluice_pool_run(sluice_pool *pool, sluice_task task, const void *context, int64_t items, int64_t work);

// The name of a kernel in the instruction set being compiled.
#define NAME3(kernel, set) sluice_##kernel##_##set
#define NAME2(kernel, set) NAME3(kernel, set)
#define KERNEL(kernel) API int NAME2(kernel, SLUICE_SET)

#endif
