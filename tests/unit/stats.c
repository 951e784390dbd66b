/* Order statistics: published and hand-worked ranks, a slow reference, and coverage by simulation.
 */
#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "harness/base/rng.h"
#include "harness/row.h"
#include "harness/stats.h"

/* Ranks of the 95 % interval of the median (Hoefler and Belli give the method; the table was worked
 * with exact rational arithmetic). */
Test(stats, median_ranks_table)
{
    static const size_t t[][3] = {
        {6, 1, 6},    {7, 1, 7},     {10, 2, 9},      {20, 6, 15},      {30, 10, 21},
        {50, 18, 33}, {100, 40, 61}, {400, 180, 221}, {1000, 469, 532}, {3000, 1446, 1555},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        size_t lo = 0, hi = 0;
        cr_assert(sn_stats_ranks(t[i][0], 0.5, 0.95, &lo, &hi), "n = %zu", t[i][0]);
        cr_expect(lo == t[i][1] && hi == t[i][2], "n = %zu: %zu..%zu, expected %zu..%zu", t[i][0],
                  lo, hi, t[i][1], t[i][2]);
    }
}

/* p^n <= 0.025: 6, 36, 72 and 368 samples. */
Test(stats, fewest_samples)
{
    static const struct {
        double p;
        size_t n;
    } t[] = {{0.5, 6}, {0.9, 36}, {0.95, 72}, {0.99, 368}, {0.999, 3688}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        size_t lo, hi;
        cr_expect(!sn_stats_ranks(t[i].n - 1, t[i].p, 0.95, &lo, &hi), "p = %g, one less", t[i].p);
        cr_expect(sn_stats_ranks(t[i].n, t[i].p, 0.95, &lo, &hi), "p = %g", t[i].p);
        cr_expect(sn_stats_ranks(t[i].n, 1 - t[i].p, 0.95, &lo, &hi), "1 - p, p = %g", t[i].p);
    }
    size_t lo, hi;
    cr_expect(!sn_stats_ranks(0, 0.5, 0.95, &lo, &hi));
}

/* P(B(n,p) <= j) by Pascal's rule in long double: another way than the code's. */
static long double binomial_cdf(size_t n, double p, size_t j)
{
    static long double row[2][601];
    row[0][0] = 1;
    for (size_t i = 1; i <= n; i++) {
        const long double *old = row[(i - 1) % 2];
        long double *new = row[i % 2];
        for (size_t k = 0; k <= i; k++)
            new[k] = (k < i ? (1 - (long double)p) * old[k] : 0) + (k ? p * old[k - 1] : 0);
    }
    long double sum = 0;
    for (size_t k = 0; k <= j; k++)
        sum += row[n % 2][k];
    return sum;
}

Test(stats, ranks_against_pascal)
{
    static const double ps[] = {0.05, 0.25, 0.5, 0.9, 0.95, 0.99};
    static const double confidences[] = {0.8, 0.95, 0.99};
    for (size_t i = 0; i < sizeof ps / sizeof *ps; i++)
        for (size_t c = 0; c < 3; c++)
            for (size_t n = 1; n <= 600; n += n < 20 ? 1 : 47) {
                size_t lo, hi;
                long double tail = (1 - (long double)confidences[c]) / 2;
                if (!sn_stats_ranks(n, ps[i], confidences[c], &lo, &hi)) {
                    cr_expect(binomial_cdf(n, ps[i], 0) > tail ||
                                  1 - binomial_cdf(n, ps[i], n - 1) > tail,
                              "n = %zu, p = %g could be had", n, ps[i]);
                    continue;
                }
                cr_assert(1 <= lo && lo <= hi && hi <= n);
                cr_expect(binomial_cdf(n, ps[i], lo - 1) <= tail, "lo n = %zu p = %g", n, ps[i]);
                cr_expect(binomial_cdf(n, ps[i], lo) > tail, "lo + 1, n = %zu p = %g", n, ps[i]);
                cr_expect(1 - binomial_cdf(n, ps[i], hi - 1) <= tail, "hi n = %zu p = %g", n,
                          ps[i]);
                cr_expect(1 - binomial_cdf(n, ps[i], hi - 2) > tail, "hi - 1, n = %zu p = %g", n,
                          ps[i]);
            }
}

