/* Curves that suites declare: a metric against an axis, a line for each value of another, the band
 * around medians, their limits, and the published figures of the same rows as marks. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/exhibit.h"

/* A curve being made: its axes and its metric. */
struct curve {
    const struct sn_exhibit *e;
    struct sn_sketch k;
    const char *x, *y;
};

static double x_of(const struct sn_line *l, const char *x)
{
    const struct sn_param *p = sn_row_param(l->row, x);

    return !p ? NAN : p->type == SN_PARAM_INT ? (double)p->i : p->r;
}

static void point(const struct curve *c, const struct sn_line *l, size_t series, const char *name,
                  struct sn_buf *csv)
{
    bool time = !strcmp(c->y, "median");
    double lo = NAN, hi = NAN;

    if (time)
        sn_sketch_band(l, &lo, &hi);
    sn_buf_addf(csv, "%zu,%s", series, name);
    sn_exhibit_field(csv, x_of(l, c->x));
    sn_exhibit_field(csv, sn_exhibit_value(l, c->y));
    sn_exhibit_field(csv, lo);
    sn_exhibit_field(csv, hi);
    sn_exhibit_field(csv, time ? l->limit : NAN);
    sn_buf_add(csv, ",\n");
}

/* The next line of the series after `last` in the order of x, or NULL. */
static const struct sn_line *next(const struct curve *c, const bool *mine,
                                  const struct sn_line *last)
{
    const struct sn_line *best = NULL;

    for (size_t i = 0; i < c->k.g->n_lines; i++) {
        const struct sn_line *l = &c->k.g->lines[i];
        double x = x_of(l, c->x);
        if (!mine[i] || !isfinite(x) || (last && !(x > x_of(last, c->x))))
            continue;
        best = best && x_of(best, c->x) <= x ? best : l;
    }
    return best;
}

/* Series by series, each in the order of x. Returns how many were left out. */
static size_t points(const struct curve *c, size_t at, struct sn_buf *csv)
{
    const struct sn_group *g = c->k.g;
    struct sn_keys but = sn_sketch_keys(&c->k, c->x, NULL);
    bool *done = sn_calloc(g->n_lines + 1, sizeof *done);
    bool *mine = sn_calloc(g->n_lines + 1, sizeof *mine);
    size_t series = 0, left_out = 0;

    for (size_t i = at; i < g->n_lines; i++) {
        if (done[i] || !sn_sketch_same_figure(&c->k, &g->lines[at], &g->lines[i]))
            continue;
        char *name = sn_sketch_series(&c->k, &g->lines[i], &but);
        for (size_t j = i; j < g->n_lines; j++) {
            char *other = sn_sketch_series(&c->k, &g->lines[j], &but);
            mine[j] = sn_sketch_same_figure(&c->k, &g->lines[at], &g->lines[j]) &&
                      isfinite(sn_exhibit_value(&g->lines[j], c->y)) && !strcmp(name, other);
            done[j] = done[j] || mine[j];
            free(other);
        }
        const struct sn_line *l = next(c, mine, NULL);
        series += l != NULL;
        left_out += l && series > SN_FIGURE_SERIES;
        for (; l && series <= SN_FIGURE_SERIES; l = next(c, mine, l))
            point(c, l, series, strcmp(name, "median") ? name : c->y, csv);
        memset(mine, 0, g->n_lines * sizeof *mine);
        free(name);
    }
    free(mine);
    free(done);
    return left_out;
}

/* The published figures that name x; *words gets their ids and sources, NULL without any. */
static void marks(const struct curve *c, size_t at, struct sn_buf *csv, struct sn_buf *words)
{
    struct sn_exhibit_mark *found;
    size_t n = sn_exhibit_marks(c->e, &c->k, at, c->y, c->x, &found);

    for (size_t i = 0; i < n; i++) {
        const struct sn_expect_axes *match = &found[i].e->match;
        for (size_t a = 0; a < match->n; a++) {
            if (strcmp(match->axes[a].axis, c->x))
                continue;
            for (size_t v = 0; v < match->axes[a].n_values; v++) {
                sn_buf_addf(csv, "0,%s,%s,,,,", found[i].e->id, match->axes[a].values[v]);
                sn_exhibit_field(csv, found[i].e->expected);
                sn_buf_add(csv, "\n");
            }
            sn_buf_addf(words, "%s%s (%s)", words->len ? ", " : "", found[i].e->id,
                        found[i].figure ? found[i].figure->source : "-");
        }
    }
    free(found);
}

static void figure(const struct curve *c, size_t at)
{
    const struct sn_group *g = c->k.g;
    struct sn_buf rows = {0}, published = {0};
    bool higher, time = !strcmp(c->y, "median");
    const char *unit = sn_exhibit_unit(g, c->y, &higher);
    size_t left_out = points(c, at, &rows);

    if (rows.len) {
        char *words = sn_exhibit_words(c->y), *what = sn_strdupf("%s against %s", words, c->x);
        struct sn_figure *f = sn_exhibit_figure(c->e, &c->k, &g->lines[at], "curves.gp", what);
        marks(c, at, &rows, &published);
        sn_buf_addf(&f->csv, "series,name,%s,%s,lo,hi,limit,published\n", c->x, c->y);
        sn_buf_add(&f->csv, rows.data);
        f->args[0] = "values";
        f->args[1] = sn_exhibit_ticks(unit);
        f->args[2] = c->x;
        f->label = !strcmp(f->args[1], "plain") && strcmp(unit, "1")
                       ? sn_strdupf("%s (%s)", words, unit)
                       : sn_strdup(words);
        f->args[3] = f->label;
        f->caption =
            sn_strdupf("%s%s%s%s%s%s%s.", f->title, time ? "; band: " : "",
                       time ? sn_sketch_band_words(g) : "", time ? "; dashed: limit" : "",
                       published.len ? "; published: " : "", published.len ? published.data : "",
                       left_out ? "; the first 8 series" : "");
        free(words);
        free(what);
    }
    sn_buf_free(&rows);
    sn_buf_free(&published);
}

void sn_exhibit_curve(const struct sn_exhibit *e)
{
    struct sn_group *g = sn_exhibit_group_of(e, 0);
    const char *by = sn_exhibit_str(e, "by");
    struct curve c = {
        .e = e, .k = {.r = e->r, .g = g}, .x = sn_exhibit_str(e, "x"), .y = sn_exhibit_str(e, "y")};
    size_t n = 0;

    if (!g || !c.x || !c.y) {
        sn_exhibit_group_free(g);
        return;
    }
    if (by)
        sn_exhibit_facets(&c.k, c.x, by, NULL);
    else
        sn_sketch_split(&c.k, c.x);
    for (size_t i = 0; i < g->n_lines; i++)
        if (!sn_sketch_before(&c.k, i) && n++ < SN_FIGURES_PER_KIND)
            figure(&c, i);
    sn_exhibit_group_free(g);
}
