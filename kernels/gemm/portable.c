/* Plain C that gcc -O3 turns into multiply-add instructions of any CPU that has them (PMADDWD of
 * SSE2, SMLAL of NEON): dot products of 16-bit values along k, four rows by one column at a time.
 * A panel is one column: its weights are widened once and stay in the first-level cache. */
#include <string.h>

#include "kernels/gemm/emit.h"
#include "kernels/gemm/gemm.h"
#include "kernels/kernel.h"

enum { ROWS = 4 };

/* sums[r] += a[r * k ...] . w, for a constant number of rows after inlining. */
static inline __attribute__((always_inline)) void dots(const unsigned rows,
                                                       const int16_t *restrict a,
                                                       const int16_t *restrict w, size_t k,
                                                       int32_t *sums)
{
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    const int16_t *a1 = a + (rows > 1 ? k : 0), *a2 = a + (rows > 2 ? 2 * k : 0),
                  *a3 = a + (rows > 3 ? 3 * k : 0);
    for (size_t i = 0; i < k; i++) {
        s0 += a[i] * w[i];
        if (rows > 1)
            s1 += a1[i] * w[i];
        if (rows > 2)
            s2 += a2[i] * w[i];
        if (rows > 3)
            s3 += a3[i] * w[i];
    }
    int32_t all[ROWS] = {s0, s1, s2, s3};
    for (unsigned r = 0; r < rows; r++)
        sums[r] += all[r];
}

static void wide_tile(unsigned rows, const struct sn_gemm_step *s)
{
    sn_gemm_begin(s, rows, 1);
    switch (rows) {
    case 1:
        return dots(1, s->a, s->w, s->k, s->acc);
    case 2:
        return dots(2, s->a, s->w, s->k, s->acc);
    case 3:
        return dots(3, s->a, s->w, s->k, s->acc);
    default:
        return dots(4, s->a, s->w, s->k, s->acc);
    }
}

static void widen(const int8_t *restrict w, size_t n, int16_t *restrict wide)
{
    for (size_t i = 0; i < n; i++)
        wide[i] = w[i];
}

/* Row after row: k is the fastest index. */
static void pack_tile(const void *const *r, unsigned rows, enum sn_type type, size_t k, size_t kp,
                      void *dst)
{
    for (unsigned row = 0; row < rows; row++) {
        int16_t *restrict to = (int16_t *)dst + row * kp;
        const uint8_t *restrict u = r[row];
        const int8_t *restrict s = r[row];
        if (type == SN_U8)
            for (size_t i = 0; i < k; i++)
                to[i] = (int16_t)(u[i] - 128);
        else
            for (size_t i = 0; i < k; i++)
                to[i] = s[i];
        memset(to + k, 0, (kp - k) * sizeof *to);
    }
}

SN_GEMM_EMIT(1)

const struct sn_gemm_tiles sn_gemm_generic = {.rows = ROWS,
                                              .cols = 1,
                                              .group = 1,
                                              .step = 16,
                                              .a_bytes = 2,
                                              .rowwise = true,
                                              .kc = 1024,
                                              .wide_tile = wide_tile,
                                              .widen = widen,
                                              .pack_tile = pack_tile,
                                              .emit = emit};

SN_GEMM_KERNEL(sn_gemm_generic, portable,
               "plain C: dot products of 16-bit values, four rows by one column", "generic", 0, 10);
