/* gemm, plainly: one sum per element of C, as snbench.h writes it. What all others are held
 * against. The weights are copied by prepare(), since run() does not see them. */
#include <string.h>

#include "harness/base/bf16.h"
#include "kernels/kernel.h"

static size_t packed_bytes(const union sn_problem *p, unsigned threads)
{
    return p->gemm.n * p->gemm.k;
}

static int prepare(const union sn_problem *p, unsigned threads, void *packed)
{
    const struct sn_gemm *g = &p->gemm;
    for (size_t n = 0; n < g->n; n++)
        memcpy((int8_t *)packed + n * g->k, g->w + n * g->ldw, g->k);
    return 0;
}

static int32_t dot(const struct sn_gemm *g, size_t m, const int8_t *w)
{
    int32_t sum = 0;
    if (g->a_type == SN_U8) {
        const uint8_t *a = (const uint8_t *)g->a + m * g->lda;
        for (size_t k = 0; k < g->k; k++)
            sum += (a[k] - 128) * w[k];
    } else {
        const int8_t *a = (const int8_t *)g->a + m * g->lda;
        for (size_t k = 0; k < g->k; k++)
            sum += a[k] * w[k];
    }
    return sum;
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_gemm *g = &p->gemm;
    for (size_t m = team->id; m < g->m; m += team->count)
        for (size_t n = 0; n < g->n; n++) {
            int32_t sum = dot(g, m, (const int8_t *)packed + n * g->k);
            if (g->c_type == SN_S32) {
                ((int32_t *)g->c)[m * g->ldc + n] = sum;
                continue;
            }
            float r = (float)sum * (g->sa[m] * g->sb[n]);
            if (g->c_type == SN_F32)
                ((float *)g->c)[m * g->ldc + n] = r;
            else
                ((uint16_t *)g->c)[m * g->ldc + n] = sn_bf16_from_f32(r);
        }
}

const struct sn_kernel sn_gemm_ref = {.abi = SN_ABI_VERSION,
                                      .size = sizeof(struct sn_kernel),
                                      .op = "gemm",
                                      .name = "ref",
                                      .brief = "one sum after the other",
                                      .isa = "generic",
                                      .packed_bytes = packed_bytes,
                                      .prepare = prepare,
                                      .run = run};
