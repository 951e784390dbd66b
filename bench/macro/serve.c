/* serve: requests in virtual time, from their arrival to their last token.
 *
 * Prefill instances, a context cache in the pool, one decode instance and the planes between them
 * (bench/macro/serve_engine.h); step times from the model of a step (bench/macro/pipe_times.h).
 * Model clock alone. Rank 0 simulates every draw once, checks it and keeps what the row needs: the
 * rows are the same at any number of ranks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/device.h"
#include "bench/macro/serve_check.h"
#include "bench/macro/serve_figures.h"
#include "bench/model.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/watch.h"

enum { DRAWS = 3 };

static const struct sn_axis axes[] = {
    {.name = "model",
     .type = SN_AXIS_TEXT,
     .def = "deepseek-r1",
     .check = sn_serve_model_check,
     .help = "whose KV cache and steps, a name of snbench list models or a file"},
    {.name = "trace",
     .type = SN_AXIS_TEXT,
     .def = "small",
     .help = "requests: a trace of ours by name, a file (bench/traces), or none: generated"},
    {.name = "arrivals",
     .type = SN_AXIS_TEXT,
     .def = "trace",
     .check = sn_serve_arrivals_check,
     .help = "trace, poisson(R), gamma(R,B): R requests/s, burstiness B = 1 / variation^2"},
    {.name = "scale",
     .type = SN_AXIS_REAL,
     .def = "1",
     .min = 1e-3,
     .max = 1e6,
     .help = "requests come so many times as fast"},
    {.name = "requests",
     .type = SN_AXIS_INT,
     .def = "0",
     .min = 0,
     .max = 10000000,
     .help = "generated, or the first ones of the trace; 0: all of it"},
    {.name = "input",
     .type = SN_AXIS_TEXT,
     .def = "trace",
     .check = sn_serve_lengths_check,
     .help = "tokens of a generated prompt: fixed(N), lognormal(MEAN,SIGMA), file(FILE)"},
    {.name = "output",
     .type = SN_AXIS_TEXT,
     .def = "trace",
     .check = sn_serve_lengths_check,
     .help = "tokens that a generated request asks for, likewise"},
    {.name = "reuse",
     .type = SN_AXIS_REAL,
     .unit = SN_UNIT_FRACTION,
     .def = "0",
     .min = 0,
     .max = 1,
     .help = "generated: share of a prompt that is a prefix of all (whole blocks of 512 tokens)"},
    {.name = "prefill",
     .type = SN_AXIS_INT,
     .def = "6",
     .min = 1,
     .max = 1024,
     .help = "prefill instances"},
    {.name = "prefill_dies",
     .type = SN_AXIS_INT,
     .def = "32",
     .min = 1,
     .max = 4096,
     .help = "of a prefill instance"},
    {.name = "batch_tokens",
     .type = SN_AXIS_INT,
     .def = "8192",
     .min = 1,
     .max = 1 << 24,
     .help = "computed per die in a prefill batch, at most (a longer prompt is alone in one)"},
    {.name = "decode_dies",
     .type = SN_AXIS_INT,
     .def = "320",
     .min = 1,
     .max = 4096,
     .help = "of the decode instance"},
    {.name = "max_batch",
     .type = SN_AXIS_INT,
     .def = "96",
     .min = 1,
     .max = 65536,
     .help = "requests in decode per NPU"},
    {.name = "kv",
     .type = SN_AXIS_INT,
     .unit = SN_UNIT_BYTES,
     .def = "0",
     .min = 0,
     .max = 1e13,
     .help = "KV cache of a decode die; 0: what int8 weights leave of the device's memory"},
    {.name = "dtype",
     .type = SN_AXIS_WORD,
     .def = "bf16",
     .words = sn_kv_type_words,
     .help = "of the KV cache"},
    {.name = "mtp",
     .type = SN_AXIS_INT,
     .def = "1",
     .min = 0,
     .max = 16,
     .help = "speculative tokens of a decode step"},
    {.name = "accept",
     .type = SN_AXIS_REAL,
     .unit = SN_UNIT_FRACTION,
     .def = "0.7",
     .min = 0,
     .max = 1,
     .help = "chance of a speculative token, if the one before was accepted"},
    {.name = "profile",
     .type = SN_AXIS_TEXT,
     .def = "cloudmatrix384-ub",
     .check = sn_profile_axis_check,
     .is_profile = true,
     .help = "fabric profile NAME-ub; its other planes are NAME-rdma and NAME-vpc"},
    {.name = "degrade",
     .type = SN_AXIS_TEXT,
     .def = "none",
     .check = sn_degrade_check,
     .is_degrade = true,
     .help = "slowed or cut planes of this profile: plane=3:0, joined by +"},
    SN_DEVICE_AXIS(0),
    {.name = "plane",
     .type = SN_AXIS_WORD,
     .def = "ub",
     .words = sn_kvread_plane_words,
     .help = "of the context cache; in CPU memory where the plane goes there, else in the dies'"},
    {.name = "transfer",
     .type = SN_AXIS_WORD,
     .def = "rdma",
     .words = sn_kvread_plane_words,
     .help = "plane of the KV cache from prefill to decode"},
    {.name = "cache",
     .type = SN_AXIS_TEXT,
     .def = "unbounded",
     .check = sn_serve_cache_check,
     .help = "bytes of the context cache, least recently used blocks go; unbounded; off"},
    {.name = "store",
     .type = SN_AXIS_WORD,
     .def = "behind",
     .words = sn_serve_store_words,
     .help = "new blocks go to the cache before the first token is given out, or behind it"},
    {.name = "outstanding",
     .type = SN_AXIS_INT,
     .def = "32",
     .min = 1,
     .max = 65536,
     .help =
         "blocks of a request in flight between cache and instance, whose dies read side by side"},
    {.name = "pool_bandwidth",
     .type = SN_AXIS_REAL,
     .unit = SN_UNIT_BYTES_PER_S,
     .def = "0",
     .min = 0,
     .max = 1e13,
     .help = "what the cache's software reaches per die; 0: what the plane's profile gives"},
    {.name = "block_latency",
     .type = SN_AXIS_REAL,
     .unit = SN_UNIT_SECONDS,
     .def = "0",
     .min = 0,
     .max = 1,
     .help = "of the cache's software before each block moves, beside what the device's profile "
             "has for as many tokens"},
    {.name = "ttft",
     .type = SN_AXIS_REAL,
     .unit = SN_UNIT_SECONDS,
     .def = "2s",
     .min = 1e-6,
     .max = 1e6,
     .help = "limit of the time to the first token"},
    {.name = "tpot",
     .type = SN_AXIS_REAL,
     .unit = SN_UNIT_SECONDS,
     .def = "50ms",
     .min = 1e-6,
     .max = 1e6,
     .help = "limit of the time per output token"},
    {.name = "percentile",
     .type = SN_AXIS_REAL,
     .unit = SN_UNIT_FRACTION,
     .def = "0.9",
     .min = 0.01,
     .max = 1,
     .help = "find=rate: share of the requests that must keep both limits"},
    {.name = "admission",
     .type = SN_AXIS_WORD,
     .def = "none",
     .words = sn_serve_admission_words,
     .help = "slo: a request whose predicted TTFT is above the limit is rejected on arrival"},
    {.name = "find",
     .type = SN_AXIS_WORD,
     .def = "none",
     .words = sn_serve_find_words,
     .help = "rate: also the largest rate of requests that keeps the limits, by bisection"},
    {0},
};

struct draw {
    bool done, unbounded, none;
    double span_s, arrivals_s;
};

struct state {
    struct sn_serve_case is;
    struct sn_serve_figures figures;
    struct draw draw[DRAWS];
};

static unsigned draws(const struct sn_case *c)
{
    const bool trace = strcmp(sn_case_text(c, "trace"), "none") != 0;
    return trace && !strcmp(sn_case_text(c, "arrivals"), "trace") ? 1 : DRAWS;
}

/* --- before a run ----------------------------------------------------------------------------- */

