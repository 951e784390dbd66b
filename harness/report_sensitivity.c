/* Sensitivity: how far the median of a row moves when each parameter is 10 % smaller and larger,
 * the parameter that moves it most first: a figure and a table for each row that has any. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/exhibit.h"
#include "harness/numbers.h"

enum { SHOWN = 20 }; /* bars of a figure; the table has all */

static double size_of(const struct sn_row_change *c)
{
    return fmax(fabs(c->minus), fabs(c->plus));
}

static int by_size(const void *a, const void *b)
{
    const struct sn_row_change *x = *(const struct sn_row_change *const *)a;
    const struct sn_row_change *y = *(const struct sn_row_change *const *)b;

    if (size_of(x) != size_of(y))
        return size_of(x) > size_of(y) ? -1 : 1;
    return strcmp(x->name, y->name);
}

static const struct sn_row_change **sorted(const struct sn_row *row)
{
    const struct sn_row_change **all = sn_calloc(row->n_sensitivity + 1, sizeof *all);

    for (size_t i = 0; i < row->n_sensitivity; i++)
        all[i] = &row->sensitivity[i];
    qsort(all, row->n_sensitivity, sizeof *all, by_size);
    return all;
}

static void figure(const struct sn_exhibit *e, const struct sn_sketch *k, const struct sn_line *l)
{
    const struct sn_row_change **all = sorted(l->at);
    struct sn_figure *f =
        sn_exhibit_figure(e, k, l, "tornado.gp", "change of the median time with each parameter");

    sn_buf_add(&f->csv, "bar,name,minus,plus\n");
    for (size_t i = 0; i < l->at->n_sensitivity && i < SHOWN; i++) {
        char *name = sn_strdup(all[i]->name);
        sn_sketch_clean(name);
        sn_buf_addf(&f->csv, "%zu,%s", i + 1, name);
        sn_exhibit_field(&f->csv, all[i]->minus);
        sn_exhibit_field(&f->csv, all[i]->plus);
        sn_buf_add(&f->csv, "\n");
        free(name);
    }
    f->args[0] = "change of the median time";
    f->caption = sn_strdupf("%s; each parameter alone, 10 %% smaller and larger%s.", f->title,
                            l->at->n_sensitivity > SHOWN ? "; the 20 that move it most" : "");
    free(all);
}

/* "+6.2 %"; the raw face is the fraction. */
static void set(struct sn_table *t, size_t column, double fraction)
{
    char text[32], raw[SN_NUM_SIZE];

    snprintf(text, sizeof text, "%+.2f %%", 100 * fraction + 0.0);
    sn_table_set(t, column, text, sn_num_raw(raw, fraction));
}

static void rows(const struct sn_exhibit *e, const struct sn_group *g, struct sn_table *t)
{
    bool many = false;

    sn_table_init(t);
    for (size_t a = 0; a < g->n_axes; a++)
        many = many || g->varies[a];
    if (many)
        sn_table_column(t, &(struct sn_column){"case", "case", false, 0, SN_SHOW_ALL});
    size_t name =
        sn_table_column(t, &(struct sn_column){"parameter", "parameter", false, 0, SN_SHOW_ALL});
    size_t minus =
        sn_table_column(t, &(struct sn_column){"minus", "10 % smaller", true, 0, SN_SHOW_ALL});
    size_t plus =
        sn_table_column(t, &(struct sn_column){"plus", "10 % larger", true, 0, SN_SHOW_ALL});
    for (size_t i = 0; i < g->n_lines; i++) {
        const struct sn_line *l = &g->lines[i];
        const struct sn_row_change **all = sorted(l->at);
        char *label = sn_line_label(e->r, g, l, NULL, 0);
        for (size_t c = 0; c < l->at->n_sensitivity; c++) {
            sn_table_row(t);
            if (many)
                sn_table_set(t, 0, label, label);
            sn_table_set(t, name, all[c]->name, all[c]->name);
            set(t, minus, all[c]->minus);
            set(t, plus, all[c]->plus);
        }
        free(label);
        free(all);
    }
}

void sn_exhibit_sensitivity(const struct sn_exhibit *e)
{
    struct sn_group *g = sn_exhibit_group_of(e, 0);
    struct sn_sketch k = {.r = e->r, .g = g};
    struct sn_table t;
    size_t n = 0;

    if (!g)
        return;
    for (size_t i = 0; i < g->n_lines; i++) /* of the rows that have any alone */
        if (g->lines[i].at->n_sensitivity)
            g->lines[n++] = g->lines[i];
    g->n_lines = n;
    if (n) {
        sn_exhibit_vary(g);
        sn_exhibit_facets(&k, NULL, NULL, NULL);
        for (size_t i = 0; i < n && i < SN_FIGURES_PER_KIND; i++)
            figure(e, &k, &g->lines[i]);
        rows(e, g, &t);
        sn_exhibit_table(e, g->bench, &t,
                         "Change of the median time where a parameter alone is 10 % smaller or "
                         "larger");
        sn_table_free(&t);
    }
    sn_exhibit_group_free(g);
}
