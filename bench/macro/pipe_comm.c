/* Communication of a prefill step beside dispatch and combine: sequence parallelism's collectives
 * on the fabric engine, and the context cache. bench/macro/pipe.h. */
#include <stdlib.h>

#include "bench/macro/pipe.h"
#include "comm/fabric/collectives.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

/* A collective of blocks of `block` bytes, all at once, as a cost. */
static int run(const struct sn_pipe *p, const struct sn_collective *a, double block,
               struct sn_pipe_cost *out)
{
    const unsigned dies = p->dies;
    struct sn_net *net;
    struct sn_net_result r;
    struct sn_net_options options = {.degrade = p->degrade, .seed = p->seed};
    int status = sn_net_open(&net, p->profile, dies, &options);
    if (status)
        return status;
    size_t n = sn_collective_count(a, dies);
    struct sn_msg *msgs = sn_calloc(n + 1, sizeof *msgs);
    uint32_t *orders = sn_calloc((size_t)dies * dies, sizeof *orders);
    for (unsigned d = 0; d < dies; d++)
        sn_net_rotation(net, d, dies, orders + (size_t)d * (dies - 1));
    sn_collective_build(a, dies, (uint64_t)block, orders, NULL, msgs);
    status = sn_net_run(net, msgs, n, sn_ps(sn_figure_or(&p->profile->cost.issue, 0)), &r);
    if (!status) {
        double bytes = block * (dies - 1);
        *out = (struct sn_pipe_cost){.launch_s = sn_figure_or(&p->profile->cost.launch, 0),
                                     .work_s = sn_ps_seconds(r.end_ps),
                                     .roof_s[SN_RES_FABRIC] = sn_ps_seconds(r.bound_ps),
                                     .bytes = bytes,
                                     .any = true};
        out->use[SN_RES_FABRIC] = out->roof_s[SN_RES_FABRIC] / out->work_s;
        out->use[SN_RES_HBM] = 2 * bytes / p->device->memory.value / out->work_s;
        out->use[SN_RES_HBM] = out->use[SN_RES_HBM] < 1 ? out->use[SN_RES_HBM] : 1;
    }
    free(orders);
    free(msgs);
    sn_net_close(net);
    return status;
}

/* Blocks between a die and the pool, all requests of the die one after another. The pool's software
 * is waited for by reads, each block's; what is stored leaves the die, and no more. */
static void move_blocks(const struct sn_pipe *p, double tokens, double latency_s,
                        struct sn_pipe_cost *out)
{
    const struct sn_llm *m = p->llm;
    double bytes = tokens * (m->latent + m->rope) * 2.0 * m->layers;
    double blocks = tokens / SN_PIPE_BLOCK_TOKENS;
    *out = (struct sn_pipe_cost){
        .work_s = bytes / p->load_bandwidth + blocks * latency_s, .bytes = bytes, .any = true};
    out->use[SN_RES_DMA] = 1;
}

int sn_pipe_comm(const struct sn_pipe *p, unsigned requests, struct sn_pipe_cost cost[])
{
    const struct sn_llm *m = p->llm;
    double fresh = sn_pipe_tokens(p, requests);
    int status = SN_OK;
    if (p->spread && p->dies > 1) {
        /* Compressed queries (or, without them, what they are made of) and cache entries of its
         * tokens to all; of each token, what the heads of each die made of it, back to it. */
        status = run(p, &sn_allgather_direct,
                     fresh * ((m->q_rank ? m->q_rank : m->hidden) + m->latent + m->rope) * 2.0,
                     &cost[SN_OPERATION_GATHER]);
        if (!status)
            status = run(p, &sn_alltoall_direct, fresh * m->heads * m->v * 2.0 / p->dies,
                         &cost[SN_OPERATION_EXCHANGE]);
    }
    if (!status && p->load_bandwidth > 0) {
        if (p->cached)
            move_blocks(p, (double)p->requests * p->cached, p->load_latency_s,
                        &cost[SN_OPERATION_LOAD]);
        move_blocks(p, sn_pipe_tokens(p, p->requests), 0, &cost[SN_OPERATION_STORE]);
    }
    return status;
}
