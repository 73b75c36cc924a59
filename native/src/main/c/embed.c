// Embedding: out[r, i] = table[tokens[r], i], the table packed as the products have it (gemm.c, quant.h), since it is often
// the head too.
#include "quant.h"

typedef struct {
    const void *table;
    const int32_t *tokens;
    float *out;
    int64_t ldo, n;
} embed;

// Defines one number of the row `token` of a table as `number(table, n, token, i)`, and the kernel over it.
#define EMBED(format, number)                                                                                          \
    static void embed_##format##_task(const void *context, int64_t first, int64_t end) {                               \
        const embed *e = context;                                                                                      \
        for (int64_t r = first; r < end; r++) {                                                                        \
            for (int64_t i = 0; i < e->n; i++) e->out[r * e->ldo + i] = number(e->table, e->n, e->tokens[r], i);       \
        }                                                                                                              \
    }                                                                                                                  \
    KERNEL(embed_##format)(sluice_pool *pool, const void *table, const int32_t *tokens, float *out, int64_t ldo,       \
            int64_t rows, int64_t n) {                                                                                 \
        embed e = {table, tokens, out, ldo, n};                                                                        \
        sluice_pool_run(pool, embed_##format##_task, &e, rows, 4 * rows * n);                                          \
        return 0;                                                                                                      \
    }

INLINE float number_f32(const void *table, int64_t n, int64_t row, int64_t i) {
    return ((const float *) table)[((row / (2 * PANEL) * n + i) * 2 + row / PANEL % 2) * PANEL + row % PANEL];
}

INLINE float number_bf16(const void *table, int64_t n, int64_t row, int64_t i) {
    int64_t pairs = (n + 1) / 2;
    int64_t at = (row / (2 * PANEL) * pairs + i / 2) * 2 + row / PANEL % 2;
    return widen(((const bf16 *) table)[(at * PANEL + row % PANEL) * 2 + i % 2]);
}

INLINE float number_q8(const void *table, int64_t n, int64_t row, int64_t i) {
    const q8_block *block = (const q8_block *) table + row / (2 * PANEL) * (n / QUANT_BLOCK) + i / QUANT_BLOCK;
    int64_t panel = row / PANEL % 2, column = row % PANEL, at = i % QUANT_BLOCK;
    return (float) (block->number[at / 4][panel][column][at % 4] - 128) * widen_f16(block->scale[panel][column]);
}

INLINE float number_q4(const void *table, int64_t n, int64_t row, int64_t i) {
    const q4_block *block = (const q4_block *) table + row / (2 * PANEL) * (n / QUANT_BLOCK) + i / QUANT_BLOCK;
    int64_t panel = row / PANEL % 2, column = row % PANEL, at = i % QUANT_BLOCK;
    int number = block->number[at / 8][panel][column][at % 4] >> (at % 8 < 4 ? 0 : 4) & 15;
    return (float) number * widen_f16(block->scale[panel][column]) + widen_f16(block->minimum[panel][column]);
}

EMBED(f32, number_f32)
EMBED(bf16, number_bf16)
EMBED(q8, number_q8)
EMBED(q4, number_q4)
