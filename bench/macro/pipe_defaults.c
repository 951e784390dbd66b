/* How a model is served where nothing else is said: bench/macro/pipe_defaults.h. */
#include "bench/macro/pipe_defaults.h"

#include <stdio.h>

#include "harness/base/status.h"

enum { REDUNDANT = 32, SHARED_FROM = 320, SHARED_ONE_OF = 10 };

const struct sn_moe_algorithm *sn_pipe_algorithm(enum sn_moe_schedule schedule)
{
    size_t i = 0;
    while (sn_moe_algorithms[i]->schedule != schedule)
        i++;
    return sn_moe_algorithms[i];
}

unsigned sn_pipe_shared_dies(const struct sn_pipe *p)
{
    return !p->prefill && p->llm->shared && p->dies >= SHARED_FROM ? p->dies / SHARED_ONE_OF : 0;
}

unsigned sn_pipe_redundant(const struct sn_pipe *p)
{
    unsigned routed = p->llm->routed, holders = p->dies - p->shared_dies;
    unsigned least = holders > routed ? holders - routed : 0;
    if (p->shared_dies) /* one slot a die, or as many on each */
        return (routed + holders - 1) / holders * holders - routed;
    return p->balance && least < REDUNDANT && routed > REDUNDANT ? REDUNDANT : least;
}

void sn_pipe_routing(const struct sn_pipe *p, char text[SN_PIPE_ROUTING_TEXT])
{
    const struct sn_figure *skew = &p->device->skew;
    if (p->prefill && sn_figure_given(skew))
        snprintf(text, SN_PIPE_ROUTING_TEXT, "zipf(%.6g)", skew->value);
    else
        snprintf(text, SN_PIPE_ROUTING_TEXT, "uniform");
}

int sn_pipe_pool(struct sn_pipe *p, const struct sn_profile *pool)
{
    const struct sn_profile_path *way = &pool->paths[SN_PATH_CPU];
    if (way->port < 0)
        return SN_FAIL(SN_EINVAL, "pool: %s has no path to CPU memory", pool->name);
    p->load_bandwidth = sn_figure_or(&way->read_bandwidth, way->bandwidth.value);
    if (pool->ports[way->port].per_node)
        p->load_bandwidth /= pool->dies_per_node;
    p->load_latency_s =
        sn_figure_or(&way->read_latency, way->latency.value) + sn_figure_or(&p->device->block, 0);
    return SN_OK;
}
