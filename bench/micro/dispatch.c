/* dispatch: tokens to the experts' dies and back, with every algorithm of comm/moe.h. On the model
 * clock (bench/micro/dispatch_model.h) the same routing, the same algorithms' messages.
 *
 * Another routing for every repetition, DRAWS of them in turn, whatever the speed. Timed: dispatch
 * = from the gate's output (slot and weight per copy) and bf16 tokens to encoded copies at their
 * experts' dies; combine = from answers at the experts' dies to summed bf16 tokens at their
 * sources; pair = both, where combine brings the answers that the experts made before. Untimed,
 * before each repetition: the receivers read what the last one brought, and the experts write all
 * answers anew, as they would in a model; else lines would stay in the cache of the sender or of
 * the reader.
 */
#include <stdlib.h>
#include <string.h>

#include "bench/micro/arrival.h"
#include "bench/micro/dispatch_case.h"
#include "bench/micro/dispatch_figures.h"
#include "bench/micro/dispatch_model.h"
#include "bench/micro/dispatch_verify.h"
#include "bench/micro/modelled.h"
#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/status.h"
#include "harness/bench.h"
#include "harness/stats.h"

enum { DRAWS = 8, LINE = 64 };
struct state {
    struct sn_endpoints endpoints;
    struct sn_moe moe;
    const struct sn_moe_algorithm *algorithm;
    struct sn_moe_exchange *exchange;
    enum sn_dispatch_phase phase;
    struct sn_arrival skew;
    bool endpoints_open, moe_open;
    bool checked; /* model clock: by an earlier case of the run; nothing is open */
    uint64_t compared;
    struct sn_dispatch_model model;
    struct sn_dispatch_figures figures;
    int64_t arrived_ns, ended_ns; /* of the last repetition; 0: none */
    double *skew_free_s;          /* on rank 0 */
    size_t n_skew_free, cap_skew_free;
};

/* The problem and the algorithm. Collective. */
static int open_exchange(struct sn_case *c, struct state *s)
{
    const struct sn_world *w = c->env->world;
    struct sn_moe_shape shape = sn_dispatch_moved_shape(c);
    int status = sn_dispatch_open_endpoints(c, &s->endpoints);
    s->endpoints_open = status == SN_OK;
    status = sn_world_agree(w, status);
    if (status != SN_OK)
        return status;
    s->moe_open = true;
    status = sn_moe_open(&s->moe, &shape, sn_case_text(c, "routing"), c->env->seed, &s->endpoints,
                         w->comm);
    status = sn_world_agree(w, status);
    if (status != SN_OK)
        return status;
    if (shape.fit)
        sn_dispatch_check_fit(&s->moe);
    status = s->algorithm->open(&s->exchange, &s->moe, sn_dispatch_transport(c), w->oversubscribed);
    return sn_world_agree(w, status);
}

static int setup(struct sn_case *c)
{
    struct state *s = sn_calloc(1, sizeof *s);
    c->state = s;
    s->phase = (enum sn_dispatch_phase)sn_case_word(c, "phase");
    s->algorithm = sn_moe_algorithms[sn_case_word(c, "algorithm")];
    sn_dispatch_figures_open(&s->figures, s->phase, (unsigned)sn_case_int(c, "ep"));
    int status = sn_arrival_parse(sn_case_text(c, "skew"), &s->skew);
    status = sn_world_agree(c->env->world, status);
    if (status != SN_OK)
        return status;
    s->model = (struct sn_dispatch_model){.shape = sn_dispatch_shape(c),
                                          .phase = s->phase,
                                          .algorithm = s->algorithm,
                                          .skew = s->skew};
    s->checked = sn_on_model(c) && sn_dispatch_checked(c, &s->compared);
    if (s->checked)
        return SN_OK;
    status = open_exchange(c, s);
    for (unsigned d = DRAWS; d-- > 0 && status == SN_OK && !sn_on_model(c);) {
        sn_moe_set_draw(&s->moe, d);
        sn_dispatch_figures_add(&s->figures, s->exchange, c->env->world);
    }
    return status;
}

static void close_exchange(struct state *s)
{
    s->algorithm->close(s->exchange);
    s->exchange = NULL;
    if (s->moe_open)
        sn_moe_close(&s->moe);
    if (s->endpoints_open)
        sn_endpoints_close(&s->endpoints);
    s->moe_open = s->endpoints_open = false;
}

static void teardown(struct sn_case *c)
{
    struct state *s = c->state;
    close_exchange(s);
    sn_dispatch_model_close(&s->model);
    sn_dispatch_figures_close(&s->figures);
    free(s->skew_free_s);
    free(s);
}

static void note_skew_free(struct state *s, double seconds)
{
    if (s->n_skew_free == s->cap_skew_free) {
        s->cap_skew_free = s->cap_skew_free ? 2 * s->cap_skew_free : 256;
        s->skew_free_s = sn_realloc(s->skew_free_s, s->cap_skew_free, sizeof *s->skew_free_s);
    }
    s->skew_free_s[s->n_skew_free++] = seconds;
}

/* Gathers when the last repetition ended for the last rank that came. Collective. */
static void add_skew_free(const struct sn_case *c, struct state *s)
{
    const struct sn_world *w = c->env->world;
    if (s->skew.kind == SN_ARRIVAL_NONE || !w->common_clock || !s->ended_ns)
        return;
    int64_t last[2] = {s->arrived_ns, s->ended_ns};
    MPI_Reduce(w->rank ? last : MPI_IN_PLACE, last, 2, MPI_INT64_T, MPI_MAX, 0, w->comm);
    s->ended_ns = 0;
    if (w->rank == 0)
        note_skew_free(s, (double)(last[1] - last[0]) * 1e-9);
}

