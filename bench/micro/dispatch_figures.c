/* The figures of a dispatch row (bench/micro/dispatch_figures.h).
 *
 * Bytes come from the routing; that the transports count the same is part of the verification. */
#include "bench/micro/dispatch_figures.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/bandwidths.h"
#include "comm/moe_check.h"
#include "harness/base/buf.h"
#include "harness/roof.h"

const struct sn_metric_doc sn_dispatch_metric_docs[] = {
    SN_TRAFFIC_METRIC_DOCS,
    {"logical_per_die", "B/s", true,
     "bytes.logical / endpoints / median: logical+local, as DeepEP-style tables count"},
    {"of_copy_roof", "1", true,
     "(wire + local bytes) / ranks / median / copy roof of all ranks at that size"},
    {"tokens_per_s", "token/s", true, "tokens x endpoints / median"},
    {"imbalance", "1", false, "mean over draws of max / mean copies received per die"},
    {"distinct_dies", "1", false, "mean number of different dies that a token's copies go to"},
    {"wire_copies", "1", false,
     "copies and node records moved between dies per token in a dispatch (hier: one per node)"},
    {"skew_free_s", "s", false,
     "median over all repetitions of last end - last arrival (with skew and a common clock)"},
    {0},
};

void sn_dispatch_figures_open(struct sn_dispatch_figures *f, enum sn_dispatch_phase phase,
                              unsigned dies)
{
    *f = (struct sn_dispatch_figures){.phase = phase};
    f->sent = sn_calloc(4 * (size_t)dies, sizeof *f->sent);
    f->received = f->sent + dies;
    f->own = f->received + dies;
    f->copies = f->own + dies;
}

void sn_dispatch_figures_close(struct sn_dispatch_figures *f)
{
    free(f->sent);
    f->sent = NULL;
}

static unsigned distinct_dies(const struct sn_moe *m, const uint32_t *slot)
{
    unsigned n = 0;
    for (unsigned j = 0; j < m->k; j++) {
        bool seen = false;
        for (unsigned q = 0; q < j; q++)
            seen |= m->placement.slot_die[slot[q]] == m->placement.slot_die[slot[j]];
        n += !seen;
    }
    return n;
}

void sn_dispatch_figures_add(struct sn_dispatch_figures *f, const struct sn_moe_exchange *x,
                             const struct sn_world *w)
{
    const struct sn_moe *m = x->moe;
    unsigned dies = m->shape.dies;
    size_t tokens = (size_t)m->local * m->shape.tokens;
    struct sn_moe_traffic there = {.sent = f->sent, .received = f->received, .own = f->own},
                          back = there;
    uint64_t sum[4] = {0};
    memset(f->sent, 0, 4 * (size_t)dies * sizeof *f->sent);
    if (f->phase != SN_COMBINE_ONLY)
        sn_moe_expected_dispatch(x, &there);
    sum[3] = there.wire_copies;
    if (f->phase != SN_DISPATCH_ONLY)
        sn_moe_expected_combine(x, &back);
    for (size_t t = 0; t < tokens; t++) {
        sum[2] += distinct_dies(m, m->slot + t * m->k);
        for (unsigned j = 0; j < m->k; j++)
            f->copies[m->placement.slot_die[m->slot[t * m->k + j]]]++;
    }
    sum[0] = there.wire + back.wire;
    sum[1] = there.local + back.local;
    MPI_Reduce(w->rank ? sum : MPI_IN_PLACE, sum, 4, MPI_UINT64_T, MPI_SUM, 0, w->comm);
    MPI_Reduce(w->rank ? f->sent : MPI_IN_PLACE, f->sent, (int)(4 * dies), MPI_UINT64_T, MPI_SUM, 0,
               w->comm);
    if (w->rank)
        return;
    uint64_t routed = 0, most = 0, largest = 0, all_tokens = (uint64_t)dies * m->shape.tokens;
    for (unsigned d = 0; d < dies; d++) {
        routed += f->sent[d];
        uint64_t port = f->sent[d] > f->received[d] ? f->sent[d] : f->received[d];
        most = port > most ? port : most;
        largest = port + f->own[d] > largest ? port + f->own[d] : largest;
    }
    f->draws++;
    f->routed += (double)routed;
    f->wire += (double)sum[0];
    f->local += (double)sum[1];
    f->bottleneck += (double)most;
    f->largest_sum += (double)largest;
    f->imbalance += sn_routing_imbalance(f->copies, dies);
    f->distinct += (double)sum[2] / (double)all_tokens;
    f->wire_copies += (double)sum[3] / (double)all_tokens;
}

