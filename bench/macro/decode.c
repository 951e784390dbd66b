/* decode: steps of a batch of requests, one token (and a speculative one) each. */
#include "bench/macro/pipe_case.h"

static const struct sn_axis axes[] = {
    {.name = "model",
     .type = SN_AXIS_TEXT,
     .def = "deepseek-r1",
     .help = "sizes of the model, a name of snbench list models or a file"},
    {.name = "ep",
     .type = SN_AXIS_INT,
     .def = "320",
     .min = 1,
     .max = 4096,
     .help = "dies that share the experts"},
    {.name = "batch",
     .type = SN_AXIS_INT,
     .def = "96",
     .min = 2,
     .max = 4096,
     .clocks = SN_CLOCK_MODEL,
     .help = "requests of an NPU of two dies"},
    {.name = "kv",
     .type = SN_AXIS_INT,
     .def = "4096",
     .min = 1,
     .max = 1 << 20,
     .help = "tokens of a request that a query sees"},
    {.name = "mtp",
     .type = SN_AXIS_INT,
     .def = "1",
     .min = 0,
     .max = 1,
     .help = "speculative tokens of a request in a step"},
    {.name = "accept",
     .type = SN_AXIS_REAL,
     .def = "0.7",
     .min = 0,
     .max = 1,
     .clocks = SN_CLOCK_MODEL,
     .help = "probability that a speculative token is accepted"},
    {.name = "microbatch",
     .type = SN_AXIS_INT,
     .def = "2",
     .min = 1,
     .max = 2,
     .help = "most microbatches of a step: with 2, two where that is faster than one"},
    {.name = "algorithm",
     .type = SN_AXIS_WORD,
     .def = "put",
     .words = sn_moe_algorithm_words,
     .help = "of dispatch and combine (snbench list algorithms)"},
    SN_PIPE_AXES,
    {0},
};

static const struct sn_metric_doc docs[] = {
    {"tpot", "s", false, "median / tokens of a request in a step: 1 + mtp accept"},
    {"tokens_per_s", "token/s", true, "ep batch / 2 / tpot"},
    {"tokens_per_s_per_npu", "token/s", true, "batch / tpot"},
    SN_PIPE_METRIC_DOCS,
    {0},
};

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    double each = 1 + (double)sn_case_int(c, "mtp") * sn_case_real(c, "accept"),
           batch = (double)sn_case_int(c, "batch"), tpot = row->stats.median / each;
    sn_row_add_metric(row, docs, "tpot", tpot);
    sn_row_add_metric(row, docs, "tokens_per_s_per_npu", batch / tpot);
    sn_row_add_metric(row, docs, "tokens_per_s", (double)sn_case_int(c, "ep") * batch / 2 / tpot);
    sn_pipe_case_metrics(c, row);
}

static unsigned endpoints(const struct sn_case *c)
{
    return (unsigned)sn_case_int(c, "ep");
}

const struct sn_bench sn_bench_decode = {
    .name = "decode",
    .brief = "a decode step of a served model, all layers: time per output token",
    .axes = axes,
    .clocks = SN_CLOCK_MODEL,
    .flags = SN_BENCH_SPREAD | SN_BENCH_TRACES,
    .timed = "model clock: a step from its first operation to its end, the draft's layer and the "
             "host included; breakdown: along the critical path",
    .bytes = "of dispatch and combine in all layers, all dies: wire between dies, local from a die "
             "to itself",
    .limit = "all that a die does on its busiest resource, at the roof of that",
    .metric_docs = docs,
    .unsupported = sn_pipe_case_unsupported,
    .memory = sn_pipe_case_memory,
    .inputs = sn_pipe_case_inputs,
    .endpoints = endpoints,
    .setup = sn_pipe_case_setup,
    .verify = sn_pipe_case_verify,
    .predict = sn_pipe_case_predict,
    .metrics = metrics,
    .teardown = sn_pipe_case_teardown,
};
