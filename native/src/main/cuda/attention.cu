// Attention on tensor cores over a cache of bf16, for prompts and for single tokens: the heads of a group, and neighbouring
// tokens of a slice, are the 16 rows of a tile, which share each key and value that is read. q, scaled, and the softmax's weights
// are rounded to bf16; sums are float32.
//
// A row's keys are taken in partitions of 8 chunks of 16 positions (of fewer where blocks are smaller), counted from position 0. A
// warp computes a partition, online, 64 keys at a time; partitions are put together in ascending order, by the block that
// computed them or, where several blocks share a row's keys, by `sluice_cuda_merge`, with the same operations. So a row's result
// depends on its query and its sequence's keys and values alone: not on who shares its tile, nor on how the work was split.
#include "attention.cuh"

enum { WARPS = 4, THREADS = WARPS * WARP, STEP_CHUNKS = 4, STEPS = 2, PAD = 8, ROW_THREADS = THREADS / TILE_ROWS };

typedef struct {
    attention call;
    const attention_item *items;
    const merge_item *merges;
    const int32_t *count; // of items, or of merges
    float *partials; // [partial, kvHead, part, 16 rows, headDim + 2]: sums, maximum, sum of weights
} tiles;

template <int D> struct tile_memory {
    bf16 q[TILE_ROWS][D + PAD];
    float sums[WARPS][TILE_ROWS][D + 4];
    softmax_part parts[WARPS][TILE_ROWS];
};

// Rows of a tile: row r is token r / heads, head firstHead + r % heads.
typedef struct {
    int64_t slice, token, firstPosition, kvHead, part, firstHead, heads, rows, keyEnd;
} tile;

inline int64_t group_parts(const kv_layout *kv) { return (kv->heads / kv->kvHeads + TILE_ROWS - 1) / TILE_ROWS; }

DEVICE tile tile_of(const attention &a, int slice, int firstToken, int tokens, int64_t kvHead, int64_t part) {
    const int64_t group = a.kv.heads / a.kv.kvHeads;
    tile t;
    t.slice = slice;
    t.token = a.tokenStart[slice] + firstToken;
    t.firstPosition = a.firstPosition[slice] + firstToken;
    t.kvHead = kvHead;
    t.part = part;
    t.firstHead = kvHead * group + part * TILE_ROWS;
    t.heads = group - part * TILE_ROWS < TILE_ROWS ? group - part * TILE_ROWS : (int64_t) TILE_ROWS;
    t.rows = tokens * t.heads;
    t.keyEnd = t.firstPosition + tokens;
    return t;
}

// Keys that a row may see.
DEVICE int64_t limit_of(const tile &t, int64_t row) { return row < t.rows ? t.firstPosition + row / t.heads + 1 : 0; }

template <int D> DEVICE void load_queries(const attention &a, const tile &t, tile_memory<D> &shared) {
    const float scale = __fdiv_rn(1.0f, __fsqrt_rn((float) D));
    for (int i = (int) threadIdx.x; i < TILE_ROWS * D; i += THREADS) {
        const int row = i / D, dim = i % D;
        float q = 0.0f;
        if (row < t.rows) {
            const int64_t from = (t.token + row / t.heads) * a.ldq + (t.firstHead + row % t.heads) * D + dim;
            q = __fmul_rn(load_number(a.q, a.qFormat, from), scale);
        }
        shared.q[row][dim] = narrow(q);
    }
}

DEVICE uint32_t word_of(const bf16 *p) { return *(const uint32_t *) p; }

// Both halves of a pair of positions, or those that come before `valid`.
DEVICE uint32_t keep_valid(uint32_t pair, int64_t first, int64_t valid) {
    return first + 1 < valid ? pair : first < valid ? pair & 0xffffu : 0u;
}

DEVICE int is_not_finite(uint32_t pair) {
    return (pair & 0x7f80u) == 0x7f80u || (pair & 0x7f800000u) == 0x7f800000u;
}

typedef struct {
    float at[4];
} fragment;

typedef struct {
    uint32_t at[4];
} words;

