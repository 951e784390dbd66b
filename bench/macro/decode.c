/* decode: steps that bring each request its next tokens, a whole model with expert parallelism. On
 * the wall clock a model runs for real (native_bench.h). */
#include "bench/benches.h"
#include "bench/macro/native_bench.h"
#include "bench/macro/operation.h"

static const struct sn_axis axes[] = {
    {.name = "model",
     .type = SN_AXIS_TEXT,
     .def = "nano",
     .check = sn_native_model_check,
     .help = "a name of snbench list models, or a file"},
    {.name = "ep",
     .type = SN_AXIS_INT,
     .def = "ranks",
     .min = 1,
     .max = 4096,
     .help = "dies that share the experts; on the wall clock the number of ranks"},
    {.name = "kv",
     .type = SN_AXIS_INT,
     .def = "512",
     .min = 0,
     .max = 1 << 20,
     .clocks = SN_CLOCK_WALL,
     .help = "tokens of each request in the cache before the first step, random ones"},
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
     .min = 0,
     .max = 1,
     .clocks = SN_CLOCK_WALL,
     .help = "speculative tokens of a step: 1 computes a draft with it, and keeps its successor "
             "where the draft is what the model says; drafts cost nothing here"},
    {.name = "accept",
     .type = SN_AXIS_REAL,
     .def = "0.7",
     .min = 0,
     .max = 1,
     .clocks = SN_CLOCK_WALL,
     .help = "mtp=1: share of drafts that are right, by the tokens of the reference"},
    SN_NATIVE_AXES,
    {0},
};

static const struct sn_metric_doc docs[] = {
    {"tpot", "s", false, "time per output token of a request: median x requests / tokens"},
    SN_NATIVE_METRIC_DOCS,
    {"step_s", "s", false, "median / steps"},
    {"tokens_per_step", "count", true, "tokens / requests / steps: 1, or more with mtp"},
#define SN_OPERATION(name, word, where, stream, brief) SN_NATIVE_OPERATION_DOCS(word),
#include "bench/macro/operations.def"
#undef SN_OPERATION
    {0},
};

static const char *unsupported(const struct sn_case *c)
{
    return sn_native_unsupported(c, false);
}

static int inputs(const struct sn_case *c)
{
    return sn_native_inputs(c, false);
}

static uint64_t memory(const struct sn_case *c)
{
    return sn_native_memory(c, false);
}

static int setup(struct sn_case *c)
{
    return sn_native_setup(c, false);
}

const struct sn_bench sn_bench_decode = {
    .name = "decode",
    .brief = "decode steps of a whole model: latent attention, experts on all dies, sampling",
    .axes = axes,
    .clocks = SN_CLOCK_WALL,
    .timed = SN_NATIVE_TIMED,
    .bytes = SN_NATIVE_BYTES,
    .limit = SN_NATIVE_LIMIT,
    .metric_docs = docs,
    .unsupported = unsupported,
    .inputs = inputs,
    .memory = memory,
    .endpoints = sn_native_dies,
    .setup = setup,
    .verify = sn_native_verify,
    .prepare = sn_native_prepare,
    .run = sn_native_run,
    .metrics = sn_native_metrics,
    .teardown = sn_native_teardown,
};