/* Large n, where (1-p)^n underflows: the normal approximation is within a rank or two. */
Test(stats, ranks_of_large_samples)
{
    static const size_t ns[] = {3000, 100000, 10000000};
    for (size_t i = 0; i < 3; i++) {
        size_t lo, hi;
        double n = (double)ns[i], half = 1.959964 * sqrt(n) / 2;
        cr_assert(sn_stats_ranks(ns[i], 0.5, 0.95, &lo, &hi));
        cr_expect(fabs((double)lo - (n / 2 - half)) <= 1.5, "n = %g: lo %zu", n, lo);
        cr_expect(fabs((double)hi - (n / 2 + half + 1)) <= 1.5, "n = %g: hi %zu", n, hi);
    }
}

Test(stats, percentile_is_an_order_statistic)
{
    static const double one[] = {5}, two[] = {1, 2}, ten[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    double hundred[100];
    cr_expect(sn_stats_percentile(one, 1, 0.5) == 5 && sn_stats_percentile(one, 1, 0.99) == 5);
    cr_expect(sn_stats_percentile(two, 2, 0.5) == 1);
    cr_expect(sn_stats_percentile(two, 2, 0.51) == 2);
    cr_expect(sn_stats_percentile(two, 2, 0.99) == 2);
    cr_expect(sn_stats_percentile(ten, 10, 0.5) == 5);
    cr_expect(sn_stats_percentile(ten, 10, 0.9) == 9);
    cr_expect(sn_stats_percentile(ten, 10, 0.001) == 1);
    for (int i = 0; i < 100; i++)
        hundred[i] = i + 1;
    /* Every whole percentage hits its own element, also where n p is not exact in binary. */
    for (int q = 1; q < 100; q++)
        cr_expect(sn_stats_percentile(hundred, 100, q / 100.0) == q, "p = %d %%", q);
}

/* Worked by hand: sum 1+1.4+1.2 = 3.6, mean 1.2, variance (0.04+0.04+0)/2 = 0.04. */
Test(stats, row_by_hand)
{
    static const double x[] = {1.0e-6, 1.4e-6, 1.2e-6};
    struct sn_row_stats s;
    sn_stats_row(x, 3, &s);
    cr_expect(s.min == 1.0e-6 && s.median == 1.2e-6 && s.max == 1.4e-6);
    cr_expect(fabs(s.mean - 1.2e-6) < 1e-18, "%.17g", s.mean);
    cr_expect(fabs(s.stddev - 0.2e-6) < 1e-18, "%.17g", s.stddev);
    cr_expect(isnan(s.ci95_lo) && isnan(s.ci95_hi) && isnan(s.p95) && isnan(s.p99));
}

/* A spread of a nanosecond on top of ten seconds: sum of squares minus square of sum gives 0. */
Test(stats, stddev_does_not_cancel)
{
    static const double x[] = {10, 10 + 1e-9, 10 + 2e-9};
    struct sn_row_stats s;
    sn_stats_row(x, 3, &s);
    cr_expect(fabs(s.stddev - 1e-9) < 1e-14, "%g", s.stddev);
}

Test(stats, row_of_few)
{
    static const double x[] = {7};
    struct sn_row_stats s;
    sn_stats_row(x, 1, &s);
    cr_expect(s.min == 7 && s.median == 7 && s.max == 7 && s.mean == 7 && isnan(s.stddev));
    sn_stats_row(NULL, 0, &s);
    cr_expect(isnan(s.min) && isnan(s.median) && isnan(s.mean) && isnan(s.max));
}

Test(stats, row_percentiles_appear_with_n)
{
    double x[368];
    struct sn_row_stats s;
    for (int i = 0; i < 368; i++)
        x[i] = 368 - i; /* descending: sorting is ours */
    sn_stats_row(x + 368 - 71, 71, &s);
    cr_expect(isnan(s.p95) && isnan(s.p99));
    sn_stats_row(x + 368 - 72, 72, &s);
    cr_expect(s.p95 == 69 && isnan(s.p99), "%g", s.p95); /* ceil(68.4) */
    sn_stats_row(x, 367, &s);
    cr_expect(isnan(s.p99));
    sn_stats_row(x, 368, &s);
    cr_expect(s.p99 == 365, "%g", s.p99); /* ceil(364.32) */
    cr_expect(s.min == 1 && s.max == 368, "the largest value is not dropped");
    cr_expect(s.ci95_lo <= s.median && s.median <= s.ci95_hi);
}

Test(stats, median_interval_by_hand)
{
    static const double x[] = {9, 2, 7, 4, 10, 1, 6, 3, 8, 5};
    double m, lo, hi;
    sn_stats_median_ci(x, 10, 0.95, &m, &lo, &hi);
    cr_expect(m == 5 && lo == 2 && hi == 9);
    sn_stats_median_ci(x, 5, 0.95, &m, &lo, &hi);
    cr_expect(m == 7 && isnan(lo) && isnan(hi));
    cr_expect(x[0] == 9 && x[9] == 5, "the samples are left as they are");
}

/* 1..11 with quartiles 3 and 9: fence 9 + 1.5 x 6 = 18. */
Test(stats, outliers_above_the_fence)
{
    double x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 18, 18.001};
    cr_expect(sn_stats_outliers(x, 11) == 1);
    x[9] = 19;
    cr_expect(sn_stats_outliers(x, 11) == 2);
    cr_expect(sn_stats_outliers(x, 0) == 0);
    cr_expect(sn_stats_outliers(x, 1) == 0);
}

