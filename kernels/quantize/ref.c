/* quantize, plainly: the largest absolute value of a row, then every element of it. */
#include "kernels/quantize/row.h"

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    for (size_t t = team->id; t < p->quantize.t; t += team->count)
        sn_quantize_row(&p->quantize, t);
}

const struct sn_kernel sn_quantize_ref = {.abi = SN_ABI_VERSION,
                                          .size = sizeof(struct sn_kernel),
                                          .op = "quantize",
                                          .name = "ref",
                                          .brief = "a row twice, element by element",
                                          .isa = "generic",
                                          .run = run};
