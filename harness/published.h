/* Published figures: tables of facts (results/published/ *.csv, columns id, source, class,
 * quantity, params, value, unit, notes) and the files that say which rows they belong to (*.yaml
 * with `figures:`, harness/validate.h). An id belongs to a benchmark through its entry. */
#ifndef SN_HARNESS_PUBLISHED_H
#define SN_HARNESS_PUBLISHED_H

#include "harness/doc.h"
#include "harness/validate.h"

/* Texts are never NULL; value in base units of `unit`. */
struct sn_published_figure {
    char *id, *source, *class, *quantity, *params, *unit, *notes;
    double value;
    int line; /* in the file */
};

struct sn_published_table {
    char *path;
    struct sn_published_figure *figures;
    size_t n;
};

/* Reads a table, or text standing for one; lines that begin with '#' are comments, fields with a
 * comma stand in quotes. SN_EIO, SN_EINVAL "FILE:LINE: ...": another heading, a number of fields,
 * a value that is no number, an unknown class, an id twice. */
int sn_published_table_load(struct sn_published_table *out, const char *path);
int sn_published_table_parse(struct sn_published_table *out, const char *text, size_t n,
                             const char *path);
void sn_published_table_free(struct sn_published_table *t);
const struct sn_published_figure *sn_published_find(const struct sn_published_table *t,
                                                    const char *id); /* NULL when absent */

/* A table with the entries that belong to it. */
struct sn_published_set {
    struct sn_published_table table;
    struct sn_expectations expect;
};

/* All sets of a folder, by file name; a file that cannot be read is left out and its message
 * kept: a report does not fail because of the literature. */
struct sn_published {
    struct sn_published_set *sets;
    size_t n;
    char **errors;
    size_t n_errors;
};
/* `results`: the folder that holds published/, or NULL: nothing. */
void sn_published_open(struct sn_published *out, const char *results, const struct sn_app *app);
void sn_published_close(struct sn_published *p);

/* The figures that belong to the benchmark of a group, each with the row of the group that it is
 * the figure of, with a column `origin`. Nothing when there is none. */
void sn_report_published(const struct sn_report *r, const struct sn_group *g,
                         const struct sn_published *p, struct sn_doc *doc);

#endif
