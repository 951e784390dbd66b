/* The hooks of decode and prefill on the model clock: bench/macro/pipe_case.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/macro/pipe_case.h"
#include "bench/macro/pipe_check.h"
#include "bench/macro/pipe_detail.h"
#include "bench/macro/serve_case.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

/* What is kept of a draw for the row's metrics. */
struct drawn {
    double s, layer, stream[SN_PIPE_STREAMS], exposed, imbalance, ops, bytes, wire, local, low,
        high;
    double used[SN_RESOURCES];
    unsigned microbatches, draw;
};

struct state {
    struct drawn *drawn;
    size_t n;
    /* With detail=on, of draw 0. */
    struct sn_pipe_change change[SN_PIPE_FIGURES];
    struct sn_pipe_span *spans;
    size_t n_change, n_spans;
};

static bool is_prefill(const struct sn_case *c)
{
    return *(const bool *)c->bench->own;
}

const char *sn_pipe_case_unsupported(const struct sn_case *c)
{
    struct sn_pipe p;
    if (!is_prefill(c) && sn_case_int(c, "batch") % 2)
        return "batch is of an NPU, which has two dies: an even number";
    if (is_prefill(c) && sn_case_int(c, "tokens") % (2 * sn_case_int(c, "prompt")))
        return "tokens is of an NPU, which has two dies: a multiple of twice the prompt";
    if (sn_pipe_of_case(c, is_prefill(c), &p) != SN_OK)
        return NULL; /* `inputs` says what is wrong */
    return sn_pipe_unsupported(&p);
}

int sn_pipe_case_inputs(const struct sn_case *c)
{
    struct sn_pipe p;
    struct sn_routing *r;
    int status = sn_pipe_of_case(c, is_prefill(c), &p);
    if (status != SN_OK)
        return status;
    status = sn_routing_open(&r, p.routing, p.llm->routed, p.llm->top_k, c->env->seed);
    if (status != SN_OK)
        return status;
    sn_routing_close(r);
    return sn_model_inputs(c, p.dies > p.profile->dies ? p.dies : p.profile->dies);
}

bool sn_pipe_case_other_profile(const struct sn_case *c, unsigned i, char *name, size_t size)
{
    if (i || !is_prefill(c) || !strcmp(sn_case_text(c, "pool"), sn_case_text(c, "profile")) ||
        !(sn_case_real(c, "reuse") > 0))
        return false;
    snprintf(name, size, "%s", sn_case_text(c, "pool"));
    return true;
}

uint64_t sn_pipe_case_memory(const struct sn_case *c)
{
    struct sn_pipe p;
    if (sn_pipe_of_case(c, is_prefill(c), &p) != SN_OK || sn_pipe_unsupported(&p))
        return 0;
    struct sn_moe_shape s = {.dies = p.dies,
                             .tokens = sn_pipe_tokens(&p, sn_pipe_part(&p, 0)),
                             .topk = p.llm->top_k,
                             .shared = p.shared_dies};
    return sn_moe_model_memory(&s, p.algorithm->schedule) * p.microbatches;
}

int sn_pipe_case_setup(struct sn_case *c)
{
    c->state = sn_calloc(1, sizeof(struct state));
    return SN_OK;
}

void sn_pipe_case_teardown(struct sn_case *c)
{
    struct state *s = c->state;
    free(s->drawn);
    free(s->spans);
    free(s);
    c->state = NULL;
}

int sn_pipe_case_verify(struct sn_case *c, struct sn_check *k)
{
    struct sn_pipe p;
    int status = sn_pipe_of_case(c, is_prefill(c), &p);
    return status ? status : sn_pipe_check(c, &p, k);
}

/* --- a draw ------------------------------------------------------------------------------------
 */

/* All that the routing of a step depends on; a new string. */
static char *routing_key(const struct sn_case *c, const struct sn_pipe *p)
{
    return sn_strdupf("routed %s %s %s %s %s %u %u %u %u %u %u %u %d %u %llu %llu",
                      sn_case_text(c, "model"), p->routing, p->algorithm->name,
                      sn_case_text(c, "profile"), p->degrade, p->dies, p->redundant, p->shared_dies,
                      p->balance, p->microbatches, sn_pipe_tokens(p, sn_pipe_part(p, 0)),
                      sn_pipe_tokens(p, p->requests), (int)p->dtype, sn_pipe_layers(p),
                      (unsigned long long)p->seed, (unsigned long long)p->draw);
}

