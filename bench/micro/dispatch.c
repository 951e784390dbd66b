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
static const char *const phases[] = {[SN_DISPATCH_ONLY] = "dispatch",
                                     [SN_COMBINE_ONLY] = "combine",
                                     [SN_DISPATCH_AND_COMBINE] = "pair",
                                     NULL};

static const struct sn_axis axes[] = {
    {.name = "ep",
     .type = SN_AXIS_INT,
     .def = "ranks",
     .model_def = "8,16,32,64,128,256,320",
     .min = 1,
     .max = 4096,
     .help = "dies that share the experts, in blocks over the ranks (or by --map)"},
    {.name = "tokens",
     .type = SN_AXIS_INT,
     .def = "128",
     .min = 1,
     .max = 65536,
     .help = "tokens per die"},
    {.name = "hidden",
     .type = SN_AXIS_INT,
     .def = "7168",
     .min = 128,
     .max = 16384,
     .help = "values per token, a multiple of 128"},
    {.name = "experts",
     .type = SN_AXIS_INT,
     .def = "256",
     .min = 1,
     .max = 65535,
     .help = "routed experts"},
    {.name = "topk",
     .type = SN_AXIS_INT,
     .def = "8",
     .min = 1,
     .max = SN_MOE_COPIES_MAX,
     .help = "routed experts per token"},
    {.name = "shared",
     .type = SN_AXIS_INT,
     .def = "0",
     .min = 0,
     .max = 65535,
     .help = "slots of the shared expert; with any, every token sends it one more copy"},
    {.name = "redundant",
     .type = SN_AXIS_INT,
     .def = "0",
     .min = 0,
     .max = 65535,
     .help = "more slots for replicas of popular experts, placed by EPLB"},
    {.name = "dtype",
     .type = SN_AXIS_WORD,
     .def = "int8",
     .words = sn_dtype_words,
     .help = "payload of a copy; answers are bf16"},
    {.name = "routing",
     .type = SN_AXIS_TEXT,
     .def = "uniform",
     .check = sn_routing_check,
     .help = "popularity of the experts (snbench list routings)"},
    {.name = "algorithm",
     .type = SN_AXIS_WORD,
     .def = "put",
     .words = sn_moe_algorithm_words,
     .compares = true,
     .help = "how (snbench list algorithms)"},
    {.name = "transport",
     .type = SN_AXIS_WORD,
     .def = "shm",
     .words = sn_transport_words,
     .clocks = SN_CLOCK_WALL,
     .help = "what put and hier go through; alltoallv and pairwise use MPI whatever it says"},
    {.name = "skew",
     .type = SN_AXIS_TEXT,
     .def = "none",
     .check = sn_arrival_check,
     .help = "how late ranks (model: dies) come: none, uniform(t), exp(t), late(t); T includes the "
             "waiting"},
    {.name = "node",
     .type = SN_AXIS_INT,
     .def = "16",
     .min = 1,
     .max = 4096,
     .help = "dies per node, for hier (the model's fabric has the nodes of its profile)"},
    {.name = "phase",
     .type = SN_AXIS_WORD,
     .def = "dispatch,combine,pair",
     .words = phases,
     .help = "the legs that are timed"},
    {.name = "order",
     .type = SN_AXIS_WORD,
     .def = "rotated",
     .words = sn_net_order_words,
     .clocks = SN_CLOCK_MODEL,
     .help = "in which a die sends: from the die behind itself on, shuffled, or from die 0 on"},
    {.name = "sync",
     .type = SN_AXIS_WORD,
     .def = "mean",
     .words = sn_moe_sync_words,
     .clocks = SN_CLOCK_MODEL,
     .help = "how flags grow with ep: linear, log, or the mean of both"},
    SN_PAYLOAD_AXIS("auto"),
    SN_MODEL_AXES,
    {0},
};

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

static struct sn_moe_shape shape_of(const struct sn_case *c)
{
    return (struct sn_moe_shape){
        .dies = (unsigned)sn_case_int(c, "ep"),
        .tokens = (unsigned)sn_case_int(c, "tokens"),
        .hidden = (unsigned)sn_case_int(c, "hidden"),
        .experts = (unsigned)sn_case_int(c, "experts"),
        .topk = (unsigned)sn_case_int(c, "topk"),
        .redundant = (unsigned)sn_case_int(c, "redundant"),
        .shared = (unsigned)sn_case_int(c, "shared"),
        .dtype = (enum sn_dtype)sn_case_word(c, "dtype"),
    };
}

