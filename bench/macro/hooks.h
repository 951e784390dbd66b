/* For decode.c and prefill.c alone, behind their `docs`, model_metrics() and PREFILL: hooks that
 * take the clock's own. */
#include "bench/macro/native_bench.h"
#include "bench/macro/pipe_case.h"

static const bool is_prefill = PREFILL;

static const char *unsupported(const struct sn_case *c)
{
    return sn_on_model(c) ? sn_pipe_case_unsupported(c) : sn_native_unsupported(c, PREFILL);
}

static int inputs(const struct sn_case *c)
{
    return sn_on_model(c) ? sn_pipe_case_inputs(c) : sn_native_inputs(c, PREFILL);
}

static uint64_t memory(const struct sn_case *c)
{
    return sn_on_model(c) ? sn_pipe_case_memory(c) : sn_native_memory(c, PREFILL);
}

static int setup(struct sn_case *c)
{
    return sn_on_model(c) ? sn_pipe_case_setup(c) : sn_native_setup(c, PREFILL);
}

static int verify(struct sn_case *c, struct sn_check *k)
{
    return sn_on_model(c) ? sn_pipe_case_verify(c, k) : sn_native_verify(c, k);
}

static void metrics(const struct sn_case *c, struct sn_row *row)
{
    if (sn_on_model(c))
        model_metrics(c, row);
    else
        sn_native_metrics(c, row);
}

static void teardown(struct sn_case *c)
{
    if (sn_on_model(c))
        sn_pipe_case_teardown(c);
    else
        sn_native_teardown(c);
}

#define SN_MACRO_HOOKS                                                                             \
    .clocks = SN_CLOCK_WALL | SN_CLOCK_MODEL, .flags = SN_BENCH_SPREAD | SN_BENCH_TRACES,          \
    .timed = SN_NATIVE_TIMED ". Model clock: a step, or batch of prompts, from its first "         \
                             "operation to the end of its last; breakdown: along the critical "    \
                             "path",                                                               \
    .bytes = SN_NATIVE_BYTES ". Model clock: of dispatch and combine in all layers of a step",     \
    .limit = SN_NATIVE_LIMIT ". Model clock: all that a die does on its busiest resource, at the " \
                             "roof of that",                                                       \
    .metric_docs = docs, .own = &is_prefill, .unsupported = unsupported, .memory = memory,         \
    .inputs = inputs, .endpoints = sn_native_dies, .setup = setup, .verify = verify,               \
    .prepare = sn_native_prepare, .run = sn_native_run, .predict = sn_pipe_case_predict,           \
    .metrics = metrics, .teardown = teardown
