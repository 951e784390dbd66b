/* Order statistics with distribution-free intervals. Exact binomial tails for every n: the sum runs
 * up from 12 standard deviations and 40 below the mean (all mass below is under 1e-30), where the
 * first term comes from lgamma(): nothing underflows, and it costs O(sqrt(n)). Source: Hoefler and
 * Belli, SC'15, rule 5; Hahn and Meeker, Statistical Intervals, ch. 5. */
#include "harness/stats.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/row.h"

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

void sn_stats_sort(double *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert(!isnan(x[i]));
    if (n > 1)
        qsort(x, n, sizeof *x, by_value);
}

double sn_stats_percentile(const double *sorted, size_t n, double p)
{
    assert(n >= 1 && p > 0 && p < 1);
    /* 100 x 0.07 is 7.000000000000001 in binary: without the factor its ceiling would be 8. */
    double at = ceil((double)n * p * (1 - 0x1p-50));
    size_t k = at < 1 ? 1 : (size_t)at;

    return sorted[(k > n ? n : k) - 1];
}

/* max{j : P(B(n,p) <= j-1) <= tail}; 0 when there is none. */
static size_t lower_rank(size_t n, double p, double tail)
{
    double mean = (double)n * p, sd = sqrt(mean * (1 - p)), from = floor(mean - 12 * sd - 40);
    size_t j = from > 0 ? (size_t)from : 0;
    double dn = (double)n, dj = (double)j;
    double term = exp(lgamma(dn + 1) - lgamma(dj + 1) - lgamma(dn - dj + 1) + dj * log(p) +
                      (dn - dj) * log1p(-p));
    double sum = 0, odds = p / (1 - p);

    for (; j <= n; j++) {
        sum += term;
        if (sum > tail)
            return j;
        term *= (dn - (double)j) / ((double)j + 1) * odds;
    }
    return n;
}

bool sn_stats_ranks(size_t n, double p, double confidence, size_t *lo, size_t *hi)
{
    double tail = (1 - confidence) / 2;

    assert(p > 0 && p < 1 && confidence > 0 && confidence < 1);
    if (n == 0)
        return false;
    /* n - B(n,p) is B(n,1-p): the upper rank is the lower one counted from the other end. */
    size_t below = lower_rank(n, p, tail), above = lower_rank(n, 1 - p, tail);
    if (below == 0 || above == 0)
        return false;
    *lo = below;
    *hi = n + 1 - above;
    return true;
}

static void sorted_median_ci(const double *sorted, size_t n, double confidence, double *median,
                             double *lo, double *hi)
{
    size_t l, h;

    *median = *lo = *hi = NAN;
    if (n == 0)
        return;
    *median = sn_stats_percentile(sorted, n, 0.5);
    if (sn_stats_ranks(n, 0.5, confidence, &l, &h)) {
        *lo = sorted[l - 1];
        *hi = sorted[h - 1];
    }
}

static double *sorted_copy(const double *x, size_t n)
{
    double *s = sn_calloc(n ? n : 1, sizeof *s);

    if (n)
        memcpy(s, x, n * sizeof *s);
    sn_stats_sort(s, n);
    return s;
}

void sn_stats_median_ci(const double *x, size_t n, double confidence, double *median, double *lo,
                        double *hi)
{
    double *s = sorted_copy(x, n);

    sorted_median_ci(s, n, confidence, median, lo, hi);
    free(s);
}

void sn_stats_row(const double *x, size_t n, struct sn_row_stats *out)
{
    size_t l, h;
    double sum = 0, squares = 0;

    *out = (struct sn_row_stats){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN};
    if (n == 0)
        return;
    double *s = sorted_copy(x, n);
    out->min = s[0];
    out->max = s[n - 1];
    sorted_median_ci(s, n, 0.95, &out->median, &out->ci95_lo, &out->ci95_hi);
    if (sn_stats_ranks(n, 0.95, 0.95, &l, &h))
        out->p95 = sn_stats_percentile(s, n, 0.95);
    if (sn_stats_ranks(n, 0.99, 0.95, &l, &h))
        out->p99 = sn_stats_percentile(s, n, 0.99);
    /* Sums over the sorted copy: the same bits whatever the order the samples came in. Two passes,
     * because times of a microsecond with a spread of nanoseconds cancel in sum(x^2) - n mean^2. */
    for (size_t i = 0; i < n; i++)
        sum += s[i];
    out->mean = sum / (double)n;
    for (size_t i = 0; i < n; i++)
        squares += (s[i] - out->mean) * (s[i] - out->mean);
    if (n > 1)
        out->stddev = sqrt(squares / (double)(n - 1));
    free(s);
}

size_t sn_stats_outliers(const double *x, size_t n)
{
    size_t above = 0;

    if (n == 0)
        return 0;
    double *s = sorted_copy(x, n);
    double q1 = sn_stats_percentile(s, n, 0.25), q3 = sn_stats_percentile(s, n, 0.75);
    double fence = q3 + 1.5 * (q3 - q1);
    while (above < n && s[n - 1 - above] > fence)
        above++;
    free(s);
    return above;
}
