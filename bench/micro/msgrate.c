/* msgrate: small messages per second over pairs of endpoints (0,1), (2,3), ... at once.
 *
 * Bound: a core copies the bytes of a window once; at small sizes the overhead per message is what
 * the row shows. */
#include <stdlib.h>

#include "bench/benches.h"
#include "bench/micro/stream.h"
#include "harness/base/buf.h"

static const struct sn_axis axes[] = {
    {.name = "op",
     .type = SN_AXIS_WORD,
     .def = "put",
     .words = sn_stream_ops,
     .help = "put (a flush a window), get, or send"},
    {.name = "pairs",
     .type = SN_AXIS_INT,
     .def = "1",
     .min = 1,
     .max = 32768,
     .help = "pairs of endpoints at once: 2k to 2k + 1"},
    {.name = "window",
     .type = SN_AXIS_INT,
     .def = "64",
     .min = 1,
     .max = 65536,
     .help = "messages issued before a flush"},
    {.name = "size",
     .type = SN_AXIS_INT,
     .unit = SN_UNIT_BYTES,
     .def = "8",
     .min = 8,
     .max = 1 << 20,
     .help = "bytes of one message"},
    SN_TRANSPORT_AXIS,
    {0},
};

static const struct sn_metric_doc docs[] = {
    {"rate", "op/s", true, "pairs * window / median: messages per second of all pairs"},
    {"rate_per_pair", "op/s", true, "window / median"},
    {"aggregate", "B/s", true, "pairs * window * size / median"},
    {0},
};

static const char *unsupported(const struct sn_case *c)
{
    return sn_stream_unsupported(c, 2 * (int)sn_case_int(c, "pairs"));
}

static uint64_t memory(const struct sn_case *c)
{
    return sn_stream_memory(1, (uint64_t)sn_case_int(c, "size"),
                            (uint64_t)sn_case_int(c, "window"));
}

static int setup(struct sn_case *c)
{
    unsigned pairs = (unsigned)sn_case_int(c, "pairs");
    struct sn_stream *s = c->state = sn_calloc(1, sizeof *s);
    struct sn_flow *flows = sn_calloc(pairs, sizeof *flows);
    for (unsigned p = 0; p < pairs; p++)
        flows[p] = (struct sn_flow){.from = 2 * p, .to = 2 * p + 1};
    int status = sn_stream_open(s, c, sn_case_word(c, "op"), flows, pairs,
                                (size_t)sn_case_int(c, "size"), (size_t)sn_case_int(c, "window"));
    free(flows);
    return status;
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
    uint64_t size = (uint64_t)sn_case_int(c, "size"), window = (uint64_t)sn_case_int(c, "window"),
             pairs = (uint64_t)sn_case_int(c, "pairs");
    double median = row->stats.median;
    row->bytes.logical = row->bytes.wire = pairs * window * size;
    sn_row_add_metric(row, docs, "rate", (double)(pairs * window) / median);
    sn_row_add_metric(row, docs, "rate_per_pair", (double)window / median);
    sn_row_add_metric(row, docs, "aggregate", (double)row->bytes.wire / median);
    sn_fabric_limit(c, row, SN_COPY_SHARED, window * size, window * size);
}

const struct sn_bench sn_bench_msgrate = {
    .name = "msgrate",
    .brief = "small messages per second over one or more pairs of endpoints",
    .axes = axes,
    .clocks = SN_CLOCK_WALL,
    .flags = SN_BENCH_BATCH,
    .timed = "one window of every pair: all messages issued, then complete (puts flushed, gets and "
             "receives finished). T = last end minus first start over ranks; two-sided "
             "transports have one closing flag of each put or get flow a repetition inside T",
    .bytes = "logical = wire = pairs * window * size",
    .limit = "window * size copied once by one core out of a shared window: the other ranks of the "
             "pairs copy nothing (roof copy_shared)",
    .metric_docs = docs,
    .unsupported = unsupported,
    .memory = memory,
    .setup = setup,
    .verify = verify,
    .run = run,
    .metrics = metrics,
    .teardown = teardown,
};
