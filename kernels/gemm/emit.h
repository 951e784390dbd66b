/* From sums to C, in plain C that a compiler turns into the vectors of the file that includes it.
 */
#ifndef SN_KERNELS_GEMM_EMIT_H
#define SN_KERNELS_GEMM_EMIT_H

#include <string.h>

#include "harness/base/bf16.h"
#include "harness/base/snbench.h"

/* struct sn_gemm_tiles, emit; acc (m, cols). With m and n constants after inlining it is a straight
 * line. */
static inline void sn_gemm_emit(const int32_t *acc, size_t cols, size_t m, size_t n,
                                enum sn_type type, const float *sa, const float *sb, void *c,
                                size_t ldc)
{
    for (size_t i = 0; i < m; i++, acc += cols)
        if (type == SN_S32) {
            memcpy((int32_t *)c + i * ldc, acc, n * sizeof *acc);
        } else if (type == SN_F32) {
            float *to = (float *)c + i * ldc, s = sa[i];
            for (size_t j = 0; j < n; j++)
                to[j] = (float)acc[j] * (s * sb[j]);
        } else {
            uint16_t *to = (uint16_t *)c + i * ldc;
            float s = sa[i];
            for (size_t j = 0; j < n; j++)
                to[j] = sn_bf16_from_f32((float)acc[j] * (s * sb[j]));
        }
}

/* Whole panels apart, so that their loops have constant bounds. */
#define SN_GEMM_EMIT(cols)                                                                         \
    static void emit(const int32_t *acc, size_t m, size_t n, enum sn_type type, const float *sa,   \
                     const float *sb, void *restrict c, size_t ldc)                                \
    {                                                                                              \
        if (n == (cols))                                                                           \
            sn_gemm_emit(acc, cols, m, cols, type, sa, sb, c, ldc);                                \
        else                                                                                       \
            sn_gemm_emit(acc, cols, m, n, type, sa, sb, c, ldc);                                   \
    }

#endif
