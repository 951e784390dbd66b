/* Statistics of one sample: order statistics and their intervals; no assumption of normality.
 *
 * Percentile p of sorted x(1) <= ... <= x(n) is x(ceil(n p)): no interpolation. Intervals are
 * distribution-free: l = max{j : P(B(n,p) <= j-1) <= a/2}, u = min{j : P(B(n,p) >= j) <= a/2} with
 * exact binomial tails (Hoefler and Belli, SC'15, doi 10.1145/2807591.2807644; Hahn and Meeker, ch.
 * 5).
 */
#ifndef SN_HARNESS_STATS_H
#define SN_HARNESS_STATS_H

#include <stdbool.h>
#include <stddef.h>

struct sn_row_stats;

/* x(ceil(n p)) of sorted x, 0 < p < 1, n >= 1. */
double sn_stats_percentile(const double *sorted, size_t n, double p);

/* 1-based ranks of the two-sided interval for percentile p at `confidence` (0.95); false when n is
 * too small for a finite one (median at 95 %: n < 6, p95: n < 72, p99: n < 368). */
bool sn_stats_ranks(size_t n, double p, double confidence, size_t *lo, size_t *hi);

/* Median with its interval from unsorted samples (x is copied). lo = hi = NAN when n < 6 at 95 %.
 */
void sn_stats_median_ci(const double *x, size_t n, double confidence, double *median, double *lo,
                        double *hi);

/* All statistics of a row; a percentile whose interval n cannot support is NAN. stddev with n - 1.
 */
void sn_stats_row(const double *x, size_t n, struct sn_row_stats *out);

/* Samples above Tukey's upper fence Q3 + 1.5 IQR. */
size_t sn_stats_outliers(const double *x, size_t n);

/* Sorts ascending in place; NaN is a programmer error. */
void sn_stats_sort(double *x, size_t n);

#endif
