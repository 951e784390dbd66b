/* quantize by AVX-512, the output left in the caches. */
#include "kernels/quantize/avx512.h"

static int rank(const union sn_problem *p, unsigned threads)
{
    return 4;
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    rows_of_team(&p->quantize, team, false);
}

const struct sn_kernel sn_quantize_avx512 = {.abi = SN_ABI_VERSION,
                                             .size = sizeof(struct sn_kernel),
                                             .op = "quantize",
                                             .name = "avx512",
                                             .brief = "a row written while the next is searched",
                                             .isa = "avx512",
                                             .rank = rank,
                                             .run = run};
