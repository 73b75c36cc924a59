// Chooses each row's next token from its logits, with the same operations as the CPU's sampler: the same weights in float64,
// the same kept tokens, the same draw by the counter-based generator Philox4x32-10 (Salmon et al., SC 2011) from seed and position
// alone. Only sums are added in another order, one that is fixed. A block of threads to a row.
#include "numbers.cuh"

enum { THREADS = BLOCK_OF(512), WARPS = THREADS / WARP, WAYS = 16 };

typedef struct {
    const float *logits; // [row, ldl]; not changed
    const sampling *rows; // [row]
    const int32_t *biasTokens;
    const float *biases;
    const int32_t *maskedTokens;
    const int32_t *history;
    const uint32_t *masks; // [mask row, ceil(vocab / 32)], bit token % 32: may be chosen
    float *changed; // scratch [block, vocab]
    double *weights; // scratch [block, vocab]
    int32_t *counts; // scratch [block, vocab], zero before and after
    sampled *out;
    int64_t ldl, vocab, count;
} sampler;

typedef struct {
    double sums[WAYS - 1][WARPS];
    double scan[WARPS + 1];
    float values[WARPS];
    int32_t indices[WARPS];
    int32_t bins[256];
    int64_t first, last;
    int32_t chosen;
} scratch;

typedef struct {
    float value;
    int32_t index;
} candidate;

// --- over all threads of a block

DEVICE bool precedes(candidate a, candidate b) { return a.value > b.value || (a.value == b.value && a.index < b.index); }

// The largest value, the lowest index among equals.
DEVICE candidate block_best(scratch &shared, candidate mine) {
    for (int other = WARP / 2; other > 0; other /= 2) {
        const candidate theirs = {__shfl_xor_sync(ALL_LANES, mine.value, other), __shfl_xor_sync(ALL_LANES, mine.index, other)};
        if (precedes(theirs, mine)) mine = theirs;
    }
    __syncthreads();
    if (lane_of_thread() == 0) shared.values[warp_of_thread()] = mine.value, shared.indices[warp_of_thread()] = mine.index;
    __syncthreads();
    candidate best = {shared.values[0], shared.indices[0]};
    for (int w = 1; w < WARPS; w++) {
        const candidate theirs = {shared.values[w], shared.indices[w]};
        if (precedes(theirs, best)) best = theirs;
    }
    return best;
}

// Sums up `count` numbers of each thread, each on its own.
DEVICE void block_sums(scratch &shared, double *sums, int count) {
    __syncthreads();
    for (int i = 0; i < count; i++) {
        const double sum = warp_sum(sums[i]);
        if (lane_of_thread() == 0) shared.sums[i][warp_of_thread()] = sum;
    }
    __syncthreads();
    for (int i = 0; i < count; i++) {
        sums[i] = 0;
        for (int w = 0; w < WARPS; w++) sums[i] = __dadd_rn(sums[i], shared.sums[i][w]);
    }
}

DEVICE bool block_any(scratch &shared, bool holds) {
    const bool inWarp = __any_sync(ALL_LANES, holds);
    __syncthreads();
    if (lane_of_thread() == 0) shared.indices[warp_of_thread()] = inWarp;
    __syncthreads();
    bool any = false;
    for (int w = 0; w < WARPS; w++) any |= shared.indices[w] != 0;
    return any;
}

DEVICE candidate largest(scratch &shared, const float *logits, int64_t vocab) {
    candidate mine = {-INFINITE, 0x7fffffff};
    for (int64_t i = threadIdx.x; i < vocab; i += THREADS) {
        const candidate theirs = {logits[i], (int32_t) i};
        if (precedes(theirs, mine)) mine = theirs;
    }
    return block_best(shared, mine);
}

// --- the CPU sampler's numbers

// exp((value - max) * scale) as Exponentials.fill computes it, operation for operation.
DEVICE double weight_of(float value, float max, float scale) {
    double x = __dmul_rn(__dadd_rn((double) value, -(double) max), (double) scale);
    x = __dmul_rn(x > -700.0 ? x : -700.0, 1.0 / 256);
    const double terms[9] = {1.0 / 40320, 1.0 / 5040, 1.0 / 720, 1.0 / 120, 1.0 / 24, 1.0 / 6, 1.0 / 2, 1.0, 1.0};
    double power = 1.0 / 362880;
    UNROLL for (int i = 0; i < 9; i++) power = __dadd_rn(__dmul_rn(power, x), terms[i]);
    UNROLL for (int i = 0; i < 8; i++) power = __dmul_rn(power, power);
    return power;
}

