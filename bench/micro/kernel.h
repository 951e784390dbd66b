/* What the benchmarks of kernels share: a problem in memory, the variants that compute it, the ring
 * of copies that keeps caches cold, the check against the reference, and the roofs.
 *
 * A benchmark of an operation is a `struct sn_kernel_op` and the axes it needs; its hooks are those
 * below (SN_KERNEL_HOOKS). The arrays of a problem are a list, so that they can be allocated,
 * copied for the ring, put against guard pages by tests, and poisoned before every check in one
 * place. */
#ifndef SN_BENCH_MICRO_KERNEL_H
#define SN_BENCH_MICRO_KERNEL_H

#include "bench/device.h"
#include "harness/base/peak.h"
#include "harness/base/rng.h"
#include "harness/bench.h"
#include "kernels/cost.h"

enum sn_array_role {
    SN_ARRAY_WEIGHT, /* read by prepare() alone: gone once the weights are packed */
    SN_ARRAY_INPUT,  /* activations, scales, indices */
    SN_ARRAY_OUTPUT
};

struct sn_array {
    const char *name;
    size_t field; /* offset of its pointer within union sn_problem */
    size_t bytes;
    enum sn_array_role role;
};
enum { SN_ARRAYS_MAX = 24 };
#define SN_FIELD(op, name) offsetof(union sn_problem, op.name)

enum sn_cache_state { SN_CACHE_HOT, SN_CACHE_COLD_WEIGHTS, SN_CACHE_COLD };
enum sn_value_dist { SN_DIST_FULL, SN_DIST_GAUSSIAN, SN_DIST_OUTLIERS, SN_DIST_ZEROS };
extern const char *const sn_cache_words[], *const sn_dist_words[];

struct sn_kernel_op {
    enum sn_op op;
    /* NULL, or why the case's shape is none (a reason for a skipped row). May be NULL. */
    const char *(*refuse)(const struct sn_case *c);
    /* Sizes and types of the problem; pointers stay NULL. */
    void (*shape)(const struct sn_case *c, union sn_problem *p);
    /* Its arrays; returns their number. */
    size_t (*arrays)(const union sn_problem *p, struct sn_array *out);
    /* Writes weights and inputs through p's pointers (which are const for kernels alone), a
     * function of the case and its seed. */
    void (*fill)(const struct sn_case *c, union sn_problem *p);
    /* Compares every element of the outputs of `got` with those of `want`, which the reference
     * computed: k->what, compared, errors, tolerance. `got` is the same problem elsewhere, computed
     * by `by`: another library's may round in another order. */
    void (*compare)(const struct sn_kernel *by, const union sn_problem *got,
                    const union sn_problem *want, struct sn_check *k);
    /* Operations and bytes are those of kernels/cost.h, on both clocks. Where another arithmetic
     * than the definition's may do the work on this machine, and faster, this says so for the limit
     * of the wall clock. May be NULL. */
    void (*bound)(const union sn_problem *p, struct sn_cost *c);
    /* For the model clock: writes the index arrays on which the work depends (first, length,
     * expert) as fill() would, and nothing else; the weights are then not there. NULL: fill() is
     * called where there are such arrays. */
    void (*index)(const struct sn_case *c, union sn_problem *p);
    /* Adds what metrics the operation has of its own; p has no weights. May be NULL. */
    void (*metrics)(const struct sn_case *c, const union sn_problem *p, struct sn_row *row);
    /* As of struct sn_bench: checks files that the case names. May be NULL. */
    int (*inputs)(const struct sn_case *c);
    /* For tests: the value of one of the benchmark's own axes in a small random case (an integer,
     * or the index of a word, of a text in `texts`). Axes that all kernels have are drawn
     * elsewhere. */
    int64_t (*draw)(const char *axis, struct sn_rng *rng);
    const char *const *texts;
};

