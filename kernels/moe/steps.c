/* moe: the steps in plain C, and which ones to take. */
#include "kernels/moe/steps.h"

#include <stdbool.h>

#include "harness/base/isa.h"
#include "kernels/exp.h"
#include "kernels/moe/combine.h"
#include "kernels/quantize/row.h"

static void swiglu(const float *g, const float *u, size_t rows, size_t n, size_t ld, float *a,
                   size_t lda)
{
    for (size_t r = 0; r < rows; r++, g += ld, u += ld, a += lda)
        for (size_t i = 0; i < n; i++)
            a[i] = g[i] / (1 + sn_exp1(-g[i])) * u[i];
}

static void quantize(const struct sn_quantize *g)
{
    for (size_t t = 0; t < g->t; t++)
        sn_quantize_row(g, t);
}

const struct sn_moe_steps sn_moe_steps_generic = {
    .swiglu = swiglu, .quantize = quantize, .combine = combine};

#ifdef __x86_64__
static bool usable(enum sn_isa isa)
{
    return isa <= sn_isa_most() && sn_isa_here(isa);
}
#endif

const struct sn_moe_steps *sn_moe_steps_best(void)
{
#ifdef __x86_64__
    if (usable(SN_ISA_AVX512))
        return &sn_moe_steps_avx512;
    if (usable(SN_ISA_AVX2))
        return &sn_moe_steps_avx2;
#endif
    return &sn_moe_steps_generic;
}
