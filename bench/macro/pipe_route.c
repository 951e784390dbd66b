/* The routing of all layers of a step, and its dispatch and combine on the fabric engine:
 * bench/macro/pipe.h. Layers and microbatches are independent, so threads share them out. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/macro/pipe.h"
#include "comm/fabric/net.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

enum { DRAWN_MAX = SN_PIPE_DRAWN_MAX, LAYERS_MAX = 1024 };

/* What a thread works with. */
struct worker {
    struct sn_moe whole; /* of all microbatches: what numbers the tokens that are drawn */
    struct sn_moe moe[SN_PIPE_MICROBATCHES]; /* shallow copies with a draw of their own */
    struct sn_moe_draw draw[SN_PIPE_MICROBATCHES];
    struct sn_moe_model model[SN_PIPE_MICROBATCHES];
    struct sn_net *net;
};

struct route {
    const struct sn_pipe *p;
    struct sn_moe moe[SN_PIPE_MICROBATCHES]; /* own routing and placement */
    struct worker *workers;
    unsigned threads;
};

static struct sn_moe_shape shape_of(const struct sn_pipe *p, unsigned microbatch)
{
    return (struct sn_moe_shape){.dies = p->dies,
                                 .tokens = sn_pipe_tokens(p, sn_pipe_part(p, microbatch)),
                                 .hidden = p->llm->hidden,
                                 .experts = p->llm->routed,
                                 .topk = p->llm->top_k,
                                 .redundant = p->redundant,
                                 .shared = p->shared_dies,
                                 .dtype = p->dtype};
}

/* Without balance the redundant slots go to experts in turn. */
static int place_in_order(struct sn_moe *m)
{
    struct sn_placement plain;
    const struct sn_moe_shape *s = &m->shape;
    int status = sn_placement_open(&plain, s->dies, s->experts, s->redundant, s->shared, NULL);
    if (status == SN_OK) {
        sn_placement_close(&m->placement);
        m->placement = plain;
    }
    return status;
}

static int open_worker(struct route *r, struct worker *w)
{
    const struct sn_pipe *p = r->p;
    struct sn_net_options options = {.degrade = p->degrade, .seed = p->seed};
    int status = sn_net_open(&w->net, p->profile, p->dies, &options);
    w->whole = r->moe[0];
    w->whole.shape.tokens = sn_pipe_tokens(p, p->requests);
    for (unsigned i = 0; i < p->microbatches; i++) {
        w->moe[i] = r->moe[i];
        sn_moe_draw_open(&w->draw[i], &r->moe[i].shape);
        w->model[i] = (struct sn_moe_model){.moe = &w->moe[i],
                                            .draw = &w->draw[i],
                                            .profile = p->profile,
                                            .net = w->net,
                                            .schedule = p->algorithm->schedule,
                                            .dies_per_node = p->profile->dies_per_node,
                                            .sync = p->sync,
                                            .brief = true};
    }
    return status;
}

static void close_route(struct route *r)
{
    for (unsigned t = 0; t < r->threads; t++) {
        struct worker *w = &r->workers[t];
        for (unsigned i = 0; i < r->p->microbatches; i++) {
            sn_moe_model_close(&w->model[i]);
            sn_moe_draw_close(&w->draw[i]);
        }
        if (w->net)
            sn_net_close(w->net);
    }
    free(r->workers);
    for (unsigned i = 0; i < r->p->microbatches; i++)
        sn_moe_close(&r->moe[i]);
}

static int open_route(struct route *r, const struct sn_pipe *p, unsigned threads)
{
    *r = (struct route){
        .p = p, .threads = threads, .workers = sn_calloc(threads, sizeof *r->workers)};
    int status = SN_OK;
    for (unsigned i = 0; i < p->microbatches; i++)
        r->moe[i].comm = MPI_COMM_NULL;
    for (unsigned i = 0; i < p->microbatches && !status; i++) {
        struct sn_moe_shape s = shape_of(p, i);
        status = sn_moe_open_routing(&r->moe[i], &s, p->routing, p->seed);
        if (!status && !p->balance)
            status = place_in_order(&r->moe[i]);
    }
    for (unsigned t = 0; t < threads && !status; t++)
        status = open_worker(r, &r->workers[t]);
    return status;
}

/* --- a layer ----------------------------------------------------------------------------------
 */

/* Copies from each die to each, and how many each die gets (got, dies), of the tokens from `first`
 * on. */