// acc + p * v for values of which some are not finite and that not all rows may see: row by row with what it sees, because a
// weight of zero does not hide a NaN. Rare, and out of the way.
RARE fragment multiply_seen(fragment acc, words p, uint32_t v0, uint32_t v1, const tile &t, int64_t position) {
    const int g = lane_of_thread() / 4, pair = 2 * (lane_of_thread() % 4);
    for (int row = 0; row < t.rows; row++) {
        const int64_t valid = limit_of(t, row) - position;
        const uint32_t a[4] = {g == row ? p.at[0] : 0u, g + 8 == row ? p.at[1] : 0u, g == row ? p.at[2] : 0u,
                g + 8 == row ? p.at[3] : 0u};
        const uint32_t b[2] = {keep_valid(v0, pair, valid), keep_valid(v1, pair + 8, valid)};
        float sum[4] = {acc.at[0], acc.at[1], acc.at[2], acc.at[3]};
        mma_bf16(sum, a, b);
        if (g == row) acc.at[0] = sum[0], acc.at[1] = sum[1];
        if (g + 8 == row) acc.at[2] = sum[2], acc.at[3] = sum[3];
    }
    return acc;
}

// Scores of up to 64 keys from `first` on.
template <int D>
DEVICE void score(const bf16 *cache, const tile_memory<D> &shared, const int64_t *chunks, int count,
        float s[STEP_CHUNKS][2][4]) {
    const int g = lane_of_thread() / 4, t = lane_of_thread() % 4;
    UNROLL for (int c = 0; c < STEP_CHUNKS; c++) UNROLL for (int i = 0; i < 8; i++) s[c][i / 4][i % 4] = 0.0f;
    for (int i = 0; i < D; i += 16) {
        const uint32_t q[4] = {word_of(&shared.q[g][i + 2 * t]), word_of(&shared.q[g + 8][i + 2 * t]),
                word_of(&shared.q[g][i + 8 + 2 * t]), word_of(&shared.q[g + 8][i + 8 + 2 * t])};
        UNROLL for (int c = 0; c < STEP_CHUNKS; c++) {
            if (c >= count) break;
            const uint32_t *keys = (const uint32_t *) (cache + chunks[c]);
            UNROLL for (int n = 0; n < 2; n++) {
                const uint32_t k[2] = {keys[(i / 2 + t) * CHUNK + n * 8 + g], keys[(i / 2 + 4 + t) * CHUNK + n * 8 + g]};
                mma_bf16(s[c][n], q, k);
            }
        }
    }
}

// Largest of the four lanes that share a row, and their sum.
DEVICE float quad_max(float x) {
    x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, 1));
    return fmaxf(x, __shfl_xor_sync(ALL_LANES, x, 2));
}
DEVICE float quad_sum(float x) {
    x = __fadd_rn(x, __shfl_xor_sync(ALL_LANES, x, 1));
    return __fadd_rn(x, __shfl_xor_sync(ALL_LANES, x, 2));
}

// The warp: one step's scores become weights, in place; `sofar` is of the lane's rows g and g + 8, its sums of this lane alone.
DEVICE void weigh(float s[STEP_CHUNKS][2][4], const int64_t limit[2], int64_t first, int64_t chunkKeys, int count,
        softmax_part sofar[2], float rescale[2]) {
    const int t = lane_of_thread() % 4;
    UNROLL for (int r = 0; r < 2; r++) {
        float largest = -INFINITE;
        UNROLL for (int c = 0; c < STEP_CHUNKS; c++) UNROLL for (int i = 0; i < 4; i++) {
            const int key = i / 2 * 8 + 2 * t + i % 2;
            const bool seen = c < count && key < chunkKeys && first + c * chunkKeys + key < limit[r];
            if (seen) largest = fmaxf(largest, s[c][i / 2][2 * r + i % 2]);
        }
        const float maximum = fmaxf(sofar[r].maximum, quad_max(largest));
        rescale[r] = sofar[r].maximum == -INFINITE ? 1.0f : expf(__fadd_rn(sofar[r].maximum, -maximum));
        float sum = __fmul_rn(sofar[r].sum, rescale[r]);
        UNROLL for (int c = 0; c < STEP_CHUNKS; c++) UNROLL for (int i = 0; i < 4; i++) {
            const int key = i / 2 * 8 + 2 * t + i % 2;
            const bool seen = c < count && key < chunkKeys && first + c * chunkKeys + key < limit[r];
            float &x = s[c][i / 2][2 * r + i % 2];
            x = seen ? widen(narrow(expf(__fadd_rn(x, -maximum)))) : 0.0f;
            sum = __fadd_rn(sum, x);
        }
        sofar[r] = {maximum, sum};
    }
}

