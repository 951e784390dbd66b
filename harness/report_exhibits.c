/* The figures and tables that suites declare: what the kinds share, and their section. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/exhibit.h"
#include "harness/numbers.h"
#include "harness/report_parts.h"

const struct sn_exhibit_kind sn_exhibit_kinds[] = {
#define SN_EXHIBIT(word, needs, takes, brief) {#word, needs, takes, brief, sn_exhibit_##word},
#include "harness/exhibits.def"
#undef SN_EXHIBIT
    {0},
};

const struct sn_exhibit_kind *sn_exhibit_kind_find(const char *name)
{
    for (const struct sn_exhibit_kind *k = sn_exhibit_kinds; k->name; k++)
        if (!strcmp(k->name, name))
            return k;
    return NULL;
}

const char *sn_exhibit_str(const struct sn_exhibit *e, const char *key)
{
    return sn_manifest_str(e->decl, key, NULL);
}

/* --- lines ------------------------------------------------------------------------------------ */

bool sn_exhibit_matches(const json_t *match, const struct sn_line *l)
{
    const char *axis;
    json_t *values, *value;
    size_t i;

    json_object_foreach ((json_t *)match, axis, values) {
        const struct sn_param *p = sn_row_param(l->row, axis);
        bool any = false;
        json_array_foreach (values, i, value) {
            any = any ||
                  (p && !strcmp(p->text, json_is_string(value) ? json_string_value(value) : ""));
        }
        if (!any)
            return false;
    }
    return true;
}

void sn_exhibit_vary(struct sn_group *g)
{
    for (size_t a = 0; a < g->n_axes; a++) {
        g->varies[a] = false;
        for (size_t i = 1; i < g->n_lines; i++)
            g->varies[a] |= strcmp(sn_line_param(&g->lines[0], g->axes[a]),
                                   sn_line_param(&g->lines[i], g->axes[a])) != 0;
    }
}

struct sn_group *sn_exhibit_group(const struct sn_exhibit *e, const char *bench,
                                  const json_t *match)
{
    const struct sn_group *all = NULL;
    struct sn_group *g;

    for (size_t i = 0; i < e->r->n_groups; i++)
        if (!strcmp(e->r->groups[i].bench, bench))
            all = &e->r->groups[i];
    if (!all)
        return NULL;
    g = sn_calloc(1, sizeof *g);
    *g = *all;
    g->lines = sn_calloc(all->n_lines + 1, sizeof *g->lines);
    g->varies = sn_calloc(all->n_axes + 1, sizeof *g->varies);
    g->n_lines = 0;
    g->origins = 0;
    for (size_t i = 0; i < all->n_lines; i++) {
        const struct sn_line *l = &all->lines[i];
        if (l->run != e->run || !sn_sketch_drawn(l) || !sn_exhibit_matches(match, l))
            continue;
        g->lines[g->n_lines++] = *l;
        g->origins |= 1u << l->row->origin;
    }
    sn_exhibit_vary(g);
    if (g->n_lines)
        return g;
    sn_exhibit_group_free(g);
    return NULL;
}

void sn_exhibit_group_free(struct sn_group *g)
{
    if (!g)
        return;
    free(g->lines);
    free(g->varies);
    free(g);
}

struct sn_group *sn_exhibit_group_of(const struct sn_exhibit *e, size_t i)
{
    const json_t *benches = json_object_get(e->decl, "benches");
    const char *bench = json_string_value(json_array_get(benches, i)), *axis;
    const struct sn_group *all = NULL;
    json_t *own = json_object(), *values;

    for (size_t k = 0; bench && k < e->r->n_groups; k++)
        if (!strcmp(e->r->groups[k].bench, bench))
            all = &e->r->groups[k];
    json_object_foreach (json_object_get(e->decl, "match"), axis, values) {
        if (all && (json_array_size(benches) == 1 || sn_group_axis(all, axis) >= 0))
            json_object_set(own, axis, values);
    }
    struct sn_group *g = all ? sn_exhibit_group(e, bench, own) : NULL;
    json_decref(own);
    return g;
}

/* --- figures of lines ------------------------------------------------------------------------- */

double sn_exhibit_value(const struct sn_line *l, const char *metric)
{
    if (!strcmp(metric, "median"))
        return l->median;
    if (!strcmp(metric, "p99"))
        return l->p99;
    if (!strcmp(metric, "limit"))
        return l->limit;
    return sn_line_metric(l, metric);
}

const char *sn_exhibit_unit(const struct sn_group *g, const char *metric, bool *higher)
{
    bool time = !strcmp(metric, "median") || !strcmp(metric, "p99") || !strcmp(metric, "limit");
    const struct sn_metric *m = time ? NULL : sn_group_metric(g, metric);

    *higher = m && m->higher_is_better;
    return time ? "s" : m ? m->unit : "1";
}

