/* The tasks of a step, their schedule, and what it says: bench/macro/pipe.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/macro/pipe.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/stats.h"

const char *sn_pipe_unsupported(const struct sn_pipe *p)
{
    const struct sn_llm *m = p->llm;
    unsigned slots = m->routed + p->redundant;
    if (p->requests < p->microbatches)
        return "fewer requests on a die than microbatches";
    if (p->shared_dies && !m->shared)
        return "dies for shared experts, of which the model has none";
    if (p->shared_dies >= p->dies)
        return "no die is left for the routed experts";
    if (p->dies - p->shared_dies > slots)
        return "more dies than slots of routed experts: give more redundant ones";
    if (p->shared_dies && (slots + p->shared_dies) % p->dies)
        return "slots of routed and shared experts do not divide by the dies";
    if (p->prefill && p->cached >= p->ctx)
        return "all of the prompt is cached: nothing is left to compute";
    if (!p->prefill && p->queries > p->ctx)
        return "more tokens of a request in a step than it sees";
    if (p->algorithm->schedule == SN_MOE_NODES &&
        sn_pipe_tokens(p, sn_pipe_part(p, 0)) > SN_PIPE_DRAWN_MAX)
        return "hier: more than 1,024 tokens of a die in a microbatch";
    return NULL;
}

/* --- tasks -------------------------------------------------------------------------------------
 */

enum { NONE = SN_SCHEDULE_NONE };

struct build {
    const struct sn_pipe *p;
    struct sn_pipe_step *s;
    struct sn_pipe_cost cost[SN_PIPE_MICROBATCHES][SN_OPERATIONS];
    uint32_t last[SN_PIPE_MICROBATCHES]; /* task of each chain */
    size_t cap;
};

/* A task behind the last of microbatch `mb`, or of all of them. */
static void add(struct build *b, enum sn_operation o, unsigned layer, unsigned mb, bool all,
                const struct sn_pipe_cost *c)
{
    struct sn_pipe_step *s = b->s;
    if (!c->any)
        return;
    if (s->n == b->cap) {
        b->cap = b->cap ? 2 * b->cap : 1024;
        s->tasks = sn_realloc(s->tasks, b->cap, sizeof *s->tasks);
        s->what = sn_realloc(s->what, b->cap, sizeof *s->what);
    }
    struct sn_task *t = &s->tasks[s->n];
    *t = (struct sn_task){.name = sn_operation_descs[o].word,
                          .stream = b->p->microbatches > 1 ? sn_operation_descs[o].stream : 0,
                          .launch_s = c->launch_s,
                          .fixed_s = c->fixed_s,
                          .work_s = c->work_s};
    memcpy(t->use, c->use, sizeof t->use);
    uint32_t *after = sn_calloc(SN_PIPE_MICROBATCHES, sizeof *after);
    for (unsigned i = 0; i < b->p->microbatches; i++)
        if ((all || i == mb) && b->last[i] != NONE)
            after[t->n_after++] = b->last[i];
    t->after = after;
    s->what[s->n] = (struct sn_pipe_task){o, layer, mb};
    for (unsigned i = 0; i < b->p->microbatches; i++)
        if (all || i == mb)
            b->last[i] = (uint32_t)s->n;
    for (int r = 0; r < SN_RESOURCES; r++)
        s->roof_s[r] += c->roof_s[r];
    s->ops += c->ops;
    s->bytes += c->bytes;
    s->flags |= c->flags;
    s->n++;
}

/* A leg: what is launched can be launched ahead; flags and what memory does for it use nothing that
 * others want; then the port is busy, port_s of it at its physical bandwidth. */
static void leg(const struct build *b, const struct sn_moe_time *t, double port_s, double bytes,
                struct sn_pipe_cost *c)
{
    int64_t flags = b->p->sync == SN_MOE_SYNC_LINEAR ? t->linear_ps
                    : b->p->sync == SN_MOE_SYNC_LOG  ? t->log_ps
                                                     : (t->linear_ps + t->log_ps) / 2,
            work = t->part_ps[SN_MOE_INJECT], launch = t->part_ps[SN_MOE_LAUNCH],
            rest = t->total_ps - work - launch - t->part_ps[SN_MOE_FLAGS];
    *c = (struct sn_pipe_cost){.launch_s = sn_ps_seconds(launch),
                               .fixed_s = sn_ps_seconds(rest + flags),
                               .work_s = sn_ps_seconds(work),
                               .any = true};
    c->roof_s[SN_RES_FABRIC] = port_s;
    if (c->work_s > 0) {
        c->use[SN_RES_FABRIC] = fmin(1, port_s / c->work_s);
        c->use[SN_RES_HBM] = fmin(1, 2 * bytes / b->p->device->memory.value / c->work_s);
    }
}

static const struct sn_pipe_layer *layer_of(const struct build *b, unsigned layer, unsigned mb)
{
    return &b->s->layers[(layer - b->p->llm->dense_layers) * b->p->microbatches + mb];
}

