/* `snbench validate DIR... --against FILE`: stored rows against expected figures.
 *
 * The file (YAML; results/published/README.md has it for people):
 *
 *     name: cloudmatrix384
 *     brief: one line
 *     figures: cloudmatrix384.csv      # optional: the table in the same folder that holds the ids
 *     origin: modelled                 # optional: only rows of this origin
 *     match: [degrade=none]            # optional: every entry matches this too, or says otherwise
 *     tolerance: 5%                    # optional default
 *     entries:
 *       - id: p2p.inter.loss
 *         class: calibration           # or held-out, spec; identity, projection: shown only
 *         quantity: bandwidth lost     # optional: entries of one quantity make the null model N0
 *         bench: bandwidth
 *         metric: bandwidth            # default: median; also p99, limit, or a metric of the bench
 *         match: [op=get, path=node]   # as on the command line; a row matches any of the values
 *         minus: [path=supernode]      # optional: less the row that differs in this
 *         over: [path=node]            # optional: over the row that differs in this
 *         max: 3%                      # min, max, or expected and tolerance; with their unit
 *         required: true               # optional: fails when no row matches
 *         note: text                   # optional
 *
 * got = (row - minus) / over. The rows of `minus` and `over` match what the entry matches but for
 * the axes named there, and agree with the first row in every other axis.
 */
#ifndef SN_HARNESS_VALIDATE_H
#define SN_HARNESS_VALIDATE_H

#include <stdbool.h>
#include <stdio.h>

#include "harness/bench.h"
#include "harness/report.h"
#include "harness/report_data.h"
#include "harness/table.h"

enum sn_expect_class {
    SN_EXPECT_CALIBRATION, /* the model was fitted to it */
    SN_EXPECT_HELD_OUT,    /* known, but not fitted to */
    SN_EXPECT_SPEC,        /* a requirement or hardware fact */
    SN_EXPECT_IDENTITY,    /* follows from another entry: shown, never judged */
    SN_EXPECT_PROJECTION,  /* an idealised figure: shown, never judged */
    SN_EXPECT_CLASSES
};
extern const char *const sn_expect_class_words[]; /* SN_EXPECT_CLASSES words and NULL */

/* Axis and the canonical texts of its values: a row matches any of them. */
struct sn_expect_axis {
    char *axis, **values;
    size_t n_values;
};

struct sn_expect_axes {
    struct sn_expect_axis *axes;
    size_t n;
};

struct sn_expectation {
    char *id, *quantity, *note; /* quantity and note may be NULL */
    enum sn_expect_class class;
    char *bench, *metric; /* "median", "p99", "limit", or a metric of the benchmark */
    char *unit;           /* of the figure: "s", "B/s", ...; "1" for a quotient */
    struct sn_expect_axes match, minus, over;
    size_t n_own; /* of match: the entry's own, which come first; the rest is the file's */
    bool has_minus, has_over;
    bool range;                /* min and max, else expected */
    double expected, min, max; /* base units; min or max may be infinite */
    double tolerance;          /* a fraction, of expected or of the bound */
    bool required;
    int line; /* in the file */
};

struct sn_expectations {
    char *name, *brief, *path;
    char *figures; /* file name, or NULL */
    int origin;    /* enum sn_origin, or -1: any */
    struct sn_expectation *entries;
    size_t n;
};

/* Reads a file, or text standing for one. SN_EIO, SN_EINVAL "FILE:LINE: ...": a wrong or missing
 * key, an unknown benchmark, axis, axis value or metric (with the nearest right one), a unit that
 * does not belong to the figure, an id twice, no tolerance. On SN_OK release with
 * sn_expectations_free(). */
int sn_expectations_load(struct sn_expectations *out, const char *path, const struct sn_app *app);
int sn_expectations_parse(struct sn_expectations *out, const char *text, size_t n, const char *path,
                          const struct sn_app *app);
void sn_expectations_free(struct sn_expectations *x);

enum sn_verdict_of_entry {
    SN_FOUND_OK,
    SN_FOUND_OUT,
    SN_FOUND_FAILED, /* a row that matches has failed its check, or its path is cut */
    SN_FOUND_SHOWN,  /* identity and projection */
    SN_FOUND_ABSENT, /* no row matches */
    SN_FOUND_MISSING /* the same of a required entry */
};
const char *sn_found_name(enum sn_verdict_of_entry v);

/* Does an entry mean the line: its benchmark, origin and `match`, the axis `but` (NULL: none) left
 * out? A difference and a quotient mean no single line. */
bool sn_expectation_means(const struct sn_expectations *x, const struct sn_expectation *e,
                          const struct sn_line *l, const char *but);

/* Do two entries of a file match the same rows? */
bool sn_expectations_alike(const struct sn_expectation *a, const struct sn_expectation *b);

/* What the rows say to an entry: the worst of the rows that match. */
struct sn_finding {
    const struct sn_expectation *e;
    enum sn_verdict_of_entry verdict;
    const struct sn_line *line; /* the worst; NULL when absent */
    size_t rows, bad;           /* rows that match, rows that do not hold */
    double got;                 /* base units; NAN: none */
    double error;  /* (got - expected) / |expected|; of a range 0 inside, else from the bound that
                      is broken; NAN: none */
    double n0, n1; /* what the null models say, base units; NAN: nothing. N0: mean of the
                      calibration figures of the same quantity (two or more, or one that is not
                      this one). N1: bandwidth alone, the row's lower bound less the part
                      `latency` of its breakdown, in place of its time. */
    bool extrapolated; /* the row says that it lies outside the model's range of validity */
};

struct sn_findings {
    struct sn_finding *findings; /* one for each entry, in their order */
    size_t n;
    size_t matched, failing; /* entries with a row; entries that make the exit code 3 */
};

void sn_findings_make(const struct sn_expectations *x, const struct sn_report *r,
                      struct sn_findings *out);
void sn_findings_free(struct sn_findings *f);

/* Errors of a class. Only entries with an expected figure and a row enter the errors; ranges enter
 * the counts. NAN where nothing enters. */
struct sn_errors {
    size_t judged, within; /* entries with a row; of these, those that hold */
    size_t n;              /* entries in the figures below */
    double largest, mean, mape;
    const char *largest_id;
    double n0, n1; /* MAPE of the null models over the entries where they say something */
    size_t n_n0, n_n1;
};
struct sn_errors sn_findings_errors(const struct sn_findings *f, enum sn_expect_class class);

/* One row an entry: id, class, row, expected, got, error, residual (when asked), null models,
 * verdict. `absent`: also the entries without a row. */
void sn_findings_table(const struct sn_report *r, const struct sn_findings *f, bool absent,
                       bool residual, struct sn_table *out);
/* One row a class that has a row. */
void sn_findings_summary(const struct sn_findings *f, struct sn_table *out);
/* A figure for people: "116 us", quotients as plain numbers, "-" for what is not finite. Returns
 * buf. */
char *sn_figure_text(char *buf, size_t size, double value, const char *unit);
/* What N0 and N1 are and what the errors are of: a paragraph. */
extern const char sn_null_models_text[];
/* "116 us ±5 %", "at most 0.03". New string. */
char *sn_expectation_text(const struct sn_expectation *e, bool tolerance);

/* The command: prints tables and the summary. SN_ERANGE naming the entries that do not hold;
 * SN_EUNSURE when only entries that are never judged have a row; SN_EINVAL when no entry has a row,
 * saying what to run. Formats: text, md, csv. */
int sn_validate_print(FILE *out, const char *const *dirs, size_t n, const char *against,
                      enum sn_format format, const struct sn_app *app);

#endif