const char *sn_exhibit_ticks(const char *unit)
{
    return !strcmp(unit, "s")      ? "seconds"
           : !strcmp(unit, "B/s")  ? "rate"
           : !strcmp(unit, "op/s") ? "ops"
           : !strcmp(unit, "B")    ? "binary"
                                   : "plain";
}

char *sn_exhibit_words(const char *name)
{
    char *s = !strcmp(name, "median")  ? sn_strdup("median time")
              : !strcmp(name, "limit") ? sn_strdup("lower bound of the time")
                                       : sn_strdup(name);

    for (char *p = s; *p; p++)
        *p = *p == '_' ? ' ' : *p;
    return s;
}

void sn_exhibit_field(struct sn_buf *csv, double value)
{
    char raw[SN_NUM_SIZE];

    sn_buf_addf(csv, ",%s", sn_num_raw(raw, value));
}

void sn_exhibit_facets(struct sn_sketch *k, const char *x, const char *by, const char *along)
{
    const char *const but[] = {x, by, along};

    for (size_t a = 0; a < k->g->n_axes; a++) {
        bool left_out = !k->g->varies[a];
        for (size_t i = 0; i < 3; i++)
            left_out = left_out || (but[i] && !strcmp(but[i], k->g->axes[a]));
        if (!left_out)
            sn_sketch_facet(k, k->g->axes[a]);
    }
}

static bool means_a_line(const struct sn_sketch *k, size_t at, const struct sn_expectations *x,
                         const struct sn_expectation *e, const char *but)
{
    for (size_t i = 0; i < k->g->n_lines; i++)
        if (sn_sketch_same_figure(k, &k->g->lines[at], &k->g->lines[i]) &&
            sn_expectation_means(x, e, &k->g->lines[i], but))
            return true;
    return false;
}

size_t sn_exhibit_marks(const struct sn_exhibit *e, const struct sn_sketch *k, size_t at,
                        const char *metric, const char *but, struct sn_exhibit_mark **out)
{
    size_t n = 0;

    *out = NULL;
    for (size_t s = 0; s < e->published->n; s++) {
        const struct sn_published_set *set = &e->published->sets[s];
        for (size_t i = 0; i < set->expect.n; i++) {
            const struct sn_expectation *x = &set->expect.entries[i];
            if (x->range || strcmp(x->metric, metric) || !means_a_line(k, at, &set->expect, x, but))
                continue;
            *out = sn_realloc(*out, n + 1, sizeof **out);
            (*out)[n++] = (struct sn_exhibit_mark){sn_published_find(&set->table, x->id), x};
        }
    }
    return n;
}

/* --- what comes out --------------------------------------------------------------------------- */

struct sn_figure *sn_exhibit_figure(const struct sn_exhibit *e, const struct sn_sketch *k,
                                    const struct sn_line *first, const char *script,
                                    const char *what)
{
    struct sn_sketch own = *k;
    const char *kind = sn_exhibit_str(e, "kind"), *title = sn_exhibit_str(e, "title");
    struct sn_figure *f;

    own.out = &e->out->figures;
    f = sn_sketch_figure(&own, first, script, kind, what);
    char *name = sn_strdupf("fig%zu-%s", e->number, f->name);
    free(f->name);
    f->name = name;
    f->group = NULL; /* that of the sketch does not live on */
    f->decl = e->decl;
    if (title) { /* in place of "BENCH: WHAT"; facet and origin stay */
        size_t skip = strlen(k->g->bench) + strlen(": ") + strlen(what);
        char *with = sn_strdupf("%s%s", title, f->title + skip);
        free(f->title);
        f->title = with;
    }
    return f;
}

struct sn_figure *sn_exhibit_figure_named(const struct sn_exhibit *e, const char *name,
                                          const char *script, const char *what, const char *end)
{
    struct sn_figures *out = &e->out->figures;
    const char *title = sn_exhibit_str(e, "title");

    out->figures = sn_realloc(out->figures, out->n + 1, sizeof *out->figures);
    struct sn_figure *f = &out->figures[out->n++];
    *f = (struct sn_figure){.decl = e->decl, .script = script};
    char *safe = sn_report_file_name(name);
    f->name = sn_strdupf("fig%zu-%s%s", e->number, sn_exhibit_str(e, "kind"), *name ? safe : "");
    f->title = sn_strdupf("%s%s", title ? title : what, end);
    free(safe);
    return f;
}

void sn_exhibit_table(const struct sn_exhibit *e, const char *bench, struct sn_table *t,
                      const char *caption)
{
    struct sn_exhibits *out = e->out;
    char *safe = bench ? sn_report_file_name(bench) : NULL;

    out->tables = sn_realloc(out->tables, out->n_tables + 1, sizeof *out->tables);
    out->tables[out->n_tables++] = (struct sn_exhibit_table){
        .decl = e->decl,
        .name = sn_strdupf("fig%zu-%s%s%s", e->number, safe ? safe : "", safe ? "-" : "",
                           sn_exhibit_str(e, "kind")),
        .caption = caption ? sn_strdup(caption) : NULL,
        .table = *t,
    };
    sn_table_init(t);
    free(safe);
}

