/* Small random problems for kernels, full of tails: what tests and the check of plug-ins run. */
#ifndef SN_BENCH_MICRO_KERNEL_RANDOM_H
#define SN_BENCH_MICRO_KERNEL_RANDOM_H

#include "bench/micro/kernel.h"

enum { SN_RANDOM_AXES_MAX = 32 };

/* One problem: a value for every axis of a kernel benchmark; the variant is the last axis. */
struct sn_random_problem {
    const struct sn_bench *bench;
    size_t n;
    struct sn_value values[SN_RANDOM_AXES_MAX];
    char texts[SN_RANDOM_AXES_MAX][64];
    uint64_t seed;
};

/* The benchmark of an operation's kernels among sn_benches, or NULL. */
const struct sn_bench *sn_random_bench(enum sn_op op);

/* Draws d's problem for d->bench, with `best` as the variant. */
void sn_random_draw(struct sn_random_problem *d, struct sn_rng *rng);

/* Sets the variant: kernel i of the operation, or `best` for their number. */
void sn_random_variant(struct sn_random_problem *d, size_t i);

/* Number of variants, without `best`. */
size_t sn_random_variants(const struct sn_bench *b);

/* Bytes of all arrays of the problem. */
uint64_t sn_random_bytes(const struct sn_random_problem *d);

/* The axes as the command line takes them: " m=3 n=7 ...". */
void sn_random_text(const struct sn_random_problem *d, char *out, size_t size);

enum sn_outcome { SN_PASSED, SN_SKIPPED, SN_FAILED };

/* Runs the variant on the problem, every array at an unreadable page, and compares with the
 * reference; `why` says what failed. */
enum sn_outcome sn_random_try(const struct sn_random_problem *d, enum sn_isa isa,
                              enum sn_mutation mutation, char *why, size_t size);

#endif
