/* bandwidth: windows of messages between endpoints 0 and 1, in one direction or both.
 *
 * Each message of a window has its own place, so that a window touches window x size bytes at both
 * ends. Bound: a core copies the window once. Model clock: a window along a path of the profile;
 * each message after the first costs its issue or its bytes, what is longer. */
#include <stdlib.h>

#include "bench/benches.h"
#include "bench/micro/modelled.h"
#include "bench/micro/stream.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

enum direction { ONE, BOTH };
static const char *const direction_words[] = {"one", "both", NULL};

static const struct sn_axis axes[] = {
    {.name = "op",
     .type = SN_AXIS_WORD,
     .def = "put",
     .words = sn_stream_ops,
     .help = "put (a flush a window), get, or send"},
    {.name = "direction",
     .type = SN_AXIS_WORD,
     .def = "one",
     .words = direction_words,
     .help = "data from endpoint 0 to 1, or both ways at once"},
    {.name = "window",
     .type = SN_AXIS_INT,
     .def = "16",
     .min = 1,
     .max = 65536,
     .help = "messages issued before a flush"},
    {.name = "size",
     .type = SN_AXIS_INT,
     .unit = SN_UNIT_BYTES,
     .def = "8:4M:*4",
     .min = 8,
     .max = (double)(8ull << 30),
     .help = "bytes of one message"},
    SN_TRANSPORT_AXIS,
    SN_PATH_AXIS,
    SN_PAYLOAD_AXIS("auto"),
    SN_MODEL_AXES,
    {0},
};

static const struct sn_metric_doc docs[] = {
    {"bandwidth", "B/s", true, "window * size / median, per direction"},
    {"aggregate", "B/s", true, "directions * window * size / median"},
    {"rate", "op/s", true, "directions * window / median: messages per second"},
    {0},
};

static const char *unsupported(const struct sn_case *c)
{
    if (sn_case_word(c, "op") == SN_STREAM_SEND && sn_case_word(c, "direction") == BOTH)
        return "op=send has one direction: its calls block";
    const char *reason = sn_stream_unsupported(c, 2);
    if (reason || !sn_on_model(c))
        return reason;
    if (sn_modelled_path(c) >= SN_PATH_CPU && sn_case_word(c, "direction") == BOTH)
        return "direction=both: CPU memory issues nothing; use direction=one";
    return sn_modelled_path_unsupported(c);
}

static unsigned endpoints(const struct sn_case *c)
{
    return sn_on_model(c) ? 2 : (unsigned)c->env->world->size;
}

static unsigned directions_of(const struct sn_case *c)
{
    return sn_case_word(c, "direction") == BOTH ? 2 : 1;
}

static uint64_t memory(const struct sn_case *c)
{
    if (sn_on_model(c))
        return sn_stream_model_memory(c, directions_of(c), 1, (uint64_t)sn_case_int(c, "window"));
    return sn_stream_memory(1, (uint64_t)sn_case_int(c, "size"),
                            (uint64_t)sn_case_int(c, "window"));
}

static int setup(struct sn_case *c)
{
    static const struct sn_flow flows[] = {{.from = 0, .to = 1}, {.from = 1, .to = 0}};
    struct sn_stream *s = c->state = sn_calloc(1, sizeof *s);
    return sn_stream_open(s, c, sn_case_word(c, "op"), flows, directions_of(c),
                          (size_t)sn_case_int(c, "size"), (size_t)sn_case_int(c, "window"));
}

static void teardown(struct sn_case *c)
{
    if (c->state)
        sn_stream_close(c->state);
    free(c->state);
    c->state = NULL;
}

static int verify(struct sn_case *c, struct sn_check *k)
{
    return sn_stream_verify(c->state, c, k);
}

static int run(struct sn_case *c)
{
    return sn_stream_run(c->state, c->batch);
}

/* Die 0 acts; with direction=both the far die does the same. */
static int predict(struct sn_case *c, struct sn_timeline *t)
{
    uint64_t size = (uint64_t)sn_case_int(c, "size");
    size_t window = (size_t)sn_case_int(c, "window"), n = window * directions_of(c);
    bool get = sn_case_word(c, "op") == SN_STREAM_GET;
    const struct sn_profile *p;
    struct sn_net *net;
    unsigned far;
    int status = sn_modelled_open(c, &p, &net, &far);
    if (status != SN_OK)
        return status;
    struct sn_msg *msgs = sn_calloc(n, sizeof *msgs);
    for (size_t i = 0; i < n; i++) {
        bool from_far = get != (i >= window);
        msgs[i] = (struct sn_msg){.bytes = size,
                                  .src = from_far ? far : 0,
                                  .dst = from_far ? 0 : far,
                                  .after = SN_MSG_NONE,
                                  .flags = get ? SN_MSG_READ : 0};
    }
    struct sn_modelled_run r = {
        .msgs = msgs, .n = n, .overhead_ps = sn_modelled_issue_ps(p), .observed = true};
    sn_model_validity(c, p, t);
    sn_model_cost(&p->cost.issue, t);
    status = sn_modelled_time(net, p, &r, t);
    free(msgs);
    return status;
}

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    uint64_t size = (uint64_t)sn_case_int(c, "size"), window = (uint64_t)sn_case_int(c, "window");
    unsigned directions = directions_of(c);
    double median = row->stats.median;
    row->bytes.logical = row->bytes.wire = directions * window * size;
    sn_row_add_metric(row, docs, "bandwidth", (double)(window * size) / median);
    sn_row_add_metric(row, docs, "aggregate", (double)row->bytes.wire / median);
    sn_row_add_metric(row, docs, "rate", (double)(directions * window) / median);
    sn_fabric_limit(c, row, sn_fabric_roof(c, directions), window * size, window * size);
}

const struct sn_bench sn_bench_bandwidth = {
    .name = "bandwidth",
    .brief = "bandwidth between two endpoints, one way or both, in windows of messages",
    .axes = axes,
    .clocks = SN_CLOCK_WALL | SN_CLOCK_MODEL,
    .flags = SN_BENCH_BATCH,
    .timed = "one window: all its messages issued, then complete (puts flushed, gets and receives "
             "finished), on the same, warm buffers. T = last end minus first start over ranks; "
             "two-sided transports have one closing flag of each put or get flow a repetition "
             "inside T. Model clock: the window issued by die 0 at once; each message holds its "
             "issuer for the profile's cost of issuing or for its bytes, what is longer, the first "
             "for its bytes: its issue is part of the latency as observed",
    .bytes = "logical = wire = directions * window * size",
    .limit = "window * size copied once by one core out of a shared window: roof copy_shared, or "
             "copy_all where both directions run at once and there is no third rank; model clock: "
             "the busiest port's bytes at its physical bandwidth, and the latency",
    .metric_docs = docs,
    .unsupported = unsupported,
    .inputs = sn_modelled_inputs,
    .memory = memory,
    .endpoints = endpoints,
    .setup = setup,
    .verify = verify,
    .predict = predict,
    .run = run,
    .metrics = metrics,
    .teardown = teardown,
};