void sn_exhibits_build(const struct sn_report *r, const struct sn_published *p,
                       struct sn_exhibits *out)
{
    size_t number = 0, i;
    json_t *decl;

    *out = (struct sn_exhibits){0};
    for (size_t k = 0; k < r->n_runs; k++) {
        json_array_foreach (sn_manifest_get(r->runs[k].manifest, "figures"), i, decl) {
            const struct sn_exhibit_kind *kind =
                sn_exhibit_kind_find(sn_manifest_str(decl, "kind", ""));
            const struct sn_exhibit e = {.r = r,
                                         .run = &r->runs[k],
                                         .decl = decl,
                                         .published = p,
                                         .number = ++number,
                                         .out = out};
            if (kind)
                kind->build(&e);
        }
    }
}

void sn_exhibits_free(struct sn_exhibits *x)
{
    sn_figures_free(&x->figures);
    for (size_t i = 0; i < x->n_tables; i++) {
        free(x->tables[i].name);
        free(x->tables[i].caption);
        sn_table_free(&x->tables[i].table);
    }
    free(x->tables);
    *x = (struct sn_exhibits){0};
}

/* --- the section ------------------------------------------------------------------------------ */

/* A copy: the tables are also files. */
static void show_table(const struct sn_exhibit_table *x, struct sn_doc *doc)
{
    const struct sn_table *from = &x->table;
    struct sn_table t;

    sn_table_init(&t);
    for (size_t c = 0; c < from->n_columns; c++)
        sn_table_column(&t, &from->columns[c]);
    for (size_t i = 0; i < from->n_rows; i++) {
        sn_table_row(&t);
        for (size_t c = 0; c < from->n_columns; c++) {
            const struct sn_cell *cell = &from->cells[i * from->n_columns + c];
            sn_table_set(&t, c, cell->text, cell->raw);
            sn_table_tone(&t, c, cell->tone);
        }
    }
    sn_doc_table(doc, &t, x->caption);
}

/* What an exhibit came to: 2 there is something to show, 1 figures that were not drawn (a page that
 * holds no drawings, no gnuplot), 0 nothing. */
static int state_of(const json_t *decl, const struct sn_exhibits *x)
{
    int state = 0;

    for (size_t i = 0; i < x->n_tables; i++)
        state = x->tables[i].decl == decl ? 2 : state;
    for (size_t i = 0; i < x->figures.n && state < 2; i++) {
        const struct sn_figure *f = &x->figures.figures[i];
        if (f->decl == decl)
            state = f->svg.len || f->error ? 2 : 1;
    }
    return state;
}

static void show(const json_t *decl, const struct sn_exhibits *x, const char *path,
                 struct sn_doc *doc)
{
    for (size_t i = 0; i < x->n_tables; i++)
        if (x->tables[i].decl == decl)
            show_table(&x->tables[i], doc);
    for (size_t i = 0; i < x->figures.n; i++)
        if (x->figures.figures[i].decl == decl)
            sn_report_figure(&x->figures.figures[i], path, doc);
    if (state_of(decl, x) == 0)
        sn_doc_para(doc, "No row of this report gives it.");
}

/* Without a title: "Stacked, decode". */
static char *head_of(const struct sn_report *r, const struct sn_report_run *run, const json_t *decl)
{
    const char *title = sn_manifest_str(decl, "title", NULL);
    const char *kind = sn_manifest_str(decl, "kind", "unknown kind");
    const char *bench = json_string_value(json_array_get(json_object_get(decl, "benches"), 0));
    struct sn_buf b = {0};

    if (title || !*kind)
        sn_buf_add(&b, title ? title : "unknown kind");
    else
        sn_buf_addf(&b, "%c%s%s%s", *kind >= 'a' && *kind <= 'z' ? *kind - 'a' + 'A' : *kind,
                    kind + 1, bench ? ", " : "", bench ? bench : "");
    if (r->n_runs > 1)
        sn_buf_addf(&b, " (%s)", run->name);
    return b.data;
}

void sn_exhibits_doc(const struct sn_report *r, const struct sn_exhibits *x, const char *path,
                     struct sn_doc *doc)
{
    bool any = false;
    json_t *decl;
    size_t i;

    for (size_t k = 0; k < r->n_runs; k++) {
        json_array_foreach (sn_manifest_get(r->runs[k].manifest, "figures"), i, decl) {
            if (state_of(decl, x) == 1)
                continue;
            char *head = head_of(r, &r->runs[k], decl);
            if (!any)
                sn_doc_heading(doc, 2, "Results");
            any = true;
            sn_doc_heading(doc, 3, head);
            free(head);
            show(decl, x, path, doc);
        }
    }
}
