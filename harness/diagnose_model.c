/* The additive model: robust start, then least squares; see diagnose_model.h. */
#include "harness/diagnose_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/rng.h"
#include "harness/diagnose_fit.h"
#include "harness/stats.h"

double sn_fit_median(double *x, size_t n, bool lower)
{
    if (n == 0)
        return NAN;
    sn_stats_sort(x, n);
    return n % 2 || lower ? x[(n - 1) / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

static double fitted(const struct sn_matrix_fit *w, size_t i, size_t j)
{
    return w->m[w->x->tier[i * w->n + j]] + w->a[i] + w->b[j];
}

static void residuals(struct sn_matrix_fit *w)
{
    for (size_t i = 0; i < w->n; i++)
        for (size_t j = 0; j < w->n; j++)
            w->r[i * w->n + j] =
                sn_matrix_fit_live(w, i, j) ? w->x->y[i * w->n + j] - fitted(w, i, j) : NAN;
}

/* --- robust start ----------------------------------------------------------------------------- */

/* Moves the median residual of each row (or column) into its effect; the largest move. */
static double sweep_lines(struct sn_matrix_fit *w, bool rows)
{
    double largest = 0;

    for (size_t i = 0; i < w->n; i++) {
        size_t k = 0;
        for (size_t j = 0; j < w->n; j++) {
            size_t p = rows ? i : j, q = rows ? j : i;
            if (sn_matrix_fit_live(w, p, q))
                w->scratch[k++] = w->x->y[p * w->n + q] - fitted(w, p, q);
        }
        double move = k ? sn_fit_median(w->scratch, k, false) : 0;
        (rows ? w->a : w->b)[i] += move;
        largest = fmax(largest, fabs(move));
    }
    return largest;
}

static void sweep_tiers(struct sn_matrix_fit *w)
{
    for (unsigned t = 0; t < w->x->tiers; t++) {
        size_t k = 0;
        for (size_t i = 0; i < w->n; i++)
            for (size_t j = 0; j < w->n; j++)
                if (sn_matrix_fit_live(w, i, j) && w->x->tier[i * w->n + j] == t)
                    w->scratch[k++] = w->x->y[i * w->n + j] - fitted(w, i, j);
        w->m[t] += k ? sn_fit_median(w->scratch, k, false) : 0;
    }
}

/* Effects relative to the middle endpoint. Of two middle ones the faster: "slow" is against the
 * faster half. */
static double center(const struct sn_matrix_fit *w, double *effect, const size_t *count)
{
    double mid;
    size_t k = 0;

    for (size_t i = 0; i < w->n; i++)
        if (count[i] > 0)
            w->scratch[k++] = effect[i];
    mid = k ? sn_fit_median(w->scratch, k, true) : 0;
    for (size_t i = 0; i < w->n; i++)
        effect[i] -= mid;
    return mid;
}

static void center_all(struct sn_matrix_fit *w)
{
    double by = center(w, w->a, w->row_n) + center(w, w->b, w->col_n);

    for (unsigned t = 0; t < w->x->tiers; t++)
        w->m[t] += by;
}

static void count_lines(struct sn_matrix_fit *w)
{
    memset(w->row_n, 0, w->n * sizeof *w->row_n);
    memset(w->col_n, 0, w->n * sizeof *w->col_n);
    w->n_clean = 0;
    for (size_t i = 0; i < w->n; i++)
        for (size_t j = 0; j < w->n; j++)
            if (sn_matrix_fit_live(w, i, j) && w->clean[i * w->n + j]) {
                w->row_n[i]++;
                w->col_n[j]++;
                w->n_clean++;
            }
}

static void polish(struct sn_matrix_fit *w)
{
    enum { SWEEPS = 20 };

    memset(w->a, 0, w->n * sizeof *w->a);
    memset(w->b, 0, w->n * sizeof *w->b);
    memset(w->m, 0, w->x->tiers * sizeof *w->m);
    for (int s = 0; s < SWEEPS; s++) {
        sweep_tiers(w);
        double moved = sweep_lines(w, true);
        moved = fmax(moved, sweep_lines(w, false));
        center_all(w);
        if (moved < 1e-9)
            break;
    }
    residuals(w);
}

/* One interaction contrast of residuals; NAN when a cell is missing or rows or columns repeat. */
static double contrast(const struct sn_matrix_fit *w, size_t i, size_t k, size_t j, size_t l)
{
    if (i == k || j == l)
        return NAN;
    const double *r = w->r;
    size_t n = w->n;
    if (i == j || i == l || k == j || k == l)
        return NAN;
    return r[i * n + j] - r[i * n + l] - r[k * n + j] + r[k * n + l];
}

/* Standard deviation of a cell from the median |contrast| (of variance 4 s^2): all of them in small
 * tables, else a sample. */
static double contrast_sigma(const struct sn_matrix_fit *w)
{
    enum { MOST = 8192 };
    struct sn_rng rng = sn_rng_make(1, 0x7e7ad);
    double *c = sn_calloc(MOST, sizeof *c), s;
    size_t n = w->n, k = 0;

    if (n * n * n * n / 4 <= MOST) {
        for (size_t i = 0; i < n; i++)
            for (size_t p = i + 1; p < n; p++)
                for (size_t j = 0; j < n; j++)
                    for (size_t l = j + 1; l < n; l++) {
                        double x = contrast(w, i, p, j, l);
                        if (!isnan(x))
                            c[k++] = fabs(x);
                    }
    } else {
        for (size_t draw = 0; draw < 4 * MOST && k < MOST; draw++) {
            double x = contrast(w, sn_rng_below(&rng, n), sn_rng_below(&rng, n),
                                sn_rng_below(&rng, n), sn_rng_below(&rng, n));
            if (!isnan(x))
                c[k++] = fabs(x);
        }
    }
    s = k ? sn_fit_median(c, k, false) / (2 * 0.6744897501960817) : 0;
    free(c);
    return s;
}

/* --- least squares over what is clean --------------------------------------------------------- */

static size_t used_lines(const size_t *count, size_t n)
{
    size_t used = 0;

    for (size_t i = 0; i < n; i++)
        used += count[i] > 0;
    return used;
}

static unsigned used_tiers(const struct sn_matrix_fit *w)
{
    unsigned used = 0;

    for (unsigned t = 0; t < w->x->tiers; t++) {
        bool any = false;
        for (size_t c = 0; c < w->n * w->n && !any; c++)
            any = w->clean[c] && w->x->tier[c] == t && !isnan(w->r[c]);
        used += any;
    }
    return used;
}

/* One round of backfitting by means: rows, columns, tiers. The largest move. */
static double backfit(struct sn_matrix_fit *w)
{
    size_t n = w->n;
    double largest = 0;

    for (int rows = 0; rows < 2; rows++)
        for (size_t i = 0; i < n; i++) {
            double sum = 0;
            size_t k = rows ? w->row_n[i] : w->col_n[i];
            for (size_t j = 0; j < n && k > 0; j++) {
                size_t p = rows ? i : j, q = rows ? j : i;
                if (w->clean[p * n + q] && sn_matrix_fit_live(w, p, q))
                    sum += w->x->y[p * n + q] - fitted(w, p, q);
            }
            double move = k ? sum / (double)k : 0;
            (rows ? w->a : w->b)[i] += move;
            largest = fmax(largest, fabs(move));
        }
    for (unsigned t = 0; t < w->x->tiers && w->x->tiers > 1; t++) {
        double sum = 0;
        size_t k = 0;
        for (size_t i = 0; i < n; i++)
            for (size_t j = 0; j < n; j++)
                if (w->clean[i * n + j] && sn_matrix_fit_live(w, i, j) &&
                    w->x->tier[i * n + j] == t) {
                    sum += w->x->y[i * n + j] - fitted(w, i, j);
                    k++;
                }
        w->m[t] += k ? sum / (double)k : 0;
        largest = fmax(largest, k ? fabs(sum / (double)k) : 0);
    }
    return largest;
}

static void least_squares(struct sn_matrix_fit *w)
{
    double sum = 0;

    count_lines(w);
    for (int round = 0; round < 200 && backfit(w) > 1e-8; round++)
        ;
    center_all(w);
    residuals(w);
    for (size_t c = 0; c < w->n * w->n; c++)
        if (w->clean[c] && !isnan(w->r[c]))
            sum += w->r[c] * w->r[c];
    double params = (double)(used_lines(w->row_n, w->n) + used_lines(w->col_n, w->n)) - 1 +
                    (double)used_tiers(w) - 1;
    w->df = (double)w->n_clean - params;
    w->sigma = w->df >= 1 ? fmax(sqrt(sum / w->df), SN_MODEL_LEAST_SIGMA) : NAN;
}

void sn_matrix_fit_all(struct sn_matrix_fit *w)
{
    size_t cells = w->n * w->n, n_live = 0;

    for (size_t c = 0; c < cells; c++) {
        w->clean[c] = sn_matrix_fit_live(w, c / w->n, c % w->n);
        n_live += w->clean[c];
    }
    count_lines(w);
    polish(w);
    /* In small tables the first guess of sigma may be far too low: a wide gate then. */
    double df = fmax(1, (double)n_live - 2 * (double)w->n + 1);
    double gate = 4 * (1 + 10 / df) * fmax(contrast_sigma(w), SN_MODEL_LEAST_SIGMA);
    for (size_t c = 0; c < cells; c++)
        w->clean[c] = w->clean[c] && fabs(w->r[c]) <= gate;
    least_squares(w);
}

void sn_matrix_fit_open(struct sn_matrix_fit *w, struct sn_matrix *x)
{
    size_t n = x->n;

    *w = (struct sn_matrix_fit){.x = x, .n = n};
    w->a = sn_calloc(n, sizeof *w->a);
    w->b = sn_calloc(n, sizeof *w->b);
    w->m = sn_calloc(x->tiers, sizeof *w->m);
    w->r = sn_calloc(n * n, sizeof *w->r);
    w->clean = sn_calloc(n * n, sizeof *w->clean);
    w->row_n = sn_calloc(n, sizeof *w->row_n);
    w->col_n = sn_calloc(n, sizeof *w->col_n);
    w->scratch = sn_calloc(n * n, sizeof *w->scratch);
}

void sn_matrix_fit_close(struct sn_matrix_fit *w)
{
    free(w->a);
    free(w->b);
    free(w->m);
    free(w->r);
    free(w->clean);
    free(w->row_n);
    free(w->col_n);
    free(w->scratch);
}
