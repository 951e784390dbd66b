/* Second tables of a benchmark: where the time went (breakdown), and what the counters counted. */
#include "harness/report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/numbers.h"

struct list {
    const char **names;
    size_t n;
};

static void add_name(struct list *l, const char *name)
{
    for (size_t i = 0; i < l->n; i++)
        if (strcmp(l->names[i], name) == 0)
            return;
    l->names = sn_realloc(l->names, l->n + 1, sizeof *l->names);
    l->names[l->n++] = name;
}

static double part_of(const struct sn_row *row, const char *part)
{
    for (size_t i = 0; i < row->n_breakdown; i++)
        if (strcmp(row->breakdown[i].part, part) == 0)
            return row->breakdown[i].s;
    return NAN;
}

static const struct sn_counter *counter_of(const struct sn_row *row, const char *name)
{
    for (size_t i = 0; i < row->n_counters; i++)
        if (strcmp(row->counters[i].name, name) == 0)
            return &row->counters[i];
    return NULL;
}

/* The columns that tell the lines apart; the run and the origin where there are several. */
static void key_columns(const struct sn_report *r, const struct sn_group *g, struct sn_table *t)
{
    if (r->n_runs > 1)
        sn_table_column(t, &(struct sn_column){NULL, "run", false, 0, SN_SHOW_PEOPLE});
    for (size_t a = 0; a < g->n_axes; a++) {
        const struct sn_param *p = sn_row_param(g->lines[0].row, g->axes[a]);
        bool number = p && p->type != SN_PARAM_TEXT;
        if (g->varies[a])
            sn_table_column(t, &(struct sn_column){NULL, g->axes[a], number, 0, SN_SHOW_PEOPLE});
    }
    if (sn_group_mixed(g))
        sn_table_column(t, &(struct sn_column){NULL, "origin", false, 0, SN_SHOW_PEOPLE});
}

/* Returns the column after the keys. */
static size_t key_cells(const struct sn_report *r, const struct sn_group *g,
                        const struct sn_line *l, struct sn_table *t)
{
    char text[128];
    size_t at = 0;

    sn_table_row(t);
    if (r->n_runs > 1)
        sn_table_set(t, at++, l->run->name, NULL);
    for (size_t a = 0; a < g->n_axes; a++)
        if (g->varies[a])
            sn_table_set(t, at++, sn_line_param_pretty(g, l, g->axes[a], text, sizeof text), NULL);
    if (sn_group_mixed(g))
        sn_table_set(t, at++, sn_origin_name(l->row->origin), NULL);
    return at;
}

static void breakdown(const struct sn_report *r, const struct sn_group *g, struct sn_doc *doc)
{
    struct list parts = {0};
    struct sn_table t;
    char text[SN_NUM_SIZE], *head;
    double *medians = sn_calloc(g->n_lines + 1, sizeof *medians);
    struct sn_scale scale;
    size_t n = 0;

    for (size_t i = 0; i < g->n_lines; i++) {
        const struct sn_row *row = g->lines[i].row;
        for (size_t p = 0; p < row->n_breakdown; p++)
            add_name(&parts, row->breakdown[p].part);
        if (row->n_breakdown)
            medians[n++] = g->lines[i].median;
    }
    scale = sn_scale_choose("s", medians, n);
    sn_table_init(&t);
    key_columns(r, g, &t);
    for (size_t p = 0; p < parts.n; p++) {
        head = sn_strdupf("%s (%s)", parts.names[p], scale.unit);
        sn_table_column(&t, &(struct sn_column){NULL, head, true, 1, SN_SHOW_PEOPLE});
        free(head);
    }
    for (size_t i = 0; i < g->n_lines && parts.n; i++) {
        const struct sn_row *row = g->lines[i].row;
        size_t at;
        if (!row->n_breakdown)
            continue;
        at = key_cells(r, g, &g->lines[i], &t);
        for (size_t p = 0; p < parts.n; p++)
            sn_table_set(&t, at++, sn_num_sig(text, part_of(row, parts.names[p]) / scale.factor),
                         NULL);
    }
    if (parts.n) {
        sn_doc_heading(doc, 3, "Where the time went");
        sn_doc_table(doc, &t, NULL);
    }
    sn_table_free(&t);
    free(parts.names);
    free(medians);
}

static void counters(const struct sn_report *r, const struct sn_group *g, struct sn_doc *doc)
{
    struct list names = {0};
    struct sn_table t;
    const char *reason = NULL;
    bool counted = false;

    for (size_t i = 0; i < g->n_lines; i++) {
        const struct sn_row *row = g->lines[i].row;
        for (size_t c = 0; c < row->n_counters; c++) {
            add_name(&names, row->counters[c].name);
            counted = counted || !isnan(row->counters[c].value);
            reason = reason ? reason : row->counters[c].reason;
        }
    }
    sn_table_init(&t);
    key_columns(r, g, &t);
    for (size_t c = 0; c < names.n; c++)
        sn_table_column(&t, &(struct sn_column){NULL, names.names[c], true, 1, SN_SHOW_PEOPLE});
    for (size_t i = 0; i < g->n_lines && counted; i++) {
        size_t at;
        if (!g->lines[i].row->n_counters)
            continue;
        at = key_cells(r, g, &g->lines[i], &t);
        for (size_t c = 0; c < names.n; c++) {
            const struct sn_counter *k = counter_of(g->lines[i].row, names.names[c]);
            char text[SN_NUM_SIZE];
            sn_table_set(&t, at++, sn_num_sig(text, k ? k->value : NAN), NULL);
        }
    }
    if (counted) {
        sn_doc_heading(doc, 3, "Counters per operation");
        sn_doc_table(doc, &t, NULL);
    }
    if (reason)
        sn_doc_para(doc, "Counters unavailable%s: %s.", counted ? " in part" : "", reason);
    sn_table_free(&t);
    free(names.names);
}

void sn_report_extra(const struct sn_report *r, const struct sn_group *g, struct sn_doc *doc)
{
    breakdown(r, g, doc);
    counters(r, g, doc);
}
