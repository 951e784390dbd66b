/* The figures of a native run's row: where the time went, what moved, what bounds it. */
#ifndef SN_BENCH_MACRO_NATIVE_FIGURES_H
#define SN_BENCH_MACRO_NATIVE_FIGURES_H

#include "bench/macro/native.h"

/* A repetition over ranks, by operation. `part`: of the rank that took longest from its start to
 * its end. */
struct sn_native_times {
    double part[SN_OPERATIONS], most[SN_OPERATIONS], least[SN_OPERATIONS];
    double sum; /* of part */
};

struct sn_native_figures { /* on rank 0; starts zeroed */
    struct sn_native_times *times;
    size_t n, cap;
    double limit_s[SN_OPERATIONS]; /* of the die whose sum is largest */
    uint64_t logical, wire, local; /* bytes of a repetition */
    double imbalance, copies_per_die;
    uint64_t tokens; /* of a repetition */
};

void sn_native_figures_close(struct sn_native_figures *f);

/* Collective: the times of the last repetition, if it was a timed one. */
void sn_native_figures_collect(struct sn_native_figures *f, struct sn_native *n);
/* Collective: limits and copies of the repetition that was accounted for; wire and local are this
 * rank's. */
void sn_native_figures_account(struct sn_native_figures *f, const struct sn_native *n,
                               uint64_t wire, uint64_t local);

/* The mean over the eighth (rounded up) of n repetitions whose sums are nearest to `median`: so
 * that the parts add up to it. n >= 1. */
void sn_native_times_near(const struct sn_native_times *times, size_t n, double median,
                          struct sn_native_times *out);

/* Bytes, limit, breakdown and metrics; docs are those of c->bench. */
void sn_native_figures_row(const struct sn_native_figures *f, const struct sn_native *n,
                           const struct sn_metric_doc *docs, struct sn_row *row);

#endif
