/* mla-prolog with the best kernels of quantize and gemm, the absorption by AVX-512 with FMA. */
#include "kernels/attention_avx512.h"

#include "kernels/mla_prolog/absorb.h"

#include "kernels/mla_prolog/prolog.h"

static int rank(const union sn_problem *p, unsigned threads)
{
    return 2;
}

const struct sn_kernel sn_mla_prolog_avx512 = {.abi = SN_ABI_VERSION,
                                               .size = sizeof(struct sn_kernel),
                                               .op = "mla-prolog",
                                               .name = "avx512",
                                               .brief = "best quantize and gemm; f32 FMA",
                                               .isa = "avx512",
                                               .rank = rank,
                                               .packed_bytes = packed_bytes,
                                               .prepare = prepare,
                                               .release = release,
                                               .scratch_bytes = scratch_bytes,
                                               .run = run};
