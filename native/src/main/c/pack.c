// Packs weights the way gemm.c reads them.
#include "vec.h"

enum { PANEL = 16 };

// Packs one panel: up to 16 rows of float32 weights, each an output column, `k` apart.
KERNEL(pack_f32)(const float *rows, int64_t count, int64_t k, float *panel) {
    if (count < 0 || count > PANEL) return -1;
    for (int64_t i = 0; i < k; i++) {
        for (int64_t c = 0; c < PANEL; c++) panel[i * PANEL + c] = c < count ? rows[c * k + i] : 0.0f;
    }
    return 0;
}

KERNEL(pack_bf16)(const float *rows, int64_t count, int64_t k, bf16 *panel) {
    if (count < 0 || count > PANEL) return -1;
    for (int64_t i = 0; i < (k + 1) / 2 * 2; i++) {
        for (int64_t c = 0; c < PANEL; c++) {
            panel[(i / 2 * PANEL + c) * 2 + i % 2] = c < count && i < k ? narrow(rows[c * k + i]) : 0;
        }
    }
    return 0;
}
