/* incast: every other endpoint sends to endpoint 0 at once; the receiver's port is the bottleneck.
 *
 * Each sender has its own place at the receiver. Bound: one core copies the bytes of one sender.
 * Model clock: dies 1 to `senders`, their messages served at die 0's port in order of arrival. */
#include <math.h>
#include <stdlib.h>

#include "bench/benches.h"
#include "bench/micro/modelled.h"
#include "bench/micro/stream.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

static const struct sn_axis axes[] = {
    {.name = "op",
     .type = SN_AXIS_WORD,
     .def = "put",
     .words = sn_stream_ops,
     .help = "put and flush or send by the senders, or get by the receiver"},
    {.name = "size",
     .type = SN_AXIS_INT,
     .unit = SN_UNIT_BYTES,
     .def = "64K",
     .min = 8,
     .max = 1 << 30,
     .help = "bytes from each sender"},
    SN_TRANSPORT_AXIS,
    {.name = "senders",
     .type = SN_AXIS_INT,
     .def = "1,3,7,15,31",
     .min = 1,
     .max = 4095,
     .clocks = SN_CLOCK_MODEL,
     .help = "dies that send: 1, 2, ... (on the wall clock all ranks but one)"},
    SN_PAYLOAD_AXIS("auto"),
    SN_MODEL_AXES,
    {0},
};

static const struct sn_metric_doc docs[] = {
    {"bottleneck", "B/s", true, "(endpoints - 1) * size / median: what endpoint 0 receives"},
    {"aggregate", "B/s", true, "bytes.wire / median"},
    {"per_sender", "B/s", true, "size / median"},
    {"fairness", "1", true,
     "Jain over the senders: (sum x)^2 / (n * sum x^2), x = a sender's own operations per second "
     "over all repetitions, warm-up included; none for op=get, where endpoint 0 does it all, nor "
     "on the model clock, where each sends once"},
    {0},
};

struct state {
    struct sn_stream stream;
    double fairness;
};

static unsigned senders_of(const struct sn_case *c)
{
    return sn_on_model(c) ? (unsigned)sn_case_int(c, "senders") : (unsigned)c->env->world->size - 1;
}

static unsigned endpoints(const struct sn_case *c)
{
    return senders_of(c) + 1;
}

static int inputs(const struct sn_case *c)
{
    const struct sn_profile *p;
    struct sn_net *net;
    return sn_on_model(c) ? sn_modelled_net(c, endpoints(c), &p, &net) : SN_OK;
}

static const char *unsupported(const struct sn_case *c)
{
    const struct sn_profile *p;
    struct sn_net *net;
    const char *reason = sn_stream_unsupported(c, 2);
    if (reason || !sn_on_model(c) || sn_modelled_net(c, endpoints(c), &p, &net) != SN_OK)
        return reason;
    for (unsigned i = 1; i <= senders_of(c) && !reason; i++)
        reason = sn_net_unreachable(net, i, 0);
    return reason;
}

/* Segments are of equal size: with op=put every rank has room for all senders' data, though only
 * endpoint 0's is written. */
static uint64_t memory(const struct sn_case *c)
{
    if (sn_on_model(c)) {
        bool get = sn_case_word(c, "op") == SN_STREAM_GET;
        return sn_stream_model_memory(c, senders_of(c), get ? 1 : senders_of(c), 1);
    }
    return sn_stream_memory((unsigned)c->env->world->size, (uint64_t)sn_case_int(c, "size"), 1);
}

static int setup(struct sn_case *c)
{
    unsigned senders = senders_of(c);
    struct state *s = c->state = sn_calloc(1, sizeof *s);
    struct sn_flow *flows = sn_calloc(senders, sizeof *flows);
    for (unsigned i = 0; i < senders; i++)
        flows[i] = (struct sn_flow){.from = i + 1, .to = 0};
    int status = sn_stream_open(&s->stream, c, sn_case_word(c, "op"), flows, senders,
                                (size_t)sn_case_int(c, "size"), 1);
    free(flows);
    return status;
}