static int inputs(const struct sn_case *c)
{
    struct sn_serve_case s;
    struct sn_serve_load load;
    if (sn_serve_case_unsupported(c))
        return SN_OK; /* a row that says so */
    int status = sn_serve_case_open(&s, c, true);
    if (status == SN_OK) {
        status = sn_serve_load_open(&load, &s.spec);
        if (status == SN_OK)
            sn_serve_load_close(&load);
    }
    sn_serve_case_close(&s);
    return status;
}

static bool other_profile(const struct sn_case *c, unsigned i, char *name, size_t size)
{
    static const char *const axis[] = {"plane", "transfer"};
    return i < 2 &&
           sn_kvread_plane_name(sn_case_text(c, "profile"),
                                (enum sn_kvread_plane)sn_case_word(c, axis[i]), name, size);
}

static unsigned endpoints(const struct sn_case *c)
{
    return (unsigned)(sn_case_int(c, "prefill") * sn_case_int(c, "prefill_dies") +
                      sn_case_int(c, "decode_dies"));
}

/* Requests, blocks and their entries in the pool, emissions and the times between them: arrays
 * that grow by doubling. */
static uint64_t memory(const struct sn_case *c)
{
    enum { REQUEST = 512, BLOCK = 128, EMISSION = 96, FIXED = 64 << 20 };
    struct sn_serve_case s;
    double n = 0, blocks = 0, tokens = 0;
    if (sn_serve_case_open(&s, c, false) == SN_OK) {
        const struct sn_serve_load_spec *l = &s.spec;
        n = (double)l->requests;
        blocks = n * (1 + sn_serve_lengths_mean(&l->input) / SN_KVTRACE_BLOCK_TOKENS);
        tokens = n * sn_serve_lengths_mean(&l->output);
        if (l->trace) {
            n = (double)l->trace->n;
            blocks = (double)l->trace->ids;
            tokens = 0;
            for (size_t i = 0; i < l->trace->n; i++)
                tokens += l->trace->request[i].output;
        }
    }
    sn_serve_case_close(&s);
    return (uint64_t)(n * REQUEST + blocks * BLOCK + tokens * EMISSION) + FIXED;
}

