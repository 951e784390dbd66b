/* Matrices of cells gathered from rows, and the levels at which they are searched. Internal to
 * harness/diagnose*.c. */
#ifndef SN_HARNESS_DIAGNOSE_CELLS_H
#define SN_HARNESS_DIAGNOSE_CELLS_H

#include <stddef.h>
#include <stdint.h>

#include "harness/diagnose.h"

enum { SN_CELL_NONE, SN_CELL_LIVE, SN_CELL_CUT };

/* Cell (p, i, j) lies at (p * n + i) * n + j. */
struct sn_cells {
    char *label;
    size_t n, planes;
    int64_t *id;    /* (n) endpoint numbers, ascending */
    int64_t *plane; /* (planes) numbers, ascending; one plane of -1: all together */
    int64_t *node;  /* (n) index of the endpoint's node, or NULL: nodes are not known */
    size_t nodes;
    int64_t *node_id;     /* (nodes) */
    double *y, *se;       /* log of the median time, NAN; its standard error. NULL: too large */
    unsigned char *state; /* SN_CELL_* */
    unsigned char *tier;  /* (n, n) */
    unsigned tiers;
    int launches; /* fewest rows of a live cell */
    bool measured;
    struct sn_cells *next;
};

/* List of matrices, in the order of their first rows; NULL: none. */
struct sn_cells *sn_cells_gather(const struct sn_rows *runs, size_t n_runs,
                                 const struct sn_diagnose_opts *o);
void sn_cells_free(struct sn_cells *list);

/* Searches one matrix (changes it) and adds to d; `matrices` share alpha. */
void sn_cells_cut(struct sn_cells *m, size_t index, struct sn_diagnosis *d);
void sn_cells_slow(struct sn_cells *m, size_t index, size_t matrices, struct sn_diagnosis *d);

void sn_diagnosis_add(struct sn_diagnosis *d, const struct sn_fault *f);

#endif
