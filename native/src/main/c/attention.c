// Attention: for each query token of each slice and each head, softmax(scale * q . k) over the keys of its sequence up to and
// including its own position, or over the last `window` of them, times the values. With a soft cap scores become
// cap * tanh(score / cap) first.
//
// A row is one query token with one head. Keys are taken 64 at a time, from position 0 up, with a running maximum and
// sum (online softmax); sums run over dimensions and positions in ascending order. A row's result therefore depends on
// its query and its sequence's keys and values only. Rows that share keys (the heads of a group, neighbouring tokens of
// a prompt) form a tile and are computed together for speed.
#include "kv.h"
#include "out.h"

enum { HEAD_DIM_MAX = 256, KEYS = 64, CHUNKS = KEYS / CHUNK, ROWS_MAX = 16 };

// Rows and chunks of keys, rows and vectors of a value, that are in registers at once.
#if VL == 16
enum { TILE_ROWS = 4, TILE_CHUNKS = 4, TILE_VECTORS = 4 };
#elif VL == 8
enum { TILE_ROWS = 4, TILE_CHUNKS = 1, TILE_VECTORS = 2 };
#else
enum { TILE_ROWS = 2, TILE_CHUNKS = 1, TILE_VECTORS = 4 };
#endif
enum { CHUNK_VECTORS = CHUNK / VL };

// What keys and values are multiplied by: bf16 where the processor multiplies pairs of them.
#if defined(KV_BF16) && defined(__AVX512BF16__)
typedef bf16 number;
INLINE number to_number(float x) { return narrow(x); }
INLINE float to_float32(number x) { return widen(x); }
INLINE vf store_numbers(number *at, vf v) {
    store_bf16(at, v);
    return load_bf16(at);
}
#else
typedef float number;
INLINE number to_number(float x) { return x; }
INLINE float to_float32(number x) { return x; }
INLINE vf store_numbers(number *at, vf v) {
    store(at, v);
    return v;
}
#endif

typedef struct {
    const float *q; // [token, ldq], head h at h * headDim
    const void *cache;
    const int32_t *blockTables; // [slice, tableStride]
    const int32_t *tokenStart; // [slices + 1]
    const int32_t *firstPosition; // [slice]
    const int32_t *tileStart; // [slices + 1] tiles of tileTokens tokens, counted over the slices
    out_rows out;
    int64_t ldq, tableStride, slices, tileTokens, heads, kvHeads, headDim, blockSize;
    int64_t window; // keys that a token sees, its own among them; 0 if all before it
    float scale, softcap; // a soft cap of 0 caps nothing
} attention;

typedef struct {
    int64_t rows, width; // width: see kv.h
    int64_t chunkKeys; // positions that a chunk of 16 lanes holds: fewer if blocks are smaller
    int64_t firstKey; // position of the step's first key
    int64_t keyCount; // keys of the step that any row may see
    int64_t firstChunk; // of the step, that rows read values of
    float softcap;
    number q[ROWS_MAX * HEAD_DIM_MAX]; // [row, width], scaled
    float out[ROWS_MAX * HEAD_DIM_MAX]; // [row, width]
    float p[ROWS_MAX * KEYS]; // [row, chunk, 16] scores
    number weight[ROWS_MAX * KEYS]; // [row, chunk, 16] what they become
    float maximum[ROWS_MAX], sum[ROWS_MAX];
    int64_t limit[ROWS_MAX]; // position behind the last key that the row may see
    int64_t from[ROWS_MAX]; // position of the first
} tile;

// Whether the row sees any key of the step. The first step that it sees is the one with its first key.
INLINE int sees_step(const tile *t, int64_t row) {
    return t->limit[row] > t->firstKey && t->from[row] < t->firstKey + CHUNKS * t->chunkKeys;
}

// The scores of VL keys, capped.
INLINE vf capped(vf scores, float cap) { return cap == 0.0f ? scores : cap * tanh_(scores / cap); }

