/* mla-prolog with the best kernels of quantize and gemm, the absorption by AVX2 with FMA. */
#include "kernels/attention_avx2.h"

#include "kernels/mla_prolog/absorb.h"

#include "kernels/mla_prolog/prolog.h"

static int rank(const union sn_problem *p, unsigned threads)
{
    return 1;
}

const struct sn_kernel sn_mla_prolog_avx2 = {.abi = SN_ABI_VERSION,
                                             .size = sizeof(struct sn_kernel),
                                             .op = "mla-prolog",
                                             .name = "avx2",
                                             .brief = "best quantize and gemm; f32 FMA",
                                             .isa = "avx2",
                                             .rank = rank,
                                             .packed_bytes = packed_bytes,
                                             .prepare = prepare,
                                             .release = release,
                                             .scratch_bytes = scratch_bytes,
                                             .run = run};
