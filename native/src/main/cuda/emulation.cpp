// The processor's side of emulation.h, and the functions of runtime.cu over plain memory.
#include "emulation.h"
#include "sluice_cuda.h"

#include <mutex>
#include <stdio.h>
#include <stdlib.h>
#include <vector>

index3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace emulation {
unsigned char *shared;

namespace {
enum { THREADS_MAX = 1024, STACK = 64 * 1024, EXCHANGE_MAX = 32, LANES = 32 };
enum State { RUNNABLE, WAITS_FOR_WARP, WAITS_FOR_BLOCK, DONE };

struct Fiber {
    void *stack; // its saved stack pointer
    State state;
    unsigned exchanges; // so far
};

struct Warp {
    unsigned char slots[2][LANES * EXCHANGE_MAX]; // alternating, so that a fast lane does not overwrite what a slow one reads
    int waiting, live;
};

struct Capture {
    std::vector<std::function<void()>> work;
};

std::mutex oneLaunch;
std::vector<unsigned char> stacks; // as many as the largest block had threads
Fiber fibers[THREADS_MAX];
Warp warps[THREADS_MAX / LANES];
int order[THREADS_MAX];
int threadCount, blockWaiting, live, current;
void *scheduler;
const std::function<void()> *running;
uint32_t orderSeed = 1;

[[noreturn]] void die(const char *why) {
    fprintf(stderr, "emulated kernel: %s (block %u, thread %d)\n", why, blockIdx.x, current);
    abort();
}

// Saves the callee's registers on this stack, notes it in *from, goes on with `to`.
extern "C" void sluice_switch(void **from, void *to);
#if defined(__x86_64__)
__asm__(".text\n.hidden sluice_switch\n.globl sluice_switch\n.type sluice_switch,@function\nsluice_switch:\n"
        "push %rbp\npush %rbx\npush %r12\npush %r13\npush %r14\npush %r15\n"
        "mov %rsp,(%rdi)\nmov %rsi,%rsp\n"
        "pop %r15\npop %r14\npop %r13\npop %r12\npop %rbx\npop %rbp\nret\n"
        ".size sluice_switch,.-sluice_switch\n");
enum { SAVED_WORDS = 6, RETURN_AT = 6, FRAME_WORDS = 8 };
#elif defined(__aarch64__)
__asm__(".text\n.hidden sluice_switch\n.globl sluice_switch\n.type sluice_switch,%function\nsluice_switch:\n"
        "sub sp,sp,#160\n"
        "stp x19,x20,[sp]\nstp x21,x22,[sp,#16]\nstp x23,x24,[sp,#32]\nstp x25,x26,[sp,#48]\nstp x27,x28,[sp,#64]\n"
        "stp x29,x30,[sp,#80]\nstp d8,d9,[sp,#96]\nstp d10,d11,[sp,#112]\nstp d12,d13,[sp,#128]\nstp d14,d15,[sp,#144]\n"
        "mov x9,sp\nstr x9,[x0]\nmov sp,x1\n"
        "ldp x19,x20,[sp]\nldp x21,x22,[sp,#16]\nldp x23,x24,[sp,#32]\nldp x25,x26,[sp,#48]\nldp x27,x28,[sp,#64]\n"
        "ldp x29,x30,[sp,#80]\nldp d8,d9,[sp,#96]\nldp d10,d11,[sp,#112]\nldp d12,d13,[sp,#128]\nldp d14,d15,[sp,#144]\n"
        "add sp,sp,#160\nret\n.size sluice_switch,.-sluice_switch\n");
enum { SAVED_WORDS = 20, RETURN_AT = 11, FRAME_WORDS = 20 };
#else
#error "fibers are written for x86-64 and 64-bit Arm"
#endif

void give_way(State state) {
    const int self = current;
    fibers[self].state = state;
    sluice_switch(&fibers[self].stack, scheduler);
    current = self;
    threadIdx = {(unsigned) self, 0, 0};
}

void release_block() {
    if (blockWaiting == 0 || blockWaiting < live) return;
    blockWaiting = 0;
    for (int i = 0; i < threadCount; i++) {
        if (fibers[i].state == WAITS_FOR_BLOCK) fibers[i].state = RUNNABLE;
    }
}

void release_warp(int w) {
    if (warps[w].waiting == 0 || warps[w].waiting < warps[w].live) return;
    warps[w].waiting = 0;
    for (int i = w * LANES; i < threadCount && i < (w + 1) * LANES; i++) {
        if (fibers[i].state == WAITS_FOR_WARP) fibers[i].state = RUNNABLE;
    }
}

void fiber_main() {
    (*running)();
    live--;
    warps[current / LANES].live--;
    release_warp(current / LANES);
    release_block();
    fibers[current].state = DONE;
    void *unused;
    sluice_switch(&unused, scheduler);
    die("a finished thread ran again");
}

uint32_t next_random(uint32_t *state) { return *state = *state * 1664525u + 1013904223u; }

// Warps in some order, and each warp's lanes.
void shuffle(uint32_t random) {
    const int warpCount = (threadCount + LANES - 1) / LANES;
    int byWarp[THREADS_MAX / LANES];
    for (int w = 0; w < warpCount; w++) {
        int other = (int) (next_random(&random) >> 8) % (w + 1);
        byWarp[w] = byWarp[other];
        byWarp[other] = w;
    }
    int at = 0;
    for (int w = 0; w < warpCount; w++) {
        const int first = at;
        for (int i = byWarp[w] * LANES; i < threadCount && i < (byWarp[w] + 1) * LANES; i++, at++) {
            int other = first + (int) (next_random(&random) >> 8) % (at - first + 1);
            order[at] = order[other];
            order[other] = i;
        }
    }
}

void prepare_block(uint32_t block) {
    live = threadCount;
    blockWaiting = 0;
    for (int w = 0; w < (threadCount + LANES - 1) / LANES; w++) {
        int rest = threadCount - w * LANES;
        warps[w].waiting = 0;
        warps[w].live = rest < LANES ? rest : LANES;
    }
    for (int i = 0; i < threadCount; i++) {
        unsigned char *bottom = stacks.data() + (size_t) i * STACK;
        memset(bottom, 0x5a, 16); // seen again at the end, or the stack was too small
        uintptr_t *top = (uintptr_t *) (((uintptr_t) bottom + STACK) / 16 * 16) - FRAME_WORDS;
        memset(top, 0, FRAME_WORDS * sizeof(uintptr_t));
        top[RETURN_AT] = (uintptr_t) fiber_main;
        fibers[i] = {top, RUNNABLE, 0};
    }
    shuffle(orderSeed * 2654435761u + block);
}

// Those of order[first, end) that can run, until they wait; false if none can.
bool run_once(int first, int end) {
    bool progress = false;
    for (int i = first; i < end; i++) {
        if (fibers[order[i]].state != RUNNABLE) continue;
        progress = true;
        current = order[i];
        threadIdx = {(unsigned) current, 0, 0};
        sluice_switch(&scheduler, fibers[current].stack);
    }
    return progress;
}

void run_block(uint32_t block, int64_t sharedBytes) {
    prepare_block(block);
    memset(shared, 0xff, (size_t) sharedBytes);
    memset(shared + sharedBytes, 0x5a, 16);
    // Every other block lets a warp run as far ahead of the others as it can, the rest keep them in step.
    const int together = (block + orderSeed) % 2 == 0 ? LANES : threadCount;
    while (live > 0) {
        bool progress = false;
        for (int first = 0; first < threadCount; first += together) {
            const int end = first + together < threadCount ? first + together : threadCount;
            while (run_once(first, end)) progress = true;
        }
        if (!progress) die("threads wait for each other");
    }
    for (int i = 0; i < threadCount; i++) {
        if (stacks[(size_t) i * STACK] != 0x5a) die("stack too small");
    }
    for (int i = 0; i < 16; i++) {
        if (shared[sharedBytes + i] != 0x5a) die("write beyond shared memory");
    }
}

void run(dim3 grid, unsigned threads, int64_t sharedBytes, const std::function<void()> &kernel) {
    std::lock_guard<std::mutex> lock(oneLaunch);
    static std::vector<unsigned char> sharedMemory;
    sharedMemory.resize((size_t) sharedBytes + 32);
    shared = (unsigned char *) (((uintptr_t) sharedMemory.data() + 15) / 16 * 16);
    if (stacks.size() < (size_t) threads * STACK) stacks.resize((size_t) threads * STACK);
    running = &kernel;
    threadCount = (int) threads;
    blockDim = dim3(threads);
    gridDim = grid;
    for (unsigned z = 0; z < grid.z; z++) {
        for (unsigned y = 0; y < grid.y; y++) {
            for (unsigned x = 0; x < grid.x; x++) {
                blockIdx = {x, y, z};
                run_block(x + 31 * y + 977 * z, sharedBytes);
            }
        }
    }
}
} // namespace

void wait_for_block() {
    blockWaiting++;
    if (blockWaiting == live) {
        release_block();
        give_way(RUNNABLE); // others first, as often as not
    } else {
        give_way(WAITS_FOR_BLOCK);
    }
}

const unsigned char *exchange(const void *mine, unsigned bytes) {
    if (bytes > EXCHANGE_MAX) die("exchange of too many bytes");
    Warp &warp = warps[current / LANES];
    unsigned char *slots = warp.slots[fibers[current].exchanges++ % 2];
    memcpy(slots + (unsigned) (current % LANES) * bytes, mine, bytes);
    warp.waiting++;
    if (warp.waiting == warp.live) release_warp(current / LANES);
    else give_way(WAITS_FOR_WARP);
    return slots;
}

int launch(void *stream, dim3 grid, unsigned threads, int64_t sharedBytes, std::function<void()> kernel) {
    if (threads == 0 || threads > THREADS_MAX || grid.x == 0 || grid.y == 0) return 9; // as CUDA calls such a configuration
    Capture *capture = *(Capture **) stream;
    std::function<void()> work = [=] { run(grid, threads, sharedBytes, kernel); };
    if (capture != nullptr) capture->work.push_back(work);
    else work();
    return 0;
}
} // namespace emulation

