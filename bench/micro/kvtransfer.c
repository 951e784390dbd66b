/* kvtransfer: the KV cache of prompts from prefill dies to decode dies.
 *
 * Every decode die takes over a prompt: the latents of all layers, put by its prefill die
 * (kvtransfer.h) to a place of its own, layer by layer as prefill goes on, or whole behind the last
 * layer. It has arrived when the decode die has seen a flag behind it. Prefill itself is a pause of
 * `interval` a layer. */
#include "bench/micro/kvtransfer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/kvread_move.h"
#include "bench/micro/pattern.h"
#include "bench/model.h"
#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"
#include "harness/stats.h"

enum mode { LAYERS, WHOLE };
static const char *const mode_words[] = {[LAYERS] = "layers", [WHOLE] = "whole", NULL};
enum { FLAG_DONE, FLAGS };

static const struct sn_axis axes[] = {
    {.name = "prefill",
     .type = SN_AXIS_INT,
     .def = "1",
     .model_def = "32",
     .min = 1,
     .max = 4096,
     .help = "prefill dies of an instance, each with the cache of every prompt (its TP degree)"},
    {.name = "decode_dp",
     .type = SN_AXIS_INT,
     .def = "1",
     .model_def = "320",
     .min = 1,
     .max = 4096,
     .help = "data-parallel decode ranks, a prompt each; times decode_tp: decode dies"},
    {.name = "decode_tp",
     .type = SN_AXIS_INT,
     .def = "1",
     .min = 1,
     .max = 64,
     .help = "dies of a decode rank; each takes the whole latents"},
    {.name = "prompt",
     .type = SN_AXIS_INT,
     .def = "128",
     .model_def = "4096",
     .min = 1,
     .max = 1 << 20,
     .help = "tokens of a prompt"},
    {.name = "layers",
     .type = SN_AXIS_INT,
     .def = "61",
     .min = 1,
     .max = 1024,
     .help = "of the model, 576 values a token each (MLA)"},
    {.name = "dtype",
     .type = SN_AXIS_WORD,
     .def = "bf16",
     .words = sn_kv_type_words,
     .help = "of these values"},
    {.name = "mode",
     .type = SN_AXIS_WORD,
     .def = "layers",
     .words = mode_words,
     .help = "each layer as soon as it is computed, or all behind the last one"},
    {.name = "interval",
     .type = SN_AXIS_REAL,
     .unit = SN_UNIT_SECONDS,
     .def = "0",
     .min = 0,
     .max = 10,
     .help = "what prefill computes on a layer: layer l is there at (l + 1) interval"},
    SN_TRANSPORT_AXIS,
    {.name = "profile",
     .type = SN_AXIS_TEXT,
     .def = "cloudmatrix384-rdma",
     .check = sn_profile_axis_check,
     .is_profile = true,
     .clocks = SN_CLOCK_MODEL,
     .help = "fabric profile, a name of snbench list profiles or a file"},
    {.name = "degrade",
     .type = SN_AXIS_TEXT,
     .def = "none",
     .check = sn_degrade_check,
     .is_degrade = true,
     .clocks = SN_CLOCK_MODEL,
     .help = "slowed or cut links, for example die=5:0.5 or pair=3-40:0.5"},
    SN_KV_PAYLOAD_AXIS,
    {0},
};

static const struct sn_metric_doc docs[] = {
    {"aggregate", "B/s", true, "bytes of all prompts / median"},
    {"source_bandwidth", "B/s", true, "bytes of the prefill die with most decode dies / median"},
    {"prompt_bytes", "B", false, "of one prompt: prompt * layers * 576 * bytes of the type"},
    {"fan_out", "die", false, "most decode dies of one prefill die"},
    {"exposed", "s", false,
     "model clock: from the end of prefill, layers * interval, until the last byte"},
    {"hidden", "1", true,
     "model clock, interval > 0: share of the transfer that prefill hides, 1 - exposed / time with "
     "interval=0"},
    {"arrival_p50", "s", false,
     "model clock: from the end of prefill until a decode die has its prompt, median over the "
     "dies"},
    {"arrival_p99", "s", false, "99th percentile of the same"},
    {0},
};

