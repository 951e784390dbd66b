/* moe in one pass by AVX2: exact products of 16-bit values, VPMADDWD and VPADDD; tiles of 6 rows
 * and 16 columns, 12 sums in registers, whose weights are widened from 8 bits as they are read. */
#include <immintrin.h>
#include <stdbool.h>

#include "kernels/exp_avx2.h"
#include "kernels/quantize/avx2.h"

#define MR         6
#define NR         16
#define KR         2
#define ZERO_POINT false
typedef int16_t a_t;

#include "kernels/moe/fused.h"

MOE_INLINE void rows_tile(int32_t *acc, const a_t *a, const int8_t *w, size_t k, size_t rows,
                          bool more, const char *ahead, size_t stride)
{
    __m256i sum[MR][2];
    for (size_t r = 0; r < rows; r++)
        for (size_t h = 0; h < 2; h++)
            sum[r][h] =
                more ? _mm256_loadu_si256((__m256i *)(acc + r * NR) + h) : _mm256_setzero_si256();
    for (size_t i = 0; i < k; i += 4, ahead += stride) {
        _mm_prefetch(ahead, _MM_HINT_T0);
        for (size_t p = 0; p < 2; p++, a += 2 * rows, w += 2 * NR) {
            __m256i b0 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w)),
                    b1 = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)w + 1));
            for (size_t r = 0; r < rows; r++) {
                int32_t pair;
                memcpy(&pair, a + 2 * r, sizeof pair);
                __m256i v = _mm256_set1_epi32(pair);
                sum[r][0] = _mm256_add_epi32(sum[r][0], _mm256_madd_epi16(v, b0));
                sum[r][1] = _mm256_add_epi32(sum[r][1], _mm256_madd_epi16(v, b1));
            }
        }
    }
    for (size_t r = 0; r < rows; r++)
        for (size_t h = 0; h < 2; h++)
            _mm256_storeu_si256((__m256i *)(acc + r * NR) + h, sum[r][h]);
}

static void tile(int32_t *acc, const a_t *a, const int8_t *w, size_t k, size_t rows, bool more,
                 const char *ahead, size_t stride)
{
    switch (rows) {
    case 1:
        rows_tile(acc, a, w, k, 1, more, ahead, stride);
        break;
    case 2:
        rows_tile(acc, a, w, k, 2, more, ahead, stride);
        break;
    case 3:
        rows_tile(acc, a, w, k, 3, more, ahead, stride);
        break;
    case 4:
        rows_tile(acc, a, w, k, 4, more, ahead, stride);
        break;
    case 5:
        rows_tile(acc, a, w, k, 5, more, ahead, stride);
        break;
    default:
        rows_tile(acc, a, w, k, 6, more, ahead, stride);
    }
}

MOE_INLINE void swiglu(float *a, const int32_t *gate, const int32_t *up, float sx, const float *sg,
                       const float *su)
{
    const __m256 x = _mm256_set1_ps(sx), one = _mm256_set1_ps(1), sign = _mm256_set1_ps(-0.0f);
    for (size_t n = 0; n < NR; n += 8) {
        __m256 g = _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)(gate + n))),
               u = _mm256_cvtepi32_ps(_mm256_loadu_si256((const __m256i *)(up + n)));
        g = _mm256_mul_ps(g, _mm256_mul_ps(x, _mm256_loadu_ps(sg + n)));
        u = _mm256_mul_ps(u, _mm256_mul_ps(x, _mm256_loadu_ps(su + n)));
        __m256 e = sn_exp8(_mm256_xor_ps(g, sign));
        g = _mm256_div_ps(g, _mm256_add_ps(one, e));
        _mm256_storeu_ps(a + n, _mm256_mul_ps(g, u));
    }
}

MOE_INLINE void widen(a_t *to, const uint8_t *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = (a_t)(x[i] - 128);
}

static void quantize_rows(const struct sn_quantize *g, size_t first, size_t end)
{
    rows_of(g, first, end, SN_F32, false);
}

static int rank(const union sn_problem *p, unsigned threads)
{
    return 20;
}

const struct sn_kernel sn_moe_avx2_fused = {.abi = SN_ABI_VERSION,
                                            .size = sizeof(struct sn_kernel),
                                            .op = "moe",
                                            .name = "fused",
                                            .brief = "one pass: gather, SwiGLU, requantise and "
                                                     "weighted sum around tiles of 6 x 16",
                                            .isa = "avx2",
                                            .flags = SN_KERNEL_SAME_BITS,
                                            .rank = rank,
                                            .packed_bytes = packed_bytes,
                                            .prepare = prepare,
                                            .scratch_bytes = scratch_bytes,
                                            .run = run};