void mma_bf16(float c[4], const uint32_t a[4], const uint32_t b[2]) {
    uint32_t mine[6] = {a[0], a[1], a[2], a[3], b[0], b[1]};
    uint32_t all[32][6];
    memcpy(all, emulation::exchange(mine, sizeof mine), sizeof all);
    const int g = (int) threadIdx.x % 32 / 4, t = (int) threadIdx.x % 4;
    for (int i = 0; i < 4; i++) {
        const int row = g, upper = i / 2, column = 2 * t + i % 2;
        float sum = 0;
        for (int k = 0; k < 16; k++) {
            uint32_t x = all[row * 4 + k % 8 / 2][upper + (k >= 8 ? 2 : 0)] >> (k % 2 * 16) << 16;
            uint32_t y = all[column * 4 + k % 8 / 2][4 + (k >= 8)] >> (k % 2 * 16) << 16;
            sum += __int_as_float((int) x) * __int_as_float((int) y);
        }
        c[i] += sum;
    }
}

void mma_int8(int c[4], const uint32_t a[4], const uint32_t b[2]) {
    uint32_t mine[6] = {a[0], a[1], a[2], a[3], b[0], b[1]};
    uint32_t all[32][6];
    memcpy(all, emulation::exchange(mine, sizeof mine), sizeof all);
    const int g = (int) threadIdx.x % 32 / 4, t = (int) threadIdx.x % 4;
    for (int i = 0; i < 4; i++) {
        const int upper = i / 2, column = 2 * t + i % 2;
        for (int k = 0; k < 32; k++) {
            int8_t x = (int8_t) (all[g * 4 + k % 16 / 4][upper + (k >= 16 ? 2 : 0)] >> (k % 4 * 8));
            int8_t y = (int8_t) (all[column * 4 + k % 16 / 4][4 + (k >= 16)] >> (k % 4 * 8));
            c[i] += x * y;
        }
    }
}

