/* prefill: a batch of prompts through all layers, to their first token. */
#include "bench/macro/pipe_case.h"

static const struct sn_axis axes[] = {
    {.name = "model",
     .type = SN_AXIS_TEXT,
     .def = "deepseek-r1",
     .help = "sizes of the model, a name of snbench list models or a file"},
    {.name = "ep",
     .type = SN_AXIS_INT,
     .def = "32",
     .min = 1,
     .max = 4096,
     .help = "dies that share the experts"},
    {.name = "tokens",
     .type = SN_AXIS_INT,
     .def = "16384",
     .min = 2,
     .max = 1 << 20,
     .clocks = SN_CLOCK_MODEL,
     .help = "tokens of an NPU of two dies in a batch of prompts"},
    {.name = "prompt",
     .type = SN_AXIS_INT,
     .def = "4096",
     .min = 1,
     .max = 1 << 20,
     .help = "tokens of a prompt"},
    {.name = "reuse",
     .type = SN_AXIS_REAL,
     .def = "0",
     .min = 0,
     .max = 0.99,
     .clocks = SN_CLOCK_MODEL,
     .help = "share of each prompt that the context cache has, in whole blocks of 128 tokens"},
    {.name = "pool",
     .type = SN_AXIS_TEXT,
     .def = "cloudmatrix384-ub",
     .check = sn_profile_axis_check,
     .clocks = SN_CLOCK_MODEL,
     .help = "profile of the plane that the context cache is read over"},
    {.name = "attention",
     .type = SN_AXIS_WORD,
     .def = "spread",
     .words = sn_pipe_attention_words,
     .clocks = SN_CLOCK_MODEL,
     .help = "own: each die its own prompts; spread: all dies share the heads (SP-TP-SP)"},
    {.name = "microbatch",
     .type = SN_AXIS_INT,
     .def = "2",
     .min = 1,
     .max = 2,
     .help = "most microbatches of a batch: with 2, two where that is faster than one"},
    {.name = "algorithm",
     .type = SN_AXIS_WORD,
     .def = "pairwise",
     .words = sn_moe_algorithm_words,
     .help = "of dispatch and combine (snbench list algorithms)"},
    SN_PIPE_AXES,
    {0},
};

static const struct sn_metric_doc docs[] = {
    {"ttft", "s", false, "median: all prompts of the batch have their first token then"},
    {"tokens_per_s", "token/s", true, "ep tokens / 2 / median, reused tokens included"},
    {"tokens_per_s_per_npu", "token/s", true, "tokens / median, reused tokens included"},
    SN_PIPE_METRIC_DOCS,
    {0},
};

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    double tokens = (double)sn_case_int(c, "tokens"), t = row->stats.median;
    sn_row_add_metric(row, docs, "ttft", t);
    sn_row_add_metric(row, docs, "tokens_per_s_per_npu", tokens / t);
    sn_row_add_metric(row, docs, "tokens_per_s", (double)sn_case_int(c, "ep") * tokens / 2 / t);
    sn_pipe_case_metrics(c, row);
}

static unsigned endpoints(const struct sn_case *c)
{
    return (unsigned)sn_case_int(c, "ep");
}

const struct sn_bench sn_bench_prefill = {
    .name = "prefill",
    .brief = "a batch of prompts through all layers of a served model: time to first token",
    .axes = axes,
    .clocks = SN_CLOCK_MODEL,
    .flags = SN_BENCH_SPREAD | SN_BENCH_TRACES,
    .timed = "model clock: the batch from the first block that is read from the context cache to "
             "the first tokens and the blocks stored; breakdown: along the critical path",
    .bytes = "of dispatch and combine in all layers, all dies: wire between dies, local from a die "
             "to itself",
    .limit = "all that a die does on its busiest resource, at the roof of that",
    .metric_docs = docs,
    .unsupported = sn_pipe_case_unsupported,
    .memory = sn_pipe_case_memory,
    .inputs = sn_pipe_case_inputs,
    .other_profile = sn_pipe_case_other_profile,
    .endpoints = endpoints,
    .setup = sn_pipe_case_setup,
    .verify = sn_pipe_case_verify,
    .predict = sn_pipe_case_predict,
    .metrics = metrics,
    .teardown = sn_pipe_case_teardown,
};
