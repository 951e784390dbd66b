/* What a report is made from: runs (manifest and rows), their rows in the order of the plan, and
 * one line per case with its launches merged. Internal to harness/report*.c and their tests. */
#ifndef SN_HARNESS_REPORT_DATA_H
#define SN_HARNESS_REPORT_DATA_H

#include <jansson.h>

#include "harness/bench.h"
#include "harness/row.h"

struct sn_report_run {
    char *name;       /* last part of the path; the whole path where two runs would be alike */
    json_t *manifest; /* NULL: none */
    struct sn_rows rows;
    bool own_rows;
    bool torn; /* the last line of rows.jsonl was cut off */
};

/* A case of a run: its rows, one a launch, as one line of a table. Seconds; NAN where unknown. */
struct sn_line {
    const struct sn_report_run *run;
    const struct sn_row *row; /* stands for the line: its failed row, else its first */
    /* the row whose figures the line shows: of several launches the one with the median time */
    const struct sn_row *at;
    const struct sn_row **rows;
    size_t n_rows, n_ok;
    enum sn_row_status status; /* failed if one is; ok if one is; else skipped */
    uint64_t n;                /* samples, or launches when the group is merged */
    double median, lo, hi, p99, limit, efficiency;
    uint64_t compared, errors;
};

struct sn_group {
    const char *bench;
    const struct sn_bench *def; /* NULL: a benchmark this program does not have */
    struct sn_line *lines;
    size_t n_lines;
    bool merged;       /* several launches: medians over per-launch medians */
    bool interval;     /* [lo, hi] is a 95 % interval; else (2 to 5 launches) the range */
    const char **axes; /* names, in the order of the rows */
    bool *varies;      /* by axis, over the lines that are not skipped */
    size_t n_axes;
    const char **metrics; /* names, in the order of the rows */
    size_t n_metrics;
    unsigned origins; /* bit 1 << enum sn_origin for each origin among the lines not skipped */
};

struct sn_report {
    const struct sn_app *app; /* may be NULL */
    struct sn_report_run *runs;
    size_t n_runs;
    struct sn_group *groups;
    size_t n_groups;
};

/* Reads runs. SN_EIO / SN_EINVAL naming the file. */
int sn_report_load(struct sn_report *r, const char *const *dirs, size_t n,
                   const struct sn_app *app);
/* A report of rows in memory (borrowed), without a manifest. */
void sn_report_of_rows(struct sn_report *r, const struct sn_rows *rows, const struct sn_app *app);
void sn_report_free(struct sn_report *r);

/* Value of a metric in the row whose figures the line shows; NAN when absent. */
double sn_line_metric(const struct sn_line *l, const char *metric);
/* The metric as some row of the group documents it, or NULL. */
const struct sn_metric *sn_group_metric(const struct sn_group *g, const char *metric);
/* Canonical text of a parameter ("-" when the row has none). */
const char *sn_line_param(const struct sn_line *l, const char *axis);
/* The same for people: bytes as "4 KiB". */
char *sn_line_param_pretty(const struct sn_group *g, const struct sn_line *l, const char *axis,
                           char *buf, size_t size);
/* "op=get transport=shm size=4096": the axes that vary, `but` left out (NULL: none); the run and
 * the origin too where the report has several. New string. */
char *sn_line_label(const struct sn_report *r, const struct sn_group *g, const struct sn_line *l,
                    const char *const *but, size_t n_but);
/* Do the lines of the group have more than one origin? */
bool sn_group_mixed(const struct sn_group *g);
/* Index of an axis, or -1. */
int sn_group_axis(const struct sn_group *g, const char *axis);

/* A name from a row that is safe as a file name: letters, digits, '_', '-', '.'; not first '.'. */
char *sn_report_file_name(const char *name);

/* Manifest access: a dotted path; NULL, fallback when absent or of another type. */
const json_t *sn_manifest_get(const json_t *manifest, const char *path);
const char *sn_manifest_str(const json_t *manifest, const char *path, const char *fallback);
double sn_manifest_num(const json_t *manifest, const char *path); /* NAN when absent */

#endif
