/* moe: the steps by AVX-512. */
#include <stdbool.h>

#include "kernels/exp_avx512.h"
#include "kernels/moe/combine.h"
#include "kernels/moe/steps.h"
#include "kernels/quantize/avx512.h"

SN_INLINE __m512 swiglu16(__m512 g, __m512 u)
{
    __m512 e = sn_exp16(_mm512_xor_ps(g, _mm512_set1_ps(-0.0f)));
    return _mm512_mul_ps(_mm512_div_ps(g, _mm512_add_ps(_mm512_set1_ps(1), e)), u);
}

static void swiglu(const float *g, const float *u, size_t rows, size_t n, size_t ld, float *a,
                   size_t lda)
{
    for (size_t r = 0; r < rows; r++, g += ld, u += ld, a += lda) {
        size_t i = 0;
        for (; i + 16 <= n; i += 16)
            _mm512_storeu_ps(a + i, swiglu16(_mm512_loadu_ps(g + i), _mm512_loadu_ps(u + i)));
        if (i < n) {
            float last[2][16] = {{0}};
            memcpy(last[0], g + i, (n - i) * sizeof *g);
            memcpy(last[1], u + i, (n - i) * sizeof *u);
            _mm512_storeu_ps(last[0], swiglu16(_mm512_loadu_ps(last[0]), _mm512_loadu_ps(last[1])));
            memcpy(a + i, last[0], (n - i) * sizeof *a);
        }
    }
}

static void quantize(const struct sn_quantize *g)
{
    if (g->t)
        rows_of(g, 0, g->t, SN_F32, false);
}

const struct sn_moe_steps sn_moe_steps_avx512 = {
    .swiglu = swiglu, .quantize = quantize, .combine = combine};
