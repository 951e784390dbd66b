/* pairs: every ordered pair of endpoints, one after another, alone: the matrix in which a slow link
 * shows. The diagonal is a copy inside the endpoint's own memory. Model clock: dies of a machine as
 * large as `dies` says, over all planes as the profile spreads them, or through one. */
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/modelled.h"
#include "bench/micro/stream.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

/* The highest number that an axis takes; a profile has fewer. */
static const unsigned long most_planes = 63;

static int parse_plane(const char *text, struct sn_net_options *o)
{
    char *end;
    if (!strcmp(text, "all")) {
        o->spread = SN_NET_SPRAY;
        return SN_OK;
    }
    if (!strcmp(text, "hash")) {
        o->spread = SN_NET_HASH;
        return SN_OK;
    }
    unsigned long plane = strtoul(text, &end, 10);
    if (*end || end == text || *text == '-' || *text == '+' || plane > most_planes)
        return SN_FAIL(SN_EINVAL, "'%s': must be all (sprayed), hash or a plane's number", text);
    o->spread = SN_NET_PLANE;
    o->plane = (unsigned)plane;
    return SN_OK;
}

static int check_plane(const char *text)
{
    struct sn_net_options o;
    return parse_plane(text, &o);
}

static const struct sn_axis axes[] = {
    {.name = "op",
     .type = SN_AXIS_WORD,
     .def = "put",
     .words = sn_stream_ops,
     .help = "put and flush, get, or send"},
    {.name = "size",
     .type = SN_AXIS_INT,
     .unit = SN_UNIT_BYTES,
     .def = "1M",
     .model_def = "64M", /* so that latency is no part of a bandwidth: 0.5 % between nodes */
     .min = 8,
     .max = (double)(8ull << 30),
     .help = "bytes of one transfer"},
    SN_TRANSPORT_AXIS,
    {.name = "src",
     .type = SN_AXIS_INT,
     .def = "0:ranks-1",
     .model_def = "0:15",
     .min = 0,
     .max = 65535,
     .help = "endpoint that the data comes from"},
    {.name = "dst",
     .type = SN_AXIS_INT,
     .def = "0:ranks-1",
     .model_def = "0:15",
     .min = 0,
     .max = 65535,
     .help = "endpoint that the data goes to"},
    {.name = "dies",
     .type = SN_AXIS_INT,
     .def = "32",
     .min = 1,
     .max = 65536,
     .clocks = SN_CLOCK_MODEL,
     .help = "dies of the machine: what src, dst and degrade count"},
    {.name = "plane",
     .type = SN_AXIS_TEXT,
     .def = "all",
     .check = check_plane,
     .clocks = SN_CLOCK_MODEL,
     .help = "planes that a message takes: all (sprayed), hash, or the number of one"},
    SN_PAYLOAD_AXIS("header"), /* a matrix is of many cases, and all move alike */
    SN_MODEL_AXES,
    {0},
};

static const struct sn_metric_doc docs[] = {
    {"bandwidth", "B/s", true, "size / median"},
    {"latency", "s", false, "median time of one transfer"},
    {0},
};

static unsigned endpoints(const struct sn_case *c)
{
    return sn_on_model(c) ? (unsigned)sn_case_int(c, "dies") : (unsigned)c->env->world->size;
}

static int inputs(const struct sn_case *c)
{
    return sn_on_model(c) ? sn_model_inputs(c, endpoints(c)) : SN_OK;
}

static int open_net(const struct sn_case *c, struct sn_net **net)
{
    struct sn_net_options o = {.seed = c->env->seed};
    int status = parse_plane(sn_case_text(c, "plane"), &o);
    return status == SN_OK ? sn_model_share(c, endpoints(c), &o, net) : status;
}

static const char *model_unsupported(const struct sn_case *c, unsigned src, unsigned dst)
{
    struct sn_net_options o = {0};
    const struct sn_profile *p;
    struct sn_net *net;
    parse_plane(sn_case_text(c, "plane"), &o);
    if (sn_model_profile(c, &p) != SN_OK)
        return NULL; /* the hook `inputs` says what is wrong */
    if (o.spread != SN_NET_SPRAY && !p->planes)
        return "the profile has no planes: only plane=all";
    if (o.spread == SN_NET_PLANE && o.plane >= p->planes)
        return "the profile has fewer planes, counted from 0";
    if (src == dst && p->paths[SN_PATH_SELF].bandwidth.class == SN_FIGURE_NONE)
        return "the profile has no path `self`";
    return open_net(c, &net) == SN_OK ? sn_net_unreachable(net, src, dst) : NULL;
}