// The warp: the tile's rows against one partition of keys from `first` on.
template <int D>
DEVICE void attend_partition(const attention &a, const tile &t, const tile_memory<D> &shared, int64_t first,
        float acc[D / 8][4], softmax_part result[2]) {
    const bf16 *cache = (const bf16 *) a.cache;
    const int g = lane_of_thread() / 4, lane = lane_of_thread() % 4;
    const int64_t chunkKeys = a.kv.blockSize < CHUNK ? a.kv.blockSize : (int64_t) CHUNK, half = kv_half(a.kv);
    const int64_t limit[2] = {limit_of(t, g), limit_of(t, g + 8)};
    const int64_t end = first + STEPS * STEP_CHUNKS * chunkKeys < t.keyEnd ? first + STEPS * STEP_CHUNKS * chunkKeys : t.keyEnd;
    UNROLL for (int n = 0; n < D / 8; n++) UNROLL for (int i = 0; i < 4; i++) acc[n][i] = 0.0f;
    result[0] = result[1] = {-INFINITE, 0.0f};
    for (; first < end; first += STEP_CHUNKS * chunkKeys) {
        const int64_t left = (end - first + chunkKeys - 1) / chunkKeys;
        const int count = left < STEP_CHUNKS ? (int) left : (int) STEP_CHUNKS;
        int64_t chunks[STEP_CHUNKS];
        UNROLL for (int c = 0; c < STEP_CHUNKS; c++) {
            chunks[c] = c < count ? chunk_of(a, t.slice, t.kvHead, first + c * chunkKeys) : 0;
        }
        float s[STEP_CHUNKS][2][4], rescale[2];
        score<D>(cache, shared, chunks, count, s);
        weigh(s, limit, first, chunkKeys, count, result, rescale);
        UNROLL for (int n = 0; n < D / 8; n++) {
            UNROLL for (int i = 0; i < 4; i++) acc[n][i] = __fmul_rn(acc[n][i], rescale[i / 2]);
        }
        UNROLL for (int c = 0; c < STEP_CHUNKS; c++) {
            if (c >= count) break;
            const int64_t position = first + c * chunkKeys;
            const int64_t valid = end - position < chunkKeys ? end - position : chunkKeys;
            const bool ragged = t.firstPosition + 1 < position + valid; // some row sees less
            const uint32_t *values = (const uint32_t *) (cache + chunks[c] + half);
            const uint32_t p[4] = {pack(s[c][0][0], s[c][0][1]), pack(s[c][0][2], s[c][0][3]), pack(s[c][1][0], s[c][1][1]),
                    pack(s[c][1][2], s[c][1][3])};
            UNROLL for (int n = 0; n < D / 8; n++) {
                const uint32_t v[2] = {keep_valid(values[lane * D + n * 8 + g], 2 * lane, valid),
                        keep_valid(values[(lane + 4) * D + n * 8 + g], 2 * lane + 8, valid)};
                if (ragged && __any_sync(ALL_LANES, is_not_finite(v[0]) | is_not_finite(v[1]))) {
                    const fragment seen = multiply_seen({acc[n][0], acc[n][1], acc[n][2], acc[n][3]}, {p[0], p[1], p[2], p[3]},
                            v[0], v[1], t, position);
                    UNROLL for (int i = 0; i < 4; i++) acc[n][i] = seen.at[i];
                } else {
                    mma_bf16(acc[n], p, v);
                }
            }
        }
    }
    UNROLL for (int r = 0; r < 2; r++) result[r].sum = quad_sum(result[r].sum);
}

// The warp's partition to shared memory, for the block to put together.
template <int D> DEVICE void hand_over(tile_memory<D> &shared, const float acc[D / 8][4], const softmax_part part[2]) {
    const int warp = warp_of_thread(), g = lane_of_thread() / 4, t = lane_of_thread() % 4;
    UNROLL for (int n = 0; n < D / 8; n++) UNROLL for (int i = 0; i < 4; i++) {
        shared.sums[warp][g + i / 2 * 8][n * 8 + 2 * t + i % 2] = acc[n][i];
    }
    if (t == 0) shared.parts[warp][g] = part[0], shared.parts[warp][g + 8] = part[1];
}

