/* moe: the weighted sum over a token's copies, in plain C that a compiler turns into the vectors of
 * the file that includes it. */
#ifndef SN_KERNELS_MOE_COMBINE_H
#define SN_KERNELS_MOE_COMBINE_H

#include "harness/base/bf16.h"
#include "kernels/moe/order.h"

enum { SN_MOE_COMBINED = 64 }; /* columns whose sums stay in registers or close by */

static inline void sn_moe_combine_some(const struct sn_moe_ffn *f, const struct sn_moe_order *o,
                                       size_t t, uint16_t *restrict out, size_t n, const float *y,
                                       size_t ld)
{
    float sum[SN_MOE_COMBINED] = {0};
    for (size_t i = o->begin[t]; i < o->begin[t + 1]; i++) {
        size_t r = o->row[i];
        float weight = f->weight[o->copy[r]];
        for (size_t j = 0; j < n; j++)
            sum[j] += weight * y[r * ld + j];
    }
    for (size_t j = 0; j < n; j++)
        out[j] = sn_bf16_from_f32(sum[j]);
}

/* struct sn_moe_steps, combine. */
static void combine(const struct sn_moe_ffn *f, const struct sn_moe_order *o, size_t t, size_t col,
                    size_t n, const float *y, size_t ld)
{
    uint16_t *out = f->out + t * f->h + col;
    size_t j = 0;
    for (; j + SN_MOE_COMBINED <= n; j += SN_MOE_COMBINED)
        sn_moe_combine_some(f, o, t, out + j, SN_MOE_COMBINED, y + j, ld);
    if (j < n)
        sn_moe_combine_some(f, o, t, out + j, n - j, y + j, ld);
}

#endif
