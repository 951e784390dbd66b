/* moe: the steps by AVX2. */
#include <immintrin.h>
#include <stdbool.h>

#include "kernels/exp_avx2.h"
#include "kernels/moe/combine.h"
#include "kernels/moe/steps.h"
#include "kernels/quantize/avx2.h"

SN_INLINE __m256 swiglu8(__m256 g, __m256 u)
{
    __m256 e = sn_exp8(_mm256_xor_ps(g, _mm256_set1_ps(-0.0f)));
    return _mm256_mul_ps(_mm256_div_ps(g, _mm256_add_ps(_mm256_set1_ps(1), e)), u);
}

static void swiglu(const float *g, const float *u, size_t rows, size_t n, size_t ld, float *a,
                   size_t lda)
{
    for (size_t r = 0; r < rows; r++, g += ld, u += ld, a += lda) {
        size_t i = 0;
        for (; i + 8 <= n; i += 8)
            _mm256_storeu_ps(a + i, swiglu8(_mm256_loadu_ps(g + i), _mm256_loadu_ps(u + i)));
        if (i < n) {
            float last[2][8] = {0};
            memcpy(last[0], g + i, (n - i) * sizeof *g);
            memcpy(last[1], u + i, (n - i) * sizeof *u);
            _mm256_storeu_ps(last[0], swiglu8(_mm256_loadu_ps(last[0]), _mm256_loadu_ps(last[1])));
            memcpy(a + i, last[0], (n - i) * sizeof *a);
        }
    }
}

static void quantize(const struct sn_quantize *g)
{
    if (g->t)
        rows_of(g, 0, g->t, SN_F32, false);
}

const struct sn_moe_steps sn_moe_steps_avx2 = {
    .swiglu = swiglu, .quantize = quantize, .combine = combine};