/* What really moves. */
static struct sn_moe_shape moved_shape(const struct sn_case *c)
{
    struct sn_moe_shape s = shape_of(c);
    return sn_on_model(c) ? sn_dispatch_check_shape(c, &s) : s;
}

/* And through what. */
static const struct sn_transport *transport_of(const struct sn_case *c)
{
    if (sn_on_model(c))
        return c->env->world->hosts > 1 ? &sn_transport_p2p : &sn_transport_shm;
    return sn_transports[sn_case_word(c, "transport")];
}

static int open_endpoints(const struct sn_case *c, struct sn_endpoints *e)
{
    return sn_endpoints_open(e, (unsigned)sn_case_int(c, "ep"), c->env->world->size,
                             (unsigned)sn_case_int(c, "node"), c->env->map_file);
}

/* The map, the routing's file, the profile and what is degraded of it. */
static int inputs(const struct sn_case *c)
{
    struct sn_endpoints e;
    struct sn_routing *r;
    int status = open_endpoints(c, &e);
    if (status != SN_OK)
        return status;
    sn_endpoints_close(&e);
    status = sn_routing_open(&r, sn_case_text(c, "routing"), (unsigned)sn_case_int(c, "experts"),
                             (unsigned)sn_case_int(c, "topk"), c->env->seed);
    if (status == SN_OK)
        sn_routing_close(r);
    if (status == SN_OK && sn_on_model(c))
        status = sn_model_inputs(c, (unsigned)sn_case_int(c, "ep"));
    return status;
}

/* Dies of the rank that has most; all of them when the map cannot be read (`inputs` will say). */
static unsigned most_dies(const struct sn_case *c)
{
    struct sn_endpoints e;
    unsigned most = 0;
    if (open_endpoints(c, &e) != SN_OK)
        return (unsigned)sn_case_int(c, "ep");
    for (int r = 0; r < e.ranks; r++)
        most = sn_endpoints_count(&e, r) > most ? sn_endpoints_count(&e, r) : most;
    sn_endpoints_close(&e);
    return most;
}

static const char *unsupported(const struct sn_case *c)
{
    const struct sn_moe_algorithm *a = sn_moe_algorithms[sn_case_word(c, "algorithm")];
    struct sn_moe_shape s = shape_of(c), moved;
    const char *why = sn_moe_unsupported(&s);
    if (why)
        return why;
    if (a->transport && transport_of(c)->mapped && c->env->world->hosts > 1)
        return "this transport needs all ranks on one host";
    if (!a->unsupported)
        return NULL;
    moved = moved_shape(c); /* on the model clock as if on one rank, whatever there are */
    return a->unsupported(&moved, (unsigned)sn_case_int(c, "node"),
                          sn_on_model(c) ? s.dies : most_dies(c));
}

static uint64_t memory(const struct sn_case *c)
{
    const struct sn_moe_algorithm *a = sn_moe_algorithms[sn_case_word(c, "algorithm")];
    struct sn_moe_shape s = shape_of(c), moved = moved_shape(c);
    unsigned most = most_dies(c);
    uint64_t own = sn_moe_memory(&moved, most) + (sn_on_model(c) ? sn_moe_model_memory(&s) : 0);
    uint64_t needs = a->memory(&moved, (unsigned)sn_case_int(c, "node"), most, transport_of(c));
    return own + needs < own ? UINT64_MAX : own + needs;
}

static unsigned endpoints(const struct sn_case *c)
{
    return (unsigned)sn_case_int(c, "ep");
}

/* The problem and the algorithm. Collective. */
static int open_exchange(struct sn_case *c, struct state *s)
{
    const struct sn_world *w = c->env->world;
    struct sn_moe_shape shape = moved_shape(c);
    int status = open_endpoints(c, &s->endpoints);
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
    status = s->algorithm->open(&s->exchange, &s->moe, transport_of(c), w->oversubscribed);
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
    s->model = (struct sn_dispatch_model){
        .shape = shape_of(c), .phase = s->phase, .algorithm = s->algorithm, .skew = s->skew};
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
    struct sn_moe_shape shape = shape_of(c);
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
    .axes = axes,
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
    .unsupported = unsupported,
    .inputs = inputs,
    .memory = memory,
    .endpoints = endpoints,
    .setup = setup,
    .verify = verify,
    .prepare = prepare,
    .draws = draws,
    .predict = predict,
    .run = run,
    .metrics = metrics,
    .teardown = teardown,
};