/* The answers' residual is added on the way out of combine, whose own sums the leg has. */
static void add_layer(struct build *b, unsigned layer, unsigned mb)
{
    bool dense = layer < b->p->llm->dense_layers;
    for (enum sn_operation o = 0; o < SN_OPERATIONS; o++) {
        enum sn_where where = sn_operation_descs[o].where;
        if (where == SN_WHERE_BEGIN || where == SN_WHERE_END ||
            where == (dense ? SN_WHERE_MOE : SN_WHERE_DENSE))
            continue;
        const struct sn_pipe_layer *l = dense ? NULL : layer_of(b, layer, mb);
        struct sn_pipe_cost c = b->cost[mb][o];
        if (o == SN_OPERATION_DISPATCH && l)
            leg(b, &l->dispatch, l->port_s[0], l->most_bytes[0], &c);
        else if (o == SN_OPERATION_COMBINE && l)
            leg(b, &l->combine, l->port_s[1], l->most_bytes[1], &c);
        else if (o == SN_OPERATION_EXPERTS && l)
            sn_pipe_experts(b->p, l, &c);
        add(b, o, layer, mb, false, &c);
    }
}

static void add_once(struct build *b, enum sn_where where, unsigned layer, bool draft)
{
    for (enum sn_operation o = 0; o < SN_OPERATIONS; o++)
        if (sn_operation_descs[o].where == where && (o != SN_OPERATION_HOST || !draft))
            add(b, o, layer, 0, true, &b->cost[0][o]);
}

/* With speculation a draft layer, and its head, follow the model's own. */
static bool drafts(const struct sn_pipe *p)
{
    return !p->prefill && p->queries > 1 && p->llm->layers > p->llm->dense_layers;
}

static int build(struct build *b)
{
    const struct sn_pipe *p = b->p;
    unsigned layers = p->llm->layers;
    int status = SN_OK;
    for (unsigned i = 0; i < SN_PIPE_MICROBATCHES; i++)
        b->last[i] = NONE;
    for (unsigned i = 0; i < p->microbatches && !status; i++)
        status = sn_pipe_costs(p, sn_pipe_part(p, i), p->requests, b->cost[i]);
    if (status)
        return status;
    add_once(b, SN_WHERE_BEGIN, 0, false);
    for (unsigned layer = 0; layer < layers; layer++)
        for (unsigned mb = 0; mb < p->microbatches; mb++)
            add_layer(b, layer, mb);
    add_once(b, SN_WHERE_END, layers, drafts(p));
    if (!drafts(p))
        return SN_OK;
    for (unsigned mb = 0; mb < p->microbatches; mb++)
        add_layer(b, layers, mb);
    add_once(b, SN_WHERE_END, layers, false);
    return SN_OK;
}

/* --- what the schedule says ---------------------------------------------------------------------
 */

static double median(const double *x, size_t n)
{
    double middle = NAN, lo, hi;
    if (n)
        sn_stats_median_ci(x, n, 0.95, &middle, &lo, &hi);
    return middle;
}

static bool communicates(enum sn_operation o)
{
    return o == SN_OPERATION_DISPATCH || o == SN_OPERATION_COMBINE || o == SN_OPERATION_GATHER ||
           o == SN_OPERATION_EXCHANGE || o == SN_OPERATION_LOAD || o == SN_OPERATION_STORE;
}

static void follow_critical(struct sn_pipe_step *s)
{
    uint32_t *path = sn_calloc(s->n + 1, sizeof *path);
    size_t n = sn_schedule_critical(&s->schedule, path);
    for (size_t i = 0; i < n; i++) {
        const struct sn_span *span = &s->schedule.span[path[i]];
        enum sn_operation o = s->what[path[i]].operation;
        s->critical_s[o] += span->end_s - span->start_s;
        if (communicates(o))
            s->exposed_s += span->end_s - span->start_s;
    }
    free(path);
}

/* Layers with experts of the model itself: their ends, and how long their streams work. */
static void look_at_layers(const struct sn_pipe *p, struct sn_pipe_step *s)
{
    unsigned layers = p->llm->layers, dense = p->llm->dense_layers;
    double *end = sn_calloc(layers + 1, sizeof *end);
    double *spent[SN_PIPE_STREAMS];
    size_t at = (size_t)layers * SN_PIPE_MICROBATCHES;
    for (unsigned i = 0; i < SN_PIPE_STREAMS; i++)
        spent[i] = sn_calloc(at + 1, sizeof *spent[i]);
    for (size_t i = 0; i < s->n; i++) {
        const struct sn_pipe_task *t = &s->what[i];
        enum sn_where where = sn_operation_descs[t->operation].where;
        const struct sn_span *span = &s->schedule.span[i];
        double took = span->end_s - span->start_s;
        s->spent_s[t->operation] += took;
        if (where == SN_WHERE_BEGIN || where == SN_WHERE_END || t->layer >= layers)
            continue;
        end[t->layer] = fmax(end[t->layer], span->end_s);
        if (t->layer >= dense)
            spent[sn_operation_descs[t->operation].stream]
                 [(t->layer - dense) * p->microbatches + t->microbatch] += took;
    }
    for (unsigned i = 0; i < SN_PIPE_STREAMS; i++) {
        s->stream_s[i] = median(spent[i], (size_t)(layers - dense) * p->microbatches);
        free(spent[i]);
    }
    size_t n = 0;
    for (unsigned l = dense > 0 ? dense : 1; l < layers; l++)
        end[n++] = end[l] - end[l - 1];
    s->layer_s = median(end, n);
    free(end);
}

