/* Activations as pairs of 16-bit values, the zero point taken away, for the files of AVX2. */
#ifndef SN_KERNELS_GEMM_AVX2_PAIRS_H
#define SN_KERNELS_GEMM_AVX2_PAIRS_H

#include <immintrin.h>
#include <string.h>

#include "harness/base/snbench.h"

/* Elements i .. i + 15 of a row of k, zeros behind its end, where nothing is read. */
static inline __m256i sn_gemm_pairs(const void *row, size_t i, size_t k, enum sn_type type)
{
    const char *from = (const char *)row + i;
    char last[16];
    if (k < i + 16) {
        memset(last, type == SN_U8 ? 0x80 : 0, sizeof last);
        if (k > i)
            memcpy(last, from, k - i);
        from = last;
    }
    __m128i x = _mm_loadu_si128((const __m128i *)from);
    if (type == SN_U8)
        x = _mm_xor_si128(x, _mm_set1_epi8((char)0x80));
    return _mm256_cvtepi8_epi16(x);
}

/* The eight pairs of a row at to[0], to[rows], ... */
static inline void sn_gemm_pairs_store(int32_t *to, unsigned rows, __m256i x)
{
    int32_t each[8];
    if (rows == 1) {
        _mm256_storeu_si256((__m256i *)to, x);
        return;
    }
    _mm256_storeu_si256((__m256i *)each, x);
    for (unsigned j = 0; j < 8; j++)
        to[j * rows] = each[j];
}

#endif