static void teardown(struct sn_case *c)
{
    struct state *s = c->state;
    if (s)
        sn_stream_close(&s->stream);
    free(s);
    c->state = NULL;
}

static int verify(struct sn_case *c, struct sn_check *k)
{
    struct state *s = c->state;
    int status = sn_stream_verify(&s->stream, c, k);
    double fairness = sn_stream_fairness(&s->stream);
    /* One rank acts for all; or nobody was timed. */
    s->fairness = s->stream.op == SN_STREAM_GET || sn_on_model(c) ? NAN : fairness;
    return status;
}

static int run(struct sn_case *c)
{
    struct state *s = c->state;
    return sn_stream_run(&s->stream, c->batch);
}

/* One put of each sender, whose issue is part of the observed latency; or gets by die 0, one after
 * another. */
static int predict(struct sn_case *c, struct sn_timeline *t)
{
    unsigned n = senders_of(c);
    uint64_t size = (uint64_t)sn_case_int(c, "size");
    const struct sn_profile *p;
    struct sn_net *net;
    int status = sn_modelled_net(c, n + 1, &p, &net);
    if (status != SN_OK)
        return status;
    bool get = sn_case_word(c, "op") == SN_STREAM_GET;
    struct sn_msg *msgs = sn_calloc(n, sizeof *msgs);
    for (unsigned i = 0; i < n; i++)
        msgs[i] = (struct sn_msg){
            .bytes = size, .src = i + 1, .after = SN_MSG_NONE, .flags = get ? SN_MSG_READ : 0};
    struct sn_modelled_run r = {
        .msgs = msgs, .n = n, .overhead_ps = get ? sn_modelled_issue_ps(p) : 0, .observed = true};
    sn_model_validity(c, p, t);
    sn_model_cost(&p->cost.issue, t);
    status = sn_modelled_time(net, p, &r, t);
    free(msgs);
    return status;
}

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    const struct state *s = c->state;
    uint64_t size = (uint64_t)sn_case_int(c, "size");
    unsigned senders = senders_of(c);
    double median = row->stats.median;
    uint64_t by_one_core = s->stream.op == SN_STREAM_GET ? senders * size : size;
    row->bytes.logical = row->bytes.wire = senders * size;
    sn_row_add_metric(row, docs, "bottleneck", (double)row->bytes.wire / median);
    sn_row_add_metric(row, docs, "aggregate", (double)row->bytes.wire / median);
    sn_row_add_metric(row, docs, "per_sender", (double)size / median);
    sn_row_add_metric(row, docs, "fairness", s->fairness);
    sn_fabric_limit(c, row, SN_COPY_SHARED, by_one_core, by_one_core);
}

const struct sn_bench sn_bench_incast = {
    .name = "incast",
    .brief = "all endpoints send to one at once: the receiver's port, and how fairly it is shared",
    .axes = axes,
    .clocks = SN_CLOCK_WALL | SN_CLOCK_MODEL,
    .flags = SN_BENCH_BATCH,
    .timed =
        "one message of every other endpoint to endpoint 0, complete (puts flushed, gets and "
        "receives finished). T = last end minus first start over ranks; two-sided transports have "
        "one closing flag of each put or get flow a repetition inside T. With batch > 1 a "
        "sample is the mean of rounds in a row: a sender goes on to its next without waiting "
        "for the others, so rounds may overlap. Model clock: all puts begin at once; gets are "
        "issued one after "
        "another, at the profile's cost of issuing after the first",
    .bytes = "logical = wire = (endpoints - 1) * size",
    .limit = "what one core copies, once, out of a shared window (roof copy_shared: endpoint 0's "
             "rank sends nothing): size of one sender, or of all by the receiver that gets; model "
             "clock: the busiest port's bytes at its physical bandwidth, and the latency",
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