struct shape {
    unsigned prefill, tp, dp, decode; /* dies; degrees; decode dies */
    unsigned layers, messages;        /* messages of a prompt */
    uint64_t prompt_bytes, message_bytes;
    double interval_s;
    enum mode mode;
};

struct state {
    struct sn_fabric fabric;
    struct shape shape;
    uint64_t payload, stride; /* bytes that really move of a message; from one to the next */
    char **own;               /* (decode) the prompt at its source, where this rank holds that */
    uint64_t runs;
    double exposed_s, alone_s; /* of the prediction */
    double *arrival_s;         /* (decode) of the prediction */
};

const char *sn_kvtransfer_unmapped(unsigned prefill_tp, unsigned decode_tp, unsigned decode_dp)
{
    if (prefill_tp % decode_tp)
        return "prefill must be a multiple of decode_tp";
    if (decode_dp % (prefill_tp / decode_tp))
        return "decode_dp must be a multiple of prefill / decode_tp";
    return NULL;
}

unsigned sn_kvtransfer_source(unsigned prefill_tp, unsigned decode_tp, unsigned decode_dp,
                              unsigned dp_rank, unsigned tp_rank)
{
    const unsigned ratio = prefill_tp / decode_tp, group = decode_dp / ratio;
    return dp_rank / group * decode_tp + tp_rank;
}

static int shape_of(const struct sn_case *c, struct shape *s)
{
    *s = (struct shape){.prefill = (unsigned)sn_case_int(c, "prefill"),
                        .tp = (unsigned)sn_case_int(c, "decode_tp"),
                        .dp = (unsigned)sn_case_int(c, "decode_dp"),
                        .layers = (unsigned)sn_case_int(c, "layers"),
                        .interval_s = sn_case_real(c, "interval"),
                        .mode = (enum mode)sn_case_word(c, "mode")};
    const struct sn_kv_geometry g = {.tokens = (unsigned)sn_case_int(c, "prompt"),
                                     .layers = s->layers,
                                     .values = SN_KV_MLA_VALUES,
                                     .type = (enum sn_kv_type)sn_case_word(c, "dtype")};
    s->decode = s->dp * s->tp;
    s->messages = s->mode == LAYERS ? s->layers : 1;
    int status = sn_kv_geometry_bytes(&g, &s->prompt_bytes);
    s->message_bytes = s->prompt_bytes / s->messages;
    return status;
}

static unsigned source_of(const struct shape *s, unsigned decode)
{
    return sn_kvtransfer_source(s->prefill, s->tp, s->dp, decode / s->tp, decode % s->tp);
}

static unsigned fan_out(const struct shape *s)
{
    unsigned *n = sn_calloc(s->prefill, sizeof *n), most = 0;
    for (unsigned d = 0; d < s->decode; d++) {
        const unsigned p = source_of(s, d);
        most = ++n[p] > most ? n[p] : most;
    }
    free(n);
    return most;
}

/* --- hooks before a run ---------------------------------------------------------------------- */

static const char *unsupported(const struct sn_case *c)
{
    struct shape s;
    if (shape_of(c, &s) != SN_OK)
        return "a prompt of 2^63 bytes and more";
    const char *why = sn_kvtransfer_unmapped(s.prefill, s.tp, s.dp);
    if (!why && s.prefill + s.decode > 4096)
        why = "more than 4096 dies";
    return why || sn_on_model(c) ? why : sn_fabric_unsupported(c);
}

static int inputs(const struct sn_case *c)
{
    struct shape s;
    int status = shape_of(c, &s);
    return status == SN_OK && sn_on_model(c) ? sn_model_inputs(c, s.prefill + s.decode) : status;
}

static unsigned endpoints(const struct sn_case *c)
{
    return (unsigned)(sn_case_int(c, "prefill") +
                      sn_case_int(c, "decode_dp") * sn_case_int(c, "decode_tp"));
}

static uint64_t payload_of(const struct sn_case *c, const struct shape *s)
{
    if (!sn_on_model(c))
        return s->message_bytes;
    return sn_kv_payload_bytes((enum sn_kv_payload)sn_case_word(c, "payload"), s->message_bytes,
                               (uint64_t)s->messages * s->decode);
}

