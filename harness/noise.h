/* `snbench noise DIR...`: how far two runs of the same thing are apart on this machine.
 *
 * For every row with the medians x_1, x_2, ... of its launches (all runs together, 4 or more), on
 * logarithms of ratios:
 *   split  the 97.5 % quantile of |ln HL(half, other half)| over the splits of the launches into
 *          two halves (an odd one more in the second): all of them up to 16 launches, else 2,000
 *          drawn with a seed made of the row's id. HL is the Hodges-Lehmann ratio of compare.
 *   drift  the largest |ln HL| of two parts that ran one after the other: the first and the second
 *          half of a run's launches, and any two of the runs. Random halves cannot see what a
 *          machine does over minutes; two runs one after the other do.
 *   noise  max(split, drift): the A/A noise that `compare` takes as the row's threshold when it is
 *          more than --threshold.
 * Rows of the model clock have none. A function of stored rows alone: the same rows give the same
 * bytes. results/README.md has the file for people. */
#ifndef SN_HARNESS_NOISE_H
#define SN_HARNESS_NOISE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/bench.h"
#include "harness/report.h"
#include "harness/row.h"

#define SN_NOISE_SCHEMA   "snbench-noise-1"
#define SN_NOISE_FILE     "noise.json"
#define SN_NOISE_QUANTILE 0.975
enum {
    SN_NOISE_FEWEST = 4,      /* launches */
    SN_NOISE_EXACT_MOST = 16, /* launches with C(n, n / 2) splits counted: 12,870 */
    SN_NOISE_DRAWS = 2000
};

/* A run's part of the launches. */
struct sn_noise_run {
    const double *medians; /* in the order of the launches, > 0 */
    size_t n;
};

struct sn_noise_figures {
    size_t launches, splits;    /* splits: looked at */
    double split, drift, noise; /* ln of ratios; NAN: fewer than SN_NOISE_FEWEST launches */
};

/* The figures of one row. `id` seeds the draws. */
struct sn_noise_figures sn_noise_of(const struct sn_noise_run *runs, size_t n, const char *id);

/* noise.json in memory. Strings owned. */
struct sn_noise_row {
    char *id, *bench, *label;
    struct sn_noise_figures f;
    char *reason; /* why there is no noise; NULL where there is */
};
struct sn_noise_source {
    char *name;       /* of the run directory */
    char *machine_id; /* NULL: unknown */
    char rows_sha256[65];
};
struct sn_noise {
    struct sn_noise_source *runs;
    size_t n_runs;
    struct sn_noise_row *rows;
    size_t n_rows;
};
void sn_noise_free(struct sn_noise *x);

/* Appends the file. */
void sn_noise_encode(const struct sn_noise *x, struct sn_buf *out);
/* Reads it. SN_EINVAL "NAME: ..." says what is wrong and where; an unknown key is an error. */
int sn_noise_parse(struct sn_noise *out, const char *name, const char *text, size_t n);
int sn_noise_read(struct sn_noise *out, const char *path);

/* The noise of a row (ln), or NAN. */
double sn_noise_find(const struct sn_noise *x, const char *id);

/* The noise of run directories of one workload. SN_EINVAL: a directory holds none of the rows of
 * the first, or no row has launches enough. */
int sn_noise_measure(struct sn_noise *out, const char *const *dirs, size_t n,
                     const struct sn_app *app);

/* The command: prints a table (text, md, csv, json) and stores the file at `path` (NULL:
 * DIR/noise.json of the first directory, whose SHA256SUMS is then renewed). */
int sn_noise_command(FILE *out, const char *const *dirs, size_t n, const char *path,
                     enum sn_format format, const struct sn_app *app);

#endif
