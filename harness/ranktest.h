/* Comparing two groups of measurements by ranks: Mann-Whitney, Hodges-Lehmann, Holm. */
#ifndef SN_HARNESS_RANKTEST_H
#define SN_HARNESS_RANKTEST_H

#include <stddef.h>

/* Two-sided p of the Mann-Whitney U test: exact by enumeration when there are no ties and na, nb <=
 * 20, exact over the permutation distribution of mid-ranks with ties when na + nb is small, else
 * normal with tie and continuity correction. *u gets U of a. */
double sn_ranktest_mann_whitney(const double *a, size_t na, const double *b, size_t nb, double *u);

/* Hodges-Lehmann ratio b / a on logarithms: exp median {ln b_j - ln a_i}, with the two-sided
 * interval from the ordered differences at `confidence`; lo = hi = NAN when na, nb cannot support
 * it. Values > 0. */
void sn_ranktest_hodges_lehmann_ratio(const double *a, size_t na, const double *b, size_t nb,
                                      double confidence, double *ratio, double *lo, double *hi);

/* Holm's step-down adjustment of n p-values, in place, in the given order (capped at 1, monotone).
 */
void sn_ranktest_holm(double *p, size_t n);

#endif