/* Each rank is one core and the bytes are spread over the ranks at best evenly. A copy roof counts
 * a byte once that is read and written; a dispatch need only write it, since a token that goes to
 * K places is read once: at most twice the copy roof. A combine must read every answer once. */
static void set_limit(const struct sn_env *env, struct sn_row *row, double there, double back)
{
    const struct sn_roofs *roofs = env->roofs;
    double ranks = env->world->size;
    double copy = sn_roof_at(&roofs->copy_all, (uint64_t)(there / ranks));
    double read = sn_roof_at(&roofs->read, (uint64_t)(back / ranks));
    double t = 0;
    if (isnan(copy))
        copy = sn_roof_at(&roofs->copy, (uint64_t)(there / ranks));
    if (there > 0)
        t += there / ranks / (2 * copy);
    if (back > 0)
        t += back / ranks / read;
    row->limit_s = t;
    if (isnan(t))
        return;
    if (there > 0)
        row->limit_why = sn_row_str(row, "%s%s",
                                    "every copy written once: bytes / ranks / (2 x copy roof at "
                                    "that size)",
                                    back > 0 ? " + every answer read once: bytes / ranks / read "
                                               "roof"
                                             : "");
    else
        row->limit_why = sn_row_str(row, "every answer read once: bytes / ranks / read roof at "
                                         "that size");
}

static uint64_t mean(const struct sn_dispatch_figures *f, double sum)
{
    return f->draws ? (uint64_t)llround(sum / (double)f->draws) : 0;
}

void sn_dispatch_figures_row(const struct sn_dispatch_figures *f, const struct sn_moe *m,
                             const struct sn_env *env, struct sn_row *row)
{
    const struct sn_metric_doc *docs = sn_dispatch_metric_docs;
    double n = f->draws ? (double)f->draws : NAN, t = row->stats.median;
    double dies = m->shape.dies, ranks = env->world->size;
    double copies = dies * m->shape.tokens * m->k;
    double there = f->phase != SN_COMBINE_ONLY ? copies * (double)m->copy_bytes : 0;
    double back = f->phase != SN_DISPATCH_ONLY ? copies * (double)m->answer_bytes : 0;
    struct sn_traffic traffic = {
        .logical = (uint64_t)(there + back),
        .wire = mean(f, f->routed),
        .moved = mean(f, f->wire),
        .local = mean(f, f->local),
        .bottleneck = mean(f, f->bottleneck),
        .largest_sum = mean(f, f->largest_sum),
    };
    sn_traffic_metrics(&traffic, m->shape.dies, docs, row);
    set_limit(env, row, there, back);
    double per_rank = (double)(row->bytes.wire + row->bytes.local) / ranks;
    double roof = sn_roof_at(&env->roofs->copy_all, (uint64_t)per_rank);
    sn_row_add_metric(row, docs, "logical_per_die", (there + back) / dies / t);
    sn_row_add_metric(row, docs, "of_copy_roof", per_rank / t / roof);
    sn_row_add_metric(row, docs, "tokens_per_s", dies * m->shape.tokens / t);
    sn_row_add_metric(row, docs, "imbalance", f->imbalance / n);
    sn_row_add_metric(row, docs, "distinct_dies", f->distinct / n);
    if (f->phase != SN_COMBINE_ONLY)
        sn_row_add_metric(row, docs, "wire_copies", f->wire_copies / n);
}
