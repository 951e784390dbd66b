/* The wall clock of `decode` and `prefill`: axes, metrics and hooks for their descriptors. What
 * runs is native.h, what it must bring native_reference.h. */
#ifndef SN_BENCH_MACRO_NATIVE_BENCH_H
#define SN_BENCH_MACRO_NATIVE_BENCH_H

#include "bench/macro/native_shape.h"

/* Axes of both benchmarks and both clocks. */
#define SN_MACRO_MODEL_AXIS                                                                        \
    {                                                                                              \
        .name = "model", .type = SN_AXIS_TEXT, .def = "nano", .model_def = "deepseek-r1",          \
        .check = sn_native_model_check, .help = "a name of snbench list models, or a file"         \
    }
#define SN_MACRO_MICROBATCH_AXIS                                                                   \
    {                                                                                              \
        .name = "microbatch", .type = SN_AXIS_INT, .def = "1", .model_def = "2", .min = 1,         \
        .max = SN_NATIVE_MICROBATCHES,                                                             \
        .help = "parts of a die's requests: wall clock, they take turns in each layer, nothing "   \
                "overlaps; model clock, at most so many, two where that is faster than one"        \
    }
#define SN_MACRO_ALGORITHM_AXIS(model_default)                                                     \
    {                                                                                              \
        .name = "algorithm", .type = SN_AXIS_WORD, .def = "put", .model_def = model_default,       \
        .words = sn_moe_algorithm_words, .compares = true,                                         \
        .help = "of dispatch and combine (snbench list algorithms)"                                \
    }

/* Of both, on the wall clock alone. `requests` is not the model clock's batch of an NPU: the same
 * requests whatever the number of ranks, so that tokens can be compared over it. */
#define SN_NATIVE_AXES                                                                             \
    {.name = "requests",                                                                           \
     .type = SN_AXIS_INT,                                                                          \
     .def = "8",                                                                                   \
     .min = 1,                                                                                     \
     .max = 4096,                                                                                  \
     .clocks = SN_CLOCK_WALL,                                                                      \
     .help = "requests of all dies together, in blocks over the dies"},                            \
        {.name = "transport",                                                                      \
         .type = SN_AXIS_WORD,                                                                     \
         .def = "shm",                                                                             \
         .words = sn_transport_words,                                                              \
         .clocks = SN_CLOCK_WALL,                                                                  \
         .help = "what put and hier go through; alltoallv and pairwise use MPI"},                  \
        {.name = "node",                                                                           \
         .type = SN_AXIS_INT,                                                                      \
         .def = "16",                                                                              \
         .min = 1,                                                                                 \
         .max = 4096,                                                                              \
         .clocks = SN_CLOCK_WALL,                                                                  \
         .help = "dies per node, for hier"},                                                       \
    {                                                                                              \
        .name = "threads", .type = SN_AXIS_INT, .def = "1", .min = 1, .max = 1024,                 \
        .clocks = SN_CLOCK_WALL, .help = "OpenMP threads of each rank in its kernels"              \
    }

#define SN_NATIVE_OPERATION_DOCS(word)                                                             \
    {word "_max_s", "s", false, "time in " word ": the largest over ranks"},                       \
        {word "_min_s", "s", false, "the same, the smallest over ranks"},                          \
    {                                                                                              \
        word "_limit_s", "s", false, "what limit_s has of " word                                   \
    }

/* In a table of docs; the operations' own follow, see decode.c. */
#define SN_NATIVE_METRIC_DOCS                                                                      \
    {"tokens_per_s", "token/s", true,                                                              \
     "tokens (prefill: of the prompts) of all requests / median; model clock: of all NPUs"},       \
        {"tokens_per_s_per_npu", "token/s", true,                                                  \
         "tokens_per_s / (endpoints / 2); prefill: reused tokens included"},                       \
        {"of_roofline", "1", true, "sum over operations of their limits / median (limit_s says)"}, \
        {"imbalance", "1", false,                                                                  \
         "largest / mean number of copies that a die receives; model clock: mean over layers"},    \
    {                                                                                              \
        "copies_per_die", "count", false, "copies received / dies"                                 \
    }

#define SN_NATIVE_TIMED                                                                            \
    "a repetition: all operations of a step (steps, of decode) on every rank, dispatch and "       \
    "combine through the algorithm; last end minus first start over ranks. Breakdown: per "        \
    "operation the time of the rank that took longest, waiting for others included, over the "     \
    "eighth of the repetitions nearest to the median, so that the parts add up to it"
#define SN_NATIVE_BYTES                                                                            \
    "logical: copies to experts and answers back, as routed; wire: moved between different dies; " \
    "local: from a die to itself; of a repetition, without counts and flags"
#define SN_NATIVE_LIMIT                                                                            \
    "sum over operations of the die where it is largest: kernels the larger of operations / peak " \
    "and bytes / read roof (weights and cache at the size of all that a step walks through); a "   \
    "dispatch every copy written once at 2 x copy roof, a combine every answer read once"

/* The check of the axis `model`. */
int sn_native_model_check(const char *name_or_file);

/* Hooks of struct sn_bench, for cases on the wall clock; `prefill` says which of the two. */
const char *sn_native_unsupported(const struct sn_case *c, bool prefill);
int sn_native_inputs(const struct sn_case *c, bool prefill);
uint64_t sn_native_memory(const struct sn_case *c, bool prefill);
unsigned sn_native_dies(const struct sn_case *c);
int sn_native_setup(struct sn_case *c, bool prefill);
int sn_native_verify(struct sn_case *c, struct sn_check *k);
int sn_native_prepare(struct sn_case *c);
int sn_native_run(struct sn_case *c);
void sn_native_metrics(const struct sn_case *c, struct sn_row *row);
void sn_native_teardown(struct sn_case *c);

#endif
