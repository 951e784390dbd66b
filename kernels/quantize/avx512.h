/* quantize: blocks of 64 elements by AVX-512 (F, BW); for rows.h. */
#ifndef SN_KERNELS_QUANTIZE_AVX512_H
#define SN_KERNELS_QUANTIZE_AVX512_H

#include "harness/base/cpu.h"
#include "kernels/simd512.h"

#define BLOCK  64
#define NO_MAX _mm512_setzero_si512()
typedef __m512i vmax_t;

#include "kernels/quantize/rows.h"

SN_INLINE vmax_t block_max(vmax_t m, const void *x, enum sn_type type)
{
    const char *v = x;
    if (type == SN_BF16) {
        const __m512i abs = _mm512_set1_epi16(0x7fff);
        m = _mm512_max_epu16(m, _mm512_and_si512(_mm512_loadu_si512(v), abs));
        return _mm512_max_epu16(m, _mm512_and_si512(_mm512_loadu_si512(v + 64), abs));
    }
    for (int i = 0; i < 4; i++)
        m = _mm512_max_epi32(
            m, _mm512_and_si512(_mm512_loadu_si512(v + 64 * i), _mm512_set1_epi32(0x7fffffff)));
    return m;
}

SN_INLINE uint32_t largest_of(vmax_t m, enum sn_type type)
{
    uint32_t lane[16], most = 0;
    if (type == SN_BF16) /* pairs of 16 bits: the larger as 32 bits */
        m = _mm512_max_epi32(_mm512_srli_epi32(m, 16),
                             _mm512_and_si512(m, _mm512_set1_epi32(0xffff)));
    _mm512_storeu_si512(lane, m);
    for (int i = 0; i < 16; i++)
        most = lane[i] > most ? lane[i] : most;
    return most;
}

SN_INLINE __m512i rounded(__m512i x, __m512 r)
{
    return _mm512_cvtps_epi32(_mm512_mul_ps(_mm512_castsi512_ps(x), r));
}

/* 32 bf16 as 16-bit integers, in order: what unpacking takes apart packing puts together. */
SN_INLINE __m512i rounded32(const char *x, __m512 r)
{
    __m512i v = _mm512_loadu_si512(x), zero = _mm512_setzero_si512();
    return _mm512_packs_epi32(rounded(_mm512_unpacklo_epi16(zero, v), r),
                              rounded(_mm512_unpackhi_epi16(zero, v), r));
}

SN_INLINE void block_write(uint8_t *q, const void *x, float factor, uint8_t flip, enum sn_type type,
                           bool stream)
{
    const char *v = x;
    __m512 r = _mm512_set1_ps(factor);
    __m512i b;
    if (type == SN_BF16) {
        b = _mm512_packs_epi16(rounded32(v, r), rounded32(v + 64, r));
        b = _mm512_permutexvar_epi64(_mm512_set_epi64(7, 5, 3, 1, 6, 4, 2, 0), b);
    } else {
        __m512i w[4];
        for (int i = 0; i < 4; i++)
            w[i] = rounded(_mm512_loadu_si512(v + 64 * i), r);
        b = _mm512_packs_epi16(_mm512_packs_epi32(w[0], w[1]), _mm512_packs_epi32(w[2], w[3]));
        /* Each 128 bits hold four elements of each vector: dword 4 k + i those of vector i. */
        b = _mm512_permutexvar_epi32(
            _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0), b);
    }
    b = _mm512_xor_si512(b, _mm512_set1_epi8((char)flip));
    if (stream)
        _mm512_stream_si512((void *)q, b);
    else
        _mm512_storeu_si512(q, b);
}

#endif
