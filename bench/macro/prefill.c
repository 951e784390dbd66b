/* prefill: prompts through a whole model with expert parallelism, to their first token and their
 * pages of the cache. On the wall clock a model runs for real (native_bench.h), on the model clock
 * it is served at scale (pipe_case.h). */
#include "bench/benches.h"
#include "bench/macro/lengths.h"
#include "bench/macro/native_bench.h"
#include "bench/macro/operation.h"
#include "bench/macro/pipe_case.h"

static const struct sn_axis axes[] = {
    SN_MACRO_MODEL_AXIS,
    {.name = "ep",
     .type = SN_AXIS_INT,
     .def = "ranks",
     .model_def = "32",
     .min = 1,
     .max = 4096,
     .help = "dies that share the experts; on the wall clock the number of ranks"},
    {.name = "tokens",
     .type = SN_AXIS_INT,
     .def = "16384",
     .min = 2,
     .max = 1 << 20,
     .clocks = SN_CLOCK_MODEL,
     .help = "tokens of an NPU of two dies in a batch of prompts"},
    {.name = "prompt",
     .type = SN_AXIS_INT,
     .def = "128",
     .model_def = "4096",
     .min = 1,
     .max = 1 << 20,
     .help = "tokens of each prompt"},
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
    {.name = "lengths",
     .type = SN_AXIS_WORD,
     .def = "fixed",
     .words = sn_lengths_words,
     .clocks = SN_CLOCK_MODEL,
     .help =
         "of the prompts, of mean `prompt`: fixed, uniform (0.5 to 1.5), lognormal (sigma 0.6), "
         "bimodal (a fifth 2.6, the rest 0.6); in attention and its projections"},
    SN_MACRO_MICROBATCH_AXIS,
    SN_MACRO_ALGORITHM_AXIS("pairwise"),
    SN_NATIVE_AXES,
    SN_PIPE_AXES,
    {0},
};

static const struct sn_metric_doc docs[] = {
    {"ttft", "s", false, "time to the first token of all prompts: median"},
    SN_NATIVE_METRIC_DOCS,
    SN_PIPE_METRIC_DOCS,
#define SN_OPERATION(name, word, where, stream, brief) SN_NATIVE_OPERATION_DOCS(word),
#define SN_MODELLED(...)
#include "bench/macro/operations.def"
#undef SN_OPERATION
    {0},
};

static void model_metrics(const struct sn_case *c, struct sn_row *row)
{
    double tokens = (double)sn_case_int(c, "tokens"), t = row->stats.median;
    sn_row_add_metric(row, docs, "ttft", t);
    sn_row_add_metric(row, docs, "tokens_per_s_per_npu", tokens / t);
    sn_row_add_metric(row, docs, "tokens_per_s", (double)sn_case_int(c, "ep") * tokens / 2 / t);
    sn_pipe_case_metrics(c, row);
}

#define PREFILL true
#include "bench/macro/hooks.h"

const struct sn_bench sn_bench_prefill = {
    .name = "prefill",
    .brief = "prompts through a whole model: causal attention, experts on all dies, first token",
    .axes = axes,
    SN_MACRO_HOOKS,
    .other_profile = sn_pipe_case_other_profile,
};
