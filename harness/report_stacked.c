/* Stacked bars: where the time of each case went. One bar for each value of the axis x, or for each
 * case; figures of their own for the axes that vary beside x. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/exhibit.h"

enum { PARTS_MAX = 16, BARS_MAX = 24 };

/* Number of a part (from 1 on) among the parts of the lines, by their first appearance; those past
 * PARTS_MAX - 1 are one, "other". */
struct parts {
    const char *names[PARTS_MAX];
    size_t n;
};

static size_t part_number(struct parts *p, const char *name)
{
    size_t i = 0;

    while (i < p->n && strcmp(p->names[i], name))
        i++;
    if (i < p->n)
        return i + 1;
    if (p->n < PARTS_MAX - 1)
        p->names[p->n++] = name;
    else if (p->n == PARTS_MAX - 1)
        p->names[p->n++] = "other";
    return p->n;
}

/* One bar: its parts, those of one number together, and the median. */
static void bar(const struct sn_line *l, size_t number, const char *name, struct parts *p,
                struct sn_buf *csv)
{
    double sums[PARTS_MAX + 1] = {0};

    for (size_t i = 0; i < l->at->n_breakdown; i++)
        sums[part_number(p, l->at->breakdown[i].part)] += l->at->breakdown[i].s;
    for (size_t i = 1; i <= p->n; i++) {
        char *part = sn_strdup(p->names[i - 1]);
        if (!(sums[i] > 0))
            continue;
        sn_sketch_clean(part);
        sn_buf_addf(csv, "%zu,%s,%zu,%s", i, part, number, name);
        sn_exhibit_field(csv, sums[i]);
        sn_exhibit_field(csv, l->median);
        sn_buf_add(csv, "\n");
        free(part);
    }
}

static char *bar_name(const struct sn_sketch *k, const struct sn_line *l, const char *x,
                      const struct sn_keys *but)
{
    char text[128];

    if (!x && k->g->n_lines == 1)
        return sn_strdup(k->g->bench);
    if (!x)
        return sn_sketch_series(k, l, but);
    char *name = sn_strdup(sn_line_param_pretty(k->g, l, x, text, sizeof text));
    sn_sketch_clean(name);
    return name;
}

static void figure(const struct sn_exhibit *e, const struct sn_sketch *k, size_t at, const char *x)
{
    const struct sn_group *g = k->g;
    struct sn_keys none = sn_sketch_keys(k, NULL, NULL);
    struct sn_buf rows = {0};
    struct parts p = {.n = 0};
    size_t n = 0, left_out = 0;

    for (size_t i = at; i < g->n_lines; i++) {
        if (!g->lines[i].at->n_breakdown || !sn_sketch_same_figure(k, &g->lines[at], &g->lines[i]))
            continue;
        if (n == BARS_MAX) {
            left_out++;
            continue;
        }
        char *name = bar_name(k, &g->lines[i], x, &none);
        bar(&g->lines[i], ++n, name, &p, &rows);
        free(name);
    }
    if (n) {
        struct sn_figure *f =
            sn_exhibit_figure(e, k, &g->lines[at], "stacked.gp", "parts of the time");
        sn_buf_add(&f->csv, "series,part,bar,name,s,median_s\n");
        sn_buf_add(&f->csv, rows.data);
        f->args[0] = x ? x : "";
        f->caption = sn_strdupf("%s; a bar ends where its parts add up, the black stroke is the "
                                "median%s.",
                                f->title, left_out ? "; the first 24 cases" : "");
    }
    sn_buf_free(&rows);
}

void sn_exhibit_stacked(const struct sn_exhibit *e)
{
    struct sn_group *g = sn_exhibit_group_of(e, 0);
    const char *x = sn_exhibit_str(e, "x");
    struct sn_sketch k = {.r = e->r, .g = g};
    size_t n = 0;

    if (g && x)
        sn_exhibit_facets(&k, x, NULL, NULL);
    for (size_t i = 0; g && i < g->n_lines; i++)
        if (!sn_sketch_before(&k, i) && n++ < SN_FIGURES_PER_KIND)
            figure(e, &k, i, x);
    sn_exhibit_group_free(g);
}
