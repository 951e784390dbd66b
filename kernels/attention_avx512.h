/* What kernels/attention_panel.h is written in, by AVX-512 (F, BW, VL, DQ). */
#ifndef SN_KERNELS_ATTENTION_AVX512_H
#define SN_KERNELS_ATTENTION_AVX512_H

#include <stdint.h>

#include "kernels/exp_avx512.h"

typedef __m512 vf;
typedef __m512i vi;

/* 12 words against 2 registers: 24 sums, 2 + 1 factors (and a product) of 32 registers. */
enum { LANES = 16, TILE = 12 };
#define EACH_OF_TILE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)

static inline vf vf_load(const void *p)
{
    return _mm512_loadu_ps(p);
}

static inline void vf_store(void *p, vf x)
{
    _mm512_storeu_ps(p, x);
}

static inline vf vf_all(const void *p)
{
    return _mm512_set1_ps(*(const float *)p);
}

static inline vf vf_of(float x)
{
    return _mm512_set1_ps(x);
}

static inline vf vf_fma(vf a, vf b, vf c)
{
    return _mm512_fmadd_ps(a, b, c);
}

static inline vf vf_mul(vf a, vf b)
{
    return _mm512_mul_ps(a, b);
}

static inline vf vf_add(vf a, vf b)
{
    return _mm512_add_ps(a, b);
}

static inline vf vf_sub(vf a, vf b)
{
    return _mm512_sub_ps(a, b);
}

static inline vf vf_div(vf a, vf b)
{
    return _mm512_div_ps(a, b);
}

static inline vf vf_max(vf a, vf b)
{
    return _mm512_max_ps(a, b);
}

static inline vf vf_exp(vf x)
{
    return sn_exp16(x);
}

static inline vi vi_load(const void *p)
{
    return _mm512_loadu_si512(p);
}

static inline void vi_store(void *p, vi x)
{
    _mm512_storeu_si512(p, x);
}

static inline vi vi_all(const void *p)
{
    return _mm512_set1_epi32(*(const int32_t *)p);
}

static inline vi vi_add(vi a, vi b)
{
    return _mm512_add_epi32(a, b);
}

static inline vi vi_madd(vi a, vi b)
{
#ifdef SN_EMULATE_AVX512
    return simde_mm512_madd_epi16(a, b); /* simde's macro of the usual name has four arguments */
#else
    return _mm512_madd_epi16(a, b);
#endif
}

/* Steps of a tile: two sums, two factors, the word at b. */
static inline void vf_step(vf *c0, vf *c1, vf a0, vf a1, const uint32_t *b)
{
    vf x = vf_all(b);
    *c0 = vf_fma(a0, x, *c0);
    *c1 = vf_fma(a1, x, *c1);
}

/* c plus two products of 16-bit numbers in each word; where a file defines
 * SN_VNNI, one instruction (VPDPWSSD). */
static inline vi vi_dot(vi c, vi a, vi b)
{
#ifdef SN_VNNI
    return _mm512_dpwssd_epi32(c, a, b);
#else
    return vi_add(c, vi_madd(a, b));
#endif
}

static inline void vi_step(vi *c0, vi *c1, vi a0, vi a1, const uint32_t *b)
{
    vi x = vi_all(b);
    *c0 = vi_dot(*c0, a0, x);
    *c1 = vi_dot(*c1, a1, x);
}

static inline vf vf_from_ints(vi x)
{
    return _mm512_cvtepi32_ps(x);
}

static inline vi vi_rounded(vf x)
{
    return _mm512_cvtps_epi32(x);
}

/* x where t < limit, else -inf. */
static inline vf vf_before(int32_t t, const int32_t *limit, vf x)
{
    __mmask16 seen = _mm512_cmpgt_epi32_mask(vi_load(limit), _mm512_set1_epi32(t));
    return _mm512_mask_blend_ps(seen, _mm512_set1_ps(-__builtin_inff()), x);
}

/* x where m >= least, else 0. */
static inline vf vf_unless_below(vf m, float least, vf x)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(m, _mm512_set1_ps(least), _CMP_GE_OQ), x);
}

/* Words whose halves are the low halves of `low` and `high`. */
static inline vi vi_pairs(vi low, vi high)
{
    return _mm512_or_si512(_mm512_and_si512(low, _mm512_set1_epi32(0xffff)),
                           _mm512_slli_epi32(high, 16));
}

/* bf16 to f32, LANES of them. */
static inline vf vf_from_bf16(const uint16_t *p)
{
#ifdef SN_EMULATE_AVX512 /* simde lacks VPMOVZXWD */
    uint32_t to[LANES];
    for (int i = 0; i < LANES; i++)
        to[i] = (uint32_t)p[i] << 16;
    return _mm512_loadu_ps(to);
#else
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const void *)p)), 16));
#endif
}

#endif