// The tile's rows in turn through the softmax of 64 keys: scores become weights, which are summed up as they are
// multiplied; out and sum are rescaled.
static void softmax(tile *t) {
    for (int64_t r = 0; r < t->rows; r++) {
        float *p = t->p + r * KEYS;
        if (!sees_step(t, r)) {
            memset(t->weight + r * KEYS, 0, KEYS * sizeof(number));
            continue;
        }
        int64_t visible = t->limit[r] - t->firstKey, hidden = t->from[r] - t->firstKey;
        vi lane;
        UNROLL for (int i = 0; i < VL; i++) lane[i] = i;
        vf largest = splat(-__builtin_inff());
        for (int j = 0; j < KEYS; j += VL) {
            int64_t seenOfChunk = visible - j / CHUNK * t->chunkKeys;
            if (seenOfChunk > t->chunkKeys) seenOfChunk = t->chunkKeys;
            int64_t hiddenOfChunk = hidden - j / CHUNK * t->chunkKeys;
            if (hiddenOfChunk < 0) hiddenOfChunk = 0;
            if (hiddenOfChunk > CHUNK) hiddenOfChunk = CHUNK;
            vi seen = (lane + j % CHUNK < (int32_t) seenOfChunk) & (lane + j % CHUNK >= (int32_t) hiddenOfChunk);
            vf scores = capped(load(p + j), t->softcap);
            vf masked = (vf) (((vi) scores & seen) | ((vi) splat(-__builtin_inff()) & ~seen));
            store(p + j, masked);
            largest = max_(masked, largest);
        }
        float before = t->maximum[r];
        float now = max_lanes(largest);
        if (now < before) now = before;
        vf sums = {};
        for (int j = 0; j < KEYS; j += VL) {
            sums += store_numbers(t->weight + r * KEYS + j, exp_(load(p + j) - now));
        }
        float added = sum_lanes(sums);
        if (now != before) {
            float scale = exp_(splat(before - now))[0];
            for (int64_t i = 0; i < t->width; i += VL) {
                float *at = t->out + r * t->width + i;
                store(at, load(at) * scale);
            }
            t->sum[r] *= scale;
        }
        t->sum[r] += added;
        t->maximum[r] = now;
    }
}

// The tile, once all keys were seen, to the output rows: row r is token r / groupHeads, head r % groupHeads of the part.
INLINE void write_tile(const attention *a, const tile *t, int64_t token, int64_t firstHead, int64_t partHeads) {
    for (int64_t r = 0; r < t->rows; r++) {
        const int64_t column = (firstHead + r % partHeads) * a->headDim;
        const float *sums = t->out + r * t->width;
        const float total = t->sum[r];
        for (int64_t i = 0; i < a->headDim; i += QUANT_BLOCK) {
            int64_t count = a->headDim - i < QUANT_BLOCK ? a->headDim - i : QUANT_BLOCK;
            vf v[BLOCK_VECTORS];
            load_block(sums + i, count, v);
            UNROLL for (int j = 0; j < BLOCK_VECTORS; j++) v[j] = v[j] / total;
            put_block(&a->out, token + r / partHeads, column + i, v, count);
        }
    }
}

INLINE int64_t slice_of_tile(const attention *a, int64_t tileIndex) {
    int64_t low = 0, high = a->slices;
    while (high - low > 1) {
        int64_t middle = (low + high) / 2;
        if (a->tileStart[middle] <= tileIndex) low = middle;
        else high = middle;
    }
    return low;
}

#if defined(KV_BF16)
// acc += the products of both halves of each lane: a key's two dimensions with a query's, or a value's two positions with
// their weights.
INLINE vf multiply_pairs(vf acc, vu pair, const number *two) {
#if defined(__AVX512BF16__)
    int32_t both;
    memcpy(&both, two, sizeof both);
    return (vf) _mm512_dpbf16_ps((__m512) acc, (__m512bh) (__m512i) pair, (__m512bh) _mm512_set1_epi32(both));
#else
    acc = fma_(splat(two[0]), (vf) (pair << 16), acc);
    return fma_(splat(two[1]), (vf) (pair & 0xffff0000u), acc);
#endif
}

INLINE vu load_pairs(const KV *p) {
    vu v;
    memcpy(&v, p, sizeof v);
    return v;
}
#endif

