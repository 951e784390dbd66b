/* pairs: every ordered pair of endpoints, one after another, alone: the matrix in which a slow link
 * shows. The diagonal is a copy inside the endpoint's own memory. */
#include <stdlib.h>

#include "bench/benches.h"
#include "bench/micro/stream.h"
#include "harness/base/buf.h"

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
     .min = 8,
     .max = (double)(8ull << 30),
     .help = "bytes of one transfer"},
    SN_TRANSPORT_AXIS,
    {.name = "src",
     .type = SN_AXIS_INT,
     .def = "0:ranks-1",
     .min = 0,
     .max = 65535,
     .help = "endpoint that the data comes from"},
    {.name = "dst",
     .type = SN_AXIS_INT,
     .def = "0:ranks-1",
     .min = 0,
     .max = 65535,
     .help = "endpoint that the data goes to"},
    {0},
};

static const struct sn_metric_doc docs[] = {
    {"bandwidth", "B/s", true, "size / median"},
    {"latency", "s", false, "median time of one transfer"},
    {0},
};

static const char *unsupported(const struct sn_case *c)
{
    int64_t src = sn_case_int(c, "src"), dst = sn_case_int(c, "dst");
    if (src >= c->env->world->size || dst >= c->env->world->size)
        return "src or dst is no endpoint: there are as many as ranks, counted from 0";
    if (src == dst && sn_case_word(c, "op") == SN_STREAM_SEND)
        return "op=send has no diagonal: a rank cannot wait for itself";
    return sn_fabric_unsupported(c);
}

static uint64_t memory(const struct sn_case *c)
{
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
    .clocks = SN_CLOCK_WALL,
    .flags = SN_BENCH_BATCH,
    .timed = "one transfer from src to dst, complete (put flushed, get or receive finished), all "
             "other ranks idle. T = last end minus first start over ranks; two-sided transports "
             "have one closing flag of a put or get a repetition inside T",
    .bytes = "logical = size; wire = size between two endpoints, local = size on the diagonal",
    .limit = "size copied once by one core: out of a shared window (roof copy_shared), on the "
             "diagonal inside its process (roof copy)",
    .metric_docs = docs,
    .unsupported = unsupported,
    .memory = memory,
    .setup = setup,
    .verify = verify,
    .run = run,
    .metrics = metrics,
    .teardown = teardown,
};
