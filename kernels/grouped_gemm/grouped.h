/* grouped-gemm by a set of tiles (kernels/gemm/gemm.h): group after group, each by the whole team,
 * which shares the columns: threads differ by one panel of a group at most, however uneven the
 * groups are, and the weights of an empty group are not touched. The next group's activations are
 * packed while the last one's products go on: one barrier per 264 rows. */
#ifndef SN_KERNELS_GROUPED_GEMM_GROUPED_H
#define SN_KERNELS_GROUPED_GEMM_GROUPED_H

#include "kernels/gemm/gemm.h"
#include "kernels/kernel.h"

/* Group i as a gemm; its weights are elsewhere. */
static inline struct sn_gemm sn_grouped_gemm_at(const struct sn_grouped_gemm *g, size_t i)
{
    size_t row = g->first[i], c = g->c_type == SN_BF16 ? sizeof(uint16_t) : sizeof(uint32_t);
    return (struct sn_gemm){.m = g->first[i + 1] - row,
                            .n = g->n,
                            .k = g->k,
                            .a_type = g->a_type,
                            .c_type = g->c_type,
                            .a = (const char *)g->a + row * g->lda,
                            .sa = g->sa + row,
                            .sb = g->sb + i * g->n,
                            .c = (char *)g->c + row * g->ldc * c,
                            .lda = g->lda,
                            .ldc = g->ldc};
}

/* The hooks of a kernel made of a set of tiles. */
static inline size_t sn_grouped_gemm_packed_bytes(const struct sn_gemm_tiles *t,
                                                  const struct sn_grouped_gemm *g)
{
    return g->groups * sn_gemm_w_bytes(t, g->n, g->k);
}

static inline void sn_grouped_gemm_prepare(const struct sn_gemm_tiles *t,
                                           const struct sn_grouped_gemm *g, void *packed)
{
    for (size_t i = 0; i < g->groups; i++)
        sn_gemm_pack_w(t, g->w + i * g->n * g->ldw, g->n, g->k, g->ldw,
                       (char *)packed + i * sn_gemm_w_bytes(t, g->n, g->k));
}

static inline void sn_grouped_gemm_run(const struct sn_gemm_tiles *t,
                                       const struct sn_grouped_gemm *g, const void *packed,
                                       void *scratch, const struct sn_team *team)
{
    unsigned turn = 0;
    for (size_t i = 0; i < g->groups; i++) {
        struct sn_gemm one = sn_grouped_gemm_at(g, i);
        sn_gemm_product(t, &one, (const char *)packed + i * sn_gemm_w_bytes(t, g->n, g->k), scratch,
                        g->m, &turn, team);
    }
}

#define SN_GROUPED_GEMM_KERNEL(tiles_, name_, brief_, isa_, flags_, rank_)                         \
    static size_t packed_bytes(const union sn_problem *p, unsigned threads)                        \
    {                                                                                              \
        return sn_grouped_gemm_packed_bytes(&tiles_, &p->grouped_gemm);                            \
    }                                                                                              \
    static int prepare(const union sn_problem *p, unsigned threads, void *packed)                  \
    {                                                                                              \
        sn_grouped_gemm_prepare(&tiles_, &p->grouped_gemm, packed);                                \
        return 0;                                                                                  \
    }                                                                                              \
    static size_t scratch_bytes(const union sn_problem *p, unsigned threads)                       \
    {                                                                                              \
        return sn_gemm_scratch_bytes(&tiles_, p->grouped_gemm.m, p->grouped_gemm.k, threads);      \
    }                                                                                              \
    static int rank(const union sn_problem *p, unsigned threads)                                   \
    {                                                                                              \
        return rank_;                                                                              \
    }                                                                                              \
    static void run(const union sn_problem *p, const void *packed, void *scratch,                  \
                    const struct sn_team *team)                                                    \
    {                                                                                              \
        sn_grouped_gemm_run(&tiles_, &p->grouped_gemm, packed, scratch, team);                     \
    }                                                                                              \
    const struct sn_kernel sn_grouped_gemm_##name_ = {.abi = SN_ABI_VERSION,                       \
                                                      .size = sizeof(struct sn_kernel),            \
                                                      .op = "grouped-gemm",                        \
                                                      .name = #name_,                              \
                                                      .brief = brief_,                             \
                                                      .isa = isa_,                                 \
                                                      .flags = flags_,                             \
                                                      .rank = rank,                                \
                                                      .packed_bytes = packed_bytes,                \
                                                      .prepare = prepare,                          \
                                                      .scratch_bytes = scratch_bytes,              \
                                                      .run = run}

#endif