/* The axes that every kernel benchmark ends with. `op` is the constant without SN_OP_. */
#define SN_KERNEL_AXES(op, cache_default)                                                          \
    {.name = "dist",                                                                               \
     .type = SN_AXIS_WORD,                                                                         \
     .def = "full",                                                                                \
     .words = sn_dist_words,                                                                       \
     .clocks = SN_CLOCK_WALL,                                                                      \
     .help = "values: full (every bit pattern that is a number in range, the extremes often), "    \
             "gaussian, outliers (gaussian, one in 256 some 50 times larger), zeros"},             \
        {.name = "cache",                                                                          \
         .type = SN_AXIS_WORD,                                                                     \
         .def = cache_default,                                                                     \
         .words = sn_cache_words,                                                                  \
         .clocks = SN_CLOCK_WALL,                                                                  \
         .help = "hot: the same arrays in every repetition; cold-weights, cold: the next copy of " \
                 "the weights, of everything, in a ring larger than the caches"},                  \
        {.name = "threads",                                                                        \
         .type = SN_AXIS_INT,                                                                      \
         .def = "1",                                                                               \
         .min = 1,                                                                                 \
         .max = 1024,                                                                              \
         .clocks = SN_CLOCK_WALL,                                                                  \
         .help = "OpenMP threads of each rank that compute together"},                             \
        SN_DEVICE_AXIS(SN_CLOCK_MODEL),                                                            \
    {                                                                                              \
        .name = "variant", .type = SN_AXIS_WORD, .def = "best",                                    \
        .words = sn_kernel_words[SN_OP_##op], .extra = "best", .clocks = SN_CLOCK_WALL,            \
        .compares = true,                                                                          \
        .help = "which kernel (snbench list kernels); best: the one of the highest rank here"      \
    }

/* The metrics that every kernel benchmark has; SN_KERNEL_METRIC_DOCS in its table of docs. */
#define SN_KERNEL_METRIC_DOCS                                                                      \
    {"rate", "op/s", true, "operations / median"},                                                 \
        {"bandwidth", "B/s", true, "(weights + activations + output) / median"},                   \
        {"ops_per_cycle", "op/cycle", true, "rate / threads / core clock (dependent-add chain)"},  \
        {"compute_limit", "s", false, "operations / (peak of one core * threads)"},                \
        {"memory_limit", "s", false, "bytes that must come from memory or cache / its roof"},      \
        {"operations", "op", false, "multiplications + additions that the operation needs"},       \
        {"weights", "B", false, "bytes of weights touched, each once"},                            \
        {"activations", "B", false, "bytes of inputs other than weights, each once"},              \
        {"output", "B", false, "bytes written, each once"},                                        \
        {"pack", "s", false, "prepare(): the weights brought into the kernel's form; not in T"},   \
        {"packed", "B", false, "bytes of the weights in the kernel's form"},                       \
    {                                                                                              \
        "ring", "count", false, "copies that take turns: 1 where everything is hot"                \
    }

/* The hooks; .own is the benchmark's struct sn_kernel_op. */
const char *sn_kernel_case_unsupported(const struct sn_case *c);
uint64_t sn_kernel_case_memory(const struct sn_case *c);
int sn_kernel_model_inputs(const struct sn_case *c);
int sn_kernel_model_predict(struct sn_case *c, struct sn_timeline *t);
int sn_kernel_case_setup(struct sn_case *c);
int sn_kernel_case_verify(struct sn_case *c, struct sn_check *k);
int sn_kernel_case_run(struct sn_case *c);
void sn_kernel_case_metrics(const struct sn_case *c, struct sn_row *row);
void sn_kernel_case_teardown(struct sn_case *c);

#define SN_KERNEL_HOOKS(kernel_op)                                                                 \
    .clocks = SN_CLOCK_WALL | SN_CLOCK_MODEL, .flags = SN_BENCH_BATCH,                             \
    .timed =                                                                                       \
        "run() of the kernel by `threads` threads. Its packing of the weights is timed apart "     \
        "(pack). T = last end minus first start over ranks, each of which does the same. On the "  \
        "model clock: launch, and for each part of the operation the larger of operations / "      \
        "(peak * efficiency) and bytes / (bandwidth * efficiency) of the device",                  \
    .bytes = "logical = local = weights + activations + output, each once; nothing is sent",       \
    .limit =                                                                                       \
        "the larger of operations / peak and bytes / bandwidth: int8, bf16 or f32 peak of "        \
        "a core times threads; read bandwidth (quantize, stream: copy bandwidth) at the size "     \
        "of the working set, past the caches where it is cold. On the model clock: the device's "  \
        "peaks and memory bandwidth",                                                              \
    .own = &(kernel_op), .unsupported = sn_kernel_case_unsupported,                                \
    .memory = sn_kernel_case_memory, .inputs = sn_kernel_model_inputs,                             \
    .setup = sn_kernel_case_setup, .verify = sn_kernel_case_verify, .run = sn_kernel_case_run,     \
    .predict = sn_kernel_model_predict, .metrics = sn_kernel_case_metrics,                         \
    .teardown = sn_kernel_case_teardown

/* The value of the axis `dist`. */
enum sn_value_dist sn_kernel_dist(const struct sn_case *c);

#endif
