/* exp of 16 floats, for files that are compiled with AVX-512 (F). */
#ifndef SN_KERNELS_EXP_AVX512_H
#define SN_KERNELS_EXP_AVX512_H

#include "kernels/exp_constants.h"
#include "kernels/simd512.h"

/* exp(x) within 1 unit in the last place (2^-149 where the result is subnormal); at most 1.3e-7 of
 * a normal result. exp(-inf) = 0, exp(inf) = inf, exp(+-0) = 1, NaN gives NaN; 0 below -103.98, inf
 * above 88.73. Needs rounding to nearest, and no flushing of subnormals. 18 instructions. */
static inline __m512 sn_exp16(__m512 x)
{
    /* NaN passes: MAXPS and MINPS return their second operand where one is NaN. */
    x = _mm512_max_ps(_mm512_set1_ps(SN_EXP_LOWEST), x);
    x = _mm512_min_ps(_mm512_set1_ps(SN_EXP_HIGHEST), x);
    __m512 biased = _mm512_fmadd_ps(x, _mm512_set1_ps(SN_EXP_LOG2E), _mm512_set1_ps(SN_EXP_ROUND));
    __m512 n = _mm512_sub_ps(biased, _mm512_set1_ps(SN_EXP_ROUND));
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(SN_EXP_LN2_HIGH), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(SN_EXP_LN2_LOW), r);
    __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(SN_EXP_C6), r, _mm512_set1_ps(SN_EXP_C5));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(SN_EXP_C4));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(SN_EXP_C3));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(SN_EXP_C2));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1));
    /* The shift by 23 keeps the lowest 9 bits alone: those of n and the biases. */
    __m512i bits = _mm512_castps_si512(biased), half = _mm512_srli_epi32(bits, 1),
            rest = _mm512_sub_epi32(bits, half);
    p = _mm512_mul_ps(p, _mm512_castsi512_ps(_mm512_slli_epi32(half, 23)));
    return _mm512_mul_ps(p, _mm512_castsi512_ps(_mm512_slli_epi32(rest, 23)));
}

#endif