// p[r, key] = q[r] . key for `rows` rows and `chunks` times 16 keys, both constant.
INLINE void score_tile(
        const int rows, const int chunks, const number *q, const KV *const *keys, int64_t width, float *p) {
    const int vectors = chunks * CHUNK_VECTORS;
    vf acc[TILE_ROWS][TILE_CHUNKS * CHUNK_VECTORS];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int s = 0; s < vectors; s++) acc[r][s] = (vf) {};
#if defined(KV_BF16)
    for (int64_t i = 0; i < width; i += 2) {
        vu key[TILE_CHUNKS * CHUNK_VECTORS];
        UNROLL for (int s = 0; s < vectors; s++) {
            key[s] = load_pairs(keys[s / CHUNK_VECTORS] + key_at(s % CHUNK_VECTORS * VL, i));
        }
        UNROLL for (int r = 0; r < rows; r++) {
            UNROLL for (int s = 0; s < vectors; s++) acc[r][s] = multiply_pairs(acc[r][s], key[s], q + r * width + i);
        }
    }
#else
    for (int64_t i = 0; i < width; i++) {
        vf key[TILE_CHUNKS * CHUNK_VECTORS];
        UNROLL for (int s = 0; s < vectors; s++) {
            key[s] = load(keys[s / CHUNK_VECTORS] + key_at(s % CHUNK_VECTORS * VL, i));
        }
        UNROLL for (int r = 0; r < rows; r++) {
            vf query = splat(q[r * width + i]);
            UNROLL for (int s = 0; s < vectors; s++) acc[r][s] = fma_(query, key[s], acc[r][s]);
        }
    }
#endif
    UNROLL for (int r = 0; r < rows; r++) {
        UNROLL for (int s = 0; s < vectors; s++) store(p + r * KEYS + s * VL, acc[r][s]);
    }
}

INLINE void score_rows(const int rows, tile *t, int64_t r, const KV *const *keys) {
    const number *q = t->q + r * t->width;
    float *p = t->p + r * KEYS;
    int64_t chunks = (t->keyCount + t->chunkKeys - 1) / t->chunkKeys, c = 0;
    for (; c + TILE_CHUNKS <= chunks; c += TILE_CHUNKS) {
        score_tile(rows, TILE_CHUNKS, q, keys + c, t->width, p + c * CHUNK);
    }
    for (; c < chunks; c++) score_tile(rows, 1, q, keys + c, t->width, p + c * CHUNK);
}

// out[r, i] += p[r, key] * value[key, i] over the step's keys, for `rows` rows and `vectors` times VL dimensions from
// `firstDim` on, both constant.
INLINE void value_tile(const int rows, const int vectors, tile *t, int64_t r0, const KV *const *values, int64_t firstDim) {
    const int64_t width = t->width;
    float *out = t->out + r0 * width + firstDim;
    vf acc[TILE_ROWS][TILE_VECTORS];
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int s = 0; s < vectors; s++) acc[r][s] = load(out + r * width + s * VL);
    for (int64_t c = t->firstChunk, left = t->keyCount - c * t->chunkKeys; left > 0; c++, left -= t->chunkKeys) {
        const KV *value = values[c];
        const number *weight = t->weight + r0 * KEYS + c * CHUNK;
        int64_t keys = left < t->chunkKeys ? left : t->chunkKeys, j = 0;
#if defined(KV_BF16)
        for (; j + 2 <= keys; j += 2) {
            vu v[TILE_VECTORS];
            UNROLL for (int s = 0; s < vectors; s++) v[s] = load_pairs(value + value_at(j, firstDim + s * VL, width));
            UNROLL for (int r = 0; r < rows; r++) {
                UNROLL for (int s = 0; s < vectors; s++) acc[r][s] = multiply_pairs(acc[r][s], v[s], weight + r * KEYS + j);
            }
        }
        if (j < keys) { // the other half of the pair belongs to a position that is not seen
            UNROLL for (int r = 0; r < rows; r++) {
                UNROLL for (int s = 0; s < vectors; s++) {
                    vu v = load_pairs(value + value_at(j, firstDim + s * VL, width));
                    acc[r][s] = fma_(splat(to_float32(weight[r * KEYS + j])), (vf) (v << 16), acc[r][s]);
                }
            }
        }
#else
        for (; j < keys; j++) {
            vf v[TILE_VECTORS];
            UNROLL for (int s = 0; s < vectors; s++) v[s] = load(value + value_at(j, firstDim + s * VL, width));
            UNROLL for (int r = 0; r < rows; r++) {
                vf w = splat(weight[r * KEYS + j]);
                UNROLL for (int s = 0; s < vectors; s++) acc[r][s] = fma_(w, v[s], acc[r][s]);
            }
        }
#endif
    }
    UNROLL for (int r = 0; r < rows; r++) UNROLL for (int s = 0; s < vectors; s++) store(out + r * width + s * VL, acc[r][s]);
}

