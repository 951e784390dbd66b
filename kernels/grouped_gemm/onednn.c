/* oneDNN has no grouped product: one call of kernels/gemm/onednn.c for each group that has rows. */
#include "kernels/gemm/onednn.h"
#include "kernels/grouped_gemm/grouped.h"

static size_t packed_bytes(const union sn_problem *p, unsigned threads)
{
    const struct sn_grouped_gemm *g = &p->grouped_gemm;
    return g->groups * sn_gemm_onednn_w_bytes(g->n, g->k);
}

static int prepare(const union sn_problem *p, unsigned threads, void *packed)
{
    const struct sn_grouped_gemm *g = &p->grouped_gemm;
    for (size_t i = 0; i < g->groups; i++)
        sn_gemm_onednn_pack(g->w + i * g->n * g->ldw, g->n, g->k, g->ldw, g->a_type,
                            (char *)packed + i * sn_gemm_onednn_w_bytes(g->n, g->k));
    return 0;
}

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    const struct sn_grouped_gemm *g = &p->grouped_gemm;
    return g->c_type == SN_S32 ? 0 : g->m * g->n * sizeof(int32_t);
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_grouped_gemm *g = &p->grouped_gemm;
    for (size_t i = 0; i < g->groups; i++) {
        struct sn_gemm one = sn_grouped_gemm_at(g, i);
        sn_gemm_onednn_product(&one, (const char *)packed + i * sn_gemm_onednn_w_bytes(g->n, g->k),
                               scratch, team->count);
    }
}

const struct sn_kernel sn_grouped_gemm_onednn = {
    .abi = SN_ABI_VERSION,
    .size = sizeof(struct sn_kernel),
    .op = "grouped-gemm",
    .name = "onednn",
    .brief = "dnnl_gemm_u8s8s32, s8s8s32 group by group; INEXACT without VNNI: saturates",
    .isa = "generic",
    .flags = SN_KERNEL_BASELINE | SN_KERNEL_INEXACT | SN_KERNEL_OWN_THREADS,
    .packed_bytes = packed_bytes,
    .prepare = prepare,
    .scratch_bytes = scratch_bytes,
    .run = run};
