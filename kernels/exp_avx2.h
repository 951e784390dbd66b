/* exp of 8 floats, for files that are compiled with AVX2 and FMA. */
#ifndef SN_KERNELS_EXP_AVX2_H
#define SN_KERNELS_EXP_AVX2_H

#include <immintrin.h>

#include "kernels/exp_constants.h"

/* exp(x) within 1 unit in the last place (2^-149 where the result is subnormal); at most 1.3e-7 of
 * a normal result. exp(-inf) = 0, exp(inf) = inf, exp(+-0) = 1, NaN gives NaN; 0 below -103.98, inf
 * above 88.73. Needs rounding to nearest, and no flushing of subnormals. 18 instructions. */
static inline __m256 sn_exp8(__m256 x)
{
    /* NaN passes: MAXPS and MINPS return their second operand where one is NaN. */
    x = _mm256_max_ps(_mm256_set1_ps(SN_EXP_LOWEST), x);
    x = _mm256_min_ps(_mm256_set1_ps(SN_EXP_HIGHEST), x);
    __m256 biased = _mm256_fmadd_ps(x, _mm256_set1_ps(SN_EXP_LOG2E), _mm256_set1_ps(SN_EXP_ROUND));
    __m256 n = _mm256_sub_ps(biased, _mm256_set1_ps(SN_EXP_ROUND));
    __m256 r = _mm256_fnmadd_ps(n, _mm256_set1_ps(SN_EXP_LN2_HIGH), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(SN_EXP_LN2_LOW), r);
    __m256 p = _mm256_fmadd_ps(_mm256_set1_ps(SN_EXP_C6), r, _mm256_set1_ps(SN_EXP_C5));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(SN_EXP_C4));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(SN_EXP_C3));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(SN_EXP_C2));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1));
    p = _mm256_fmadd_ps(p, r, _mm256_set1_ps(1));
    /* The shift by 23 keeps the lowest 9 bits alone: those of n and the biases. */
    __m256i bits = _mm256_castps_si256(biased), half = _mm256_srli_epi32(bits, 1),
            rest = _mm256_sub_epi32(bits, half);
    p = _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(half, 23)));
    return _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(rest, 23)));
}

#endif