/* --- hooks ------------------------------------------------------------------------------------ */

static int setup(struct sn_case *c)
{
    struct state *s = c->state = sn_calloc(1, sizeof *s);
    return c->env->world->rank == 0 ? sn_serve_case_open(&s->is, c, true) : SN_OK;
}

static void teardown(struct sn_case *c)
{
    struct state *s = c->state;
    if (!s)
        return;
    sn_serve_figures_free(&s->figures);
    sn_serve_case_close(&s->is);
    free(s);
    c->state = NULL;
}

static void tick(void *of)
{
    const struct sn_case *c = of;
    if (c->env->watch)
        sn_watch_tick(c->env->watch, false);
}

static int find(struct sn_case *c, const struct sn_serve_load *load, struct draw *d)
{
    struct state *s = c->state;
    const struct sn_serve_slo slo = {s->is.ttft_s, s->is.tpot_s, s->is.percentile};
    struct sn_serve_found found;
    if (sn_case_word(c, "find") != SN_SERVE_FIND_RATE)
        return SN_OK;
    int status = sn_serve_find_rate(load, &s->is.config, &slo, tick, c, &found);
    if (status != SN_OK)
        return status;
    s->figures.searched = true;
    if (!found.unbounded && !isnan(found.rate)) {
        sn_kvread_list_add(&s->figures.rate, found.rate);
        sn_kvread_list_add(&s->figures.factor, found.factor);
    }
    d->unbounded = found.unbounded;
    d->none = found.factor == 0;
    return SN_OK;
}

/* Serves draw `i`, checks it, and keeps what the row needs. */
static int serve(struct sn_case *c, unsigned i, struct sn_check *k)
{
    struct state *s = c->state;
    struct draw *d = &s->draw[i];
    struct sn_serve_load load;
    struct sn_serve_result r;
    s->is.spec.draw = i;
    s->is.config.seed = c->env->seed ^ sn_rng_mix64(i);
    tick(c);
    int status = sn_serve_load_open(&load, &s->is.spec);
    if (status != SN_OK)
        return status;
    status = sn_serve_run(&r, &load, &s->is.config);
    if (status == SN_OK) {
        sn_serve_mutate(&r, k ? c->env->mutate : SN_MUTATE_NONE);
        if (k)
            sn_serve_check(&r, &load, &s->is.config, k);
        sn_serve_figures_add(&s->figures, &s->is, &load, &r);
        d->span_s = sn_ps_seconds(r.end_ps - r.start_ps);
        d->arrivals_s = sn_ps_seconds(load.request[load.n - 1].arrival_ps - r.start_ps);
        d->done = true;
    }
    sn_serve_result_free(&r);
    if (status == SN_OK && c->env->mutate == SN_MUTATE_NONE)
        status = find(c, &load, d);
    sn_serve_load_close(&load);
    return status;
}

static int verify(struct sn_case *c, struct sn_check *k)
{
    int status = SN_OK;
    for (unsigned i = 0; i < draws(c) && status == SN_OK && c->env->world->rank == 0; i++)
        status = serve(c, i, k);
    return status;
}

static int predict(struct sn_case *c, struct sn_timeline *t)
{
    struct state *s = c->state;
    struct draw *d = &s->draw[c->rep];
    int status = d->done ? SN_OK : serve(c, (unsigned)c->rep, NULL);
    if (status != SN_OK)
        return status;
    sn_timeline_part(t, "arrivals", d->arrivals_s);
    sn_timeline_part(t, "after the last arrival", d->span_s - d->arrivals_s);
    if (d->arrivals_s > 0)
        sn_timeline_limit(t, d->arrivals_s, "the last request's arrival");
    sn_model_validity(c, &s->is.cache, t);
    sn_model_validity(c, &s->is.transfer, t);
    if (d->unbounded)
        sn_timeline_flag(t, "rate-unbounded");
    if (d->none)
        sn_timeline_flag(t, "no-rate");
    return SN_OK;
}

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    const struct state *s = c->state;
    sn_serve_figures_row(&s->figures, &s->is, row);
}

const struct sn_bench sn_bench_serve = {
    .name = "serve",
    .brief = "requests to their last token: prefill instances, context cache, decode instance",
    .axes = axes,
    .clocks = SN_CLOCK_MODEL,
    .timed = "from the first arrival until the last event, in virtual time",
    .bytes = "logical = wire: blocks read from and written to the context cache, and KV caches "
             "from prefill to decode; mean over draws",
    .limit = "the last request's arrival",
    .metric_docs = sn_serve_metric_docs,
    .unsupported = sn_serve_case_unsupported,
    .inputs = inputs,
    .other_profile = other_profile,
    .memory = memory,
    .endpoints = endpoints,
    .setup = setup,
    .verify = verify,
    .draws = draws,
    .predict = predict,
    .metrics = metrics,
    .teardown = teardown,
};
