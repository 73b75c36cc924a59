// What the kernels ask of the machine: which instructions it has, and memory.
#define _GNU_SOURCE
#include "sluice.h"

#include <string.h>
#include <sys/mman.h>

int sluice_abi(void) { return SLUICE_ABI; }

int sluice_cpu_supports(const char *set) {
    if (strcmp(set, "portable") == 0) return 1;
#if defined(__x86_64__)
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (strcmp(set, "avx2") == 0) return avx2;
    if (strcmp(set, "avx512") == 0) return avx512;
    if (strcmp(set, "avx512bf16") == 0) return avx512 && __builtin_cpu_supports("avx512bf16");
#endif
    return 0;
}

void *sluice_map(int64_t bytes) {
    void *memory = mmap(NULL, (size_t) bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return NULL;
#if defined(MADV_HUGEPAGE)
    madvise(memory, (size_t) bytes, MADV_HUGEPAGE);
#endif
    return memory;
}

int sluice_unmap(void *memory, int64_t bytes) { return munmap(memory, (size_t) bytes); }