static void free_step(void *s)
{
    sn_pipe_step_free(s);
    free(s);
}

/* A step, with the routing of an earlier case of the run where that is the same. */
static int run_step(const struct sn_case *c, const struct sn_pipe *p, struct sn_pipe_step *out)
{
    char *key = routing_key(c, p);
    const struct sn_pipe_step *routed = sn_model_memo(c, key);
    int status = routed ? sn_pipe_step_again(p, routed, out) : sn_pipe_step(p, 1, out);
    if (status == SN_OK && !routed) {
        struct sn_pipe_step *copy = sn_calloc(1, sizeof *copy);
        sn_pipe_routing_copy(p, out, copy);
        sn_model_memo_set(c, key, copy, free_step);
    }
    free(key);
    return status;
}

/* With one microbatch and, where two are allowed, with two; the faster is in *best. */
static int faster(const struct sn_case *c, struct sn_pipe *p, struct sn_pipe_step *best)
{
    int status = run_step(c, p, best);
    if (status || p->microbatches == 1)
        return status;
    struct sn_pipe whole = *p;
    struct sn_pipe_step one;
    double least;
    whole.microbatches = 1;
    status = sn_pipe_step_whole(p, best, &least);
    if (!status && least >= best->s)
        return SN_OK;
    if (!status)
        status = run_step(c, &whole, &one);
    if (status) {
        sn_pipe_step_free(best);
        return status;
    }
    if (one.s < best->s) {
        struct sn_pipe_step slower = *best;
        *best = one;
        one = slower;
        *p = whole;
    }
    sn_pipe_step_free(&one);
    return SN_OK;
}

/* The step with each form of synchronisation. */
static int band(const struct sn_pipe *p, const struct sn_pipe_step *s, struct drawn *d)
{
    int status = SN_OK;
    d->low = INFINITY;
    d->high = 0;
    for (enum sn_moe_sync form = SN_MOE_SYNC_LINEAR; form <= SN_MOE_SYNC_LOG && !status; form++) {
        struct sn_pipe other = *p;
        struct sn_pipe_step step;
        other.sync = form;
        status = sn_pipe_step_again(&other, s, &step);
        if (!status) {
            d->low = fmin(d->low, step.s);
            d->high = fmax(d->high, step.s);
            sn_pipe_step_free(&step);
        }
    }
    return status;
}

/* Weights and caches of a die that its memory does not hold. */
static bool over_memory(const struct sn_pipe *p)
{
    const struct sn_llm *m = p->llm;
    double weights = sn_serve_weight_bytes(m, p->dies) * (p->dtype == SN_DTYPE_BF16 ? 2 : 1),
           cache = 2.0 * p->requests * p->ctx * (m->latent + m->rope) * m->layers;
    return sn_figure_given(&p->device->memory_bytes) &&
           weights + cache > p->device->memory_bytes.value;
}

static void fill_timeline(const struct sn_case *c, const struct sn_pipe *p,
                          const struct sn_pipe_step *s, struct sn_timeline *t)
{
    for (enum sn_operation o = 0; o < SN_OPERATIONS; o++)
        if (s->critical_s[o] > 0)
            sn_timeline_part(t, sn_operation_descs[o].word, s->critical_s[o]);
    sn_timeline_limit(t, s->limit_s,
                      "all that a die does on its busiest resource, at the roof of that: %s",
                      s->limit_resource);
    sn_model_validity(c, p->profile, t);
    if (s->flags & SN_DEVICE_EXTRAPOLATED)
        sn_timeline_flag(t, "extrapolated");
    if (s->flags & SN_DEVICE_NO_PEAK)
        sn_timeline_flag(t, "no-peak");
    if (over_memory(p))
        sn_timeline_flag(t, "over-memory");
    if (s->flags & SN_DEVICE_NO_LAUNCH)
        sn_timeline_flag(t, "no-cost");
    sn_model_cost(&p->profile->cost.launch, t);
    sn_model_cost(&p->profile->cost.issue, t);
}

static void keep(struct state *state, const struct sn_pipe *p, const struct sn_pipe_step *s,
                 struct drawn *d)
{
    d->s = s->s;
    d->layer = s->layer_s;
    d->exposed = s->exposed_s;
    d->imbalance = s->imbalance;
    d->ops = s->ops;
    d->bytes = s->bytes;
    d->wire = s->wire_bytes;
    d->local = s->local_bytes;
    d->microbatches = p->microbatches;
    memcpy(d->stream, s->stream_s, sizeof d->stream);
    memcpy(d->used, s->utilisation, sizeof d->used);
    state->drawn = sn_realloc(state->drawn, state->n + 1, sizeof *state->drawn);
    state->drawn[state->n++] = *d;
}