// --- runtime.cu on a processor

API int sluice_cuda_abi(void) { return SLUICE_CUDA_ABI; }
API int sluice_cuda_is_emulated(void) { return 1; }

// The order in which threads run, from now on.
API int sluice_cuda_emulated_order(int32_t seed) {
    emulation::orderSeed = (uint32_t) seed;
    return 0;
}

API int sluice_cuda_device_count(int32_t *count) { return *count = 1, 0; }

API int sluice_cuda_open(int32_t device) { return device == 0 ? 0 : 101; }

API int sluice_cuda_describe(int32_t device, char *name, int64_t nameBytes, int64_t *facts) {
    if (device != 0) return 101;
    snprintf(name, (size_t) nameBytes, "emulated on a processor");
    for (int i = 0; i < 6; i++) facts[i] = 0;
    facts[2] = 3;
    return 0;
}

// Memory between two walls of known bytes, which tell whether anyone wrote beyond it.
enum { WALL = 64 };

// For tests: how many allocations there are, how many more succeed (below 0: all), and how much memory the device has.
static int live = 0;
static int allowed = -1;
static int64_t total = (int64_t) 1 << 32, taken = 0;

API int sluice_cuda_emulated_allocations(void) { return live; }
API int sluice_cuda_emulated_allow(int32_t allocations) { return allowed = allocations, 0; }
API int sluice_cuda_emulated_total(int64_t bytes) { return total = bytes, 0; }

API int sluice_cuda_memory(int64_t *freeBytes, int64_t *totalBytes) {
    *freeBytes = total - taken;
    *totalBytes = total;
    return 0;
}

