/* The decision of `snbench compare`, apart from files: per-launch medians of both sides in, one
 * verdict a row out. tests/bench/compare_sim.c simulates this very function.
 *
 * With a_i and b_j the medians of the launches of BASE and NEW (the unit of replication is the
 * launch: repetitions within one are correlated), all on logarithms:
 *   ratio    Hodges-Lehmann: exp median {ln b_j - ln a_i}; [lo, hi] at confidence 1 - alpha
 *   p        two-sided Mann-Whitney, Holm over the rows that can be tested at all
 *   t        the threshold of the row: max(ln(1 + threshold), A/A noise of the row)
 *   slower   p_holm <= alpha and lo > exp(t);  faster: p_holm <= alpha and hi < exp(-t)
 *   same     exp(-t) <= lo and hi <= exp(t)
 *   unsure   anything else, with the doubt that says why
 * A row can be tested when the smallest p that its numbers of launches allow is at most alpha (4
 * against 4 at 5 %). That depends on no measured value, so leaving the others out of Holm's family
 * keeps its level.
 *
 * detectable: the ratio of times that would have been called in 95 % of comparisons like this one,
 *   exp(max(t + w, w_m) + 1.645 w / z),
 * with w half the width of the interval (on logarithms), w_m that at confidence 1 - alpha / m (m
 * the rows of the family: what Holm asks of the first), z the normal quantile of 1 - alpha / 2, so
 * that w / z stands for the standard error. NAN: no change, however large, could have been called.
 *
 * Rows of the model clock are exact: the ratio alone against t, without p. */
#ifndef SN_HARNESS_CONTRAST_H
#define SN_HARNESS_CONTRAST_H

#include <stdbool.h>
#include <stddef.h>

enum sn_change { SN_CHANGE_SLOWER, SN_CHANGE_FASTER, SN_CHANGE_SAME, SN_CHANGE_UNSURE, SN_CHANGES };

/* Why a row is unsure. */
enum sn_doubt {
    SN_DOUBT_NONE,
    SN_DOUBT_DATA,       /* the caller says: no figures to compare */
    SN_DOUBT_ONE_LAUNCH, /* a side has one launch: nothing says how launches differ */
    SN_DOUBT_LAUNCHES,   /* too few launches for any result to be significant */
    SN_DOUBT_FAMILY,     /* the same, once corrected for the number of rows */
    SN_DOUBT_WIDE,       /* the interval reaches over the threshold */
    SN_DOUBT_HOLM,       /* beyond the threshold, but not significant among so many rows */
    SN_DOUBT_VARIES      /* an exact row with different figures on one side */
};

struct sn_contrast {
    /* given */
    const double *base, *next; /* per-launch medians, > 0; borrowed */
    size_t n_base, n_next;     /* 0: SN_DOUBT_DATA */
    double noise;              /* A/A noise of the row, ln of a ratio; NAN: unknown */
    bool exact;                /* model clock */
    /* decided */
    double threshold;     /* t, ln of a ratio */
    double ratio, lo, hi; /* NAN: none */
    double p, p_holm;     /* NAN: none */
    double p_least;       /* smallest p that the launches allow; corrected: times the family */
    double p_least_holm;
    double detectable;
    enum sn_change change;
    enum sn_doubt doubt;
};

/* Decides n rows together. threshold: a share (0.03), alpha: the level (0.05). */
void sn_contrast_decide(struct sn_contrast *c, size_t n, double threshold, double alpha);

/* Is it open whether the row is slower (faster) by more than its threshold? False for a decided
 * row, and for an unsure one whose interval ends within the threshold on that side. */
bool sn_contrast_may_be_slower(const struct sn_contrast *c);
bool sn_contrast_may_be_faster(const struct sn_contrast *c);

/* Fewest launches a side, the same on both, whose smallest p times `rows` is at most alpha. */
size_t sn_contrast_launches_needed(size_t rows, double alpha);

/* Median of a launch as everywhere in a row: x(ceil(n / 2)) of its n >= 1 samples. */
double sn_contrast_median(const double *samples, size_t n);

#endif
