/* A/A noise of a row: halves of its launches against each other; noise.h has the definition. */
#include "harness/noise.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/hash.h"
#include "harness/base/rng.h"
#include "harness/stats.h"

/* The k-th smallest (0-based) of x, which is reordered: quickselect, so that a split of 40 launches
 * costs 400 steps and not a sort. */
static double kth(double *x, size_t n, size_t k)
{
    size_t lo = 0, hi = n - 1;

    while (lo < hi) {
        double pivot = x[lo + (hi - lo) / 2];
        size_t i = lo, j = hi;
        while (i <= j) {
            while (x[i] < pivot)
                i++;
            while (x[j] > pivot)
                j--;
            if (i > j)
                break;
            double t = x[i];
            x[i++] = x[j];
            x[j] = t;
            if (j == 0)
                break;
            j--;
        }
        if (k <= j && j < hi)
            hi = j;
        else if (k >= i)
            lo = i;
        else
            return x[k];
    }
    return x[k];
}

/* |median {b_j - a_i}| of logarithms; d has room for na nb. */
static double apart(const double *a, size_t na, const double *b, size_t nb, double *d)
{
    size_t m = na * nb;

    for (size_t i = 0; i < na; i++)
        for (size_t j = 0; j < nb; j++)
            d[i * nb + j] = b[j] - a[i];
    double upper = kth(d, m, m / 2);
    if (m % 2)
        return fabs(upper);
    /* kth() leaves everything below the middle before it */
    double lower = d[0];
    for (size_t i = 1; i < m / 2; i++)
        lower = fmax(lower, d[i]);
    return fabs((lower + upper) / 2);
}

struct work {
    const double *x; /* logarithms */
    size_t n, k;     /* launches; of the first half */
    double *a, *b, *d;
};

static double split_by(const struct work *w, const bool *first)
{
    size_t na = 0, nb = 0;

    for (size_t i = 0; i < w->n; i++) {
        if (first[i])
            w->a[na++] = w->x[i];
        else
            w->b[nb++] = w->x[i];
    }
    return apart(w->a, na, w->b, nb, w->d);
}

/* Every way to choose k of n: subsets as bits, the next with as many (Gosper). */
static size_t all_splits(const struct work *w, double *out)
{
    size_t splits = 0;
    bool first[SN_NOISE_EXACT_MOST];

    for (uint32_t s = (1u << w->k) - 1; s < 1u << w->n;) {
        for (size_t i = 0; i < w->n; i++)
            first[i] = s >> i & 1;
        out[splits++] = split_by(w, first);
        uint32_t low = s & -s, up = s + low;
        s = up | (((s ^ up) / low) >> 2);
    }
    return splits;
}

static size_t drawn_splits(const struct work *w, const char *id, double *out)
{
    struct sn_rng rng = sn_rng_make(sn_hash_bytes(SN_HASH_START, id, strlen(id)), 0);
    bool *first = sn_calloc(w->n, sizeof *first);

    for (size_t s = 0; s < SN_NOISE_DRAWS; s++) {
        memset(first, 0, w->n * sizeof *first);
        for (size_t i = w->n - w->k; i < w->n; i++) { /* Floyd's sampling without replacement */
            size_t t = sn_rng_below(&rng, i + 1);
            first[first[t] ? i : t] = true;
        }
        out[s] = split_by(w, first);
    }
    free(first);
    return SN_NOISE_DRAWS;
}

static double ways(size_t n, size_t k)
{
    double c = 1;

    for (size_t i = 0; i < k; i++)
        c = c * (double)(n - i) / (double)(i + 1);
    return c;
}

static double quantile_of_splits(const struct work *w, const char *id, size_t *splits)
{
    bool exact = w->n <= SN_NOISE_EXACT_MOST;
    double *all = sn_calloc(exact ? (size_t)ways(w->n, w->k) + 1 : SN_NOISE_DRAWS, sizeof *all);

    *splits = exact ? all_splits(w, all) : drawn_splits(w, id, all);
    sn_stats_sort(all, *splits);
    double q = sn_stats_percentile(all, *splits, SN_NOISE_QUANTILE);
    free(all);
    return q;
}

/* Runs follow each other, and so do the launches of one. x holds the runs one after the other. */
static double largest_drift(const struct sn_noise_run *runs, size_t n, const struct work *w)
{
    const double *x = w->x, *y;
    double worst = 0;

    for (size_t i = 0; i < n; x += runs[i++].n) {
        size_t half = runs[i].n / 2;
        if (half >= 2)
            worst = fmax(worst, apart(x, half, x + half, runs[i].n - half, w->d));
        y = x + runs[i].n;
        for (size_t j = i + 1; j < n; y += runs[j++].n)
            if (runs[i].n >= 2 && runs[j].n >= 2)
                worst = fmax(worst, apart(x, runs[i].n, y, runs[j].n, w->d));
    }
    return worst;
}

struct sn_noise_figures sn_noise_of(const struct sn_noise_run *runs, size_t n, const char *id)
{
    struct sn_noise_figures f = {.split = NAN, .drift = NAN, .noise = NAN};

    for (size_t i = 0; i < n; i++)
        f.launches += runs[i].n;
    if (f.launches < SN_NOISE_FEWEST)
        return f;
    double *x = sn_calloc(3 * f.launches, sizeof *x);
    struct work w = {.x = x,
                     .n = f.launches,
                     .k = f.launches / 2,
                     .a = x + f.launches,
                     .b = x + 2 * f.launches,
                     .d = sn_calloc(f.launches * f.launches, sizeof *w.d)};
    for (size_t i = 0, at = 0; i < n; i++)
        for (size_t j = 0; j < runs[i].n; j++) {
            assert(runs[i].medians[j] > 0);
            x[at++] = log(runs[i].medians[j]);
        }
    f.split = quantile_of_splits(&w, id, &f.splits);
    f.drift = largest_drift(runs, n, &w);
    f.noise = fmax(f.split, f.drift);
    free(w.d);
    free(x);
    return f;
}

double sn_noise_find(const struct sn_noise *x, const char *id)
{
    for (size_t i = 0; i < x->n_rows; i++)
        if (strcmp(x->rows[i].id, id) == 0)
            return x->rows[i].f.noise;
    return NAN;
}

void sn_noise_free(struct sn_noise *x)
{
    for (size_t i = 0; i < x->n_runs; i++) {
        free(x->runs[i].name);
        free(x->runs[i].machine_id);
    }
    for (size_t i = 0; i < x->n_rows; i++) {
        free(x->rows[i].id);
        free(x->rows[i].bench);
        free(x->rows[i].label);
        free(x->rows[i].reason);
    }
    free(x->runs);
    free(x->rows);
    *x = (struct sn_noise){0};
}
