/* `snbench compare BASE NEW`: is NEW slower than BASE, row by row.
 *
 * Rows are matched by id; contrast.h decides, launches being the unit of replication. The exit code
 * follows --fail-on WORD (slower unless said otherwise):
 *   - 3: a row is WORD by more than its threshold (any: slower or faster)
 *   - 4: none is, but at least one may be: its interval reaches beyond the threshold on that side,
 *     it has too few launches, it failed, was skipped on one side alone, is missing though planned,
 *     or nothing at all was compared
 *   - 0: neither: every row's interval excludes it (so an inconclusive row that is certainly not
 *     slower does no harm). --fail-on none: always 0
 *   - 2: not comparable: no id in common, other clocks, origins, ranks or input files
 *
 * Rows on one side only that the other never planned are listed and change nothing. */
#ifndef SN_HARNESS_COMPARE_H
#define SN_HARNESS_COMPARE_H

#include <stdio.h>

#include "harness/contrast.h"
#include "harness/medians.h"
#include "harness/noise.h"
#include "harness/report.h"
#include "harness/report_data.h"

enum sn_fail_on { SN_FAIL_ON_SLOWER, SN_FAIL_ON_FASTER, SN_FAIL_ON_ANY, SN_FAIL_ON_NONE };
extern const char *const sn_fail_on_words[]; /* 4 words and NULL */
extern const char *const sn_change_words[];  /* SN_CHANGES words */

struct sn_compare_opts {
    double threshold, alpha; /* shares */
    enum sn_fail_on fail_on;
    const char *noise; /* file, or directory that holds noise.json; NULL: BASE/noise.json if any */
};

/* A row of both sides. */
struct sn_compared {
    const struct sn_line *base, *next;
    char *label;
    struct sn_medians a, b; /* of base and next; c borrows them */
    struct sn_contrast c;
    char *why; /* of an inconclusive row: one sentence; else NULL */
};

/* What was not compared. */
struct sn_aside {
    char *label, *id, *what; /* "only in BASE", "skipped on both sides: ...", ... */
    bool open;               /* counts as inconclusive */
};

struct sn_comparison {
    struct sn_compare_opts opts;
    struct sn_report base, next;
    struct sn_compared *rows; /* in the order of BASE's plan */
    size_t n_rows;
    struct sn_aside *asides;
    size_t n_asides;
    char **warnings;
    size_t n_warnings;
    size_t counts[SN_CHANGES];
    size_t open;             /* asides that count as inconclusive */
    size_t tested, family;   /* rows of the wall clock; those that enter Holm's correction */
    double detectable;       /* largest of the rows of the wall clock; NAN: some row has none */
    double detectable_least; /* smallest; NAN: no row has one */
    char *noise_path;        /* NULL: no noise is known */
    int status;              /* SN_OK, SN_ERANGE or SN_EUNSURE by the rules above */
};

/* Reads, matches and decides. SN_EINVAL, SN_EIO: not readable or not comparable, one line says why.
 * On SN_OK release with sn_comparison_free(). */
int sn_compare(struct sn_comparison *out, const char *base, const char *next,
               const struct sn_compare_opts *o, const struct sn_app *app);
void sn_comparison_free(struct sn_comparison *x);

/* Appends text, md, csv or json. */
void sn_comparison_write(const struct sn_comparison *x, enum sn_format format, struct sn_buf *out);
/* "16 rows are slower by ..." for the headline. New string. */
char *sn_comparison_headline(const struct sn_comparison *x);

/* The command. The comparison goes to `path`, all or nothing, or (NULL) to `out`. */
int sn_compare_command(FILE *out, const char *base, const char *next, const char *path,
                       const struct sn_compare_opts *o, enum sn_format format,
                       const struct sn_app *app, int *exit_code);

/* --- parts (compare_*.c) ---------------------------------------------------------------------- */

/* Adds a warning (printf-style). */
void sn_comparison_warn(struct sn_comparison *x, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* SN_EINVAL when the sides are different workloads, naming what differs. */
int sn_compare_refuse_nothing_common(const struct sn_report *base, const struct sn_report *next);
int sn_compare_refuse_conditions(const struct sn_line *a, const struct sn_line *b);
int sn_compare_refuse_inputs(const struct sn_report *base, const struct sn_report *next);
/* Warns of machines, programs and orders of running that differ. */
void sn_compare_machines(struct sn_comparison *x);

#endif
