/* Rows of a benchmark `step` and figures declared of them, for the tests of harness/exhibit.h. */
#ifndef SN_TESTS_UNIT_EXHIBITS_H
#define SN_TESTS_UNIT_EXHIBITS_H

#include "harness/exhibit.h"
#include "tests/unit/echo.h"

extern const struct sn_metric_doc exhibit_docs[]; /* tpot (s), rate (token/s, more is better) */

/* A row of the benchmark `step` with its axes batch and mode, taking `us` microseconds. */
struct sn_row *exhibit_row(struct echo *m, int64_t batch, const char *mode, double us);

struct exhibit_bed {
    struct sn_report r;
    struct sn_published published;
    struct sn_exhibits x;
};
/* A report of rows whose manifest declares `json` ('...' for "..."), and what it makes of it. */
void exhibit_open(struct exhibit_bed *b, const struct echo *m, const char *json);
/* The same beside published figures: lines of a table, and entries (results/published). */
void exhibit_open_with(struct exhibit_bed *b, const struct echo *m, const char *json,
                       const char *table, const char *entries);
void exhibit_close(struct exhibit_bed *b, struct echo *m);

/* The only figure, or table as CSV, with its name; asserts that there is one. */
const struct sn_figure *exhibit_figure(const struct exhibit_bed *b, const char *name);
char *exhibit_table(const struct exhibit_bed *b, const char *name);
/* Draws all figures: each must come out; the SVG of the first, or NULL without gnuplot. */
const char *exhibit_drawn(struct exhibit_bed *b);

#endif
