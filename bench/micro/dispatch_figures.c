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
    {"sync_linear_s", "s", false, "model: flags as cost.flag x (peers - 1)"},
    {"sync_log_s", "s", false,
     "model: flags as cost.sync_base + cost.sync_step x ceil(log2 peers)"},
    {"band_low_s", "s", false, "model: median with the form of the flags that is less"},
    {"band_high_s", "s", false, "model: median with the form of the flags that is more"},
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

enum { WIRE, LOCAL, DISTINCT, COPIES, SUMS }; /* over all dies of a draw */

/* Adds the draw whose dies' bytes and copies lie in the arrays of `f`. */
static void account(struct sn_dispatch_figures *f, const struct sn_moe_shape *s,
                    const uint64_t *sum)
{
    uint64_t routed = 0, most = 0, largest = 0, all_tokens = (uint64_t)s->dies * s->tokens;
    for (unsigned d = 0; d < s->dies; d++) {
        routed += f->sent[d];
        uint64_t port = f->sent[d] > f->received[d] ? f->sent[d] : f->received[d];
        most = port > most ? port : most;
        largest = port + f->own[d] > largest ? port + f->own[d] : largest;
    }
    f->draws++;
    f->routed += (double)routed;
    f->wire += (double)sum[WIRE];
    f->local += (double)sum[LOCAL];
    f->bottleneck += (double)most;
    f->largest_sum += (double)largest;
    f->imbalance += sn_routing_imbalance(f->copies, s->dies);
    f->distinct += (double)sum[DISTINCT] / (double)all_tokens;
    f->wire_copies += (double)sum[COPIES] / (double)all_tokens;
}

void sn_dispatch_figures_add(struct sn_dispatch_figures *f, const struct sn_moe_exchange *x,
                             const struct sn_world *w)
{
    const struct sn_moe *m = x->moe;
    unsigned dies = m->shape.dies;
    size_t tokens = (size_t)m->local * m->shape.tokens;
    struct sn_moe_traffic there = {.sent = f->sent, .received = f->received, .own = f->own},
                          back = there;
    uint64_t sum[SUMS] = {0};
    memset(f->sent, 0, 4 * (size_t)dies * sizeof *f->sent);
    if (f->phase != SN_COMBINE_ONLY)
        sn_moe_expected_dispatch(x, &there);
    sum[COPIES] = there.wire_copies;
    if (f->phase != SN_DISPATCH_ONLY)
        sn_moe_expected_combine(x, &back);
    for (size_t t = 0; t < tokens; t++) {
        sum[DISTINCT] += distinct_dies(m, m->slot + t * m->k);
        for (unsigned j = 0; j < m->k; j++)
            f->copies[m->placement.slot_die[m->slot[t * m->k + j]]]++;
    }
    sum[WIRE] = there.wire + back.wire;
    sum[LOCAL] = there.local + back.local;
    MPI_Reduce(w->rank ? sum : MPI_IN_PLACE, sum, SUMS, MPI_UINT64_T, MPI_SUM, 0, w->comm);
    MPI_Reduce(w->rank ? f->sent : MPI_IN_PLACE, f->sent, (int)(4 * dies), MPI_UINT64_T, MPI_SUM, 0,
               w->comm);
    if (w->rank == 0)
        account(f, &m->shape, sum);
}

void sn_dispatch_figures_add_model(struct sn_dispatch_figures *f, const struct sn_moe_shape *s,
                                   const struct sn_dispatch_traffic *const *legs, unsigned n)
{
    uint64_t sum[SUMS] = {0};
    memset(f->sent, 0, 4 * (size_t)s->dies * sizeof *f->sent);
    for (unsigned i = 0; i < n; i++) {
        const struct sn_dispatch_traffic *t = legs[i];
        for (unsigned d = 0; d < s->dies; d++) {
            f->sent[d] += t->bytes * (t->back ? t->share[d].received : t->share[d].sent);
            f->received[d] += t->bytes * (t->back ? t->share[d].sent : t->share[d].received);
            f->own[d] += t->bytes * t->share[d].own;
            f->copies[d] = t->share[d].received + t->share[d].own;
        }
        sum[WIRE] += t->wire;
        sum[LOCAL] += t->local;
        sum[COPIES] += t->wire_copies;
        sum[DISTINCT] = t->distinct;
    }
    account(f, s, sum);
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

static void add_roofs(const struct sn_env *env, struct sn_row *row, double there, double back)
{
    double per_rank = (double)(row->bytes.wire + row->bytes.local) / env->world->size;
    double roof = sn_roof_at(&env->roofs->copy_all, (uint64_t)per_rank);
    set_limit(env, row, there, back);
    sn_row_add_metric(row, sn_dispatch_metric_docs, "of_copy_roof",
                      per_rank / row->stats.median / roof);
}

void sn_dispatch_figures_row(const struct sn_dispatch_figures *f, const struct sn_moe_shape *s,
                             const struct sn_env *env, struct sn_row *row)
{
    const struct sn_metric_doc *docs = sn_dispatch_metric_docs;
    double n = f->draws ? (double)f->draws : NAN, t = row->stats.median;
    double dies = s->dies, copies = dies * s->tokens * (s->topk + (s->shared > 0));
    double copy = (double)sn_codec_copy_bytes(s->dtype, s->hidden), answer = 2.0 * s->hidden;
    double there = f->phase != SN_COMBINE_ONLY ? copies * copy : 0;
    double back = f->phase != SN_DISPATCH_ONLY ? copies * answer : 0;
    struct sn_traffic traffic = {
        .logical = (uint64_t)(there + back),
        .wire = mean(f, f->routed),
        .moved = mean(f, f->wire),
        .local = mean(f, f->local),
        .bottleneck = mean(f, f->bottleneck),
        .largest_sum = mean(f, f->largest_sum),
    };
    sn_traffic_metrics(&traffic, s->dies, docs, row);
    sn_row_add_metric(row, docs, "logical_per_die", (there + back) / dies / t);
    if (env->clock == SN_CLOCK_WALL)
        add_roofs(env, row, there, back);
    sn_row_add_metric(row, docs, "tokens_per_s", dies * s->tokens / t);
    sn_row_add_metric(row, docs, "imbalance", f->imbalance / n);
    sn_row_add_metric(row, docs, "distinct_dies", f->distinct / n);
    if (f->phase != SN_COMBINE_ONLY)
        sn_row_add_metric(row, docs, "wire_copies", f->wire_copies / n);
    if (s->experts + s->redundant + s->shared < s->dies)
        sn_row_add_flag(row, "idle-dies");
}
