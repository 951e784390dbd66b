/* Random k-subsets (comm/subset.h has the method and the sources).
 *
 * Every row of the table is scaled by its own F_c(0), and the draw only compares values of one row,
 * so that no product of many weights over- or underflows. Values below TINY become 0: an item is
 * then unreachable rather than reached with no item left behind it (F_c(t) > F_c(t+1) implies
 * F_(c-1)(t+1) > 0, also after rounding).
 */
#include "comm/subset.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"

#define TINY        1e-280
#define SURE        (1 - 1e-9) /* from here on an item counts as certain */
#define TOLERANCE   1e-9
#define CONVERGED   1e-13
#define MAX_ROUNDS  1000
#define MAX_TABLE   (128u << 20)
#define FLOYD_UP_TO 64u

/* --- the table ------------------------------------------------------------------------------- */

/* Fills tail (k, m + 1) from w (m) and ratio (k): ratio[c-1] = F_c(0) / F_(c-1)(0). */
static void fill_table(const double *w, unsigned m, unsigned k, double *tail, double *ratio)
{
    for (unsigned c = 1; c <= k; c++) {
        double *row = tail + (size_t)(c - 1) * (m + 1);
        const double *below = c > 1 ? row - (m + 1) : NULL;
        row[m] = 0;
        for (unsigned i = m; i-- > 0;) {
            double f = row[i + 1] + w[i] * (below ? below[i + 1] : 1);
            row[i] = f < TINY ? 0 : f;
        }
        ratio[c - 1] = row[0];
        for (unsigned i = 0; i < m; i++) {
            double f = row[i] / ratio[c - 1];
            row[i] = f < TINY ? 0 : f;
        }
    }
}

/* p (m): the inclusion probabilities that draws from this table have. left (k + 1): scratch, the
 * probability that c picks are left on arrival at item i. */
static void realised(const double *w, unsigned m, unsigned k, const double *tail,
                     const double *ratio, double *left, double *p)
{
    memset(left, 0, k * sizeof *left);
    left[k] = 1;
    for (unsigned i = 0; i < m; i++) {
        p[i] = 0;
        for (unsigned c = 1; c <= k; c++) { /* upwards: left[c - 1] is not read again */
            const double *row = tail + (size_t)(c - 1) * (m + 1),
                         *below = c > 1 ? row - (m + 1) : NULL;
            if (left[c] == 0 || row[i] == 0)
                continue;
            double q = w[i] / ratio[c - 1] * (below ? below[i + 1] : 1) / row[i];
            double moved = left[c] * (q < 1 ? q : 1);
            p[i] += moved;
            left[c - 1] += moved;
            left[c] -= moved;
        }
    }
}

/* Solves w (m) so that the inclusion probabilities are pi (m), by correcting the odds: w_i becomes
 * w_i ((pi_i / (1 - pi_i)) / (p_i / (1 - p_i)))^a. With a = 1 the error contracts by about
 * 1 / sum pi (1 - pi) a round (Tille); where that sum is small it may swing, since the covariance
 * of a strongly Rayleigh measure reaches twice its diagonal, and a = 1/2 settles it. Returns the
 * largest error left. */
static double solve(const double *pi, unsigned m, unsigned k, double *tail, double *w)
{
    double *p = sn_calloc(m, sizeof *p);
    double *ratio = sn_calloc(k, sizeof *ratio);
    double *left = sn_calloc((size_t)k + 1, sizeof *left);
    double error = DBL_MAX, before;
    bool half = false;

    for (unsigned i = 0; i < m; i++)
        w[i] = k == 1 ? pi[i] : pi[i] / (1 - pi[i]);
    for (unsigned round = 0;; round++) {
        fill_table(w, m, k, tail, ratio);
        realised(w, m, k, tail, ratio, left, p);
        before = error;
        error = 0;
        for (unsigned i = 0; i < m; i++)
            error = fmax(error, fabs(p[i] - pi[i]));
        if (error < CONVERGED || round == MAX_ROUNDS || (half && error < 1e-11 && error >= before))
            break;
        half |= error > 0.8 * before;
        for (unsigned i = 0; i < m; i++)
            if (pi[i] > 0 && p[i] > 0 && p[i] < 1) {
                double step = pi[i] / (1 - pi[i]) * ((1 - p[i]) / p[i]);
                w[i] *= half ? sqrt(step) : step;
            }
    }
    free(p);
    free(ratio);
    free(left);
    return error;
}

struct ranked {
    double p;
    unsigned i;
};

static int by_falling_p(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    return x->p != y->p ? (x->p < y->p) - (x->p > y->p) : (x->i > y->i) - (x->i < y->i);
}

