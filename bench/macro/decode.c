/* decode: steps that bring each request its next tokens, a whole model with expert parallelism. On
 * the wall clock a model runs for real (native_bench.h), on the model clock it is served at scale
 * (pipe_case.h). */
#include "bench/benches.h"
#include "bench/macro/native_bench.h"
#include "bench/macro/operation.h"
#include "bench/macro/pipe_case.h"

static const struct sn_axis axes[] = {
    SN_MACRO_MODEL_AXIS,
    {.name = "ep",
     .type = SN_AXIS_INT,
     .def = "ranks",
     .model_def = "320",
     .min = 1,
     .max = 4096,
     .help = "dies that share the experts; on the wall clock the number of ranks"},
    {.name = "batch",
     .type = SN_AXIS_INT,
     .def = "96",
     .min = 2,
     .max = 4096,
     .clocks = SN_CLOCK_MODEL,
     .help = "requests of an NPU of two dies"},
    {.name = "kv",
     .type = SN_AXIS_INT,
     .def = "512",
     .model_def = "4096",
     .min = 0,
     .max = 1 << 20,
     .help = "tokens of each request in the cache: wall clock, before the first step, random ones; "
             "model clock, what a query sees"},
    {.name = "steps",
     .type = SN_AXIS_INT,
     .def = "4",
     .min = 1,
     .max = 1024,
     .clocks = SN_CLOCK_WALL,
     .help = "decode steps of a repetition"},
    {.name = "mtp",
     .type = SN_AXIS_INT,
     .def = "0",
     .model_def = "1",
     .min = 0,
     .max = 1,
     .help = "speculative tokens of a request in a step; wall clock: drafts cost nothing"},
    {.name = "accept",
     .type = SN_AXIS_REAL,
     .def = "0.7",
     .min = 0,
     .max = 1,
     .help = "probability that a draft is accepted; wall clock: share of drafts that are right, by "
             "the tokens of the reference"},
    SN_MACRO_MICROBATCH_AXIS,
    SN_MACRO_ALGORITHM_AXIS("put"),
    SN_NATIVE_AXES,
    SN_PIPE_AXES,
    {0},
};

static const struct sn_metric_doc docs[] = {
    {"tpot", "s", false,
     "time per output token of a request: median x requests / tokens; model clock: median / (1 + "
     "mtp accept)"},
    SN_NATIVE_METRIC_DOCS,
    {"step_s", "s", false, "median / steps"},
    {"tokens_per_step", "count", true, "tokens / requests / steps: 1, or more with mtp"},
    SN_PIPE_METRIC_DOCS,
#define SN_OPERATION(name, word, where, stream, brief) SN_NATIVE_OPERATION_DOCS(word),
#define SN_MODELLED(...)
#include "bench/macro/operations.def"
#undef SN_OPERATION
    {0},
};

static void model_metrics(const struct sn_case *c, struct sn_row *row)
{
    double each = 1 + (double)sn_case_int(c, "mtp") * sn_case_real(c, "accept"),
           batch = (double)sn_case_int(c, "batch"), tpot = row->stats.median / each;
    sn_row_add_metric(row, docs, "tpot", tpot);
    sn_row_add_metric(row, docs, "tokens_per_s_per_npu", batch / tpot);
    sn_row_add_metric(row, docs, "tokens_per_s", (double)sn_case_int(c, "ep") * batch / 2 / tpot);
    sn_pipe_case_metrics(c, row);
}

#define PREFILL false
#include "bench/macro/hooks.h"

const struct sn_bench sn_bench_decode = {
    .name = "decode",
    .brief = "decode steps of a whole model: latent attention, experts on all dies, sampling",
    .axes = axes,
    SN_MACRO_HOOKS,
};