// In (0, 1), as Philox.uniform has it.
DEVICE double uniform(uint64_t key, uint64_t counter) {
    uint32_t k0 = (uint32_t) key, k1 = (uint32_t) (key >> 32);
    uint32_t c0 = (uint32_t) counter, c1 = (uint32_t) (counter >> 32), c2 = 0, c3 = 0;
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t) c0 * 0xD2511F53u, p1 = (uint64_t) c2 * 0xCD9E8D57u;
        c0 = (uint32_t) (p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t) p1;
        c2 = (uint32_t) (p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t) p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    const uint64_t bits = (uint64_t) c1 << 32 | c0;
    return __dmul_rn(__dadd_rn((double) (int64_t) (bits >> 11), 0.5), 1.0 / 9007199254740992.0);
}

// --- log-probabilities, of the logits as they are

DEVICE double log_total(scratch &shared, const float *logits, int64_t vocab, float max) {
    double sum[1] = {0};
    for (int64_t i = threadIdx.x; i < vocab; i += THREADS) sum[0] = __dadd_rn(sum[0], weight_of(logits[i], max, 1.0f));
    block_sums(shared, sum, 1);
    return (double) max + log(sum[0]);
}

// The `count` largest, one after the other, the lower id first among equals.
DEVICE void select_top(scratch &shared, const float *logits, int64_t vocab, int count, double logTotal, sampled *out) {
    candidate last = {INFINITE, -1};
    int found = 0;
    for (; found < count && found < vocab; found++) {
        candidate mine = {-INFINITE, 0x7fffffff};
        for (int64_t i = threadIdx.x; i < vocab; i += THREADS) {
            const candidate theirs = {logits[i], (int32_t) i};
            if (precedes(last, theirs) && precedes(theirs, mine)) mine = theirs;
        }
        last = block_best(shared, mine);
        if (threadIdx.x == 0) {
            out->topToken[found] = last.index;
            out->topLogprob[found] = (float) ((double) last.value - logTotal);
        }
    }
    if (threadIdx.x == 0) out->topCount = found;
}

// --- what changes single logits

enum { SEEN = 1 << 30 };

// Every token of the history is counted, then changed by the one thread that takes its count away.
DEVICE void penalise(const sampler &a, const sampling &p, float *logits, int32_t *counts) {
    const int32_t *history = a.history + p.historyStart;
    for (int i = (int) threadIdx.x; i < p.historyLength; i += THREADS) {
        if (history[i] < 0 || history[i] >= a.vocab) continue;
        atomicOr(counts + history[i], SEEN);
        if (i >= p.promptLength) atomicAdd(counts + history[i], 1);
    }
    __syncthreads();
    for (int i = (int) threadIdx.x; i < p.historyLength; i += THREADS) {
        const int32_t token = history[i];
        if (token < 0 || token >= a.vocab) continue;
        const int32_t count = atomicExch(counts + token, 0);
        if (count == 0) continue;
        const int32_t inOutput = count & (SEEN - 1);
        float logit = logits[token];
        logit = logit > 0 ? __fdiv_rn(logit, p.repetitionPenalty) : __fmul_rn(logit, p.repetitionPenalty);
        if (inOutput > 0) {
            logit = __fadd_rn(logit, -__fadd_rn(__fmul_rn(p.frequencyPenalty, (float) inOutput), p.presencePenalty));
        }
        logits[token] = logit;
    }
}

// The logits as they are chosen from.
DEVICE void change(const sampler &a, const sampling &p, const float *from, float *logits, int32_t *counts) {
    for (int64_t i = threadIdx.x; i < a.vocab; i += THREADS) logits[i] = from[i];
    __syncthreads();
    for (int i = (int) threadIdx.x; i < p.biasCount; i += THREADS) { // no token twice
        const int32_t token = a.biasTokens[p.biasStart + i];
        if (token >= 0 && token < a.vocab) logits[token] = __fadd_rn(logits[token], a.biases[p.biasStart + i]);
    }
    __syncthreads();
    for (int i = (int) threadIdx.x; i < p.maskedCount; i += THREADS) {
        const int32_t token = a.maskedTokens[p.maskedStart + i];
        if (token >= 0 && token < a.vocab) logits[token] = -INFINITE;
    }
    __syncthreads();
    if (p.historyLength > 0) penalise(a, p, logits, counts);
    __syncthreads();
    if (p.maskRow >= 0) {
        const uint32_t *mask = a.masks + p.maskRow * ((a.vocab + 31) / 32);
        for (int64_t i = threadIdx.x; i < a.vocab; i += THREADS) {
            if (!(mask[i / 32] >> (i % 32) & 1)) logits[i] = -INFINITE;
        }
    }
    __syncthreads();
}

// --- the tokens that may be drawn

// In the order of the numbers.
DEVICE uint32_t ordered(float x) {
    const uint32_t bits = (uint32_t) __float_as_int(x);
    return bits & 0x80000000u ? ~bits : bits | 0x80000000u;
}