// A row is put together by 8 threads, each with every eighth dimension.
template <int D> struct row_sums {
    softmax_part sofar;
    float sums[D / ROW_THREADS];

    MEMBER void clear() {
        sofar = {-INFINITE, 0.0f};
        UNROLL for (int i = 0; i < D / ROW_THREADS; i++) sums[i] = 0.0f;
    }

    // `next` are the row's sums of the part that follows.
    MEMBER void add(const softmax_part &part, const float *next) {
        float scaleSofar, scaleNext;
        sofar = fold(sofar, part, &scaleSofar, &scaleNext);
        if (part.sum == 0.0f) return;
        const int from = (int) threadIdx.x % ROW_THREADS;
        UNROLL for (int i = 0; i < D / ROW_THREADS; i++) {
            sums[i] = __fmaf_rn(sums[i], scaleSofar, __fmul_rn(next[from + i * ROW_THREADS], scaleNext));
        }
    }
};

template <int D> DEVICE int64_t partial_at(const attention &a, int64_t parts, const tile &t, int64_t partial, int row) {
    return (((partial * a.kv.kvHeads + t.kvHead) * parts + t.part) * TILE_ROWS + row) * (D + 2);
}

template <int D> DEVICE void write_rows(const attention &a, const tile &t, tile_memory<D> &shared, const row_sums<D> &sums) {
    const int row = (int) threadIdx.x / ROW_THREADS, from = (int) threadIdx.x % ROW_THREADS;
    __syncthreads(); // whoever still reads what stands there
    UNROLL for (int i = 0; i < D / ROW_THREADS; i++) {
        shared.sums[0][row][from + i * ROW_THREADS] = __fdiv_rn(sums.sums[i], sums.sofar.sum);
    }
    __syncthreads();
    for (int r = warp_of_thread(); r < t.rows; r += WARPS) {
        const int64_t column = (t.firstHead + r % t.heads) * D;
        for (int i = 0; i < D; i += WARP) {
            warp_put(a.out, t.token + r / t.heads, column + i, shared.sums[0][r][i + lane_of_thread()], true);
        }
    }
}

template <int D> DEVICE void write_partial(const tiles &call, int64_t parts, const tile &t, int partial, const row_sums<D> &sums) {
    const int row = (int) threadIdx.x / ROW_THREADS, from = (int) threadIdx.x % ROW_THREADS;
    if (row >= t.rows) return;
    float *to = call.partials + partial_at<D>(call.call, parts, t, partial, row);
    UNROLL for (int i = 0; i < D / ROW_THREADS; i++) to[from + i * ROW_THREADS] = sums.sums[i];
    if (from == 0) to[D] = sums.sofar.maximum, to[D + 1] = sums.sofar.sum;
}

template <int D> static __global__ void BOUNDS(THREADS, 1) attend_tiles(tiles call, int64_t parts) {
    SHARED(tile_memory<D>, shared);
    const attention &a = call.call;
    const int64_t chunkKeys = a.kv.blockSize < CHUNK ? a.kv.blockSize : (int64_t) CHUNK;
    const int64_t pairs = a.kv.kvHeads * parts, items = *call.count * pairs;
    for (int64_t index = blockIdx.x; index < items; index += gridDim.x) {
        const attention_item item = call.items[index / pairs];
        const tile t = tile_of(a, item.slice, item.firstToken, item.tokens, index % pairs / parts, index % parts);
        load_queries<D>(a, t, shared); // the last item's were read before its sums were added up
        row_sums<D> sums;
        sums.clear();
        for (int partition = item.firstPartition; partition < item.endPartition; partition += WARPS) {
            __syncthreads();
            if (partition + warp_of_thread() < item.endPartition) {
                float acc[D / 8][4];
                softmax_part part[2];
                const int64_t first = (partition + warp_of_thread()) * STEPS * STEP_CHUNKS * chunkKeys;
                attend_partition<D>(a, t, shared, first, acc, part);
                hand_over<D>(shared, acc, part);
            }
            __syncthreads();
            const int row = (int) threadIdx.x / ROW_THREADS;
            for (int w = 0; w < WARPS && partition + w < item.endPartition; w++) {
                sums.add(shared.parts[w][row], shared.sums[w][row]);
            }
        }
        if (item.partial < 0) write_rows<D>(a, t, shared, sums);
        else write_partial<D>(call, parts, t, item.partial, sums);
    }
}