INLINE void value_rows(const int rows, tile *t, int64_t r, const KV *const *values) {
    int64_t i = 0;
    for (; i + TILE_VECTORS * VL <= t->width; i += TILE_VECTORS * VL) value_tile(rows, TILE_VECTORS, t, r, values, i);
    for (; i < t->width; i += VL) value_tile(rows, 1, t, r, values, i);
}

// Calls rows_of(rows, t, r, kv) over the rows [from, to) of the tile, with a constant number of rows at a time.
#define FOR_ROWS(from, to, rows_of, kv)                                                                                \
    do {                                                                                                               \
        int64_t r = from;                                                                                              \
        for (; r + TILE_ROWS <= to; r += TILE_ROWS) rows_of(TILE_ROWS, t, r, kv);                                      \
        if (TILE_ROWS > 3 && to - r == 3) rows_of(TILE_ROWS > 3 ? 3 : 1, t, r, kv);                                    \
        if (TILE_ROWS > 2 && to - r == 2) rows_of(TILE_ROWS > 2 ? 2 : 1, t, r, kv);                                    \
        if (to - r == 1) rows_of(1, t, r, kv);                                                                         \
    } while (0)

// Keys of the step up to the last that the row sees.
INLINE int64_t seen_keys(const tile *t, int64_t row, int64_t keyCount) {
    int64_t seen = t->limit[row] - t->firstKey;
    return !sees_step(t, row) ? 0 : seen < keyCount ? seen : keyCount;
}

// The chunk of the step with the first key that the row sees. What lies before the window in the same chunk has weight 0.
INLINE int64_t first_chunk(const tile *t, int64_t row) {
    int64_t hidden = t->from[row] - t->firstKey;
    return hidden <= 0 ? 0 : hidden / t->chunkKeys;
}

// The tile's rows against the step's keys. Values are taken by the rows that see them only: a weight of zero does not
// hide a NaN, and a row's keys and values may be shared with sequences that do not go on with the same tokens.
static void attend(tile *t, const KV *const *keys, const KV *const *values) {
    FOR_ROWS(0, t->rows, score_rows, keys);
    softmax(t);
    const int64_t keyCount = t->keyCount;
    for (int64_t row = 0; row < t->rows;) {
        t->keyCount = seen_keys(t, row, keyCount);
        t->firstChunk = first_chunk(t, row);
        int64_t end = row + 1;
        while (end < t->rows && seen_keys(t, end, keyCount) == t->keyCount && first_chunk(t, end) == t->firstChunk) end++;
        FOR_ROWS(row, end, value_rows, values);
        row = end;
    }
    t->keyCount = keyCount;
}

