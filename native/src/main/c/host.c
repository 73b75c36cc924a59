// What the kernels ask of the machine: which instructions it has, and memory.
#define _GNU_SOURCE
#include "sluice.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <cpuid.h>
#endif

int sluice_abi(void) { return SLUICE_ABI; }

#if defined(__x86_64__)
// Matrix units for bf16 (leaf 7, EDX bits 22 and 24), whose registers the system saves (XCR0 bits 17 and 18).
static int amx_bf16(void) {
    unsigned eax, ebx, ecx, edx, saved, high;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & (1u << 27))) return 0; // no xgetbv
    __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return 0;
    return (edx >> 22 & 1) && (edx >> 24 & 1) && (saved >> 17 & 3) == 3;
}
#endif

int sluice_cpu_supports(const char *set) {
    if (strcmp(set, "portable") == 0) return 1;
#if defined(__x86_64__)
    __builtin_cpu_init();
    int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c");
    int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (strcmp(set, "avx2") == 0) return avx2;
    if (strcmp(set, "avx512") == 0) return avx512;
    if (strcmp(set, "amx_bf16") == 0) return amx_bf16();
    int vnni = avx512 && __builtin_cpu_supports("avx512vnni");
    if (strcmp(set, "avx512vnni") == 0) return vnni;
    if (strcmp(set, "avx512bf16") == 0) return vnni && __builtin_cpu_supports("avx512bf16");
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

int sluice_forget(void *memory, int64_t bytes) {
    const uintptr_t page = (uintptr_t) sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t) memory + page - 1) / page * page, to = ((uintptr_t) memory + (uintptr_t) bytes) / page * page;
    return to > from ? madvise((void *) from, to - from, MADV_DONTNEED) : 0;
}
