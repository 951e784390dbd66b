/* Rows, columns and cells that stand out; see diagnose_fit.h. */
#include "harness/diagnose_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/diagnose_model.h"
#include "harness/diagnose_tail.h"

/* Share of a row's cells that must be slow before the row is called slow. */
static const double MOST_CELLS = 0.6;

/* --- tests ------------------------------------------------------------------------------------ */

/* Consistency factors of the MAD in samples of 2 to 9 (Croux and Rousseeuw 1992, table 1). */
static double spread(double *x, size_t k)
{
    static const double small[] = {0, 0, 1.196, 1.495, 1.363, 1.206, 1.200, 1.140, 1.129, 1.107};
    double mid = sn_fit_median(x, k, false);

    for (size_t i = 0; i < k; i++)
        x[i] = fabs(x[i] - mid);
    return 1.4826 * sn_fit_median(x, k, false) *
           (k < 10 ? small[k] : (double)k / ((double)k - 0.8));
}

/* Standard error and degrees of freedom of one of k peers: what the cells' noise makes, or how much
 * the peers spread. Their spread is taken for a noise of its own, known from k peers alone, only
 * where it is far from what the cells explain: few peers spread by chance. */
static double peer_error(const double *v, size_t k, double theory, double df, double *scratch,
                         double *df_out)
{
    memcpy(scratch, v, k * sizeof *v);
    double peers = k >= 3 ? spread(scratch, k) : 0, far = 2 + 8 / (double)k;

    *df_out = peers > far * theory ? fmin(df, fmax(3, (double)k - 2)) : df;
    return fmax(theory, peers);
}

static double t_p(double shift, double threshold, double se, double df)
{
    return sn_tail_t((shift - threshold) / se, df);
}

static void interval(struct sn_outlier *f, double se, double df)
{
    double half = sn_tail_t_quantile(0.025, df) * se;

    f->lo = f->shift - half;
    f->hi = f->shift + half;
}

static void add(struct sn_fit *out, const struct sn_outlier *f)
{
    out->found = sn_realloc(out->found, out->n_found + 1, sizeof *out->found);
    out->found[out->n_found++] = *f;
}

/* How many cells of a line are slow by at least half the threshold, given all but the line's own
 * effect. */
static size_t count_slow(const struct sn_matrix_fit *w, bool row, size_t i, double least, size_t *n)
{
    size_t slow = 0;

    *n = 0;
    for (size_t j = 0; j < w->n; j++) {
        size_t p = row ? i : j, q = row ? j : i;
        if (!sn_matrix_fit_live(w, p, q))
            continue;
        ++*n;
        slow += w->r[p * w->n + q] + (row ? w->a : w->b)[i] > least;
    }
    return slow;
}

/* The clearest slow row or column; false: none. */
static bool worst_line(const struct sn_matrix_fit *w, const struct sn_fit_opts *o, double factor,
                       struct sn_outlier *best, double *least)
{
    double threshold = log1p(o->threshold), *peers = sn_calloc(2 * w->n, sizeof *peers);
    bool any = false;

    *least = 0;
    for (int col = 0; col < 2; col++) {
        const double *effect = col ? w->b : w->a;
        const size_t *count = col ? w->col_n : w->row_n;
        size_t k = 0;
        for (size_t i = 0; i < w->n; i++)
            if (count[i] >= 2)
                peers[k++] = effect[i];
        if (k < SN_FIT_FEWEST) {
            *least = INFINITY;
            continue;
        }
        for (size_t i = 0; i < w->n; i++) {
            struct sn_outlier f = {
                .type = col ? SN_OUTLIER_COLUMN : SN_OUTLIER_ROW, .i = i, .j = i};
            double df;
            if (count[i] < 2)
                continue;
            double theory = w->sigma / sqrt((double)count[i] - 1);
            double se = peer_error(peers, k, theory, w->df, peers + w->n, &df);
            *least = fmax(*least, threshold + sn_tail_t_quantile(o->alpha / factor, df) * se);
            f.shift = effect[i];
            f.p = t_p(f.shift, threshold, se, df) * factor;
            f.slow = count_slow(w, !col, i, threshold / 2, &f.n);
            if (f.p > o->alpha || (double)f.slow < MOST_CELLS * (double)f.n ||
                (any && f.shift <= best->shift))
                continue;
            interval(&f, se, df);
            *best = f;
            any = true;
        }
    }
    free(peers);
    return any;
}

