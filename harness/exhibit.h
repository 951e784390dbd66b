/* Exhibits: figures and tables that a suite declares. A suite has them under `figures`, the
 * manifest of its run as
 *
 *     "figures": [{"kind", "title", "benches": [...], "x", "y", "by", "along", "metric",
 *                  "match": {axis: [values]}, "base": {axis: [value]},
 *                  "rows": [{"label", "bench", "metric", "match", "published"}]}, ...]
 *
 * (each with the keys that its kind has; values as rows have them), so that a report needs neither
 * the suite nor the benchmarks. The harness knows no benchmark by name: what is shown of which is
 * said here. Each declared figure is of the rows of its own run.
 *
 * Internal to harness/suite_figures.c, harness/report*.c and their tests. */
#ifndef SN_HARNESS_EXHIBIT_H
#define SN_HARNESS_EXHIBIT_H

#include "harness/published.h"
#include "harness/report_data.h"
#include "harness/report_sketch.h"

enum sn_exhibit_key {
    SN_KEY_BENCH = 1 << 0,
    SN_KEY_BENCHES = 1 << 1, /* or bench */
    SN_KEY_X = 1 << 2,       /* an axis; for `pareto` a metric */
    SN_KEY_Y = 1 << 3,       /* a metric; default: median */
    SN_KEY_BY = 1 << 4,      /* an axis */
    SN_KEY_ALONG = 1 << 5,   /* an axis */
    SN_KEY_MATCH = 1 << 6,   /* "axis=values": of these rows alone */
    SN_KEY_BASE = 1 << 7,    /* "axis=value" */
    SN_KEY_METRIC = 1 << 8,  /* a metric; default: median */
    SN_KEY_ROWS = 1 << 9,
    SN_KEY_NUMBER_X = 1 << 10, /* no key: the axis x has numbers */
    SN_KEY_METRIC_X = 1 << 11, /* no key: x is a metric */
};

/* A table of an exhibit: shown in the report, and as CSV in tables/ under its name. */
struct sn_exhibit_table {
    const json_t *decl;
    char *name, *caption;
    struct sn_table table;
};

/* What the exhibits of a report came to. */
struct sn_exhibits {
    struct sn_figures figures; /* each with its `decl` */
    struct sn_exhibit_table *tables;
    size_t n_tables;
};

/* One declared figure being made. */
struct sn_exhibit {
    const struct sn_report *r;
    const struct sn_report_run *run;
    const json_t *decl;
    const struct sn_published *published;
    size_t number; /* from 1 on, over all runs: the name of its files begins with it */
    struct sn_exhibits *out;
};

struct sn_exhibit_kind {
    const char *name;
    unsigned needs, takes;
    const char *brief;
    /* Adds figures and tables to e->out; nothing where no row gives any. */
    void (*build)(const struct sn_exhibit *e);
};
extern const struct sn_exhibit_kind sn_exhibit_kinds[]; /* ended by one without a name */
const struct sn_exhibit_kind *sn_exhibit_kind_find(const char *name); /* NULL: unknown */

/* Builds all that the manifests of the runs declare. sn_exhibits_free(). */
void sn_exhibits_build(const struct sn_report *r, const struct sn_published *p,
                       struct sn_exhibits *out);
void sn_exhibits_free(struct sn_exhibits *x);
/* The section with all of them: for each its tables, its figures (`path` as in report.c), or that
 * no row gives it; those of which there are but undrawn figures are left out. Nothing where nothing
 * is declared. */
void sn_exhibits_doc(const struct sn_report *r, const struct sn_exhibits *x, const char *path,
                     struct sn_doc *doc);

/* --- for the kinds ---------------------------------------------------------------------------- */

/* Does a line have one of the values in every axis of `match` (NULL: none)? An axis that it does
 * not have matches nothing. */
bool sn_exhibit_matches(const json_t *match, const struct sn_line *l);
/* Lines of a group that are ok, of the exhibit's run and match: a group of its own with `varies`
 * among them. NULL where there is none; else sn_exhibit_group_free(). */
struct sn_group *sn_exhibit_group(const struct sn_exhibit *e, const char *bench,
                                  const json_t *match);
/* Sets g->varies anew where lines were taken out of such a group. */
void sn_exhibit_vary(struct sn_group *g);
void sn_exhibit_group_free(struct sn_group *g);
/* The same of number `i` of the declaration's benches with its `match`; axes of other benches are
 * left out. */
struct sn_group *sn_exhibit_group_of(const struct sn_exhibit *e, size_t i);

/* A text of the declaration, or NULL. */
const char *sn_exhibit_str(const struct sn_exhibit *e, const char *key);
/* The figure of a line: "median" (s), "p99", "limit", or a metric; NAN: none. */
double sn_exhibit_value(const struct sn_line *l, const char *metric);
/* Its unit ("s", "1" when no row has the metric), and whether more is better. */
const char *sn_exhibit_unit(const struct sn_group *g, const char *metric, bool *higher);
/* How a script labels ticks of a unit: "seconds", "rate", "ops", "binary" or "plain". */
const char *sn_exhibit_ticks(const char *unit);
/* A metric with its name in words: "tokens_per_s" as "tokens per s". New string. */
char *sn_exhibit_words(const char *name);

/* Facets for every axis that varies but these (may be NULL). */
void sn_exhibit_facets(struct sn_sketch *k, const char *x, const char *by, const char *along);
/* What a figure of the literature says of the line of the same benchmark, metric and unit whose
 * axes it matches, `but` left out. */
struct sn_exhibit_mark {
    const struct sn_published_figure *figure;
    const struct sn_expectation *e;
};
/* Those that mean a line of the group in the figure of line `at`, each once; returns how many, *out
 * owned by the caller. */
size_t sn_exhibit_marks(const struct sn_exhibit *e, const struct sn_sketch *k, size_t at,
                        const char *metric, const char *but, struct sn_exhibit_mark **out);

/* Adds a figure: its name, and its title: that of the declaration or else `what`, with the facet of
 * line `first` and the origin of what was not measured. */
struct sn_figure *sn_exhibit_figure(const struct sn_exhibit *e, const struct sn_sketch *k,
                                    const struct sn_line *first, const char *script,
                                    const char *what);
/* The same of lines of several groups: `name` follows "figN-KIND" ("" or "-..."), `what` the title
 * where the suite gives none, `end` either. */
struct sn_figure *sn_exhibit_figure_named(const struct sn_exhibit *e, const char *name,
                                          const char *script, const char *what, const char *end);
/* Adds a table, which is taken over; `bench` for the name of its file. */
void sn_exhibit_table(const struct sn_exhibit *e, const char *bench, struct sn_table *t,
                      const char *caption);
/* ",VALUE" with 12 digits; "," for NAN. */
void sn_exhibit_field(struct sn_buf *csv, double value);

#define SN_EXHIBIT(word, needs, takes, brief) void sn_exhibit_##word(const struct sn_exhibit *e);
#include "harness/exhibits.def"
#undef SN_EXHIBIT

#endif
