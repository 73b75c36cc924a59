// What the products share: y[r, c] = sum over k of x[r, k] * w[c, k], or y[r, c] += that sum.
#ifndef PRODUCTS_CUH
#define PRODUCTS_CUH

#include "weights.cuh"

typedef struct {
    const void *x; // numbers, or blocks of bytes where the weights are quantised and there are few rows
    weights w;
    void *y;
    int64_t ldx, ldy, m;
    int32_t xFormat, yFormat, accumulate, reserved;
} product;

DEVICE void put_product(const product &a, int64_t row, int64_t column, float sum) {
    if (row >= a.m || column >= a.w.rows) return;
    const int64_t at = row * a.ldy + column;
    if (a.accumulate) sum = __fadd_rn(load_number(a.y, a.yFormat, at), sum);
    store_number(a.y, a.yFormat, at, sum);
}

inline int refuse_product(const product *a) {
    if (int refused = refuse_weights(&a->w)) return refused;
    return a->yFormat != F32 && a->yFormat != BF16 ? REFUSED_FORMAT : 0;
}

#endif
