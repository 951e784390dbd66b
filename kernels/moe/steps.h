/* moe: the steps between the products, row by row, for one instruction set each; the same bits in
 * all. Thread-safe; nothing is allocated. */
#ifndef SN_KERNELS_MOE_STEPS_H
#define SN_KERNELS_MOE_STEPS_H

#include "kernels/moe/order.h"

struct sn_moe_steps {
    /* a[r][i] = (g / (1 + exp(-g))) u of g[r][i], u[r][i]; (rows, n; ld, and lda of a). a may be g
     * where ld = lda. */
    void (*swiglu)(const float *g, const float *u, size_t rows, size_t n, size_t ld, float *a,
                   size_t lda);
    /* The rows of an f32 matrix. */
    void (*quantize)(const struct sn_quantize *g);
    /* out[t][col + j] = sum over the rows r of token t of weight y[r][j], j < n; y (copies; ld). */
    void (*combine)(const struct sn_moe_ffn *f, const struct sn_moe_order *o, size_t t, size_t col,
                    size_t n, const float *y, size_t ld);
};

extern const struct sn_moe_steps sn_moe_steps_generic, sn_moe_steps_avx2, sn_moe_steps_avx512;

/* Those of the most that kernels may use (sn_isa_most()). */
const struct sn_moe_steps *sn_moe_steps_best(void);

#endif
