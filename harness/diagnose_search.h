/* One layer of a matrix that is searched: all planes together, or one. Internal to
 * harness/diagnose_levels.c and diagnose_nodes.c. */
#ifndef SN_HARNESS_DIAGNOSE_SEARCH_H
#define SN_HARNESS_DIAGNOSE_SEARCH_H

#include <stdbool.h>

#include "harness/diagnose_cells.h"
#include "harness/diagnose_fit.h"

struct sn_search {
    struct sn_cells *m;
    struct sn_diagnosis *d;
    struct sn_diagnosis_matrix *info;
    size_t index;
    double share;  /* of alpha: kinds of findings times matrices */
    double layers; /* matrices searched here: 1, or 1 + planes */
    int64_t plane; /* searched now; -1: all */
    bool relative; /* y is what one plane takes over the others: 0 is healthy */
    double *y;     /* (n, n) what is searched now */
    const double *se;
    double *scratch; /* n * n */
};

/* The options of a fit with so many candidates among lines and among cells. */
struct sn_fit_opts sn_search_options(const struct sn_search *s, double lines, double cells);
void sn_search_report(struct sn_search *s, enum sn_fault_kind kind, unsigned direction, int64_t src,
                      int64_t dst, const struct sn_outlier *f, size_t cells);

/* Two or three nodes: none has peers enough, and what can be told is less. */
bool sn_nodes_few(const struct sn_cells *m);
/* Four or more, mostly of several endpoints each. */
bool sn_nodes_many(const struct sn_cells *m);

/* Finds slow nodes, pairs of nodes and insides of nodes in s->y, and takes them out of it. Nothing
 * where nodes are not known or have one endpoint each. */
void sn_search_nodes(struct sn_search *s);

#endif
