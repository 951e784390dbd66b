/* What kernels/attention_panel.h is written in, by AVX2 and FMA. */
#ifndef SN_KERNELS_ATTENTION_AVX2_H
#define SN_KERNELS_ATTENTION_AVX2_H

#include <stdint.h>

#include "kernels/exp_avx2.h"

typedef __m256 vf;
typedef __m256i vi;

/* 6 words against 2 registers: 12 sums, 2 + 1 factors (and a product) of 16 registers. */
enum { LANES = 8, TILE = 6 };
#define EACH_OF_TILE(X) X(0) X(1) X(2) X(3) X(4) X(5)

static inline vf vf_load(const void *p)
{
    return _mm256_loadu_ps(p);
}

static inline void vf_store(void *p, vf x)
{
    _mm256_storeu_ps(p, x);
}

static inline vf vf_all(const void *p)
{
    return _mm256_broadcast_ss(p);
}

static inline vf vf_of(float x)
{
    return _mm256_set1_ps(x);
}

static inline vf vf_fma(vf a, vf b, vf c)
{
    return _mm256_fmadd_ps(a, b, c);
}

static inline vf vf_mul(vf a, vf b)
{
    return _mm256_mul_ps(a, b);
}

static inline vf vf_add(vf a, vf b)
{
    return _mm256_add_ps(a, b);
}

static inline vf vf_sub(vf a, vf b)
{
    return _mm256_sub_ps(a, b);
}

static inline vf vf_div(vf a, vf b)
{
    return _mm256_div_ps(a, b);
}

static inline vf vf_max(vf a, vf b)
{
    return _mm256_max_ps(a, b);
}

static inline vf vf_exp(vf x)
{
    return sn_exp8(x);
}

static inline vi vi_load(const void *p)
{
    return _mm256_loadu_si256(p);
}

static inline void vi_store(void *p, vi x)
{
    _mm256_storeu_si256(p, x);
}

/* Steps of a tile: two sums, two factors, the word at b. */
static inline void vf_step(vf *c0, vf *c1, vf a0, vf a1, const uint32_t *b)
{
    vf x = vf_all(b);
    *c0 = vf_fma(a0, x, *c0);
    *c1 = vf_fma(a1, x, *c1);
}

/* Two products of 16-bit numbers and their sum, in each word. Written out, since it takes the last
 * of 16 registers and GCC 12 orders the intrinsics so that six sums live in memory: half as fast.
 */
static inline __attribute__((always_inline)) void vi_step(vi *c0, vi *c1, vi a0, vi a1,
                                                          const uint32_t *b)
{
    vi x, y;
    __asm__("vpbroadcastd %[b], %[x]\n\t"
            "vpmaddwd %[a0], %[x], %[y]\n\t"
            "vpmaddwd %[a1], %[x], %[x]\n\t"
            "vpaddd %[y], %[c0], %[c0]\n\t"
            "vpaddd %[x], %[c1], %[c1]"
            : [c0] "+x"(*c0), [c1] "+x"(*c1), [x] "=&x"(x), [y] "=&x"(y)
            : [a0] "x"(a0), [a1] "x"(a1), [b] "m"(*b));
}

static inline vf vf_from_ints(vi x)
{
    return _mm256_cvtepi32_ps(x);
}

static inline vi vi_rounded(vf x)
{
    return _mm256_cvtps_epi32(x);
}

/* x where t < limit, else -inf. */
static inline vf vf_before(int32_t t, const int32_t *limit, vf x)
{
    vi seen = _mm256_cmpgt_epi32(vi_load(limit), _mm256_set1_epi32(t));
    return _mm256_blendv_ps(_mm256_set1_ps(-__builtin_inff()), x, _mm256_castsi256_ps(seen));
}

/* x where m >= least, else 0. */
static inline vf vf_unless_below(vf m, float least, vf x)
{
    return _mm256_and_ps(x, _mm256_cmp_ps(m, _mm256_set1_ps(least), _CMP_GE_OQ));
}

/* Words whose halves are the low halves of `low` and `high`. */
static inline vi vi_pairs(vi low, vi high)
{
    return _mm256_blend_epi16(low, _mm256_slli_epi32(high, 16), 0xaa);
}

/* bf16 to f32, LANES of them. */
static inline vf vf_from_bf16(const uint16_t *p)
{
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const void *)p)), 16));
}

#endif
