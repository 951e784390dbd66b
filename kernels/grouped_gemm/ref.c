/* grouped-gemm, plainly: the group of every row, then one sum per element of C, as snbench.h writes
 * it. The weights are copied by prepare(), since run() does not see them. */
#include <string.h>

#include "harness/base/bf16.h"
#include "kernels/kernel.h"

static size_t packed_bytes(const union sn_problem *p, unsigned threads)
{
    return p->grouped_gemm.groups * p->grouped_gemm.n * p->grouped_gemm.k;
}

static int prepare(const union sn_problem *p, unsigned threads, void *packed)
{
    const struct sn_grouped_gemm *g = &p->grouped_gemm;
    for (size_t n = 0; n < g->groups * g->n; n++)
        memcpy((int8_t *)packed + n * g->k, g->w + n * g->ldw, g->k);
    return 0;
}

static int32_t dot(const struct sn_grouped_gemm *g, size_t row, const int8_t *w)
{
    int32_t sum = 0;
    if (g->a_type == SN_U8) {
        const uint8_t *a = (const uint8_t *)g->a + row * g->lda;
        for (size_t k = 0; k < g->k; k++)
            sum += (a[k] - 128) * w[k];
    } else {
        const int8_t *a = (const int8_t *)g->a + row * g->lda;
        for (size_t k = 0; k < g->k; k++)
            sum += a[k] * w[k];
    }
    return sum;
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_grouped_gemm *g = &p->grouped_gemm;
    size_t group = 0;
    for (size_t row = 0; row < g->m; row++) {
        while (row >= g->first[group + 1])
            group++;
        for (size_t n = team->id; n < g->n; n += team->count) {
            size_t column = group * g->n + n, at = row * g->ldc + n;
            int32_t sum = dot(g, row, (const int8_t *)packed + column * g->k);
            if (g->c_type == SN_S32) {
                ((int32_t *)g->c)[at] = sum;
                continue;
            }
            float r = (float)sum * (g->sa[row] * g->sb[column]);
            if (g->c_type == SN_F32)
                ((float *)g->c)[at] = r;
            else
                ((uint16_t *)g->c)[at] = sn_bf16_from_f32(r);
        }
    }
}

const struct sn_kernel sn_grouped_gemm_ref = {.abi = SN_ABI_VERSION,
                                              .size = sizeof(struct sn_kernel),
                                              .op = "grouped-gemm",
                                              .name = "ref",
                                              .brief = "one sum after the other",
                                              .isa = "generic",
                                              .packed_bytes = packed_bytes,
                                              .prepare = prepare,
                                              .run = run};
