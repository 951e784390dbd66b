/* mla-prefill by AVX-512: bf16 converted to f32 once for 128 rows, tiles with FMA. */
#include "kernels/attention_avx512.h"

#include "kernels/attention_panel.h"

#include "kernels/mla_prefill/causal.h"

static int rank(const union sn_problem *p, unsigned threads)
{
    return 2;
}

const struct sn_kernel sn_mla_prefill_avx512 = {.abi = SN_ABI_VERSION,
                                                .size = sizeof(struct sn_kernel),
                                                .op = "mla-prefill",
                                                .name = "avx512",
                                                .brief =
                                                    "online softmax on panels of 32 rows; f32 FMA",
                                                .isa = "avx512",
                                                .rank = rank,
                                                .scratch_bytes = scratch_bytes,
                                                .run = run};