static void draw_layer(struct worker *w, unsigned microbatch, unsigned first, uint64_t draw,
                       uint64_t *got)
{
    struct sn_moe *m = &w->moe[microbatch];
    struct sn_moe_draw *d = &w->draw[microbatch];
    unsigned dies = d->dies, tokens = m->shape.tokens,
             drawn = tokens < DRAWN_MAX ? tokens : DRAWN_MAX;
    uint32_t slot[SN_MOE_COPIES_MAX];
    m->draw = w->whole.draw = draw;
    memset(d->count, 0, (size_t)dies * dies * sizeof *d->count);
    memset(got, 0, dies * sizeof *got);
    for (unsigned s = 0; s < dies; s++) {
        uint32_t *count = d->count + (size_t)s * dies;
        for (unsigned t = 0; t < drawn; t++) {
            sn_moe_route(&w->whole, s, first + t, slot, NULL);
            uint16_t *to = d->to + ((size_t)s * tokens + t) * d->k;
            for (unsigned j = 0; j < d->k; j++) {
                to[j] = (uint16_t)m->placement.slot_die[slot[j]];
                count[to[j]]++;
            }
        }
        for (unsigned to = 0; to < dies; to++) {
            if (drawn < tokens)
                count[to] = (uint32_t)(((uint64_t)count[to] * tokens + drawn / 2) / drawn);
            got[to] += count[to];
        }
    }
}

/* More copies take longer, more slots too. Where there are more kinds of dies than SN_PIPE_KINDS
 * (EPLB makes two at most), the rest count as the last. */
static void find_kinds(const struct sn_placement *place, const uint64_t *got,
                       struct sn_pipe_layer *l)
{
    for (unsigned d = 0; d < place->dies; d++) {
        unsigned here = place->slot_first[d + 1] - place->slot_first[d], k = 0;
        while (k < l->kinds && l->slots[k] != here && k < SN_PIPE_KINDS - 1)
            k++;
        if (k == l->kinds) {
            l->slots[k] = here;
            l->kinds++;
        }
        l->most_of[k] = got[d] > l->most_of[k] ? got[d] : l->most_of[k];
        l->most = got[d] > l->most ? got[d] : l->most;
        l->sum += got[d];
    }
}

/* Copies through each port of each die, out and in; a node's port stands at its first die. */
struct ports {
    const struct sn_profile *fabric;
    double *out, *in; /* (dies, ports) */
};

static void add_copies(struct ports *x, const struct sn_net *net, unsigned from, unsigned to,
                       double copies)
{
    const struct sn_profile *f = x->fabric;
    int port = f->paths[sn_net_path(net, from, to)].port;
    if (port < 0)
        return;
    if (f->ports[port].per_node) {
        from -= from % f->dies_per_node;
        to -= to % f->dies_per_node;
    }
    x->out[from * f->n_ports + (unsigned)port] += copies;
    x->in[to * f->n_ports + (unsigned)port] += copies;
}

/* Combine goes the other way, so that what is out is in. */
static void count_bytes(const struct worker *w, unsigned microbatch, const uint64_t *got,
                        struct sn_pipe_layer *out)
{
    const struct sn_moe_draw *d = &w->draw[microbatch];
    const struct sn_moe *m = &w->moe[microbatch];
    const double bytes[2] = {(double)m->copy_bytes, (double)m->answer_bytes};
    struct ports x = {.fabric = w->model[microbatch].profile};
    size_t places = (size_t)d->dies * x.fabric->n_ports;
    uint64_t local = 0, wire = 0, most = 0;
    x.out = sn_calloc(2 * places + 1, sizeof *x.out);
    x.in = x.out + places;
    for (unsigned s = 0; s < d->dies; s++) {
        const uint32_t *count = d->count + (size_t)s * d->dies;
        uint64_t sent = 0;
        for (unsigned to = 0; to < d->dies; to++) {
            sent += count[to];
            if (to != s && count[to])
                add_copies(&x, w->net, s, to, count[to]);
        }
        uint64_t more = (sent > got[s] ? sent : got[s]) - count[s];
        most = more > most ? more : most;
        local += count[s];
        wire += sent - count[s];
    }
    for (unsigned leg = 0; leg < 2; leg++) {
        for (size_t i = 0; i < 2 * places; i++)
            out->port_s[leg] =
                fmax(out->port_s[leg], x.out[i] * bytes[leg] /
                                           x.fabric->ports[i % x.fabric->n_ports].bandwidth.value);
        out->most_bytes[leg] = (double)most * bytes[leg];
    }
    out->wire_bytes = wire * (m->copy_bytes + m->answer_bytes);
    out->local_bytes = local * (m->copy_bytes + m->answer_bytes);
    free(x.out);
}