static uint64_t memory(const struct sn_case *c)
{
    struct shape s;
    if (shape_of(c, &s) != SN_OK)
        return UINT64_MAX;
    const uint64_t prompt = s.messages * sn_mem_round_up(payload_of(c, &s), 64);
    const unsigned n = s.prefill + s.decode, ranks = (unsigned)c->env->world->size;
    return ((n + ranks - 1) / ranks + s.decode) * prompt + (16 << 20);
}

static int setup(struct sn_case *c)
{
    struct state *s = c->state = sn_calloc(1, sizeof *s);
    int status = sn_world_agree(c->env->world, shape_of(c, &s->shape));
    if (status != SN_OK)
        return status;
    const struct shape *h = &s->shape;
    s->payload = payload_of(c, h);
    s->stride = sn_mem_round_up(s->payload, 64);
    s->own = sn_calloc(h->decode, sizeof *s->own);
    s->arrival_s = sn_calloc(h->decode, sizeof *s->arrival_s);
    status = sn_fabric_open(&s->fabric, c, h->prefill + h->decode, h->messages * s->stride, FLAGS);
    for (unsigned d = 0; d < h->decode && status == SN_OK; d++)
        if (sn_fabric_mine(&s->fabric, source_of(h, d)))
            status = sn_mem_alloc((void **)&s->own[d], h->messages * s->stride);
    return status;
}

static void teardown(struct sn_case *c)
{
    struct state *s = c->state;
    if (!s)
        return;
    sn_fabric_close(&s->fabric);
    for (unsigned d = 0; s->own && d < s->shape.decode; d++)
        sn_mem_free(s->own[d]);
    free(s->own);
    free(s->arrival_s);
    free(s);
    c->state = NULL;
}

/* --- real bytes ------------------------------------------------------------------------------ */

/* What the dies of this rank put when message m is ready. */
static int put_message(struct state *s, unsigned m, bool last)
{
    const struct sn_transport *t = s->fabric.transport;
    const struct shape *h = &s->shape;
    int status = SN_OK;
    for (unsigned d = 0; d < h->decode && status == SN_OK; d++) {
        const unsigned from = source_of(h, d), to = h->prefill + d;
        if (!sn_fabric_mine(&s->fabric, from))
            continue;
        status =
            t->put(s->fabric.link, from, to, m * s->stride, s->own[d] + m * s->stride, s->payload);
        if (status == SN_OK && last)
            status = t->notify(s->fabric.link, from, to, FLAG_DONE, s->runs);
    }
    return status;
}

static int transfer(struct state *s, double interval_s)
{
    const struct shape *h = &s->shape;
    const int64_t start = sn_clock_ns();
    int status = SN_OK;
    s->runs++;
    for (unsigned m = 0; m < h->messages && status == SN_OK; m++) {
        const unsigned layers = h->mode == LAYERS ? m + 1 : h->layers;
        if (interval_s > 0)
            sn_clock_wait_until(start + (int64_t)(layers * interval_s * 1e9),
                                s->fabric.env->world->oversubscribed);
        status = put_message(s, m, m + 1 == h->messages);
    }
    for (unsigned d = 0; d < h->decode && status == SN_OK; d++)
        if (sn_fabric_mine(&s->fabric, h->prefill + d))
            status = s->fabric.transport->wait(s->fabric.link, h->prefill + d, FLAG_DONE, s->runs);
    return status;
}

static int run(struct sn_case *c)
{
    struct state *s = c->state;
    return transfer(s, s->shape.interval_s);
}

static struct sn_message message_of(const struct shape *h, unsigned d, unsigned m)
{
    return (struct sn_message){.from = source_of(h, d), .to = h->prefill + d, .item = m};
}

static void fill(struct state *s)
{
    const struct shape *h = &s->shape;
    const struct sn_fabric *f = &s->fabric;
    for (unsigned d = 0; d < h->decode; d++) {
        for (unsigned m = 0; s->own[d] && m < h->messages; m++) {
            const struct sn_message x = message_of(h, d, m);
            sn_pattern_fill(s->own[d] + m * s->stride, s->payload,
                            sn_pattern_key(f->env->seed, f->round, &x));
        }
        if (sn_fabric_mine(f, h->prefill + d))
            memset(f->transport->local(f->link, h->prefill + d), 0, h->messages * s->stride);
    }
}

