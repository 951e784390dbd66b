/* quantize by AVX2, the output left in the caches. */
#include "kernels/quantize/avx2.h"

static int rank(const union sn_problem *p, unsigned threads)
{
    return 2;
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    rows_of_team(&p->quantize, team, false);
}

const struct sn_kernel sn_quantize_avx2 = {.abi = SN_ABI_VERSION,
                                           .size = sizeof(struct sn_kernel),
                                           .op = "quantize",
                                           .name = "avx2",
                                           .brief = "a row written while the next is searched",
                                           .isa = "avx2",
                                           .rank = rank,
                                           .run = run};
