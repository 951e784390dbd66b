/* Mann-Whitney, Hodges-Lehmann and Holm. The permutation distribution of the rank sum is counted by
 * dynamic programming over doubled mid-ranks (integers also with ties): f[k][s] = number of
 * k-subsets of the pooled ranks with sum s, O(N k S). Exact whenever that is at most 1e7 steps
 * (always for groups of up to 20; 3 against 200 too), else the normal approximation with tie and
 * continuity correction. Sources: Mann and Whitney 1947; Hodges and Lehmann 1963; Holm 1979;
 * Hollander, Wolfe and Chicken, Nonparametric Statistical Methods, ch. 4. */
#include "harness/ranktest.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/stats.h"

#define EXACT_STEPS 1e7 /* about 10 ms */

struct tagged {
    double value;
    int of_a;
};

static int by_value(const void *a, const void *b)
{
    double x = ((const struct tagged *)a)->value, y = ((const struct tagged *)b)->value;

    return (x > y) - (x < y);
}

static double exact_steps(size_t k, size_t n)
{
    double largest = (double)k * (double)(2 * n - k + 1);

    return (double)n * (double)k * largest;
}

/* Distribution of the sum of k of the n doubled ranks: probability[0..*top], owned by the caller.
 * Counts stay exact up to 2^53 (C(40,20) is 2^37) and lose nothing but their last bits beyond. */
static double *rank_sum_distribution(const uint32_t *doubled, size_t n, size_t k, size_t *top)
{
    size_t width = k * (2 * n - k + 1) + 1; /* the k largest doubled ranks, plus zero */
    double *f = sn_calloc((k + 1) * width, sizeof *f), all = 0;

    f[0] = 1;
    for (size_t i = 0; i < n; i++) {
        size_t r = doubled[i];
        for (size_t j = i + 1 < k ? i + 1 : k; j > 0; j--)
            for (size_t s = r; s < width; s++)
                f[j * width + s] += f[(j - 1) * width + s - r];
    }
    double *p = sn_calloc(width, sizeof *p);
    for (size_t s = 0; s < width; s++)
        all += f[k * width + s];
    for (size_t s = 0; s < width; s++)
        p[s] = f[k * width + s] / all;
    free(f);
    *top = width - 1;
    return p;
}

static double exact_p(const uint32_t *doubled, size_t n, size_t k, int64_t sum)
{
    size_t top;
    double *dist = rank_sum_distribution(doubled, n, k, &top), p = 0;
    int64_t mean = (int64_t)(k * (n + 1)), far = llabs(sum - mean);

    for (size_t s = 0; s <= top; s++)
        if (llabs((int64_t)s - mean) >= far)
            p += dist[s];
    free(dist);
    return fmin(p, 1);
}

static double normal_p(double u, double na, double nb, double ties)
{
    double n = na + nb, mean = na * nb / 2;
    double var = na * nb / 12 * (n + 1 - ties / (n * (n - 1)));

    if (var <= 0)
        return 1;
    return fmin(1, erfc(fmax(0, fabs(u - mean) - 0.5) / sqrt(2 * var)));
}

double sn_ranktest_mann_whitney(const double *a, size_t na, const double *b, size_t nb, double *u)
{
    size_t n = na + nb, k = na < nb ? na : nb;
    int64_t sum_a = 0, all = (int64_t)n * (int64_t)(n + 1);
    double ties = 0, p;

    assert(na > 0 && nb > 0);
    struct tagged *pool = sn_calloc(n, sizeof *pool);
    uint32_t *doubled = sn_calloc(n, sizeof *doubled);
    for (size_t i = 0; i < n; i++) {
        pool[i] = (struct tagged){i < na ? a[i] : b[i - na], i < na};
        assert(!isnan(pool[i].value));
    }
    qsort(pool, n, sizeof *pool, by_value);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && pool[end].value == pool[i].value; end++)
            ;
        double t = (double)(end - i);
        ties += t * t * t - t;
        for (size_t j = i; j < end; j++) {
            doubled[j] =
                (uint32_t)(i + end + 1); /* (i+1) + end: twice the mean of the tied ranks */
            sum_a += pool[j].of_a ? (int64_t)doubled[j] : 0;
        }
    }
    *u = ((double)sum_a - (double)na * (double)(na + 1)) / 2;
    if (exact_steps(k, n) <= EXACT_STEPS)
        p = exact_p(doubled, n, k, na <= nb ? sum_a : all - sum_a);
    else
        p = normal_p(*u, (double)na, (double)nb, ties);
    free(doubled);
    free(pool);
    return p;
}

/* z with P(Z > z) = tail, by bisection: called once per comparison. */
static double normal_quantile(double tail)
{
    double lo = 0, hi = 40;

    for (int i = 0; i < 100; i++) {
        double mid = (lo + hi) / 2;
        if (erfc(mid / sqrt(2)) / 2 > tail)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

/* max{j : P(U <= j-1) <= tail} under the null without ties; 0 when there is none. */
static size_t u_lower_rank(size_t na, size_t nb, double tail)
{
    size_t n = na + nb, k = na < nb ? na : nb, rank = 0, top;

    if (exact_steps(k, n) > EXACT_STEPS) {
        double m = (double)na * (double)nb;
        double at = m / 2 - normal_quantile(tail) * sqrt(m * (double)(n + 1) / 12) + 0.5;
        return at < 1 ? 0 : (size_t)at;
    }
    uint32_t *doubled = sn_calloc(n, sizeof *doubled);
    for (size_t i = 0; i < n; i++)
        doubled[i] = (uint32_t)(2 * (i + 1));
    double *dist = rank_sum_distribution(doubled, n, k, &top), sum = 0;
    for (size_t s = k * (k + 1); s <= top; s += 2) {
        sum += dist[s];
        if (sum > tail)
            break;
        rank++;
    }
    free(dist);
    free(doubled);
    return rank;
}

void sn_ranktest_hodges_lehmann_ratio(const double *a, size_t na, const double *b, size_t nb,
                                      double confidence, double *ratio, double *lo, double *hi)
{
    size_t m = na * nb, k;

    assert(na > 0 && nb > 0 && confidence > 0 && confidence < 1);
    double *d = sn_calloc(m, sizeof *d);
    for (size_t i = 0; i < na; i++)
        for (size_t j = 0; j < nb; j++) {
            assert(a[i] > 0 && b[j] > 0);
            d[i * nb + j] = log(b[j] / a[i]);
        }
    sn_stats_sort(d, m);
    *ratio = exp(m % 2 ? d[m / 2] : (d[m / 2 - 1] + d[m / 2]) / 2);
    k = u_lower_rank(na, nb, (1 - confidence) / 2);
    *lo = k ? exp(d[k - 1]) : NAN;
    *hi = k ? exp(d[m - k]) : NAN;
    free(d);
}

struct indexed {
    double p;
    size_t at;
};

static int by_p(const void *a, const void *b)
{
    double x = ((const struct indexed *)a)->p, y = ((const struct indexed *)b)->p;

    return (x > y) - (x < y);
}

void sn_ranktest_holm(double *p, size_t n)
{
    double largest = 0;

    if (n == 0)
        return;
    struct indexed *order = sn_calloc(n, sizeof *order);
    for (size_t i = 0; i < n; i++) {
        assert(p[i] >= 0 && p[i] <= 1);
        order[i] = (struct indexed){p[i], i};
    }
    qsort(order, n, sizeof *order, by_p);
    for (size_t i = 0; i < n; i++) {
        largest = fmax(largest, (double)(n - i) * order[i].p);
        p[order[i].at] = fmin(largest, 1);
    }
    free(order);
}