/* What is asked for of the first draw. */
static int details(const struct sn_case *c, const struct sn_pipe *p, const struct sn_pipe_step *s)
{
    struct state *state = c->state;
    int status = c->env->trace ? sn_pipe_trace(p, s, c->env->trace) : SN_OK;
    if (status || !sn_case_word(c, "detail"))
        return status;
    state->n_spans = sn_pipe_spans(p, s, &state->spans);
    return sn_pipe_sensitivity(p, s, state->change, &state->n_change);
}

int sn_pipe_case_predict(struct sn_case *c, struct sn_timeline *t)
{
    struct state *state = c->state;
    struct sn_pipe p;
    struct sn_pipe_step s;
    struct drawn d = {.draw = (unsigned)c->rep};
    int status = sn_pipe_of_case(c, is_prefill(c), &p);
    status = status ? status : faster(c, &p, &s);
    if (status)
        return status;
    status = band(&p, &s, &d);
    if (!status) {
        keep(state, &p, &s, &d);
        fill_timeline(c, &p, &s, t);
    }
    if (!status && c->rep == 0)
        status = details(c, &p, &s);
    if (!status && s.limit_s > s.s * (1 + 1e-9))
        status = SN_FAIL(SN_EVERIFY, "the step takes %.6g s, less than its bound of %.6g s", s.s,
                         s.limit_s);
    for (int r = 0; r < SN_RESOURCES && !status; r++)
        if (s.utilisation[r] > 1 + 1e-9)
            status = SN_FAIL(SN_EVERIFY, "%s: used %.3f of the step, more than all of it",
                             sn_resource_names[r], s.utilisation[r]);
    sn_pipe_step_free(&s);
    return status;
}

/* --- the row ------------------------------------------------------------------------------------
 */

static int by_time(const void *a, const void *b)
{
    const struct drawn *x = a, *y = b;
    return x->s != y->s ? (x->s < y->s ? -1 : 1) : (x->draw > y->draw) - (x->draw < y->draw);
}

void sn_pipe_case_metrics(const struct sn_case *c, struct sn_row *row)
{
    const struct sn_metric_doc *docs = c->bench->metric_docs;
    struct state *s = c->state;
    static const char *const shares[] = {"cube_share", "vector_share", "hbm_share", "dma_share",
                                         "fabric_share"};
    if (!s->n)
        return;
    qsort(s->drawn, s->n, sizeof *s->drawn, by_time);
    const struct drawn *d = &s->drawn[(s->n - 1) / 2];
    row->bytes.wire = (uint64_t)d->wire;
    row->bytes.local = (uint64_t)d->local;
    row->bytes.logical = row->bytes.wire + row->bytes.local;
    sn_row_add_metric(row, docs, "band_low_s", d->low);
    sn_row_add_metric(row, docs, "band_high_s", d->high);
    sn_row_add_metric(row, docs, "layer", d->layer);
    sn_row_add_metric(row, docs, "stream",
                      (d->stream[SN_STREAM_ATTENTION] + d->stream[SN_STREAM_EXPERTS]) / 2);
    sn_row_add_metric(row, docs, "stream_attention", d->stream[SN_STREAM_ATTENTION]);
    sn_row_add_metric(row, docs, "stream_experts", d->stream[SN_STREAM_EXPERTS]);
    sn_row_add_metric(row, docs, "exposed", d->exposed);
    sn_row_add_metric(row, docs, "microbatches", d->microbatches);
    sn_row_add_metric(row, docs, "imbalance", d->imbalance);
    sn_row_add_metric(row, docs, "operations", d->ops);
    sn_row_add_metric(row, docs, "moved", d->bytes);
    for (int r = 0; r < SN_RESOURCES; r++)
        sn_row_add_metric(row, docs, shares[r], d->used[r]);
    for (size_t i = 0; i < s->n_spans; i++)
        sn_row_add_span(row, s->spans[i].lane, s->spans[i].name, s->spans[i].start_s,
                        s->spans[i].s);
    for (size_t i = 0; i < s->n_change; i++)
        sn_row_add_sensitivity(row, s->change[i].name, s->change[i].minus, s->change[i].plus);
}
