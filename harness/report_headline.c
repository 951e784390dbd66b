/* Headline: the figures of a suite that people ask for, each with its origin, and beside it what
 * the literature has: the figure that is named, else the first entry of results/published that
 * means the row and its metric. A row may be a published figure alone: another system's (class
 * reference) stands as such, and is never what an error is of. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/exhibit.h"
#include "harness/numbers.h"

enum { WHAT, METRIC, VALUE, UNIT, ORIGIN, PUBLISHED, ERROR, CLASS, SOURCE, ID, COLUMNS };

static void columns(struct sn_table *t)
{
    static const struct sn_column all[COLUMNS] = {
        [WHAT] = {"what", "what", false, 0, SN_SHOW_ALL},
        [METRIC] = {"metric", NULL, false, 0, SN_SHOW_FILES},
        [VALUE] = {"value", "value", true, 0, SN_SHOW_ALL},
        [UNIT] = {"unit", NULL, false, 0, SN_SHOW_FILES},
        [ORIGIN] = {"origin", "origin", false, 0, SN_SHOW_ALL},
        [PUBLISHED] = {"published", "published", true, 0, SN_SHOW_ALL},
        [ERROR] = {"error", "error (%)", true, 0, SN_SHOW_ALL},
        [CLASS] = {"class", "class", false, 2, SN_SHOW_ALL},
        [SOURCE] = {"source", "source", false, 1, SN_SHOW_ALL},
        [ID] = {"figure", "figure", false, 4, SN_SHOW_ALL},
    };

    sn_table_init(t);
    for (size_t c = 0; c < COLUMNS; c++)
        sn_table_column(t, &all[c]);
}

static void both(struct sn_table *t, size_t column, const char *text)
{
    sn_table_set(t, column, text, text);
}

static void figure_cell(struct sn_table *t, size_t column, double value, const char *unit)
{
    char text[128], raw[SN_NUM_SIZE];

    if (isfinite(value))
        sn_table_set(t, column, sn_figure_text(text, sizeof text, value, unit),
                     sn_num_raw(raw, value));
}

static const struct sn_published_figure *by_id(const struct sn_published *p, const char *id)
{
    const struct sn_published_figure *f = NULL;

    for (size_t s = 0; id && s < p->n && !f; s++)
        f = sn_published_find(&p->sets[s].table, id);
    return f;
}

/* The first entry that means the line and its metric, with its figure. */
static const struct sn_expectation *entry_of(const struct sn_published *p, const struct sn_line *l,
                                             const char *metric,
                                             const struct sn_published_figure **figure)
{
    for (size_t s = 0; s < p->n; s++) {
        const struct sn_expectations *x = &p->sets[s].expect;
        for (size_t i = 0; i < x->n; i++) {
            const struct sn_expectation *e = &x->entries[i];
            if (strcmp(e->metric, metric) || !sn_expectation_means(x, e, l, NULL))
                continue;
            *figure = sn_published_find(&p->sets[s].table, e->id);
            return e;
        }
    }
    return NULL;
}

/* What the literature says of a value in `unit`, with the error where both are of one unit. */
static void beside(struct sn_table *t, const struct sn_published_figure *f,
                   const struct sn_expectation *e, double value, const char *unit)
{
    double published = e && !e->range ? e->expected : f && !e ? f->value : NAN;
    const char *of = e ? e->unit : f ? f->unit : "1";
    bool known = isfinite(value) && isfinite(published) && published != 0 && !strcmp(of, unit);
    double error = known ? (value - published) / fabs(published) : NAN;
    char text[32], raw[SN_NUM_SIZE];

    if (!f)
        return;
    figure_cell(t, PUBLISHED, published, of);
    if (e && e->range) {
        char *range = sn_expectation_text(e, false);
        sn_table_set(t, PUBLISHED, range, NULL);
        free(range);
    }
    snprintf(text, sizeof text, "%+.1f", 100 * error);
    if (isfinite(error) && strcmp(f->class, "reference"))
        sn_table_set(t, ERROR, text, sn_num_raw(raw, error));
    both(t, CLASS, f->class);
    both(t, SOURCE, f->source);
    both(t, ID, f->id);
}

static void of_line(const struct sn_exhibit *e, const json_t *row, const struct sn_group *g,
                    const struct sn_line *l, struct sn_table *t)
{
    const char *metric = sn_manifest_str(row, "metric", "median");
    const char *label = sn_manifest_str(row, "label", "-");
    const struct sn_published_figure *f =
        by_id(e->published, sn_manifest_str(row, "published", NULL));
    const struct sn_expectation *entry = f ? NULL : entry_of(e->published, l, metric, &f);
    char *which = sn_line_label(e->r, g, l, NULL, 0);
    char *what = sn_strdupf("%s%s%s", label, *which ? ": " : "", which);
    bool ignored;
    const char *unit = sn_exhibit_unit(g, metric, &ignored);
    double value = sn_exhibit_value(l, metric);

    sn_table_row(t);
    both(t, WHAT, what);
    both(t, METRIC, metric);
    figure_cell(t, VALUE, value, unit);
    sn_table_set(t, UNIT, NULL, unit);
    both(t, ORIGIN, sn_origin_name(l->row->origin));
    beside(t, f, entry, value, unit);
    free(what);
    free(which);
}

/* A published figure alone. */
static void of_figure(const struct sn_exhibit *e, const json_t *row, struct sn_table *t)
{
    const struct sn_published_figure *f =
        by_id(e->published, sn_manifest_str(row, "published", NULL));

    sn_table_row(t);
    both(t, WHAT, sn_manifest_str(row, "label", "-"));
    if (!f)
        return;
    figure_cell(t, VALUE, f->value, f->unit);
    sn_table_set(t, UNIT, NULL, f->unit);
    both(t, ORIGIN, sn_origin_name(SN_ORIGIN_PUBLISHED));
    both(t, CLASS, f->class);
    both(t, SOURCE, f->source);
    both(t, ID, f->id);
}

void sn_exhibit_headline(const struct sn_exhibit *e)
{
    struct sn_table t;
    json_t *row;
    size_t i;

    columns(&t);
    json_array_foreach (json_object_get(e->decl, "rows"), i, row) {
        const char *bench = sn_manifest_str(row, "bench", NULL);
        if (!bench) {
            of_figure(e, row, &t);
            continue;
        }
        struct sn_group *g = sn_exhibit_group(e, bench, json_object_get(row, "match"));
        for (size_t k = 0; g && k < g->n_lines; k++)
            of_line(e, row, g, &g->lines[k], &t);
        if (!g) { /* a row without a value, not none */
            sn_table_row(&t);
            both(&t, WHAT, sn_manifest_str(row, "label", "-"));
            both(&t, METRIC, sn_manifest_str(row, "metric", "median"));
            both(&t, ORIGIN, "no row");
            beside(&t, by_id(e->published, sn_manifest_str(row, "published", NULL)), NULL, NAN,
                   "1");
        }
        sn_exhibit_group_free(g);
    }
    if (t.n_rows)
        sn_exhibit_table(e, NULL, &t,
                         "The error is that of the value against the published figure; class "
                         "reference: another system");
    sn_table_free(&t);
}
