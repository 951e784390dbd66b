/* The additive model of one matrix, y_ij = mu_tier(ij) + a_i + b_j, fitted over what is clean.
 * Internal to harness/diagnose_fit.c. */
#ifndef SN_HARNESS_DIAGNOSE_MODEL_H
#define SN_HARNESS_DIAGNOSE_MODEL_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

#include "harness/diagnose_fit.h"

/* Deterministic rows have no noise at all; nothing measured is known better than this. */
#define SN_MODEL_LEAST_SIGMA 1e-3

struct sn_matrix_fit {
    struct sn_matrix *x; /* borrowed */
    size_t n;
    double *a, *b, *m; /* effects: rows, columns (0 in the middle endpoint), tiers */
    double *r;         /* (n, n) residuals; NAN where y is */
    bool *clean;       /* (n, n) used by least squares */
    size_t *row_n, *col_n, n_clean;
    double sigma, df; /* of a clean cell: sigma NAN when df < 1 */
    double *scratch;  /* n * n, for whoever needs it */
};

void sn_matrix_fit_open(struct sn_matrix_fit *w, struct sn_matrix *x);
void sn_matrix_fit_close(struct sn_matrix_fit *w);

/* Fits x->y as it is now. */
void sn_matrix_fit_all(struct sn_matrix_fit *w);

static inline bool sn_matrix_fit_live(const struct sn_matrix_fit *w, size_t i, size_t j)
{
    return i != j && !isnan(w->x->y[i * w->n + j]);
}

#endif
