/* Routing uniform: every k-subset of the experts is as likely as every other. */
#include "comm/routing_kind.h"

static int open_uniform(struct sn_routing *r, const struct sn_routing_args *args)
{
    for (unsigned e = 0; e < r->experts; e++)
        r->share[e] = 1.0 / r->experts;
    return 0;
}

static void draw_uniform(const struct sn_routing *r, uint64_t layer, uint64_t token,
                         struct sn_rng *rng, uint16_t *expert)
{
    sn_subset_uniform(r->experts, r->topk, rng, expert);
}

const struct sn_routing_kind sn_routing_uniform = {
    .name = "uniform",
    .form = "uniform",
    .example = "uniform",
    .brief = "every subset of top-k experts is equally likely",
    .open = open_uniform,
    .draw = draw_uniform,
};
