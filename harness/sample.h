/* Sampling one case on the wall clock: synchronised start, warm-up until steady, stop rule.
 *
 * Each repetition: prepare (untimed), a start instant named by rank 0, everybody waits for it, run,
 * one all-reduce of (end, -start, validity). T = max over ranks of end - min over ranks of start on
 * the common clock; without one the largest local time, flagged. A rank that reaches the start
 * instant late makes the repetition invalid; it is counted and repeated. With several ranks a core
 * the wait yields.
 */
#ifndef SN_HARNESS_SAMPLE_H
#define SN_HARNESS_SAMPLE_H

#include "harness/bench.h"

struct sn_counters;

struct sn_sample_opts {
    uint64_t min, max; /* samples; default 20 and 1000 */
    double ci;         /* stop at half-width / median <= ci; default 0.025, decided at 99 % */
    double budget_s;   /* for warm-up and sampling of one case; default 1 s */
    double warmup_s;   /* cap of the warm-up; default 0.2 of the budget */
};

/* Collective. Warms up and samples c (set up and verified); sets c->batch for SN_BENCH_BATCH so
 * that a repetition lasts at least 20 us and 20 timer calls. Fills n, warmup, invalid, batch,
 * steady, stop, sync, samples_s and flags of row on every rank (the same values). Failure of a hook
 * on any rank: its status on every rank. */
int sn_sample(struct sn_case *c, const struct sn_sample_opts *o, struct sn_counters *counters,
              struct sn_row *row);

#endif