/* No schedule is faster than the resource that needs most. */
static void bound(struct sn_pipe_step *s)
{
    for (int r = 0; r < SN_RESOURCES; r++) {
        if (s->roof_s[r] > s->limit_s) {
            s->limit_s = s->roof_s[r];
            s->limit_resource = sn_resource_names[r];
        }
        s->utilisation[r] = s->s > 0 ? s->schedule.busy_s[r] / s->s : 0;
    }
}

static void add_up_layers(const struct sn_pipe *p, struct sn_pipe_step *s)
{
    unsigned n = s->n_layers * p->microbatches;
    for (unsigned i = 0; i < n; i++) {
        const struct sn_pipe_layer *l = &s->layers[i];
        s->imbalance += (double)l->most * p->dies / (double)l->sum / n;
        s->wire_bytes += (double)l->wire_bytes;
        s->local_bytes += (double)l->local_bytes;
    }
}

/* Once the layers are routed. */
static int finish(const struct sn_pipe *p, struct sn_pipe_step *out)
{
    struct build b = {.p = p, .s = out};
    int status = build(&b);
    status = status ? status
                    : sn_schedule_run(&out->schedule, out->tasks, out->n,
                                      p->microbatches > 1 ? SN_PIPE_STREAMS : 1);
    if (status)
        return status;
    out->s = out->schedule.end_s;
    follow_critical(out);
    look_at_layers(p, out);
    add_up_layers(p, out);
    bound(out);
    return SN_OK;
}

unsigned sn_pipe_layers(const struct sn_pipe *p)
{
    return p->llm->layers - p->llm->dense_layers + drafts(p);
}

static void open_step(const struct sn_pipe *p, struct sn_pipe_step *out)
{
    *out = (struct sn_pipe_step){.limit_resource = ""};
    out->n_layers = sn_pipe_layers(p);
    out->layers = sn_calloc((size_t)out->n_layers * p->microbatches + 1, sizeof *out->layers);
    if (p->microbatches > 1)
        out->whole = sn_calloc(out->n_layers + 1, sizeof *out->whole);
}

int sn_pipe_step(const struct sn_pipe *p, unsigned threads, struct sn_pipe_step *out)
{
    const char *why = sn_pipe_unsupported(p);
    *out = (struct sn_pipe_step){0};
    if (why)
        return SN_FAIL(SN_EINVAL, "%s", why);
    open_step(p, out);
    int status = sn_pipe_route(p, out->n_layers, threads, out->layers, out->whole);
    status = status ? status : finish(p, out);
    if (status)
        sn_pipe_step_free(out);
    return status;
}

int sn_pipe_step_whole(const struct sn_pipe *p, const struct sn_pipe_step *routed, double *s)
{
    struct sn_pipe whole = *p;
    struct sn_pipe_step step, from = {.layers = routed->whole, .n_layers = routed->n_layers};
    whole.microbatches = 1;
    int status = sn_pipe_step_again(&whole, &from, &step);
    if (status == SN_OK) {
        *s = step.s;
        sn_pipe_step_free(&step);
    }
    return status;
}

void sn_pipe_routing_copy(const struct sn_pipe *p, const struct sn_pipe_step *routed,
                          struct sn_pipe_step *out)
{
    open_step(p, out);
    memcpy(out->layers, routed->layers,
           (size_t)routed->n_layers * p->microbatches * sizeof *out->layers);
    if (out->whole && routed->whole)
        memcpy(out->whole, routed->whole, routed->n_layers * sizeof *out->whole);
}

int sn_pipe_step_again(const struct sn_pipe *p, const struct sn_pipe_step *routed,
                       struct sn_pipe_step *out)
{
    *out = (struct sn_pipe_step){0};
    if (routed->n_layers != sn_pipe_layers(p))
        return SN_FAIL(SN_EINVAL, "a routing of %u layers for a step of %u", routed->n_layers,
                       sn_pipe_layers(p));
    sn_pipe_routing_copy(p, routed, out);
    int status = finish(p, out);
    if (status)
        sn_pipe_step_free(out);
    return status;
}

void sn_pipe_step_free(struct sn_pipe_step *s)
{
    for (size_t i = 0; i < s->n; i++)
        free((void *)s->tasks[i].after);
    free(s->tasks);
    free(s->what);
    free(s->layers);
    free(s->whole);
    sn_schedule_free(&s->schedule);
    *s = (struct sn_pipe_step){0};
}
