/* prefill: prompts through a whole model with expert parallelism, to their first token and their
 * pages of the cache. On the wall clock a model runs for real (native_bench.h). */
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
    {.name = "prompt",
     .type = SN_AXIS_INT,
     .def = "128",
     .min = 1,
     .max = 1 << 20,
     .clocks = SN_CLOCK_WALL,
     .help = "tokens of each prompt"},
    SN_NATIVE_AXES,
    {0},
};

static const struct sn_metric_doc docs[] = {
    {"ttft", "s", false, "time to the first token of all prompts: median"},
    SN_NATIVE_METRIC_DOCS,
#define SN_OPERATION(name, word, where, stream, brief) SN_NATIVE_OPERATION_DOCS(word),
#include "bench/macro/operations.def"
#undef SN_OPERATION
    {0},
};

static const char *unsupported(const struct sn_case *c)
{
    return sn_native_unsupported(c, true);
}

static int inputs(const struct sn_case *c)
{
    return sn_native_inputs(c, true);
}

static uint64_t memory(const struct sn_case *c)
{
    return sn_native_memory(c, true);
}

static int setup(struct sn_case *c)
{
    return sn_native_setup(c, true);
}

const struct sn_bench sn_bench_prefill = {
    .name = "prefill",
    .brief = "prompts through a whole model: causal attention, experts on all dies, first token",
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
