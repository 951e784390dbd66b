/* A row: the result of a case, in memory and as one line of rows.jsonl (DESIGN.md section 6).
 *
 * Ownership: a row owns every string and array it points to through its arena; build strings with
 * sn_row_str(). All reals are finite or NAN (null in the file) and rounded by sn_units_snap().
 */
#ifndef SN_HARNESS_ROW_H
#define SN_HARNESS_ROW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/base/buf.h"

#define SN_ROW_SCHEMA "snbench-row-1"

enum sn_origin {
    SN_ORIGIN_MEASURED,
    SN_ORIGIN_EMULATED,
    SN_ORIGIN_MODELLED,
    SN_ORIGIN_PUBLISHED,
    SN_ORIGIN_IMPORTED
};
enum sn_row_status { SN_ROW_OK, SN_ROW_SKIPPED, SN_ROW_FAILED };
enum sn_stop { SN_STOP_NONE, SN_STOP_CI, SN_STOP_MAX, SN_STOP_BUDGET };

/* A metric as documented: name, unit in files, direction and formula in words of the row's fields.
 */
struct sn_metric_doc {
    const char *name, *unit;
    bool higher_is_better;
    const char *formula;
};

/* Metrics named band_low_s and band_high_s are the time between which a model cannot tell: figures
 * show them in place of the interval. */
struct sn_metric {
    const char *name;
    double value;
    const char *unit;
    bool higher_is_better;
    const char *formula;
};

/* A parameter keeps its JSON type: integers as integers, words and texts as strings. */
struct sn_param {
    const char *name;
    enum { SN_PARAM_INT, SN_PARAM_REAL, SN_PARAM_TEXT } type;
    int64_t i;
    double r;
    const char *text; /* canonical text, for every type */
};

struct sn_part {
    const char *part;
    double s;
}; /* of the breakdown */
/* Of the timeline: something that ran on a lane (stream, endpoint, link) from start_s on for s
 * seconds; several rows of a lane may overlap. */
struct sn_row_span {
    const char *lane, *name;
    double start_s, s;
};
/* Of the sensitivity: the relative change of the median, signed, where `name` is 10 % smaller and
 * where it is 10 % larger. */
struct sn_row_change {
    const char *name;
    double minus, plus;
};
struct sn_counter {
    const char *name;
    double value;
    const char *reason;
}; /* per repetition; NAN: see reason */

struct sn_row_stats { /* seconds; NAN where n cannot support it */
    double min, median, ci95_lo, ci95_hi, p95, p99, max, mean, stddev;
};

struct sn_row {
    const char *bench;
    struct sn_param *params;
    size_t n_params;
    const char *id; /* 16 hex digits: stable hash of bench, params, workload */
    enum sn_origin origin;
    const char *clock; /* "wall", "model" or NULL */
    enum sn_row_status status;
    const char *reason; /* of skipped and failed; else NULL */
    int ranks;          /* -1: null (model clock) */
    int endpoints;      /* -1: null */
    uint64_t seed;
    int launch; /* 0, 1, ... */
    uint64_t n, warmup,
        invalid;    /* samples kept; repetitions spent on warm-up; repetitions thrown away */
    unsigned batch; /* operations per repetition; samples_s are per operation */
    bool steady;    /* warm-up reached a steady state before its cap */
    enum sn_stop stop;
    const char *sync; /* "round", "round-yield", "local" (no common clock), or NULL */
    double *samples_s;
    struct sn_row_stats stats;
    struct {
        uint64_t logical, wire, local;
    } bytes; /* per operation, summed over endpoints */
    struct sn_metric *metrics;
    size_t n_metrics;
    double limit_s; /* lower bound of the time; NAN: none */
    const char *limit_why;
    double efficiency; /* limit_s / median */
    struct {
        const char *what;
        uint64_t compared, errors;
        double tolerance;
        const char *first;
        const char *checksum; /* 16 hex digits of what was computed; NULL: none, and no key */
    } check;
    struct sn_part *breakdown;
    size_t n_breakdown;
    struct sn_row_span *timeline; /* optional: the file has the key only where there are any */
    size_t n_timeline;
    struct sn_row_change *sensitivity; /* optional, as the timeline */
    size_t n_sensitivity;
    struct sn_counter *counters;
    size_t n_counters;
    const char **flags; /* "suspect", "unsteady", "local-clock", ... */
    size_t n_flags;
    struct sn_row_arena *arena;
};

