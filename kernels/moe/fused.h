/* moe in one pass, for any set of tiles (kernels/gemm/gemm.h).
 *
 * For up to ROWS rows of an expert at a time:
 *   1. its tokens are gathered where A is packed;
 *   2. panels of gate and of up, which take turns in memory, are multiplied, a few at a time; the
 *      sums are scaled and go through SwiGLU in the cache and leave a (f32), which stays there;
 *   3. the rows of a are quantised and packed as the A of the down projection. Only this, I bytes a
 *      copy (2 I with AVX2), waits until all experts are done.
 * Then, for a few panels of output columns at a time, of all experts one after the other:
 *   4. down projection, scaled into y, which fits into the cache;
 *   5. the weighted sums over each token's copies, in rising c, are rounded and written, once.
 * Output columns are the outer loop so that sums in the order of the copies, whatever their
 * experts, need no memory. Past the caches move: the weights, once per ROWS rows; x, q, out. */
#ifndef SN_KERNELS_MOE_FUSED_H
#define SN_KERNELS_MOE_FUSED_H

#include "kernels/gemm/gemm.h"
#include "kernels/kernel.h"
#include "kernels/moe/steps.h"

size_t sn_moe_fused_packed_bytes(const struct sn_gemm_tiles *t, const struct sn_moe_ffn *f);
int sn_moe_fused_prepare(const struct sn_gemm_tiles *t, const struct sn_moe_ffn *f, void *packed);
size_t sn_moe_fused_scratch_bytes(const struct sn_gemm_tiles *t, const struct sn_moe_ffn *f,
                                  unsigned threads);
void sn_moe_fused_run(const struct sn_gemm_tiles *t, const struct sn_moe_steps *steps,
                      const struct sn_moe_ffn *f, const void *packed, void *scratch,
                      const struct sn_team *team);

/* The descriptor of the variant that is made of a set of tiles and of steps. */
#define SN_MOE_FUSED_KERNEL(symbol, tiles_, steps_, name_, brief_, isa_, flags_, rank_)            \
    static size_t packed_bytes(const union sn_problem *p, unsigned threads)                        \
    {                                                                                              \
        return sn_moe_fused_packed_bytes(&tiles_, &p->moe);                                        \
    }                                                                                              \
    static int prepare(const union sn_problem *p, unsigned threads, void *packed)                  \
    {                                                                                              \
        return sn_moe_fused_prepare(&tiles_, &p->moe, packed);                                     \
    }                                                                                              \
    static size_t scratch_bytes(const union sn_problem *p, unsigned threads)                       \
    {                                                                                              \
        return sn_moe_fused_scratch_bytes(&tiles_, &p->moe, threads);                              \
    }                                                                                              \
    static int rank(const union sn_problem *p, unsigned threads)                                   \
    {                                                                                              \
        return rank_;                                                                              \
    }                                                                                              \
    static void run(const union sn_problem *p, const void *packed, void *scratch,                  \
                    const struct sn_team *team)                                                    \
    {                                                                                              \
        sn_moe_fused_run(&tiles_, &steps_, &p->moe, packed, scratch, team);                        \
    }                                                                                              \
    const struct sn_kernel sn_##symbol = {.abi = SN_ABI_VERSION,                                   \
                                          .size = sizeof(struct sn_kernel),                        \
                                          .op = "moe",                                             \
                                          .name = name_,                                           \
                                          .brief = brief_,                                         \
                                          .isa = isa_,                                             \
                                          .flags = flags_,                                         \
                                          .rank = rank,                                            \
                                          .packed_bytes = packed_bytes,                            \
                                          .prepare = prepare,                                      \
                                          .scratch_bytes = scratch_bytes,                          \
                                          .run = run}

#endif
