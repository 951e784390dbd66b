/* mla-prefill by AVX2: bf16 converted to f32 once for 128 rows, tiles with FMA. */
#include "kernels/attention_avx2.h"

#include "kernels/attention_panel.h"

#include "kernels/mla_prefill/causal.h"

static int rank(const union sn_problem *p, unsigned threads)
{
    return 1;
}

const struct sn_kernel sn_mla_prefill_avx2 = {.abi = SN_ABI_VERSION,
                                              .size = sizeof(struct sn_kernel),
                                              .op = "mla-prefill",
                                              .name = "avx2",
                                              .brief =
                                                  "online softmax on panels of 16 rows; f32 FMA",
                                              .isa = "avx2",
                                              .rank = rank,
                                              .scratch_bytes = scratch_bytes,
                                              .run = run};