/* An empty row: status ok, batch 1, everything else null. Release with sn_row_free(). */
void sn_row_init(struct sn_row *r);
void sn_row_free(struct sn_row *r);

/* Memory owned by the row, aligned to 16 bytes, not initialised. */
void *sn_row_alloc(struct sn_row *r, size_t bytes);

/* A printf-style string owned by the row. Bytes that are not UTF-8 become '?': a row is JSON. */
const char *sn_row_str(struct sn_row *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The adders copy every string, keep the order of the calls and round reals (sn_units_snap).
 * A name given twice and an infinite value are programmer errors; a parameter may not be NAN. */
void sn_row_add_param_int(struct sn_row *r, const char *name, int64_t value);
void sn_row_add_param_real(struct sn_row *r, const char *name, double value);
void sn_row_add_param_text(struct sn_row *r, const char *name, const char *value);
/* Unit, direction and formula come from the entry `name` of docs[], which ends with a doc without a
 * name; a metric that is not documented is a programmer error. */
void sn_row_add_metric(struct sn_row *r, const struct sn_metric_doc *docs, const char *name,
                       double value);
void sn_row_add_part(struct sn_row *r, const char *part, double seconds);
/* Times of at least 0 s. The same lane and name may come as often as it likes. */
void sn_row_add_span(struct sn_row *r, const char *lane, const char *name, double start_s,
                     double s);
void sn_row_add_sensitivity(struct sn_row *r, const char *name, double minus, double plus);
void sn_row_add_counter(struct sn_row *r, const char *name, double value, const char *reason);
void sn_row_add_flag(struct sn_row *r, const char *flag); /* once, however often it is added */
bool sn_row_has_flag(const struct sn_row *r, const char *flag);
/* Skipped because nothing passes: "plane 3 is cut". Other skipped rows were not asked for here. */
bool sn_row_is_cut(const struct sn_row *r);
/* Copies and rounds n samples (finite, at least 0) and sets r->n. */
void sn_row_set_samples(struct sn_row *r, const double *samples_s, size_t n);

/* Sets r->id from SN_ROW_SCHEMA, bench, params in order and seed: 16 hex digits. Neither the launch
 * nor the machine is part of it. */
void sn_row_set_id(struct sn_row *r);

const struct sn_metric *sn_row_metric(const struct sn_row *r,
                                      const char *name); /* NULL when absent */
const struct sn_param *sn_row_param(const struct sn_row *r,
                                    const char *name); /* NULL when absent */

const char *sn_origin_name(enum sn_origin o);
const char *sn_row_status_name(enum sn_row_status s);
const char *sn_stop_name(enum sn_stop s); /* "none" for SN_STOP_NONE (null in the file) */

/* Appends the row as one line of JSON with its newline; keys in one fixed order, reals to 12
 * digits; the same row gives the same bytes. bench and id must be set, a row that is not ok must
 * have a reason, and seeds and counts are below 2^63 (JSON integers are signed). */
void sn_row_encode(const struct sn_row *r, struct sn_buf *out);

/* Reads one line. SN_EINVAL: what is wrong and at which key; *out is then untouched. Every key of
 * the schema must be there with its type; an unknown key is an error. */
int sn_row_decode(struct sn_row *out, const char *line, size_t n);

/* Recomputes r->stats and r->efficiency from r->samples_s and r->limit_s (harness/stats.h), NAN
 * where there are none. An efficiency above 1 adds the flag "suspect". May be called again. */
void sn_row_compute(struct sn_row *r);

struct sn_rows {
    struct sn_row *rows;
    size_t n;
};
/* Reads rows.jsonl. SN_EINVAL / SN_EIO with "FILE:LINE: ...". With `torn` not NULL a last line
 * without its newline (a killed run) is left out and *torn gets the length of the whole lines; else
 * an error. */
int sn_rows_read(struct sn_rows *out, const char *path, size_t *torn);
/* The same from memory; `name` stands for the file in messages. */
int sn_rows_parse(struct sn_rows *out, const char *name, const char *text, size_t n, size_t *torn);
void sn_rows_free(struct sn_rows *rows);

#endif