// One item: the rows of one tile of tokens with one part (at most 16) of one group of heads.
static void attend_item(const attention *a, int64_t item) {
    const int64_t headDim = a->headDim;
    const int64_t group = a->heads / a->kvHeads;
    const int64_t parts = (group + ROWS_MAX - 1) / ROWS_MAX;
    const int64_t part = item % parts;
    const int64_t kvHead = item / parts % a->kvHeads;
    const int64_t tileIndex = item / parts / a->kvHeads;
    const int64_t firstHead = kvHead * group + part * ROWS_MAX;
    const int64_t partHeads = group - part * ROWS_MAX < ROWS_MAX ? group - part * ROWS_MAX : ROWS_MAX;

    const int64_t slice = slice_of_tile(a, tileIndex);
    const int64_t tokenInSlice = (tileIndex - a->tileStart[slice]) * a->tileTokens;
    const int64_t token = a->tokenStart[slice] + tokenInSlice;
    const int64_t tokensLeft = a->tokenStart[slice + 1] - token;
    const int64_t tokens = tokensLeft < a->tileTokens ? tokensLeft : a->tileTokens;
    const int64_t firstPosition = a->firstPosition[slice] + tokenInSlice;

    tile t;
    t.rows = tokens * partHeads;
    t.width = kv_width(headDim);
    t.chunkKeys = a->blockSize < CHUNK ? a->blockSize : CHUNK;
    memset(t.q, 0, (size_t) (t.rows * t.width) * sizeof(number));
    memset(t.out, 0, (size_t) (t.rows * t.width) * sizeof(float));
    t.softcap = a->softcap;
    const float scale = a->scale;
    for (int64_t r = 0; r < t.rows; r++) {
        const float *q = a->q + (token + r / partHeads) * a->ldq + (firstHead + r % partHeads) * headDim;
        int64_t i = 0;
        for (; i + VL <= headDim; i += VL) store_numbers(t.q + r * t.width + i, load(q + i) * scale);
        for (; i < headDim; i++) t.q[r * t.width + i] = to_number(q[i] * scale);
        t.maximum[r] = -__builtin_inff();
        t.sum[r] = 0.0f;
        t.limit[r] = firstPosition + r / partHeads + 1;
        t.from[r] = a->window == 0 || t.limit[r] < a->window ? 0 : t.limit[r] - a->window;
    }

    const int64_t half = kv_half(a->blockSize, a->kvHeads, headDim);
    const int32_t *blocks = a->blockTables + slice * a->tableStride;
    const int64_t keyEnd = firstPosition + tokens;
    const int64_t stepKeys = CHUNKS * t.chunkKeys;
    for (t.firstKey = t.from[0] / stepKeys * stepKeys; t.firstKey < keyEnd; t.firstKey += stepKeys) {
        const KV *keys[CHUNKS], *values[CHUNKS];
        t.keyCount = keyEnd - t.firstKey < stepKeys ? keyEnd - t.firstKey : stepKeys;
        for (int64_t c = 0; c < CHUNKS; c++) {
            int64_t position = t.firstKey + c * t.chunkKeys;
            if (position >= keyEnd) position = t.firstKey; // not read, but an address must stand there
            const KV *block = (const KV *) a->cache + blocks[position / a->blockSize] * 2 * half;
            keys[c] = block + kv_chunk(position % a->blockSize, kvHead, a->blockSize, headDim);
            values[c] = keys[c] + half;
        }
        attend(&t, keys, values);
    }
    write_tile(a, &t, token, firstHead, partHeads);
}

static void attention_task(const void *context, int64_t first, int64_t end) {
    for (int64_t item = first; item < end; item++) attend_item(context, item);
}

KERNEL(KV_NAME(attention))(sluice_pool *pool, const float *q, int64_t ldq, const KV *cache, const int32_t *blockTables,
        int64_t tableStride, const int32_t *tokenStart, const int32_t *firstPosition, const int32_t *tileStart,
        int64_t slices, int64_t tileTokens, int64_t heads, int64_t kvHeads, int64_t headDim, int64_t blockSize, void *out,
        int64_t ldo, int outFormat, int64_t window, float scale, float softcap) {
    int64_t group = heads / kvHeads;
    if (headDim > HEAD_DIM_MAX || (blockSize & (blockSize - 1)) != 0) return -1;
    if (tileTokens < 1 || (tileTokens > 1 && tileTokens * group > ROWS_MAX)) return -2;
    if (!out_fits(outFormat, headDim)) return -3;
    if (window < 0) return -4;
    attention a = {q, cache, blockTables, tokenStart, firstPosition, tileStart, {out, ldo, outFormat}, ldq, tableStride,
            slices, tileTokens, heads, kvHeads, headDim, blockSize, window, scale, softcap};
    int64_t parts = (group + ROWS_MAX - 1) / ROWS_MAX;
    int64_t pairs = 0; // of a query and a key
    for (int64_t s = 0; s < slices; s++) {
        int64_t tokens = tokenStart[s + 1] - tokenStart[s];
        pairs += tokens * (firstPosition[s] + tokens);
    }
    sluice_pool_run(pool, attention_task, &a, tileStart[slices] * kvHeads * parts, 2 * pairs * heads * headDim);
    return 0;
}