int sn_subset_open(struct sn_subset *out, const double *inclusion, unsigned n, unsigned k)
{
    struct sn_subset s = {.n = n, .k = k};
    assert(k <= n && n <= UINT16_MAX);

    struct ranked *order = sn_calloc(n, sizeof *order);
    for (unsigned i = 0; i < n; i++)
        order[i] = (struct ranked){inclusion[i], i};
    qsort(order, n, sizeof *order, by_falling_p);
    while (s.certain < k && order[s.certain].p >= SURE)
        s.certain++;

    unsigned m = n - s.certain, left = k - s.certain;
    if ((uint64_t)left * (m + 1) * sizeof(double) > MAX_TABLE) {
        free(order);
        return SN_FAIL(SN_EINVAL,
                       "drawing %u of %u experts by popularity needs a table of %.0f MiB; at most "
                       "%u MiB: fewer experts, a smaller top-k, or routing uniform",
                       left, m, (double)left * (m + 1) * sizeof(double) / (1 << 20),
                       MAX_TABLE >> 20);
    }
    s.item = sn_calloc(n ? n : 1, sizeof *s.item);
    s.tail = sn_calloc((size_t)left * (m + 1) + 1, sizeof *s.tail);
    double *pi = sn_calloc(m + 1, sizeof *pi), *w = sn_calloc(m + 1, sizeof *w), sum = 0;
    for (unsigned i = 0; i < n; i++)
        s.item[i] = (uint16_t)order[i].i;
    for (unsigned i = 0; i < m; i++)
        sum += order[s.certain + i].p;
    for (unsigned i = 0; i < m; i++)
        pi[i] = left ? fmin(order[s.certain + i].p * (left / sum), SURE) : 0;
    if (left)
        s.error = solve(pi, m, left, s.tail, w);
    free(order);
    free(pi);
    free(w);
    if (s.error > TOLERANCE) {
        double error = s.error;
        sn_subset_close(&s);
        return SN_FAIL(SN_EINVAL,
                       "drawing %u of %u experts by popularity: shares reached only to %.1e", left,
                       m, error);
    }
    *out = s;
    return SN_OK;
}

void sn_subset_close(struct sn_subset *s)
{
    free(s->item);
    free(s->tail);
    *s = (struct sn_subset){0};
}

/* --- drawing --------------------------------------------------------------------------------- */

void sn_subset_draw(const struct sn_subset *s, struct sn_rng *rng, uint16_t *out)
{
    const uint16_t *item = s->item + s->certain;
    const unsigned m = s->n - s->certain;
    unsigned i = 0;

    for (unsigned j = 0; j < s->certain; j++)
        out[j] = s->item[j];
    for (unsigned c = s->k - s->certain; c > 0; c--) {
        const double *row = s->tail + (size_t)(c - 1) * (m + 1), *at = row + i;
        const double v = sn_rng_uniform(rng) * *at;
        /* the last item whose F_c is above v; written so that it compiles to conditional moves */
        for (unsigned len = m - i; len > 1;) {
            unsigned half = len / 2;
            at = at[half] > v ? at + half : at;
            len -= half;
        }
        i = (unsigned)(at - row);
        out[s->k - c] = item[i++];
    }
}

static bool contains(const uint16_t *x, unsigned n, uint16_t what)
{
    bool found = false;
    for (unsigned i = 0; i < n; i++) /* no early exit: short, and then vectorised */
        found |= x[i] == what;
    return found;
}

void sn_subset_uniform(unsigned n, unsigned k, struct sn_rng *rng, uint16_t *out)
{
    if (k <= FLOYD_UP_TO) {
        for (unsigned j = n - k, got = 0; got < k; j++, got++) {
            uint16_t t = (uint16_t)sn_rng_below(rng, j + 1);
            out[got] = contains(out, got, t) ? (uint16_t)j : t;
        }
        return;
    }
    for (unsigned i = 0, got = 0; got < k; i++)
        if (sn_rng_below(rng, n - i) < k - got)
            out[got++] = (uint16_t)i;
}

void sn_subset_shuffle(uint16_t *x, unsigned n, struct sn_rng *rng)
{
    uint64_t bits = 0;
    for (unsigned i = n; i > 1; i--) {
        bits = (n - i) % 2 ? bits >> 32 : sn_rng_next(rng); /* one number serves two steps */
        unsigned j = (unsigned)((bits & UINT32_MAX) * i >> 32);
        uint16_t t = x[i - 1];
        x[i - 1] = x[j];
        x[j] = t;
    }
}

void sn_subset_inclusion(const double *weight, unsigned n, unsigned k, double *inclusion)
{
    struct ranked *order = sn_calloc(n, sizeof *order);
    double *rest = sn_calloc((size_t)n + 1, sizeof *rest); /* sum of order[i..] */
    unsigned capped = 0;

    for (unsigned i = 0; i < n; i++)
        order[i] = (struct ranked){weight[i], i};
    qsort(order, n, sizeof *order, by_falling_p);
    for (unsigned i = n; i-- > 0;)
        rest[i] = rest[i + 1] + order[i].p;
    while (capped < k && order[capped].p * (k - capped) > rest[capped])
        capped++;
    assert(capped == k || rest[capped] > 0);
    for (unsigned i = 0; i < n; i++)
        inclusion[order[i].i] = i < capped    ? 1
                                : capped == k ? 0
                                              : fmin(1, order[i].p * (k - capped) / rest[capped]);
    free(order);
    free(rest);
}