static int route_part(struct route *r, struct worker *w, unsigned layer, unsigned microbatch,
                      uint64_t *got, struct sn_pipe_layer *out)
{
    const struct sn_pipe *p = r->p;
    unsigned first = microbatch ? r->moe[0].shape.tokens : 0;
    *out = (struct sn_pipe_layer){0};
    draw_layer(w, microbatch, first, p->draw * LAYERS_MAX + layer, got);
    find_kinds(&w->moe[microbatch].placement, got, out);
    int status = sn_moe_model_leg(&w->model[microbatch], SN_MOE_DISPATCH, &out->dispatch);
    status =
        status ? status : sn_moe_model_leg(&w->model[microbatch], SN_MOE_COMBINE, &out->combine);
    count_bytes(w, microbatch, got, out);
    return status;
}

/* The network's part of a leg of all tokens together: at least what the fullest port's bytes take,
 * and where each copy is a message of its own what a die's issues take. */
static void bound_leg(const struct route *r, struct sn_moe_time *t, uint64_t copies, uint64_t bytes)
{
    const struct sn_profile *fabric = r->p->profile;
    uint64_t sent = (uint64_t)r->workers[0].whole.shape.tokens * r->moe[0].k;
    double s = 0;
    for (unsigned i = 0; i < fabric->n_ports; i++)
        s = fmax(s, fabric->ports[i].bandwidth.value);
    s = s > 0 ? (double)copies * (double)bytes / s : 0;
    if (r->p->algorithm->schedule == SN_MOE_COPIES)
        s = fmax(s, (double)sent * sn_figure_or(&fabric->cost.issue, 0));
    t->total_ps += sn_ps(s) - t->part_ps[SN_MOE_INJECT];
    t->part_ps[SN_MOE_INJECT] = sn_ps(s);
}

/* A layer with all its microbatches; `got` has room for two more. */
static int route_layer(struct route *r, struct worker *w, unsigned layer, uint64_t *got,
                       struct sn_pipe_layer *out, struct sn_pipe_layer *whole)
{
    const struct sn_pipe *p = r->p;
    uint64_t *sum = got + p->dies, *own = sum + p->dies, most = 0;
    int status = SN_OK;
    memset(sum, 0, 2 * p->dies * sizeof *sum);
    for (unsigned i = 0; i < p->microbatches && !status; i++) {
        status = route_part(r, w, layer, i, got, &out[i]);
        for (unsigned d = 0; d < p->dies; d++) {
            sum[d] += got[d];
            own[d] += w->draw[i].count[(size_t)d * p->dies + d];
        }
    }
    if (!whole || status)
        return status;
    *whole = (struct sn_pipe_layer){.dispatch = out->dispatch, .combine = out->combine};
    find_kinds(&w->moe[0].placement, sum, whole);
    for (unsigned d = 0; d < p->dies; d++)
        most = sum[d] - own[d] > most ? sum[d] - own[d] : most;
    bound_leg(r, &whole->dispatch, most, w->moe[0].copy_bytes);
    bound_leg(r, &whole->combine, most, w->moe[0].answer_bytes);
    return SN_OK;
}

int sn_pipe_route(const struct sn_pipe *p, unsigned layers, unsigned threads,
                  struct sn_pipe_layer *out, struct sn_pipe_layer *whole)
{
    struct route r;
    if (layers > LAYERS_MAX)
        return SN_FAIL(SN_EINVAL, "%u layers: at most %d", layers, LAYERS_MAX);
    if (!layers)
        return SN_OK;
    threads = threads < 1 ? 1 : threads > layers ? layers : threads;
    int status = open_route(&r, p, threads);
    int *failed = sn_calloc(threads, sizeof *failed);
    uint64_t *got = sn_calloc((size_t)threads * p->dies * 3, sizeof *got);
#pragma omp parallel for num_threads(threads) schedule(static, 1)
    for (unsigned t = 0; t < threads; t++)
        for (unsigned i = t; i < layers && !status && !failed[t]; i += threads)
            failed[t] = route_layer(&r, &r.workers[t], i, got + (size_t)t * p->dies * 3,
                                    &out[(size_t)i * p->microbatches], whole ? &whole[i] : NULL);
    /* Thread 0's words are recorded here; those of others are their own. */
    for (unsigned t = 0; t < threads && !status; t++)
        status = failed[t] && t ? SN_FAIL(failed[t], "the fabric engine refuses a layer's messages")
                                : failed[t];
    free(failed);
    free(got);
    close_route(&r);
    return status;
}