static int verify(struct sn_case *c, struct sn_check *k)
{
    struct state *s = c->state;
    k->what = sn_dispatch_verified;
    k->compared = s->compared;
    if (s->checked)
        return SN_OK;
    add_skew_free(c, s);
    int status = sn_dispatch_verify(c, s->exchange, s->phase, k);
    if (sn_on_model(c) && status == SN_OK) {
        if (!k->errors && !c->env->mutate)
            sn_dispatch_set_checked(c, k->compared);
        close_exchange(s); /* the model needs the memory, and nobody else what is there */
    }
    return status;
}

/* --- the timed part -------------------------------------------------------------------------- */

/* Reads every line of what the last dispatch brought, as the experts' die would. */
static void touch_received(const struct sn_moe_exchange *x)
{
    const struct sn_moe *m = x->moe;
    for (size_t pair = 0; pair < (size_t)m->local * m->shape.dies; pair++) {
        const volatile uint8_t *p = x->received[pair];
        for (size_t at = 0; at < x->count[pair] * x->stride; at += LINE)
            (void)p[at];
    }
}

/* The dispatch orders the experts' stores behind all sources' last combine (comm/moe_window.h).
 * Nothing collective follows it: the harness agrees on the status. */
static int prepare(struct sn_case *c)
{
    struct state *s = c->state;
    add_skew_free(c, s);
    touch_received(s->exchange);
    sn_moe_set_draw(&s->moe, c->rep % DRAWS);
    if (s->phase == SN_DISPATCH_ONLY)
        return SN_OK;
    int status = s->algorithm->dispatch(s->exchange);
    if (status == SN_OK)
        sn_moe_experts(s->exchange);
    return status;
}

static int run(struct sn_case *c)
{
    struct state *s = c->state;
    int status = SN_OK;
    if (s->skew.kind != SN_ARRIVAL_NONE) {
        const struct sn_world *w = c->env->world;
        double delay = sn_arrival_delay_s(&s->skew, c->env->seed, c->rep, w->rank, w->size);
        int64_t when = sn_clock_ns() + (int64_t)(delay * 1e9);
        s->arrived_ns = sn_clock_wait_until(when, w->oversubscribed);
    }
    if (s->phase != SN_COMBINE_ONLY)
        status = s->algorithm->dispatch(s->exchange);
    if (s->phase != SN_DISPATCH_ONLY && status == SN_OK)
        status = s->algorithm->combine(s->exchange);
    if (s->skew.kind != SN_ARRIVAL_NONE)
        s->ended_ns = sn_clock_ns();
    return status;
}

/* --- the model ------------------------------------------------------------------------------- */

static unsigned draws(const struct sn_case *c)
{
    return SN_DISPATCH_MODEL_DRAWS;
}

static int predict(struct sn_case *c, struct sn_timeline *t)
{
    struct state *s = c->state;
    double skew_free;
    int status = sn_dispatch_predict(c, &s->model, &s->figures, t, &skew_free);
    if (status == SN_OK && s->skew.kind != SN_ARRIVAL_NONE)
        note_skew_free(s, skew_free);
    return status;
}

/* --- the row --------------------------------------------------------------------------------- */

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    const struct state *s = c->state;
    struct sn_moe_shape shape = sn_dispatch_shape(c);
    if (sn_on_model(c))
        sn_dispatch_model_metrics(&s->model, row);
    sn_dispatch_figures_row(&s->figures, &shape, c->env, row);
    if (s->n_skew_free) {
        double median, lo, hi;
        sn_stats_median_ci(s->skew_free_s, s->n_skew_free, 0.95, &median, &lo, &hi);
        sn_row_add_metric(row, sn_dispatch_metric_docs, "skew_free_s", median);
    }
}

const struct sn_bench sn_bench_dispatch = {
    .name = "dispatch",
    .brief = "MoE tokens to their experts and back: dispatch, combine and the pair",
    .axes = sn_dispatch_axes,
    .clocks = SN_CLOCK_WALL | SN_CLOCK_MODEL,
    .timed =
        "dispatch: places, encoding, moving, until all copies are visible to their dies, which "
        "need not have them in their caches; combine: answers, fresh from the experts, back "
        "and summed; the experts between are not timed. Last end minus first start over ranks. "
        "Model "
        "clock: the same, with launch and flags; pair = dispatch + combine",
    .bytes =
        "logical: copies (or answers) of all dies; wire: moved between different dies; local: "
        "from a die to itself; without counts and flags; means over the 8 draws of the routing "
        "that the repetitions take in turn (model clock: over its 7, the first of them)",
    .limit = "every copy written and every answer read once, spread evenly over the ranks' cores, "
             "at the copy and read roofs; model clock: the busiest port's bytes at its physical "
             "bandwidth, and the least latency through it",
    .metric_docs = sn_dispatch_metric_docs,
    .unsupported = sn_dispatch_unsupported,
    .inputs = sn_dispatch_inputs,
    .memory = sn_dispatch_memory,
    .endpoints = sn_dispatch_endpoints,
    .setup = setup,
    .verify = verify,
    .prepare = prepare,
    .draws = draws,
    .predict = predict,
    .run = run,
    .metrics = metrics,
    .teardown = teardown,
};
