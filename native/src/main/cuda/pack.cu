// Weights as ggml stores them become matrices as sluice_cuda.h has them, on the device, once, at load. A block of 32 numbers
// to a thread.
#include "weights.cuh"

enum { THREADS = 256 };

// Stored bytes of a block; numbers stand at unaligned addresses.
enum { Q8_0_BYTES = 34, Q4_0_BYTES = 18, Q4_1_BYTES = 20 };

DEVICE f16 read_f16(const uint8_t *p) { return (f16) (p[0] | p[1] << 8); }

// The float16 that is -8 times as much; too large becomes infinite.
DEVICE f16 times_minus_8(f16 x) {
    uint32_t magnitude = x & 0x7fffu, sign = ~x & 0x8000u;
    if (magnitude >= 0x7000u) magnitude = magnitude > 0x7c00u ? magnitude : 0x7c00u;
    else if (magnitude >= 0x400u) magnitude += 3 << 10;
    else {
        uint32_t wide = magnitude << 3, exponent = 1;
        while (wide >= 0x800u) wide >>= 1, exponent++; // drops zeros only: 13 bits, the last three zero
        magnitude = wide >= 0x400u ? exponent << 10 | (wide & 0x3ffu) : wide;
    }
    return (f16) (sign | magnitude);
}

static __global__ void BOUNDS(THREADS, 1) pack_q8_0(const uint8_t *stored, int8_t *numbers, f16 *scales, int64_t blocks) {
    for (int64_t b = (int64_t) blockIdx.x * THREADS + threadIdx.x; b < blocks; b += (int64_t) gridDim.x * THREADS) {
        const uint8_t *from = stored + b * Q8_0_BYTES;
        scales[b] = read_f16(from);
        for (int i = 0; i < QUANT_BLOCK; i++) numbers[b * QUANT_BLOCK + i] = (int8_t) from[2 + i];
    }
}

static __global__ void BOUNDS(THREADS, 1) pack_q4(const uint8_t *stored, int withMinimum, uint8_t *numbers, f16 *scales,
        int64_t blocks) {
    for (int64_t b = (int64_t) blockIdx.x * THREADS + threadIdx.x; b < blocks; b += (int64_t) gridDim.x * THREADS) {
        const uint8_t *from = stored + b * (withMinimum ? Q4_1_BYTES : Q4_0_BYTES);
        scales[2 * b] = read_f16(from);
        scales[2 * b + 1] = withMinimum ? read_f16(from + 2) : times_minus_8(read_f16(from));
        const uint8_t *pairs = from + (withMinimum ? 4 : 2); // low halves are numbers 0..15, high halves 16..31
        for (int at = 0; at < QUANT_BLOCK / 2; at++) {
            const int first = at / 4 * 8 + at % 4, second = first + 4;
            const int low = first < 16 ? pairs[first] & 15 : pairs[first - 16] >> 4;
            const int high = second < 16 ? pairs[second] & 15 : pairs[second - 16] >> 4;
            numbers[b * (QUANT_BLOCK / 2) + at] = (uint8_t) (low | high << 4);
        }
    }
}

// `blocks` blocks of Q8_0, row after row.
API int sluice_cuda_pack_q8_0(const void *stored, void *numbers, void *scales, int64_t blocks, void *stream) {
    LAUNCH(pack_q8_0, grid_for((blocks + THREADS - 1) / THREADS), THREADS, 0, stream, (const uint8_t *) stored,
            (int8_t *) numbers, (f16 *) scales, blocks);
}

// `blocks` blocks of Q4_1, or of Q4_0 without minimum: w = scale * (number - 8).
API int sluice_cuda_pack_q4(const void *stored, int32_t withMinimum, void *numbers, void *scales, int64_t blocks,
        void *stream) {
    LAUNCH(pack_q4, grid_for((blocks + THREADS - 1) / THREADS), THREADS, 0, stream, (const uint8_t *) stored, withMinimum,
            (uint8_t *) numbers, (f16 *) scales, blocks);
}

static __global__ void BOUNDS(THREADS, 1) narrow_numbers(const float *from, bf16 *to, int64_t count) {
    for (int64_t i = (int64_t) blockIdx.x * THREADS + threadIdx.x; i < count; i += (int64_t) gridDim.x * THREADS) {
        to[i] = narrow(from[i]);
    }
}

// float32 to bf16.
API int sluice_cuda_narrow(const float *from, void *to, int64_t count, void *stream) {
    LAUNCH(narrow_numbers, grid_for((count + THREADS - 1) / THREADS), THREADS, 0, stream, from, (bf16 *) to, count);
}

// Blocks of keys and values between the cache and host memory, where sequences are parked: the cache's layers
// [layer][block][blockBytes], host blocks [host block][layer][blockBytes]; pairs [copy][device block, host block].
typedef struct {
    unsigned char *cache, *host;
    const int32_t *pairs;
    int64_t layerBytes, blockBytes, layers, count;
    int32_t toHost, reserved;
} copy_blocks;

static __global__ void BOUNDS(THREADS, 1) copy_block(copy_blocks a) {
    typedef struct __align__(16) { uint32_t words[4]; } piece;
    for (int64_t item = blockIdx.x; item < a.count * a.layers; item += gridDim.x) {
        const int64_t copy = item / a.layers, layer = item % a.layers;
        piece *inCache = (piece *) (a.cache + layer * a.layerBytes + a.pairs[2 * copy] * a.blockBytes);
        piece *inHost = (piece *) (a.host + (a.pairs[2 * copy + 1] * a.layers + layer) * a.blockBytes);
        const piece *from = a.toHost ? inCache : inHost;
        piece *to = a.toHost ? inHost : inCache;
        for (int64_t i = threadIdx.x; i < a.blockBytes / (int64_t) sizeof(piece); i += THREADS) to[i] = from[i];
    }
}

// Of copies to the host those of one call may share no host block, of copies back no device block.
API int sluice_cuda_copy_blocks(void *cache, int64_t layerBytes, void *host, int64_t blockBytes, int64_t layers,
        const int32_t *pairs, int64_t count, int32_t toHost, void *stream) {
    if (blockBytes % 16 != 0 || layerBytes % 16 != 0) return REFUSED_ALIGNMENT;
    if (count == 0) return 0;
    const copy_blocks a = {(unsigned char *) cache, (unsigned char *) host, pairs, layerBytes, blockBytes, layers, count,
            toHost, 0};
    LAUNCH(copy_block, grid_for(count * layers), THREADS, 0, stream, a);
}
