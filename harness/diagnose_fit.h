/* Rows, columns and cells of a matrix that stand out: the statistics under `snbench diagnose`.
 *
 * Model, in logarithms of time: y_ij = mu_tier(ij) + a_i + b_j + e_ij. Start: median polish. Then
 * least squares over the cells within a few robust standard deviations (of the interaction
 * contrasts y_ij - y_il - y_kj + y_kl, in which every row and column effect cancels), so that
 * inference is that of classical t tests while gross faults pull at nothing.
 *
 * A row stands out by a_i - median a: variance s^2 / (n - 2) (a table without its diagonal), or the
 * spread of the other rows where that is larger. A cell by its deletion residual
 * r / (1 - h), variance s^2 / (1 - h) with h = 1/n_i + 1/n_j - 1/N, never below the cell's own
 * standard error; its p comes from a t distribution with the tails that the other residuals show.
 * A test asks whether the effect exceeds log(1 + threshold). Rows and columns go first and are
 * taken out (by tier, which a fault may hit differently), then cells.
 */
#ifndef SN_HARNESS_DIAGNOSE_FIT_H
#define SN_HARNESS_DIAGNOSE_FIT_H

#include <stdbool.h>
#include <stddef.h>

enum { SN_FIT_FEWEST = 4 }; /* rows: with 3, rows and columns explain all but one number */

struct sn_matrix {
    size_t n;
    double *y;           /* (n, n) log time; NAN: not measured. The diagonal is not looked at */
    double *se;          /* (n, n) standard error of y; 0: unknown */
    unsigned char *tier; /* (n, n), below `tiers` */
    unsigned tiers;
};

struct sn_fit_opts {
    double threshold;    /* practical: 0.05 is 5 % longer */
    double alpha;        /* of an adjusted p */
    double lines, cells; /* candidates among rows and columns, and among cells: Holm's factors; each
                            found one lowers them by 1 */
    bool once; /* each cell measured once on a real clock: a disturbance may be in it, and tails are
                  taken to be heavy (nu at most 5) whatever the other cells show */
};

enum sn_outlier_type { SN_OUTLIER_ROW, SN_OUTLIER_COLUMN, SN_OUTLIER_CELL };

struct sn_outlier {
    enum sn_outlier_type type;
    size_t i, j;          /* row, column; the one that the type has */
    double shift, lo, hi; /* log of the time ratio, with its 95 % interval */
    double p;             /* adjusted */
    size_t n, slow;       /* cells that it has, and how many of them are slow */
};

struct sn_fit {
    struct sn_outlier *found;
    size_t n_found;
    double sigma;                  /* standard deviation of a healthy cell */
    double df;                     /* that sigma rests on; below 3: nothing was tested */
    double least_line, least_cell; /* shifts that would be found; INFINITY when not tested */
};

/* Finds, and takes what it found out of x->y (a cell becomes NAN). Release with sn_fit_free(). */
void sn_fit_matrix(struct sn_matrix *x, const struct sn_fit_opts *o, struct sn_fit *out);
void sn_fit_free(struct sn_fit *f);

/* One-way: k values (log times, NAN: none), each from `cells` cells of standard deviation sigma;
 * fills found[] (room for k) with type ROW and returns their number; *least as above. k >= 3. */
size_t sn_fit_values(const double *v, size_t k, double cells, double sigma,
                     const struct sn_fit_opts *o, struct sn_outlier *found, double *least);

/* Median of x (changed: sorted); `lower` takes the lower of two middle values. NAN for n = 0. */
double sn_fit_median(double *x, size_t n, bool lower);

#endif