/* Takes a line's effect out, tier by tier. */
static void remove_line(struct sn_matrix_fit *w, const struct sn_outlier *f)
{
    bool row = f->type == SN_OUTLIER_ROW;

    for (unsigned t = 0; t < w->x->tiers; t++) {
        size_t k = 0;
        for (int pass = 0; pass < 2; pass++) {
            double shift = pass ? sn_fit_median(w->scratch, k, false) : 0;
            for (size_t j = 0; j < w->n; j++) {
                size_t p = row ? f->i : j, q = row ? j : f->i, c = p * w->n + q;
                if (!sn_matrix_fit_live(w, p, q) || w->x->tier[c] != t)
                    continue;
                if (pass)
                    w->x->y[c] -= shift;
                else
                    w->scratch[k++] = w->r[c] + (row ? w->a[p] : w->b[q]);
            }
        }
    }
}

struct cell {
    size_t c;
    double r, se;
};

static int by_z(const void *a, const void *b)
{
    const struct cell *x = a, *y = b;
    double zx = x->r / x->se, zy = y->r / y->se;

    return zx < zy ? 1 : zx > zy ? -1 : (x->c > y->c) - (x->c < y->c);
}

static double leverage(const struct sn_matrix_fit *w, size_t i, size_t j)
{
    double h = 1.0 / (double)w->row_n[i] + 1.0 / (double)w->col_n[j] - 1.0 / (double)w->n_clean;

    return fmin(h, 0.9);
}

static size_t list_cells(const struct sn_matrix_fit *w, struct cell *cells)
{
    size_t k = 0;

    for (size_t i = 0; i < w->n; i++)
        for (size_t j = 0; j < w->n; j++) {
            size_t c = i * w->n + j;
            if (!sn_matrix_fit_live(w, i, j) || w->row_n[i] < 2 || w->col_n[j] < 2)
                continue;
            double h = leverage(w, i, j);
            cells[k++] = (struct cell){
                .c = c,
                .r = w->clean[c] ? w->r[c] / (1 - h) : w->r[c],
                .se = fmax(w->sigma / sqrt(1 - h), w->x->se ? w->x->se[c] : 0),
            };
        }
    return k;
}

/* Tails of the noise, in standard errors, from the cells after the first `set_aside` and after
 * those that are too slow to be noise. Where cells are few they cannot show how heavy their tails
 * are. */
static double tails(const struct cell *cells, size_t set_aside, size_t n, bool once,
                    double *scratch, double *scale)
{
    static const double gross = 0.34, gross_z = 8; /* 40 % longer, and far outside */
    double sum = 0, most = once ? 5 : fmax(6, (double)n / 24);
    size_t k = 0;

    for (size_t i = set_aside; i < n; i++) {
        if (cells[i].r > fmax(gross, gross_z * cells[i].se))
            continue;
        scratch[k] = cells[i].r / cells[i].se;
        sum += fabs(scratch[k++]);
    }
    *scale = 1;
    if (k < 20 || sum < 1e-3 * (double)k)
        return most;
    return fmin(most, sn_tail_fit(scratch, k, scale));
}

static void find_cells(struct sn_matrix_fit *w, const struct sn_fit_opts *o, double factor,
                       struct sn_fit *out)
{
    double threshold = log1p(o->threshold), scale;
    struct cell *cells = sn_calloc(w->n * w->n, sizeof *cells);
    size_t n = list_cells(w, cells), k = 0;