DEVICE float unordered(uint32_t key) {
    return __int_as_float((int) (key & 0x80000000u ? key & 0x7fffffffu : ~key));
}

// The count-th largest logit, byte by byte of its bits.
DEVICE float kth_largest(scratch &shared, const float *logits, int64_t vocab, int count) {
    uint32_t prefix = 0;
    int left = count;
    for (int shift = 24; shift >= 0; shift -= 8) {
        __syncthreads();
        for (int i = (int) threadIdx.x; i < 256; i += THREADS) shared.bins[i] = 0;
        __syncthreads();
        for (int64_t i = threadIdx.x; i < vocab; i += THREADS) {
            const uint32_t key = ordered(logits[i]);
            if (shift == 24 || key >> (shift + 8) == prefix) atomicAdd(&shared.bins[key >> shift & 255], 1);
        }
        __syncthreads();
        int bin = 255;
        while (bin > 0 && shared.bins[bin] < left) left -= shared.bins[bin--];
        prefix = prefix << 8 | (uint32_t) bin;
    }
    return unordered(prefix);
}

// The sum of the weights that are not below `least`; the others become 0.
DEVICE double keep_at_least(scratch &shared, double *weights, int64_t vocab, double least) {
    double sum[1] = {0};
    for (int64_t i = threadIdx.x; i < vocab; i += THREADS) {
        if (weights[i] >= least) sum[0] = __dadd_rn(sum[0], weights[i]);
        else weights[i] = 0;
    }
    block_sums(shared, sum, 1);
    return sum[0];
}

// The heaviest weight such that all weights from it up are at least `wanted` in sum; 0 if all together are not. Sixteen ways at a
// time, in the order of the numbers' bits.
DEVICE double threshold_of(scratch &shared, const double *weights, int64_t vocab, double wanted) {
    uint64_t low = 0, high = (uint64_t) __double_as_longlong(1.0) + 1; // weights from low up suffice, from high up they do not
    while (high - low > 1) {
        const uint64_t step = (high - low + WAYS - 1) / WAYS;
        double sums[WAYS - 1];
        UNROLL for (int i = 0; i < WAYS - 1; i++) sums[i] = 0;
        for (int64_t i = threadIdx.x; i < vocab; i += THREADS) {
            const uint64_t key = (uint64_t) __double_as_longlong(weights[i]);
            UNROLL for (int way = 0; way < WAYS - 1; way++) {
                if (key >= low + (way + 1) * step) sums[way] = __dadd_rn(sums[way], weights[i]);
            }
        }
        block_sums(shared, sums, WAYS - 1);
        uint64_t newLow = low, newHigh = high;
        for (int way = 0; way < WAYS - 1; way++) {
            const uint64_t at = low + (way + 1) * step;
            if (at >= high) break;
            if (sums[way] >= wanted) newLow = at;
            else {
                newHigh = at;
                break;
            }
        }
        low = newLow;
        high = newHigh;
    }
    return __longlong_as_double((long long) low);
}

// --- the draw

// The token at which the running sum of weights, in the order of ids, passes `target`; if rounding leaves the sum short of it the
// last one that may be chosen. Each warp has a run of ids.
DEVICE int32_t draw(scratch &shared, const double *weights, int64_t vocab, double target) {
    const int64_t run = ((vocab + WARPS - 1) / WARPS + WARP - 1) / WARP * WARP;
    const int64_t first = warp_of_thread() * run, end = first + run < vocab ? first + run : vocab;
    double sum = 0;
    for (int64_t i = first + lane_of_thread(); i < end; i += WARP) sum = __dadd_rn(sum, weights[i]);
    sum = warp_sum(sum);
    __syncthreads();
    if (lane_of_thread() == 0) shared.scan[warp_of_thread() + 1] = sum;
    if (threadIdx.x == 0) shared.chosen = -1, shared.scan[0] = 0;
    __syncthreads();
    if (threadIdx.x == 0) {
        for (int w = 0; w < WARPS; w++) shared.scan[w + 1] = __dadd_rn(shared.scan[w], shared.scan[w + 1]);
    }
    __syncthreads();
    const bool mine = first < end && shared.scan[warp_of_thread()] <= target && target < shared.scan[warp_of_thread() + 1];
    if (mine) { // one warp at most
        double before = shared.scan[warp_of_thread()];
        int32_t last = -1;
        for (int64_t i = first; i < end; i += WARP) {
            const int64_t at = i + lane_of_thread();
            const double weight = at < end ? weights[at] : 0;
            double upTo = weight;
            for (int distance = 1; distance < WARP; distance *= 2) {
                const double left = __shfl_up_sync(ALL_LANES, upTo, distance);
                if (lane_of_thread() >= distance) upTo = __dadd_rn(upTo, left);
            }
            const uint32_t passed = __ballot_sync(ALL_LANES, weight > 0 && __dadd_rn(before, upTo) > target);
            const uint32_t present = __ballot_sync(ALL_LANES, weight > 0);
            if (present != 0) last = (int32_t) i + 31 - leading_zeros(present);
            if (passed != 0) {
                last = (int32_t) i + __ffs((int) passed) - 1;
                break;
            }
            before = __dadd_rn(before, __shfl_sync(ALL_LANES, upTo, WARP - 1));
        }
        if (lane_of_thread() == 0) shared.chosen = last;
    }
    __syncthreads();
    if (shared.chosen >= 0) return shared.chosen;
    candidate mineLast = {-INFINITE, 0x7fffffff}; // the last one
    for (int64_t i = threadIdx.x; i < vocab; i += THREADS) {
        if (weights[i] > 0) mineLast = {(float) i, (int32_t) i};
    }
    const candidate best = block_best(shared, mineLast);
    return best.index == 0x7fffffff ? 0 : best.index;
}

