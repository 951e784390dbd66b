/* A case of decode or prefill on the model clock as a struct sn_pipe: the axes, and what a case
 * keeps between its hooks. */
#ifndef SN_BENCH_MACRO_PIPE_CASE_H
#define SN_BENCH_MACRO_PIPE_CASE_H

#include "bench/device.h"
#include "bench/macro/pipe.h"
#include "bench/model.h"

/* "auto", or a number from 0 to 65,535. */
int sn_pipe_auto_check(const char *term);
/* "auto", or as sn_routing_check(). */
int sn_pipe_routing_check(const char *term);
extern const char *const sn_pipe_dtype_words[];     /* "bf16", "int8", NULL: enum sn_dtype */
extern const char *const sn_pipe_balance_words[];   /* "off", "on", "auto", NULL */
extern const char *const sn_pipe_detail_words[];    /* "off", "on", NULL */
extern const char *const sn_pipe_attention_words[]; /* "own", "spread", NULL */

/* The axes that both have on the model clock, but `model` and `ep`. */
#define SN_PIPE_AXES                                                                               \
    {.name = "dtype",                                                                              \
     .type = SN_AXIS_WORD,                                                                         \
     .def = "int8",                                                                                \
     .words = sn_pipe_dtype_words,                                                                 \
     .clocks = SN_CLOCK_MODEL,                                                                     \
     .help = "of weights, products and dispatched tokens"},                                        \
        {.name = "routing",                                                                        \
         .type = SN_AXIS_TEXT,                                                                     \
         .def = "auto",                                                                            \
         .check = sn_pipe_routing_check,                                                           \
         .clocks = SN_CLOCK_MODEL,                                                                 \
         .help = "popularity of the experts (snbench list routings); auto: uniform in decode, in " \
                 "prefill zipf(skew) of the device"},                                              \
        {.name = "eplb",                                                                           \
         .type = SN_AXIS_WORD,                                                                     \
         .def = "auto",                                                                            \
         .words = sn_pipe_balance_words,                                                           \
         .clocks = SN_CLOCK_MODEL,                                                                 \
         .help = "experts placed by their popularity; auto: on in decode, off in prefill"},        \
        {.name = "redundant",                                                                      \
         .type = SN_AXIS_TEXT,                                                                     \
         .def = "auto",                                                                            \
         .check = sn_pipe_auto_check,                                                              \
         .clocks = SN_CLOCK_MODEL,                                                                 \
         .help = "slots for replicas of routed experts; auto: as many as give each die one, with " \
                 "eplb at least 32"},                                                              \
        {.name = "shared",                                                                         \
         .type = SN_AXIS_TEXT,                                                                     \
         .def = "auto",                                                                            \
         .check = sn_pipe_auto_check,                                                              \
         .clocks = SN_CLOCK_MODEL,                                                                 \
         .help = "dies that hold the shared expert alone; 0: each die has it for its own tokens; " \
                 "auto: a tenth from ep 320 on"},                                                  \
        {.name = "sync",                                                                           \
         .type = SN_AXIS_WORD,                                                                     \
         .def = "mean",                                                                            \
         .words = sn_moe_sync_words,                                                               \
         .clocks = SN_CLOCK_MODEL,                                                                 \
         .help = "how the flags of dispatch and combine grow with ep: linear, log, or the mean"},  \
        {.name = "detail",                                                                         \
         .type = SN_AXIS_WORD,                                                                     \
         .def = "off",                                                                             \
         .words = sn_pipe_detail_words,                                                            \
         .clocks = SN_CLOCK_MODEL,                                                                 \
         .help = "on: the row has a timeline of two layers, and how its time answers to each "     \
                 "figure of the profiles, 10 % less and more"},                                    \
        SN_DEVICE_AXIS(SN_CLOCK_MODEL), SN_MODEL_AXES

/* The model, kept open until the run ends. SN_EINVAL, SN_EIO. */
int sn_pipe_model(const struct sn_case *c, const struct sn_llm **out);

/* Fills *out from the axes; `prefill` says which benchmark it is. SN_EINVAL, SN_EIO. Its arrays are
 * the case's and the run's. Values that are no step: sn_pipe_unsupported() says. */
int sn_pipe_of_case(const struct sn_case *c, bool prefill, struct sn_pipe *out);

/* The hooks of the model clock. */
const char *sn_pipe_case_unsupported(const struct sn_case *c);
int sn_pipe_case_inputs(const struct sn_case *c);
uint64_t sn_pipe_case_memory(const struct sn_case *c);
int sn_pipe_case_setup(struct sn_case *c);
int sn_pipe_case_verify(struct sn_case *c, struct sn_check *k);
int sn_pipe_case_predict(struct sn_case *c, struct sn_timeline *t);
void sn_pipe_case_metrics(const struct sn_case *c, struct sn_row *row);
void sn_pipe_case_teardown(struct sn_case *c);
bool sn_pipe_case_other_profile(const struct sn_case *c, unsigned i, char *name, size_t size);
/* Metrics of the model clock; a macro, for tables of them. */
#define SN_PIPE_METRIC_DOCS                                                                        \
    {"layer", "s", false, "median over layers with experts: from the end of the one before"},      \
        {"stream", "s", false, "mean of stream_attention and stream_experts"},                     \
        {"stream_attention", "s", false,                                                           \
         "median over layers with experts and microbatches: its operations of attention"},         \
        {"stream_experts", "s", false, "the same: gate to combine"},                               \
        {"exposed", "s", false, "communication on the critical path of a step"},                   \
        {"microbatches", "count", false,                                                           \
         "that the step has: 1 where two, which the axis allows, would be slower"},                \
        {"operations", "op", false, "of a die in a step"},                                         \
        {"moved", "B", false, "bytes of a die between cores and memory in a step"},                \
        {"cube_share", "1", false, "cube cores' time in use / step"},                              \
        {"vector_share", "1", false, "vector cores' time in use / step"},                          \
        {"hbm_share", "1", false, "memory bandwidth in use / step"},                               \
        {"dma_share", "1", false, "copy engines' time in use / step"},                             \
        {"fabric_share", "1", false, "busiest port's bandwidth in use / step"},                    \
        {"band_low_s", "s", false,                                                                 \
         "step with the faster form of synchronisation: linear or logarithmic in ep"},             \
    {                                                                                              \
        "band_high_s", "s", false, "the same with the slower form"                                 \
    }

#endif