template <int D> static __global__ void BOUNDS(THREADS, 1) merge_tiles(tiles call, int64_t parts) {
    SHARED(tile_memory<D>, shared);
    const attention &a = call.call;
    const int64_t pairs = a.kv.kvHeads * parts, items = *call.count * pairs;
    for (int64_t index = blockIdx.x; index < items; index += gridDim.x) {
        const merge_item item = call.merges[index / pairs];
        const tile t = tile_of(a, item.slice, item.firstToken, item.tokens, index % pairs / parts, index % parts);
        const int row = (int) threadIdx.x / ROW_THREADS;
        row_sums<D> sums;
        sums.clear();
        for (int i = 0; row < t.rows && i < item.count; i++) {
            const float *from = call.partials + partial_at<D>(a, parts, t, item.firstPartial + i, row);
            sums.add({from[D], from[D + 1]}, from);
        }
        write_rows<D>(a, t, shared, sums);
    }
}

template <int D> static int attend(const tiles &call, unsigned grid, void *stream) {
    const int64_t parts = group_parts(&call.call.kv);
    if (call.items != nullptr) LAUNCH(attend_tiles<D>, grid, THREADS, sizeof(tile_memory<D>), stream, call, parts);
    LAUNCH(merge_tiles<D>, grid, THREADS, sizeof(tile_memory<D>), stream, call, parts);
}

static int attend_any(const tiles &call, int64_t launchedItems, void *stream) {
    const kv_layout *kv = &call.call.kv;
    const unsigned grid = grid_for(launchedItems * kv->kvHeads * group_parts(kv));
    switch (kv->headDim) {
        case 64: return attend<64>(call, grid, stream);
        case 96: return attend<96>(call, grid, stream);
        case 128: return attend<128>(call, grid, stream);
        case 256: return attend<256>(call, grid, stream);
        default: return REFUSED_SHAPE;
    }
}

static int refuse_call(const kv_layout *layout, int32_t qFormat, int32_t outFormat) {
    if (int refused = refuse_kv(layout)) return refused;
    return layout->format != BF16 || (qFormat != F32 && qFormat != BF16) || !out_fits(outFormat, QUANT_BLOCK) ? REFUSED_FORMAT : 0;
}

// `*itemCount` items, which the device knows; blocks for `launchedItems`, which go on to further ones.
API int sluice_cuda_attention(const void *q, int64_t ldq, int32_t qFormat, const void *cache, const kv_layout *layout,
        const int32_t *blockTables, int64_t tableStride, const int32_t *tokenStart, const int32_t *firstPosition, int64_t slices,
        const attention_item *items, const int32_t *itemCount, int64_t launchedItems, float *partials, void *out, int64_t ldo,
        int32_t outFormat, void *stream) {
    if (int refused = refuse_call(layout, qFormat, outFormat)) return refused;
    const tiles call = {{q, cache, blockTables, tokenStart, firstPosition, {out, ldo, outFormat, 0}, *layout, ldq, tableStride,
            slices, qFormat, 0}, items, nullptr, itemCount, partials};
    return attend_any(call, launchedItems, stream);
}

// Puts together what `sluice_cuda_attention` left in `partials`.
API int sluice_cuda_merge(const float *partials, const kv_layout *layout, const int32_t *tokenStart,
        const int32_t *firstPosition, int64_t slices, const merge_item *merges, const int32_t *mergeCount, int64_t launchedMerges,
        void *out, int64_t ldo, int32_t outFormat, void *stream) {
    if (int refused = refuse_call(layout, F32, outFormat)) return refused;
    const tiles call = {{nullptr, nullptr, nullptr, tokenStart, firstPosition, {out, ldo, outFormat, 0}, *layout, 0, 0, slices, F32,
            0}, nullptr, merges, mergeCount, (float *) partials};
    return attend_any(call, launchedMerges, stream);
}

// Numbers of float32 that a partial takes, and positions of a partition.
API int sluice_cuda_attention_sizes(const kv_layout *layout, int64_t *partialNumbers, int64_t *partitionKeys) {
    if (int refused = refuse_kv(layout)) return refused;
    *partialNumbers = layout->kvHeads * group_parts(layout) * TILE_ROWS * (layout->headDim + 2);
    *partitionKeys = STEPS * STEP_CHUNKS * (layout->blockSize < CHUNK ? layout->blockSize : (int64_t) CHUNK);
    return 0;
}
