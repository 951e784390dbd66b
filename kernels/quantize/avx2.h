/* quantize: blocks of 32 elements by AVX2; for rows.h. */
#ifndef SN_KERNELS_QUANTIZE_AVX2_H
#define SN_KERNELS_QUANTIZE_AVX2_H

#include <immintrin.h>

#include "harness/base/cpu.h"

#define BLOCK  32
#define NO_MAX _mm256_setzero_si256()
typedef __m256i vmax_t;

#include "kernels/quantize/rows.h"

SN_INLINE vmax_t block_max(vmax_t m, const void *x, enum sn_type type)
{
    const __m256i *v = x;
    if (type == SN_BF16) {
        const __m256i abs = _mm256_set1_epi16(0x7fff);
        m = _mm256_max_epu16(m, _mm256_and_si256(_mm256_loadu_si256(v), abs));
        return _mm256_max_epu16(m, _mm256_and_si256(_mm256_loadu_si256(v + 1), abs));
    }
    for (int i = 0; i < 4; i++)
        m = _mm256_max_epi32(
            m, _mm256_and_si256(_mm256_loadu_si256(v + i), _mm256_set1_epi32(0x7fffffff)));
    return m;
}

SN_INLINE uint32_t largest_of(vmax_t m, enum sn_type type)
{
    if (type == SN_BF16) /* pairs of 16 bits: the larger as 32 bits */
        m = _mm256_max_epi32(_mm256_srli_epi32(m, 16),
                             _mm256_and_si256(m, _mm256_set1_epi32(0xffff)));
    __m128i a = _mm_max_epi32(_mm256_castsi256_si128(m), _mm256_extracti128_si256(m, 1));
    a = _mm_max_epi32(a, _mm_shuffle_epi32(a, 0x4e));
    a = _mm_max_epi32(a, _mm_shuffle_epi32(a, 0xb1));
    return (uint32_t)_mm_cvtsi128_si32(a);
}

SN_INLINE __m256i rounded(__m256i x, __m256 r)
{
    return _mm256_cvtps_epi32(_mm256_mul_ps(_mm256_castsi256_ps(x), r));
}

/* 16 bf16 as 16-bit integers, in order: what unpacking takes apart packing puts together. */
SN_INLINE __m256i rounded16(const __m256i *x, __m256 r)
{
    __m256i v = _mm256_loadu_si256(x), zero = _mm256_setzero_si256();
    return _mm256_packs_epi32(rounded(_mm256_unpacklo_epi16(zero, v), r),
                              rounded(_mm256_unpackhi_epi16(zero, v), r));
}

SN_INLINE void block_write(uint8_t *q, const void *x, float factor, uint8_t flip, enum sn_type type,
                           bool stream)
{
    const __m256i *v = x;
    __m256 r = _mm256_set1_ps(factor);
    __m256i b;
    if (type == SN_BF16) {
        b = _mm256_packs_epi16(rounded16(v, r), rounded16(v + 1, r));
        b = _mm256_permute4x64_epi64(b, 0xd8);
    } else {
        __m256i w[4];
        for (int i = 0; i < 4; i++)
            w[i] = rounded(_mm256_loadu_si256(v + i), r);
        b = _mm256_packs_epi16(_mm256_packs_epi32(w[0], w[1]), _mm256_packs_epi32(w[2], w[3]));
        b = _mm256_permutevar8x32_epi32(b, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    }
    b = _mm256_xor_si256(b, _mm256_set1_epi8((char)flip));
    if (stream)
        _mm256_stream_si256((__m256i *)q, b);
    else
        _mm256_storeu_si256((__m256i *)q, b);
}

#endif
