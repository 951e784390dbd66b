/* The fields of a row as a table: what the encoder and the decoder walk over, so that the two
 * cannot disagree. results/schema.json says the same to other readers (a test compares them).
 */
#ifndef SN_HARNESS_ROW_FIELDS_H
#define SN_HARNESS_ROW_FIELDS_H

#include <stddef.h>

#include "harness/row.h"

enum sn_row_field_kind {
    SN_FIELD_TEXT,    /* const char *, not empty */
    SN_FIELD_WORD,    /* const char *, one of words[], which ends with NULL */
    SN_FIELD_CHOICE,  /* an enum, its value the index into words[0..n_words) */
    SN_FIELD_COUNT,   /* uint64_t below 2^63 */
    SN_FIELD_INTEGER, /* int from `low` on */
    SN_FIELD_BATCH,   /* unsigned */
    SN_FIELD_BOOL,    /* bool; with words[] one of the two */
    SN_FIELD_REAL,    /* double from `low` on */
    SN_FIELD_PAIR,    /* two doubles in a row, as an array */
    SN_FIELD_OBJECT,  /* fields[] of the row itself, as an object */
    SN_FIELD_SCHEMA,  /* SN_ROW_SCHEMA */
    SN_FIELD_PARAMS,  /* the arrays of a row; each has a form of its own */
    SN_FIELD_SAMPLES,
    SN_FIELD_METRICS,
    SN_FIELD_BREAKDOWN,
    SN_FIELD_TIMELINE,
    SN_FIELD_SENSITIVITY,
    SN_FIELD_COUNTERS,
    SN_FIELD_FLAGS,
};

struct sn_row_field {
    const char *key;
    enum sn_row_field_kind kind;
    size_t at;     /* offset in the structure */
    bool null;     /* may be null: NULL, NAN, an INTEGER below `low`, a CHOICE whose word is NULL */
    bool optional; /* not in the file where there is nothing; never there and empty: a list, a TEXT
                      that is NULL */
    double low;    /* least REAL or INTEGER; 0 or -INFINITY for a REAL */
    const char *const *words;
    size_t n_words;
    const struct sn_row_field *fields; /* of OBJECT */
};

enum { SN_ROW_FIELDS_MAX = 32 }; /* of one object */

/* Each ends with a field without a key. */
extern const struct sn_row_field sn_row_fields[];        /* of struct sn_row */
extern const struct sn_row_field sn_row_metric_fields[]; /* of struct sn_metric */
extern const struct sn_row_field sn_row_part_fields[];   /* of struct sn_part */
extern const struct sn_row_field sn_row_span_fields[];   /* of struct sn_row_span */
extern const struct sn_row_field sn_row_change_fields[]; /* of struct sn_row_change */

#endif