/* Log-normal times of median 1 with 1 % spikes of 20 x: F(1) = 0.5 x 0.99 + 0.01 Phi(-ln 20 / s),
 * so the true median lies where F reaches 0.5; found by bisection. */
static double true_median(double sigma)
{
    double lo = 1, hi = 2;
    for (int i = 0; i < 100; i++) {
        double m = (lo + hi) / 2;
        double cdf = 0.99 * erfc(-log(m) / sigma / sqrt(2)) / 2 +
                     0.01 * erfc(-log(m / 20) / sigma / sqrt(2)) / 2;
        if (cdf < 0.5)
            lo = m;
        else
            hi = m;
    }
    return lo;
}

static void coverage(size_t n)
{
    enum { DRAWS = 10000 };
    const double sigma = 0.3, truth = true_median(sigma);
    struct sn_rng r = sn_rng_make(2026, n);
    double *x = malloc(n * sizeof *x);
    int covered = 0, below = 0;
    for (int d = 0; d < DRAWS; d++) {
        double m, lo, hi;
        for (size_t i = 0; i < n; i++) {
            x[i] = exp(sigma * sn_rng_normal(&r));
            if (sn_rng_uniform(&r) < 0.01)
                x[i] *= 20;
        }
        sn_stats_median_ci(x, n, 0.95, &m, &lo, &hi);
        cr_assert(lo <= m && m <= hi);
        covered += lo <= truth && truth <= hi;
        below += hi < truth;
    }
    free(x);
    cr_expect(covered >= 9400, "n = %zu: %d of 10000", n, covered);
    /* Exact intervals miss at most 2.5 % on either side; 3 standard errors above that. */
    cr_expect(below <= 300, "n = %zu: %d below", n, below);
}

Test(stats, coverage_with_spikes)
{
    static const size_t ns[] = {6, 20, 50, 200};
    for (size_t i = 0; i < 4; i++)
        coverage(ns[i]);
}

/* The same simulation catches a wrong interval: the one of the mean covers far less, and one rank
 * to the inside on both ends is seen as well. */
Test(stats, coverage_test_can_fail)
{
    enum { DRAWS = 10000, N = 20 };
    struct sn_rng r = sn_rng_make(7, 7);
    double x[N];
    int covered = 0;
    for (int d = 0; d < DRAWS; d++) {
        for (int i = 0; i < N; i++)
            x[i] = sn_rng_uniform(&r);
        sn_stats_sort(x, N);
        covered += x[6] <= 0.5 && 0.5 <= x[13];
    }
    cr_expect(covered < 9400, "7..14 instead of 6..15 covers %d", covered);
}
