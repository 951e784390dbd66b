/* The ratio of two variants that were measured side by side: paired differences of logarithms, the
 * Hodges-Lehmann centre of one sample, and the interval of Wilcoxon's signed rank statistic.
 *
 * d_i = ln(b_i / a_i) of pairs i = 1..n; the Walsh averages (d_i + d_j) / 2, i <= j, sorted: w(1)
 * <=
 * ... <= w(m), m = n (n + 1) / 2. Centre: their median. Interval: [w(k), w(m + 1 - k)] with k =
 * max{k : P(W <= k - 1) <= 2.5 %}, W the signed rank statistic under symmetry, by exact counting:
 * it covers with at least 95 % whatever the distribution, if the pairs are independent and the d_i
 * symmetric about the truth. From 6 pairs on (2 / 2^6 = 3.1 %). Hodges and Lehmann 1963; Tukey
 * 1949; Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, ch. 3.
 */
#ifndef SN_HARNESS_PAIRED_H
#define SN_HARNESS_PAIRED_H

#include <stddef.h>

/* Of times: other / base. NAN where the data cannot support it; n: pairs that it is made from. */
struct sn_ratio {
    double ratio, lo, hi;
    size_t n;
};

/* Most pairs that are compared as they are: the exact count takes 10 ms for them. */
enum { SN_PAIRS_MAX = 256 };

/* Centre and two-sided interval of d[0..n), n <= SN_PAIRS_MAX; NAN when n = 0 (centre) or when n
 * cannot support an interval (95 %: n < 6). */
void sn_paired_walsh(const double *d, size_t n, double confidence, double *centre, double *lo,
                     double *hi);

/* From samples in order of time that were taken in turns (sample_turns.h), `block` at a time: a
 * pair is the medians of block i of both; samples behind the last whole block of the shorter do not
 * count. With more than SN_PAIRS_MAX pairs the mean logarithm of an even number of consecutive
 * pairs (as few as will do) takes their place, in which a drift cancels as in A B B A. All NAN with
 * a median of 0. 95 %. */
struct sn_ratio sn_paired_blocks(const double *base_s, size_t n_base, const double *other_s,
                                 size_t n_other, size_t block);

/* From the medians of n launches, base_s[i] and other_s[i] of one launch each. From 6 on they are
 * pairs; 4 and 5 are too few for an interval of pairs and are compared as two groups
 * (sn_ranktest_hodges_lehmann_ratio), as the launches of two runs would be; below there is no
 * interval. 95 %. */
struct sn_ratio sn_paired_launches(const double *base_s, const double *other_s, size_t n);

#endif
