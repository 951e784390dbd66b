/* Contrasts of launches, decided together; contrast.h has the rules. Sources: Mann and Whitney
 * 1947; Hodges and Lehmann 1963; Holm 1979; Hoefler and Belli, SC'15 (rules 5 to 7). */
#include "harness/contrast.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "harness/base/buf.h"
#include "harness/ranktest.h"
#include "harness/stats.h"

/* A change of exactly the threshold is within it, whatever the last bit of its logarithm. */
#define ROUNDING 1e-12
#define Z_95     1.6448536269514722 /* normal quantile of 95 %: found that often */

double sn_contrast_median(const double *samples, size_t n)
{
    double median, lo, hi;

    sn_stats_median_ci(samples, n, 0.95, &median, &lo, &hi);
    return median;
}

/* 2 / C(na + nb, na): both sides apart. 1 when a side is empty. */
static double least_p(size_t na, size_t nb)
{
    double ways = lgamma((double)(na + nb) + 1) - lgamma((double)na + 1) - lgamma((double)nb + 1);

    return fmin(1, 2 * exp(-ways));
}

size_t sn_contrast_launches_needed(size_t rows, double alpha)
{
    size_t k = 2;

    while (least_p(k, k) * (double)(rows ? rows : 1) > alpha * (1 + ROUNDING))
        k++;
    return k;
}

/* z with P(|Z| > z) = alpha. */
static double two_sided_z(double alpha)
{
    double lo = 0, hi = 40;

    for (int i = 0; i < 100; i++) {
        double mid = (lo + hi) / 2;
        if (erfc(mid / sqrt(2)) > alpha)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static bool testable(const struct sn_contrast *c, double alpha)
{
    return !c->exact && c->n_base > 0 && c->n_next > 0 && c->p_least <= alpha * (1 + ROUNDING);
}

static void estimate(struct sn_contrast *c, double threshold, double alpha)
{
    double u;

    c->threshold = log1p(threshold);
    if (!c->exact && c->noise > c->threshold)
        c->threshold = c->noise;
    c->ratio = c->lo = c->hi = c->p = c->p_holm = c->p_least_holm = c->detectable = NAN;
    c->p_least = least_p(c->n_base, c->n_next);
    c->change = SN_CHANGE_UNSURE;
    c->doubt = SN_DOUBT_DATA;
    if (c->n_base == 0 || c->n_next == 0)
        return;
    if (c->exact) {
        c->ratio = c->lo = c->hi = c->next[0] / c->base[0];
        c->detectable = exp(c->threshold);
        return;
    }
    sn_ranktest_hodges_lehmann_ratio(c->base, c->n_base, c->next, c->n_next, 1 - alpha, &c->ratio,
                                     &c->lo, &c->hi);
    if (testable(c, alpha))
        c->p = sn_ranktest_mann_whitney(c->base, c->n_base, c->next, c->n_next, &u);
}

/* Holm's adjustment of the member `at` (byte offset) of the m rows that can be tested, into the
 * member `to`. */
static void holm(struct sn_contrast *c, size_t n, double alpha, size_t at, size_t to)
{
    double *p = sn_calloc(n + 1, sizeof *p);
    size_t m = 0;

    for (size_t i = 0; i < n; i++)
        if (testable(&c[i], alpha))
            p[m++] = *(const double *)((const char *)&c[i] + at);
    sn_ranktest_holm(p, m);
    m = 0;
    for (size_t i = 0; i < n; i++)
        if (testable(&c[i], alpha))
            *(double *)((char *)&c[i] + to) = p[m++];
    free(p);
}

static void detect(struct sn_contrast *c, size_t family, double alpha)
{
    double ratio, lo, hi, w, w_family;

    if (!testable(c, alpha) || isnan(c->lo))
        return;
    sn_ranktest_hodges_lehmann_ratio(c->base, c->n_base, c->next, c->n_next,
                                     1 - alpha / (double)family, &ratio, &lo, &hi);
    if (isnan(lo))
        return;
    w = log(c->hi / c->lo) / 2;
    w_family = log(hi / lo) / 2;
    c->detectable = exp(fmax(c->threshold + w, w_family) + Z_95 * w / two_sided_z(alpha));
}

static bool alike(const double *x, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (x[i] != x[0])
            return false;
    return true;
}

static bool beyond(const struct sn_contrast *c, int sign)
{
    return sign > 0 ? log(c->lo) > c->threshold + ROUNDING : log(c->hi) < -c->threshold - ROUNDING;
}

static bool inside(const struct sn_contrast *c)
{
    return log(c->lo) >= -c->threshold - ROUNDING && log(c->hi) <= c->threshold + ROUNDING;
}

static void set(struct sn_contrast *c, enum sn_change change)
{
    c->change = change;
    c->doubt = SN_DOUBT_NONE;
}

static void judge(struct sn_contrast *c, double alpha)
{
    bool significant = c->exact || c->p_holm <= alpha;

    if (c->n_base == 0 || c->n_next == 0)
        return;
    if (c->exact && !(alike(c->base, c->n_base) && alike(c->next, c->n_next)))
        c->doubt = SN_DOUBT_VARIES;
    else if (!c->exact && (c->n_base == 1 || c->n_next == 1))
        c->doubt = SN_DOUBT_ONE_LAUNCH;
    else if (isnan(c->lo))
        c->doubt = SN_DOUBT_LAUNCHES;
    else if (inside(c)) /* asks no test: it claims that there is no change worth the name */
        set(c, SN_CHANGE_SAME);
    else if (significant && beyond(c, 1))
        set(c, SN_CHANGE_SLOWER);
    else if (significant && beyond(c, -1))
        set(c, SN_CHANGE_FASTER);
    else if (!c->exact && c->p_least > alpha * (1 + ROUNDING))
        c->doubt = SN_DOUBT_LAUNCHES;
    else if (!c->exact && c->p_least_holm > alpha)
        c->doubt = SN_DOUBT_FAMILY;
    else if (beyond(c, 1) || beyond(c, -1))
        c->doubt = SN_DOUBT_HOLM;
    else
        c->doubt = SN_DOUBT_WIDE;
}

void sn_contrast_decide(struct sn_contrast *c, size_t n, double threshold, double alpha)
{
    size_t family = 0;

    assert(threshold >= 0 && alpha > 0 && alpha < 1);
    for (size_t i = 0; i < n; i++) {
        estimate(&c[i], threshold, alpha);
        family += testable(&c[i], alpha);
    }
    holm(c, n, alpha, offsetof(struct sn_contrast, p), offsetof(struct sn_contrast, p_holm));
    holm(c, n, alpha, offsetof(struct sn_contrast, p_least),
         offsetof(struct sn_contrast, p_least_holm));
    for (size_t i = 0; i < n; i++) {
        detect(&c[i], family, alpha);
        judge(&c[i], alpha);
    }
}

bool sn_contrast_may_be_slower(const struct sn_contrast *c)
{
    return c->change == SN_CHANGE_UNSURE &&
           (c->doubt == SN_DOUBT_VARIES || !(log(c->hi) <= c->threshold + ROUNDING));
}

bool sn_contrast_may_be_faster(const struct sn_contrast *c)
{
    return c->change == SN_CHANGE_UNSURE &&
           (c->doubt == SN_DOUBT_VARIES || !(log(c->lo) >= -c->threshold - ROUNDING));
}
