/* Finding the bad link: which endpoints, nodes, planes or pairs of a matrix are slow.
 *
 * Input: rows of any benchmark with the axes src and dst (and plane), one time each. What is known
 * goes first (the tier of a pair), then row, column and cell effects are fitted and tested
 * (diagnose_fit.h). The largest group that explains the cells is named and taken out before smaller
 * ones are looked for: plane, node, pair of nodes, endpoint, pair. A node is named only when most
 * of its endpoints are slow, two at least. With two or three nodes what can be told is told
 * (diagnose_nodes.c), and finding nothing is no health. The level alpha is shared
 * equally by these kinds; within one it is Holm's. Cells that cannot pass at all (skipped: "... is
 * cut") are findings without a test. All functions of rows alone: the same rows give the same
 * diagnosis.
 */
#ifndef SN_HARNESS_DIAGNOSE_H
#define SN_HARNESS_DIAGNOSE_H

#include <stdint.h>
#include <stdio.h>

#include "harness/report.h"
#include "harness/row.h"

struct sn_diagnose_opts {
    double alpha;     /* chance of any false finding in a healthy matrix */
    double threshold; /* what is at most this share slower is not worth a finding */
    double detect;    /* inconclusive when a fault this many times slower could be missed */
    int node;         /* endpoints of a node; 0: as the rows tell (flags path-*); where no row has
                         any, 16 on the model clock and none on the wall clock */
};

enum sn_fault_kind {
    SN_FAULT_PLANE,
    SN_FAULT_NODE,
    SN_FAULT_NODES, /* from node src to node dst */
    SN_FAULT_ENDPOINT,
    SN_FAULT_PAIR
};
/* Directions, as bits: sending (for a pair: src to dst), receiving (dst to src), within a node. */
enum { SN_FAULT_OUT = 1, SN_FAULT_IN = 2, SN_FAULT_INSIDE = 4 };

struct sn_fault {
    enum sn_fault_kind kind;
    unsigned direction;   /* 0 for a plane */
    int64_t src, dst;     /* node or endpoint numbers; equal where there is one */
    int64_t plane;        /* -1: all */
    bool cut;             /* nothing passes: no figures */
    double shift, lo, hi; /* log of the time over that of the peers, 95 % interval */
    double p;             /* adjusted */
    size_t cells;         /* pairs (times planes) that it rests on */
    size_t matrix;        /* index into matrices */
};

enum sn_diagnosis_verdict { SN_DIAGNOSIS_HEALTHY, SN_DIAGNOSIS_FOUND, SN_DIAGNOSIS_UNSURE };

struct sn_diagnosis_matrix {
    char *label; /* "pairs op=put size=1048576 transport=shm" */
    size_t endpoints, nodes, planes, cells, missing;
    int launches; /* fewest of a cell */
    bool measured;
    double sigma;      /* standard deviation of a healthy cell's log time */
    double line, cell; /* slowdowns (time ratios) that would be found: endpoint, pair */
    char *unsure;      /* NULL, or why nothing can be said, and what to run */
};

struct sn_diagnosis {
    enum sn_diagnosis_verdict verdict;
    struct sn_fault *faults;
    size_t n_faults;
    struct sn_diagnosis_matrix *matrices;
    size_t n_matrices;
    struct sn_diagnose_opts opts;
};

/* Rows of several runs may be given together (launches of a case are merged by their median).
 * SN_EINVAL when no row has the axes src and dst. */
int sn_diagnose_rows(struct sn_diagnosis *out, const struct sn_rows *runs, size_t n_runs,
                     const struct sn_diagnose_opts *o);
void sn_diagnosis_free(struct sn_diagnosis *d);

/* "endpoint 5, sending and receiving, plane 2". New string. */
char *sn_fault_name(const struct sn_fault *f);
/* One sentence. New string. */
char *sn_fault_sentence(const struct sn_diagnosis *d, const struct sn_fault *f);

/* Writes it as text, md, csv or json. SN_EIO. */
int sn_diagnosis_print(FILE *out, const struct sn_diagnosis *d, enum sn_format format);

/* `snbench diagnose DIR...`: reads DIR/rows.jsonl, prints, *exit_code gets 0 (nothing found), 3
 * (something found) or 4 (inconclusive). */
int sn_diagnose(FILE *out, const char *const *dirs, size_t n, const struct sn_diagnose_opts *o,
                enum sn_format format, int *exit_code);

#endif
