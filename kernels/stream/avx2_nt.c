/* stream by AVX2, what is written past the caches. */
#include "kernels/stream/avx2.h"

static const char *unsupported(const union sn_problem *p, unsigned threads)
{
    return only_writes(p, threads);
}

static int rank(const union sn_problem *p, unsigned threads)
{
    return is_large(p) ? 3 : 1;
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    run_slice(&p->memory, team, true);
}

const struct sn_kernel sn_stream_avx2_nt = {.abi = SN_ABI_VERSION,
                                            .size = sizeof(struct sn_kernel),
                                            .op = "stream",
                                            .name = "avx2_nt",
                                            .brief = "the same, stores past the caches",
                                            .isa = "avx2",
                                            .unsupported = unsupported,
                                            .rank = rank,
                                            .run = run};
