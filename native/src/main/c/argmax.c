// The largest number of each row of logits: greedy sampling.
#include "vec.h"

enum { PART = 8192 }; // numbers that one item looks at, so that one long row is shared out too

typedef struct {
    float largest; // NaN if there is one
    int32_t index; // the first place where it stands
} candidate;

typedef struct {
    const float *x;
    candidate *parts; // [row, part]
    int64_t ldx, n, partCount;
} argmax;

INLINE candidate largest_of(const float *x, int64_t first, int64_t end) {
    vf largest = splat(-__builtin_inff());
    vi where = {}, nan = {}, lane;
    UNROLL for (int i = 0; i < VL; i++) lane[i] = i;
    int64_t i = first;
    for (; i + VL <= end; i += VL) {
        vf v = load(x + i);
        nan |= v != v;
        vi more = v > largest;
        largest = (vf) (((vi) v & more) | ((vi) largest & ~more));
        where = ((lane + (int32_t) i) & more) | (where & ~more);
    }
    candidate best = {-__builtin_inff(), (int32_t) first};
    int isNan = 0;
    for (int l = 0; l < VL; l++) {
        isNan |= nan[l];
        if (largest[l] > best.largest || (largest[l] == best.largest && where[l] < best.index)) {
            best = (candidate) {largest[l], where[l]};
        }
    }
    for (; i < end; i++) {
        isNan |= x[i] != x[i];
        if (x[i] > best.largest) best = (candidate) {x[i], (int32_t) i};
    }
    if (isNan) best.largest = __builtin_nanf("");
    return best;
}

static void argmax_task(const void *context, int64_t first, int64_t end) {
    const argmax *a = context;
    for (int64_t item = first; item < end; item++) {
        int64_t row = item / a->partCount, from = item % a->partCount * PART;
        a->parts[item] = largest_of(a->x + row * a->ldx, from, from + PART < a->n ? from + PART : a->n);
    }
}

KERNEL(argmax)(sluice_pool *pool, const float *x, int64_t ldx, int64_t rows, int64_t n, void *parts, int32_t *out) {
    argmax a = {x, parts, ldx, n, (n + PART - 1) / PART};
    sluice_pool_run(pool, argmax_task, &a, rows * a.partCount, 2 * rows * n);
    for (int64_t r = 0; r < rows; r++) {
        candidate best = a.parts[r * a.partCount];
        for (int64_t p = 1; p < a.partCount; p++) {
            candidate other = a.parts[r * a.partCount + p];
            if (other.largest > best.largest || other.largest != other.largest) best = other;
            if (best.largest != best.largest) break;
        }
        out[r] = best.largest - best.largest == 0.0f ? best.index : -1; // neither infinite nor NaN
    }
    return 0;
}