static int alloc(int64_t bytes, void **memory) {
    if (allowed == 0) return 2;
    if (allowed > 0) allowed--;
    unsigned char *all = (unsigned char *) aligned_alloc(WALL, ((size_t) bytes + 3 * WALL - 1) / WALL * WALL);
    if (all == nullptr) return 2;
    memcpy(all, &bytes, sizeof bytes);
    memset(all + sizeof bytes, 0x5a, WALL - sizeof bytes);
    memset(all + WALL, 0xff, (size_t) bytes);
    memset(all + WALL + bytes, 0x5a, WALL);
    *memory = all + WALL;
    live++;
    return 0;
}

static int64_t size_of(void *memory) {
    int64_t bytes;
    memcpy(&bytes, (unsigned char *) memory - WALL, sizeof bytes);
    return bytes;
}

static int release(void *memory) {
    unsigned char *all = (unsigned char *) memory - WALL;
    const int64_t bytes = size_of(memory);
    int broken = 0;
    for (int i = sizeof bytes; i < WALL; i++) broken |= all[i] != 0x5a;
    for (int i = 0; i < WALL; i++) broken |= all[WALL + bytes + i] != 0x5a;
    free(all);
    live--;
    return broken ? 700 : 0; // as CUDA calls an access to memory that is not there
}

API int sluice_cuda_alloc(int64_t bytes, void **memory) {
    if (bytes > total - taken) return 2;
    const int status = alloc(bytes, memory);
    if (status == 0) taken += bytes;
    return status;
}

API int sluice_cuda_free(void *memory) { return taken -= size_of(memory), release(memory); }

API int sluice_cuda_alloc_pinned(int64_t bytes, void **memory) { return alloc(bytes, memory); }
API int sluice_cuda_free_pinned(void *memory) { return release(memory); }

API int sluice_cuda_stream_open(void **stream) {
    *stream = calloc(1, sizeof(void *)); // where a capture stands while there is one
    return 0;
}
API int sluice_cuda_stream_close(void *stream) { return free(stream), 0; }
API int sluice_cuda_stream_wait(void *) { return 0; }

API int sluice_cuda_copy(void *to, const void *from, int64_t bytes, void *stream) {
    auto work = [=] { memmove(to, from, (size_t) bytes); };
    emulation::Capture *capture = *(emulation::Capture **) stream;
    if (capture != nullptr) capture->work.push_back(work);
    else work();
    return 0;
}

API int sluice_cuda_fill(void *to, int32_t value, int64_t bytes, void *stream) {
    auto work = [=] { memset(to, value, (size_t) bytes); };
    emulation::Capture *capture = *(emulation::Capture **) stream;
    if (capture != nullptr) capture->work.push_back(work);
    else work();
    return 0;
}

// Work of somebody else's, such as a library that queues on our stream.
API int sluice_cuda_emulated_call(void (*call)(int64_t), int64_t argument, void *stream) {
    auto work = [=] { call(argument); };
    emulation::Capture *capture = *(emulation::Capture **) stream;
    if (capture != nullptr) capture->work.push_back(work);
    else work();
    return 0;
}

API int sluice_cuda_event_open(void **event) { return *event = calloc(1, 1), 0; }
API int sluice_cuda_event_close(void *event) { return free(event), 0; }
API int sluice_cuda_event_record(void *, void *) { return 0; }
API int sluice_cuda_event_wait(void *) { return 0; }
API int sluice_cuda_event_elapsed(void *, void *, float *milliseconds) { return *milliseconds = 0, 0; }

API int sluice_cuda_capture_begin(void *stream) {
    if (*(void **) stream != nullptr) return 901;
    *(emulation::Capture **) stream = new emulation::Capture;
    return 0;
}

API int sluice_cuda_capture_end(void *stream, void **graph, int32_t *nodeCount) {
    emulation::Capture *capture = *(emulation::Capture **) stream;
    if (capture == nullptr) return 901;
    *(void **) stream = nullptr;
    *graph = capture;
    *nodeCount = (int32_t) capture->work.size();
    return 0;
}

API int sluice_cuda_graph_launch(void *graph, void *) {
    for (auto &work : ((emulation::Capture *) graph)->work) work();
    return 0;
}
API int sluice_cuda_graph_close(void *graph) { return delete (emulation::Capture *) graph, 0; }

API int sluice_cuda_error(int32_t code, char *text, int64_t bytes) {
    snprintf(text, (size_t) bytes, "emulated error %d", code);
    return 0;
}
