/* stream by AVX-512, what is written left in the caches. */
#include "kernels/stream/avx512.h"

static int rank(const union sn_problem *p, unsigned threads)
{
    return 4;
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    run_slice(&p->memory, team, false);
}

const struct sn_kernel sn_stream_avx512 = {.abi = SN_ABI_VERSION,
                                           .size = sizeof(struct sn_kernel),
                                           .op = "stream",
                                           .name = "avx512",
                                           .brief = "eight vectors a turn",
                                           .isa = "avx512",
                                           .rank = rank,
                                           .run = run};