static void compare(struct state *s, struct sn_check *k)
{
    const struct shape *h = &s->shape;
    const struct sn_fabric *f = &s->fabric;
    enum sn_mutation how = f->env->mutate;
    for (unsigned d = 0; d < h->decode; d++) {
        if (!sn_fabric_mine(f, h->prefill + d))
            continue;
        char *got = f->transport->local(f->link, h->prefill + d);
        for (unsigned m = 0; m < h->messages; m++, got += s->stride) {
            const struct sn_message x = message_of(h, d, m),
                                    other = {.from = x.from + 1, .to = x.to, .item = m};
            sn_pattern_mutate(how, got, s->payload, sn_pattern_key(f->env->seed, f->round, &other));
            how = SN_MUTATE_NONE; /* one message a rank */
            sn_pattern_check(k, got, s->payload, sn_pattern_key(f->env->seed, f->round, &x), &x);
        }
    }
}

static int verify(struct sn_case *c, struct sn_check *k)
{
    struct state *s = c->state;
    const struct shape *h = &s->shape;
    uint64_t expected[SN_TIERS] = {0};
    k->what =
        "every byte with the pattern of its prefill die, decode die, message and round; bytes "
        "moved per tier with the mapping";
    for (unsigned d = 0; d < h->decode; d++)
        expected[sn_endpoints_tier(&s->fabric.endpoints, source_of(h, d), h->prefill + d)] +=
            h->messages * s->payload;
    s->fabric.round++;
    fill(s);
    sn_fabric_barrier(&s->fabric);
    sn_fabric_count_begin(&s->fabric);
    int status = transfer(s, 0);
    sn_fabric_barrier(&s->fabric);
    sn_fabric_count_check(&s->fabric, k, status, expected);
    if (status == SN_OK)
        compare(s, k);
    return status;
}

/* --- the model clock ------------------------------------------------------------------------- */

/* msg (messages, decode): the layers from `first` on, each at its time. */
static size_t messages_of(const struct shape *h, unsigned first, double interval_s,
                          struct sn_msg *msg)
{
    size_t n = 0;
    for (unsigned m = first; m < h->messages; m++)
        for (unsigned d = 0; d < h->decode; d++)
            msg[n++] = (struct sn_msg){
                .issue_ps = sn_ps(interval_s * (h->mode == LAYERS ? m + 1 : h->layers)),
                .bytes = h->message_bytes,
                .src = source_of(h, d),
                .dst = h->prefill + d,
                .after = SN_MSG_NONE};
    return n;
}

/* Last message alone, then all at once, then all in time. No transfer is faster than the later of:
 * first layer computed and all bytes through the busiest port; all computed and the last layer
 * through it. */
