/* Sampling one case on the wall clock: synchronised start, warm-up until steady, stop rule.
 *
 * Each repetition: prepare (untimed), a start instant named by rank 0 (by the last rank ready where
 * there is a prepare), everybody waits for it, run, one all-reduce of (end, -start, validity). T =
 * max over ranks of end - min over ranks of start on the common clock; without one the largest
 * local time, flagged. A rank that starts late makes the repetition invalid; it is counted and
 * repeated. With more ranks than cores all waiting yields, and being late is the rule.
 *
 * The verdicts that a row records:
 *   warmup  batch calibration, one cold repetition, then blocks of up to 10 until the medians of
 * the last two differ by less than 5 % and 10 ms (or half the cap) are over; at the cap: flag
 *           "unsteady"
 *   invalid late repetitions thrown away: at most 20 + 3 n, with yielding 10 + n / 4, none once the
 *           budget is spent. Later ones are kept and flag "late-start" the row
 *   stop    ci: from `min` samples on, every 10, half the 99 % interval <= ci x median (99, not 95:
 *           the repeated looks); max: `max` samples; budget: time spent, but never below 6 samples
 *           (the fewest with an interval) until 3 budgets are spent, and never below 1
 *   sync    "round"; "round-yield" where waiting yields; "local" with flag "local-clock" where the
 *           ranks' clocks cannot be related within 5 us and 10 % of the median; several hosts whose
 *           clocks can be related: flag "synced-clock"
 * Several cases that compete: sample_turns.h.
 */
#ifndef SN_HARNESS_SAMPLE_H
#define SN_HARNESS_SAMPLE_H

#include "harness/bench.h"

struct sn_counters;

struct sn_sample_opts { /* 0: the default */
    uint64_t min, max;  /* samples; default 20 and 1000 */
    double ci;          /* stop at half-width / median <= ci; default 0.025, decided at 99 % */
    double budget_s;    /* for warm-up and sampling of one case; default 1 s */
    double warmup_s;    /* cap of the warm-up; default 0.2 of the budget */
};

/* Collective. Warms up and samples c (set up and verified); sets c->batch for SN_BENCH_BATCH so
 * that a repetition lasts at least 20 us and 20 timer calls. Fills n, warmup, invalid, batch,
 * steady, stop, sync, samples_s and flags of row on every rank (the same values). Failure of a hook
 * on any rank: its status on every rank. SN_EINTR on every rank when a signal reached any. Counters
 * that are available are counted around run() of 20 more repetitions; they are this rank's own. */
int sn_sample(struct sn_case *c, const struct sn_sample_opts *o, struct sn_counters *counters,
              struct sn_row *row);

#endif
