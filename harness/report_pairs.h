/* Pairs of rows, one of each clock, that are of one case. Internal to harness/report_pairs*.c.
 *
 * A row that was measured or emulated and a modelled one of the same benchmark, both ok, are a pair
 * when all parameters that both have (one at least, if either has any) are equal in text. What one
 * clock has alone (transport; device) makes no difference. Compared is the first metric of the
 * wall clock's row that the modelled row has too, with the same unit, both finite and the measured
 * one not 0; where there is none, the median. error = modelled / measured - 1.
 * Cost: pairs of lines of a benchmark times their parameters up to the first that differs. */
#ifndef SN_HARNESS_REPORT_PAIRS_H
#define SN_HARNESS_REPORT_PAIRS_H

#include "harness/report_data.h"

/* Which rows of a pair have a parameter. */
enum sn_pair_kind { SN_PAIR_BOTH, SN_PAIR_WALL, SN_PAIR_MODEL, SN_PAIR_KINDS };

struct sn_pair {
    const struct sn_line *wall, *model;
    const char *metric, *unit;
    double measured, modelled, error;
    double lo, hi; /* 95 % interval of `measured` where that is the median; else NAN */
};

/* The pairs of a benchmark, in the order of the rows. */
struct sn_pair_set {
    const struct sn_group *g;
    struct sn_pair *all;
    size_t n;
    bool *varies[SN_PAIR_KINDS]; /* by axis: do pairs differ in it? */
};

struct sn_pairs {
    struct sn_pair_set *sets; /* those with pairs */
    size_t n_sets, n;
    bool many_runs; /* more than one of a clock, perhaps */
};

/* All pairs of a report, which is borrowed; free with sn_pairs_free(). */
struct sn_pairs sn_pairs_find(const struct sn_report *r);
void sn_pairs_free(struct sn_pairs *p);

/* The line whose parameter `axis` is one of `kind` in this pair, or NULL. */
const struct sn_line *sn_pair_holder(const struct sn_pair *p, enum sn_pair_kind kind,
                                     const char *axis);

#endif