static int predict(struct sn_case *c, struct sn_timeline *t)
{
    struct state *s = c->state;
    const struct shape *h = &s->shape;
    const struct sn_profile *p;
    struct sn_net *net;
    struct sn_net_result last, alone, r;
    int status = sn_model_profile(c, &p);
    if (status == SN_OK)
        status = sn_model_net(c, h->prefill + h->decode, NULL, &net);
    if (status != SN_OK)
        return status;
    const int64_t issue = sn_ps(sn_figure_or(&p->cost.issue, 0));
    struct sn_msg *msg = sn_calloc((size_t)h->messages * h->decode, sizeof *msg);
    size_t n = messages_of(h, h->messages - 1, 0, msg);
    status = sn_net_run(net, msg, n, issue, &last);
    n = messages_of(h, 0, 0, msg);
    if (status == SN_OK)
        status = sn_net_run(net, msg, n, issue, &alone);
    n = messages_of(h, 0, h->interval_s, msg);
    if (status == SN_OK)
        status = sn_net_run(net, msg, n, issue, &r);
    if (status == SN_OK) {
        const double compute = h->layers * h->interval_s, end = sn_ps_seconds(r.end_ps);
        const double ready = h->mode == LAYERS ? h->interval_s : compute;
        const double limit = fmin(
            end, fmax(ready + sn_ps_seconds(r.bound_ps), compute + sn_ps_seconds(last.bound_ps)));
        sn_model_result(net, msg, &r, t);
        sn_model_validity(c, p, t);
        sn_model_cost(&p->cost.issue, t);
        sn_timeline_limit(t, limit,
                          "prefill, then what it cannot hide through the busiest port at its "
                          "physical bandwidth");
        sn_timeline_part(t, "prefill", compute);
        sn_timeline_part(t, "busiest port", limit - compute);
        sn_timeline_part(t, "latency and waiting", end - limit);
        s->exposed_s = end - compute;
        s->alone_s = sn_ps_seconds(alone.end_ps);
        for (unsigned d = 0; d < h->decode; d++)
            s->arrival_s[d] = sn_ps_seconds(msg[n - h->decode + d].done_ps) - compute;
    }
    free(msg);
    sn_net_close(net);
    return status;
}

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    struct state *s = c->state;
    const struct shape *h = &s->shape;
    const struct sn_endpoints *e = &s->fabric.endpoints;
    const unsigned most = fan_out(h);
    row->bytes.logical = row->bytes.wire = h->decode * h->prompt_bytes;
    sn_row_add_metric(row, docs, "aggregate", (double)row->bytes.logical / row->stats.median);
    sn_row_add_metric(row, docs, "source_bandwidth",
                      (double)(most * h->prompt_bytes) / row->stats.median);
    sn_row_add_metric(row, docs, "prompt_bytes", (double)h->prompt_bytes);
    sn_row_add_metric(row, docs, "fan_out", most);
    if (sn_on_model(c)) {
        sn_row_add_metric(row, docs, "exposed", s->exposed_s);
        if (h->interval_s > 0)
            sn_row_add_metric(row, docs, "hidden", 1 - s->exposed_s / s->alone_s);
        sn_stats_sort(s->arrival_s, h->decode);
        sn_row_add_metric(row, docs, "arrival_p50",
                          sn_stats_percentile(s->arrival_s, h->decode, 0.5));
        sn_row_add_metric(row, docs, "arrival_p99",
                          sn_stats_percentile(s->arrival_s, h->decode, 0.99));
        return;
    }
    /* The rank whose prefill dies send most. */
    uint64_t *sent = sn_calloc((size_t)e->ranks, sizeof *sent), bytes = 0;
    unsigned acting = 0;
    for (unsigned d = 0; d < h->decode; d++) {
        uint64_t *x = &sent[e->rank_of[source_of(h, d)]];
        acting += *x == 0;
        *x += h->prompt_bytes;
        bytes = *x > bytes ? *x : bytes;
    }
    free(sent);
    sn_fabric_limit(c, row, sn_fabric_roof(c, acting), bytes, h->prompt_bytes);
    if (isnan(row->limit_s) || h->interval_s == 0)
        return;
    const double prefill = h->layers * h->interval_s;
    row->limit_s = h->mode == WHOLE ? prefill + row->limit_s : fmax(prefill, row->limit_s);
    row->limit_why = sn_row_str(row, "%s prefill; %s", h->mode == WHOLE ? "behind" : "or all of",
                                row->limit_why);
}

const struct sn_bench sn_bench_kvtransfer = {
    .name = "kvtransfer",
    .brief = "the KV cache of prompts from prefill dies to decode dies",
    .axes = axes,
    .clocks = SN_CLOCK_WALL | SN_CLOCK_MODEL,
    .timed =
        "from the start of prefill (a pause of `interval` a layer, 0: none) until every decode "
        "die has its prompt: puts of the layers as they are ready, then a flag. Wall clock: "
        "last end minus first start over ranks",
    .bytes = "logical = wire = decode_dp * decode_tp * prompt * layers * 576 * bytes of the type",
    .limit = "wall clock: the bytes of the busiest rank copied once by one core (roof copy_shared, "
             "or copy_all where all ranks send), with mode=whole behind prefill, else at least "
             "prefill; model clock: "
             "prefill, then what it cannot hide through the busiest port at its physical bandwidth",
    .metric_docs = docs,
    .unsupported = unsupported,
    .inputs = inputs,
    .memory = memory,
    .endpoints = endpoints,
    .setup = setup,
    .verify = verify,
    .predict = predict,
    .run = run,
    .metrics = metrics,
    .teardown = teardown,
};
