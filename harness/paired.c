#include "harness/paired.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/ranktest.h"
#include "harness/stats.h"

static const double confidence = 0.95;

/* max{k : P(W <= k - 1) <= tail}; 0 when there is none. W is the sum of those of the ranks 1..n
 * whose fair coin shows heads: f[s] = P(W = s) after the coins so far. */
static size_t signed_rank(size_t n, double tail)
{
    size_t top = n * (n + 1) / 2, k = 0;
    double *f = sn_calloc(top + 1, sizeof *f), sum = 0;

    f[0] = 1;
    for (size_t r = 1; r <= n; r++)
        for (size_t s = r * (r + 1) / 2 + 1; s-- > 0;)
            f[s] = f[s] / 2 + (s >= r ? f[s - r] / 2 : 0);
    while (k <= top && (sum += f[k]) <= tail)
        k++;
    free(f);
    return k;
}

void sn_paired_walsh(const double *d, size_t n, double level, double *centre, double *lo,
                     double *hi)
{
    size_t m = n * (n + 1) / 2, at = 0, k;

    assert(n <= SN_PAIRS_MAX && level > 0 && level < 1);
    *centre = *lo = *hi = NAN;
    if (n == 0)
        return;
    double *w = sn_calloc(m, sizeof *w);
    for (size_t i = 0; i < n; i++)
        for (size_t j = i; j < n; j++)
            w[at++] = (d[i] + d[j]) / 2;
    sn_stats_sort(w, m);
    *centre = m % 2 ? w[m / 2] : (w[m / 2 - 1] + w[m / 2]) / 2;
    k = signed_rank(n, (1 - level) / 2);
    if (k) {
        *lo = w[k - 1];
        *hi = w[m - k];
    }
    free(w);
}

/* d (n) has room for all; returns how many are left. */
static size_t thin(double *d, size_t n)
{
    if (n <= SN_PAIRS_MAX)
        return n;
    size_t each = 2 * ((n + 2 * SN_PAIRS_MAX - 1) / (2 * SN_PAIRS_MAX)), left = n / each;
    for (size_t i = 0; i < left; i++) {
        double sum = 0;
        for (size_t j = 0; j < each; j++)
            sum += d[i * each + j];
        d[i] = sum / (double)each;
    }
    return left;
}

static struct sn_ratio ratio_of(double *d, size_t n)
{
    struct sn_ratio r = {NAN, NAN, NAN, n};

    for (size_t i = 0; i < n; i++)
        if (!isfinite(d[i]))
            return r;
    sn_paired_walsh(d, thin(d, n), confidence, &r.ratio, &r.lo, &r.hi);
    r.ratio = exp(r.ratio);
    r.lo = exp(r.lo);
    r.hi = exp(r.hi);
    return r;
}

/* x(1) <= ... of a block, for a block of even length the lower of the two in the middle. */
static double median_of(const double *x, size_t n, double *scratch)
{
    memcpy(scratch, x, n * sizeof *scratch);
    sn_stats_sort(scratch, n);
    return sn_stats_percentile(scratch, n, 0.5);
}

struct sn_ratio sn_paired_blocks(const double *base_s, size_t n_base, const double *other_s,
                                 size_t n_other, size_t block)
{
    size_t n = (n_base < n_other ? n_base : n_other) / block;
    double *d = sn_calloc(n + 1, sizeof *d), *scratch = sn_calloc(block, sizeof *scratch);

    for (size_t i = 0; i < n; i++)
        d[i] = log(median_of(&other_s[i * block], block, scratch)) -
               log(median_of(&base_s[i * block], block, scratch));
    struct sn_ratio r = ratio_of(d, n);
    free(scratch);
    free(d);
    return r;
}

struct sn_ratio sn_paired_launches(const double *base_s, const double *other_s, size_t n)
{
    double *d = sn_calloc(n + 1, sizeof *d);

    for (size_t i = 0; i < n; i++)
        d[i] = log(other_s[i]) - log(base_s[i]);
    struct sn_ratio r = ratio_of(d, n);
    free(d);
    if (n >= 4 && n < 6 && !isnan(r.ratio))
        sn_ranktest_hodges_lehmann_ratio(base_s, n, other_s, n, confidence, &r.ratio, &r.lo, &r.hi);
    return r;
}