DEVICE int32_t choose(const sampler &a, const sampling &p, scratch &shared, float *logits, double *weights, candidate best) {
    if (p.temperature == 0.0f) return best.index;
    float least = -INFINITE;
    if (p.topK > 0 && p.topK < a.vocab) least = kth_largest(shared, logits, a.vocab, p.topK);
    const float scale = __fdiv_rn(1.0f, p.temperature);
    double total[1] = {0};
    for (int64_t i = threadIdx.x; i < a.vocab; i += THREADS) {
        weights[i] = weight_of(logits[i] < least ? -INFINITE : logits[i], best.value, scale);
        total[0] = __dadd_rn(total[0], weights[i]);
    }
    block_sums(shared, total, 1);
    if (p.topP < 1.0f) {
        const double threshold = threshold_of(shared, weights, a.vocab, __dmul_rn((double) p.topP, total[0]));
        total[0] = keep_at_least(shared, weights, a.vocab, threshold);
    }
    if (p.minP > 0.0f) total[0] = keep_at_least(shared, weights, a.vocab, (double) p.minP);
    return draw(shared, weights, a.vocab, __dmul_rn(uniform(p.seed, (uint64_t) p.position), total[0]));
}

static __global__ void BOUNDS(THREADS, 1) sample_rows(sampler a) {
    SHARED(scratch, shared);
    for (int64_t r = blockIdx.x; r < a.count; r += gridDim.x) {
        const sampling p = a.rows[r];
        const float *logits = a.logits + r * a.ldl;
        sampled *out = a.out + r;
        bool notNumbers = false;
        for (int64_t i = threadIdx.x; i < a.vocab; i += THREADS) notNumbers |= logits[i] != logits[i];
        notNumbers = block_any(shared, notNumbers);
        candidate best = largest(shared, logits, a.vocab);
        if (threadIdx.x == 0) out->token = -1, out->logprob = 0.0f, out->topCount = 0;
        if (notNumbers || best.value == INFINITE || best.value == -INFINITE) continue;
        const bool reports = p.topLogprobs >= 0;
        const double logTotal = reports ? log_total(shared, logits, a.vocab, best.value) : 0;
        if (reports) select_top(shared, logits, a.vocab, p.topLogprobs, logTotal, out);
        const bool changes = p.biasCount > 0 || p.maskedCount > 0 || p.historyLength > 0 || p.maskRow >= 0;
        float *chosenFrom = (float *) logits;
        if (changes) {
            chosenFrom = a.changed + blockIdx.x * a.vocab;
            change(a, p, logits, chosenFrom, a.counts + blockIdx.x * a.vocab);
            best = largest(shared, chosenFrom, a.vocab);
            if (best.value == -INFINITE) continue;
        }
        const int32_t token = choose(a, p, shared, chosenFrom, a.weights + blockIdx.x * a.vocab, best);
        if (threadIdx.x == 0) {
            out->token = token;
            if (reports) out->logprob = (float) ((double) logits[token] - logTotal);
        }
    }
}

// Scratch is [blocks, vocab] each, for as many blocks as may work at once; `counts` is zero, and is left so.
API int sluice_cuda_sample(const float *logits, int64_t ldl, int64_t vocab, int64_t count, const sampling *rows,
        const int32_t *biasTokens, const float *biases, const int32_t *maskedTokens, const int32_t *history,
        const uint32_t *masks, float *changed, double *weights, int32_t *counts, int64_t blocks,
        sampled *out, void *stream) {
    if (blocks < 1 || vocab < 1 || vocab > (1 << 24)) return REFUSED_SHAPE; // ids are exact in float32
    const sampler a = {logits, rows, biasTokens, biases, maskedTokens, history, masks, changed, weights, counts, out, ldl, vocab,
            count};
    LAUNCH(sample_rows, grid_for(count < blocks ? count : blocks), THREADS, sizeof(scratch), stream, a);
}
