/* quantize by AVX-512, the output written past the caches: for outputs that do not fit. */
#include "kernels/quantize/avx512.h"

static int rank(const union sn_problem *p, unsigned threads)
{
    return output_is_large(p) ? 5 : 3;
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    rows_of_team(&p->quantize, team, true);
    _mm_sfence();
}

const struct sn_kernel sn_quantize_avx512_nt = {.abi = SN_ABI_VERSION,
                                                .size = sizeof(struct sn_kernel),
                                                .op = "quantize",
                                                .name = "avx512_nt",
                                                .brief = "the same, stores past the caches",
                                                .isa = "avx512",
                                                .rank = rank,
                                                .run = run};