static const char *unsupported(const struct sn_case *c)
{
    int64_t src = sn_case_int(c, "src"), dst = sn_case_int(c, "dst");
    if (src >= endpoints(c) || dst >= endpoints(c))
        return sn_on_model(c) ? "src or dst is no die of the machine: counted from 0 to dies - 1"
                              : "src or dst is no endpoint: there are as many as ranks, counted "
                                "from 0";
    if (src == dst && sn_case_word(c, "op") == SN_STREAM_SEND)
        return "op=send has no diagonal: a rank cannot wait for itself";
    const char *reason = sn_stream_unsupported(c, 1);
    return reason || !sn_on_model(c) ? reason : model_unsupported(c, (unsigned)src, (unsigned)dst);
}

static uint64_t memory(const struct sn_case *c)
{
    if (sn_on_model(c))
        return sn_stream_model_memory(c, 1, 1, 1);
    return sn_stream_memory(1, (uint64_t)sn_case_int(c, "size"), 1);
}

static int setup(struct sn_case *c)
{
    struct sn_flow flow = {
        .from = (unsigned)sn_case_int(c, "src"),
        .to = (unsigned)sn_case_int(c, "dst"),
    };
    struct sn_stream *s = c->state = sn_calloc(1, sizeof *s);
    return sn_stream_open(s, c, sn_case_word(c, "op"), &flow, 1, (size_t)sn_case_int(c, "size"), 1);
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

/* One message, whose issue is part of the latency as it was observed. */
static int predict(struct sn_case *c, struct sn_timeline *t)
{
    struct sn_msg m = {.bytes = (uint64_t)sn_case_int(c, "size"),
                       .src = (uint32_t)sn_case_int(c, "src"),
                       .dst = (uint32_t)sn_case_int(c, "dst"),
                       .after = SN_MSG_NONE,
                       .flags = sn_case_word(c, "op") == SN_STREAM_GET ? SN_MSG_READ : 0};
    const struct sn_profile *p;
    struct sn_net *net;
    int status = sn_model_profile(c, &p);
    if (status == SN_OK)
        status = open_net(c, &net);
    if (status != SN_OK)
        return status;
    sn_model_validity(c, p, t);
    sn_timeline_flag(t, sn_modelled_path_flag(sn_net_path(net, m.src, m.dst)));
    return sn_modelled_time(net, p, &(struct sn_modelled_run){.msgs = &m, .n = 1}, t);
}

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    uint64_t size = (uint64_t)sn_case_int(c, "size");
    bool own = sn_case_int(c, "src") == sn_case_int(c, "dst");
    double median = row->stats.median;
    row->bytes.logical = size;
    row->bytes.wire = own ? 0 : size;
    row->bytes.local = own ? size : 0;
    sn_row_add_metric(row, docs, "bandwidth", (double)size / median);
    sn_row_add_metric(row, docs, "latency", median);
    sn_fabric_limit(c, row, own ? SN_COPY_OWN : SN_COPY_SHARED, size, size);
}

const struct sn_bench sn_bench_pairs = {
    .name = "pairs",
    .brief = "bandwidth of every ordered pair of endpoints: the matrix in which a slow link shows",
    .axes = axes,
    .clocks = SN_CLOCK_WALL | SN_CLOCK_MODEL,
    .flags = SN_BENCH_BATCH,
    .timed =
        "one transfer from src to dst, complete (put flushed, get or receive finished), all "
        "other ranks idle. T = last end minus first start over ranks; two-sided transports "
        "have one closing flag of a put or get a repetition inside T. Model clock: one put or get "
        "alone in the machine; flag path-WORD: what src and dst are to each other",
    .bytes = "logical = size; wire = size between two endpoints, local = size on the diagonal",
    .limit = "size copied once by one core: out of a shared window (roof copy_shared), on the "
             "diagonal inside its process (roof copy); model clock: size at the physical bandwidth "
             "of the busiest port, and the latency, no bound on the diagonal",
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