    qsort(cells, n, sizeof *cells, by_z);
    double nu;
    for (;; k++) { /* each against the tails of all that follow it */
        nu = fmin(w->df, tails(cells, k < n ? k + 1 : n, n, o->once, w->scratch, &scale));
        scale = fmax(scale, 1);
        if (k == n)
            break;
        struct sn_outlier f = {.type = SN_OUTLIER_CELL, .shift = cells[k].r, .n = 1, .slow = 1};
        double se = cells[k].se * scale;
        f.i = cells[k].c / w->n;
        f.j = cells[k].c % w->n;
        f.p = t_p(f.shift, threshold, se, nu) * fmax(1, factor - (double)k);
        if (f.p > o->alpha)
            break;
        interval(&f, se, nu);
        add(out, &f);
        w->x->y[cells[k].c] = NAN;
    }
    for (size_t i = k; i < n; i++)
        w->scratch[i - k] = cells[i].se;
    if (n > k)
        out->least_cell = threshold + sn_tail_t_quantile(o->alpha / factor, nu) * scale *
                                          sn_fit_median(w->scratch, n - k, false);
    free(cells);
}

void sn_fit_matrix(struct sn_matrix *x, const struct sn_fit_opts *o, struct sn_fit *out)
{
    struct sn_matrix_fit w;
    struct sn_outlier f;

    *out = (struct sn_fit){.sigma = NAN, .least_line = INFINITY, .least_cell = INFINITY};
    if (x->n < SN_FIT_FEWEST)
        return;
    sn_matrix_fit_open(&w, x);
    sn_matrix_fit_all(&w);
    out->df = w.df;
    out->sigma = w.sigma;
    if (w.df >= 3) {
        double factor = fmax(o->lines, 1);
        while (out->n_found < 2 * w.n && worst_line(&w, o, factor, &f, &out->least_line)) {
            add(out, &f);
            remove_line(&w, &f);
            factor = fmax(factor - 1, 1);
            sn_matrix_fit_all(&w);
        }
        out->sigma = w.sigma;
        find_cells(&w, o, fmax(o->cells, 1), out);
    }
    sn_matrix_fit_close(&w);
}

void sn_fit_free(struct sn_fit *f)
{
    free(f->found);
    *f = (struct sn_fit){0};
}

size_t sn_fit_values(const double *v, size_t k, double cells, double sigma,
                     const struct sn_fit_opts *o, struct sn_outlier *found, double *least)
{
    double threshold = log1p(o->threshold), factor = fmax(o->lines, 1), df, mid;
    double *x = sn_calloc(2 * k + 1, sizeof *x);
    size_t n = 0, hits = 0;

    for (size_t i = 0; i < k; i++)
        if (!isnan(v[i]))
            x[n++] = v[i];
    *least = INFINITY;
    if (n < 3) {
        free(x);
        return 0;
    }
    memcpy(x + k, x, n * sizeof *x);
    mid = sn_fit_median(x + k, n, true);
    /* 1.25: of a median against a mean */
    double theory = 1.2533 * fmax(sigma, SN_MODEL_LEAST_SIGMA) / sqrt(fmax(cells, 1));
    double se = peer_error(x, n, theory, fmax(cells - 1, 1), x + k, &df);
    for (size_t i = 0; i < k; i++) {
        struct sn_outlier f = {.type = SN_OUTLIER_ROW, .i = i, .j = i, .n = 1, .slow = 1};
        f.shift = v[i] - mid;
        f.p = t_p(f.shift, threshold, se, df) * factor;
        if (isnan(v[i]) || f.p > o->alpha)
            continue;
        interval(&f, se, df);
        found[hits++] = f;
    }
    *least = threshold + sn_tail_t_quantile(o->alpha / factor, df) * se;
    free(x);
    return hits;
}
