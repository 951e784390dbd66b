/* One metric against another, a point for each row. Of each series the points that no other of it
 * beats in both metrics are its frontier, joined by a line in the order of x; the others are shown
 * paler. Which way is better is what the metrics say of themselves (times: lower). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/exhibit.h"

struct pareto {
    const struct sn_exhibit *e;
    struct sn_sketch k;
    const char *x, *y, *by, *along;
    bool x_higher, y_higher;
};

/* Is b at least as good as a in both, and better in one? */
static bool beats(const struct pareto *p, const struct sn_line *b, const struct sn_line *a)
{
    double dx = sn_exhibit_value(b, p->x) - sn_exhibit_value(a, p->x);
    double dy = sn_exhibit_value(b, p->y) - sn_exhibit_value(a, p->y);

    dx = p->x_higher ? dx : -dx;
    dy = p->y_higher ? dy : -dy;
    return dx >= 0 && dy >= 0 && (dx > 0 || dy > 0);
}

static bool is_point(const struct pareto *p, const struct sn_line *l)
{
    return isfinite(sn_exhibit_value(l, p->x)) && isfinite(sn_exhibit_value(l, p->y));
}

/* Names of all lines' series: the value of `by`, without it the benchmark. */
static char **series_names(const struct pareto *p)
{
    const struct sn_group *g = p->k.g;
    struct sn_keys but = {.n = 0};
    char **names = sn_calloc(g->n_lines + 1, sizeof *names);

    for (size_t a = 0; a < g->n_axes && but.n < sizeof but.but / sizeof *but.but; a++)
        if (p->by && strcmp(g->axes[a], p->by))
            but.but[but.n++] = g->axes[a];
    for (size_t i = 0; i < g->n_lines; i++) {
        char *name = p->by ? sn_sketch_series(&p->k, &g->lines[i], &but) : sn_strdup("median");
        names[i] = strcmp(name, "median") ? name : sn_strdup(g->bench);
        if (names[i] != name)
            free(name);
    }
    return names;
}

/* The next line of a series in the order of x: of the frontier, or of the rest. */
static size_t next(const struct pareto *p, const size_t *series, size_t of, bool frontier,
                   const bool *done)
{
    const struct sn_group *g = p->k.g;
    size_t best = g->n_lines;

    for (size_t i = 0; i < g->n_lines; i++) {
        bool beaten = false;
        if (series[i] != of || done[i])
            continue;
        for (size_t j = 0; j < g->n_lines; j++)
            beaten = beaten || (series[j] == of && beats(p, &g->lines[j], &g->lines[i]));
        if (beaten != frontier &&
            (best == g->n_lines ||
             sn_exhibit_value(&g->lines[i], p->x) < sn_exhibit_value(&g->lines[best], p->x)))
            best = i;
    }
    return best;
}

static void point(const struct pareto *p, size_t series, const struct sn_line *l, const char *name,
                  bool frontier, struct sn_buf *csv)
{
    char text[128] = "";

    if (p->along) {
        sn_line_param_pretty(p->k.g, l, p->along, text, sizeof text);
        sn_sketch_clean(text);
    }
    sn_buf_addf(csv, "%zu,%s", series, name);
    sn_exhibit_field(csv, sn_exhibit_value(l, p->x));
    sn_exhibit_field(csv, sn_exhibit_value(l, p->y));
    sn_buf_addf(csv, ",%d,%s\n", frontier, text);
}

/* Published figures of one row that has both metrics: entries that match the same. */
static void marks(const struct pareto *p, struct sn_buf *csv, struct sn_buf *words)
{
    struct sn_exhibit_mark *xs, *ys;
    size_t n_x = sn_exhibit_marks(p->e, &p->k, 0, p->x, NULL, &xs);
    size_t n_y = sn_exhibit_marks(p->e, &p->k, 0, p->y, NULL, &ys);

    for (size_t i = 0; i < n_x; i++) {
        for (size_t j = 0; j < n_y; j++) {
            if (!sn_expectations_alike(xs[i].e, ys[j].e))
                continue;
            sn_buf_addf(csv, "0,%s", xs[i].e->id);
            sn_exhibit_field(csv, xs[i].e->expected);
            sn_exhibit_field(csv, ys[j].e->expected);
            sn_buf_add(csv, ",0,\n");
            sn_buf_addf(words, "%s%s and %s (%s)", words->len ? ", " : "", xs[i].e->id, ys[j].e->id,
                        xs[i].figure ? xs[i].figure->source : "-");
        }
    }
    free(xs);
    free(ys);
}

/* Numbers from 1 on for the series of a figure, 0 for lines that are no points of it; how many
 * there are, those past SN_FIGURE_SERIES left out. */
static size_t number_series(const struct pareto *p, char *const *names, size_t *series)
{
    const struct sn_group *g = p->k.g;
    size_t n = 0;

    for (size_t i = 0; i < g->n_lines; i++) {
        if (!is_point(p, &g->lines[i]))
            continue;
        for (size_t j = 0; j < i && !series[i]; j++)
            if (series[j] && !strcmp(names[i], names[j]))
                series[i] = series[j];
        if (!series[i])
            series[i] = n < SN_FIGURE_SERIES ? ++n : 0;
    }
    return n;
}

static char *axis_label(const struct sn_group *g, const char *metric)
{
    bool higher;
    const char *unit = sn_exhibit_unit(g, metric, &higher);
    bool plain = !strcmp(sn_exhibit_ticks(unit), "plain") && strcmp(unit, "1");
    char *words = sn_exhibit_words(metric);
    char *label = sn_strdupf("%s%s%s%s, %s is better", words, plain ? " (" : "", plain ? unit : "",
                             plain ? ")" : "", higher ? "more" : "less");

    free(words);
    return label;
}

static void finish(const struct pareto *p, struct sn_buf *rows)
{
    const struct sn_group *g = p->k.g;
    struct sn_buf published = {0};
    bool ignored;
    char *x = sn_exhibit_words(p->x), *y = sn_exhibit_words(p->y);
    char *what = sn_strdupf("%s against %s", y, x);
    struct sn_figure *f = sn_exhibit_figure(p->e, &p->k, &g->lines[0], "pareto.gp", what);

    marks(p, rows, &published);
    sn_buf_addf(&f->csv, "series,name,%s,%s,frontier,%s\n", p->x, p->y,
                p->along ? p->along : "label");
    sn_buf_add(&f->csv, rows->data);
    f->args[0] = sn_exhibit_ticks(sn_exhibit_unit(g, p->x, &ignored));
    f->args[1] = sn_exhibit_ticks(sn_exhibit_unit(g, p->y, &ignored));
    f->label = axis_label(g, p->x);
    f->args[2] = f->label;
    f->label2 = axis_label(g, p->y);
    f->args[3] = f->label2;
    f->caption =
        sn_strdupf("%s; a line joins the points that no other of its series beats in both, the "
                   "others are pale%s%s%s%s.",
                   f->title, p->along ? "; numbers: " : "", p->along ? p->along : "",
                   published.len ? "; published: " : "", published.len ? published.data : "");
    sn_buf_free(&published);
    free(what);
    free(x);
    free(y);
}

static void figure(const struct pareto *p)
{
    const struct sn_group *g = p->k.g;
    size_t *series = sn_calloc(g->n_lines + 1, sizeof *series);
    bool *done = sn_calloc(g->n_lines + 1, sizeof *done);
    char **names = series_names(p);
    size_t n = number_series(p, names, series);
    struct sn_buf rows = {0};

    for (size_t s = 1; s <= n; s++)
        for (int frontier = 1; frontier >= 0; frontier--)
            for (size_t i; (i = next(p, series, s, frontier, done)) < g->n_lines; done[i] = true)
                point(p, s, &g->lines[i], names[i], frontier, &rows);
    if (rows.len)
        finish(p, &rows);
    for (size_t i = 0; i < g->n_lines; i++)
        free(names[i]);
    free(names);
    free(done);
    free(series);
    sn_buf_free(&rows);
}

void sn_exhibit_pareto(const struct sn_exhibit *e)
{
    struct sn_group *g = sn_exhibit_group_of(e, 0);
    struct pareto p = {.e = e,
                       .k = {.r = e->r, .g = g},
                       .x = sn_exhibit_str(e, "x"),
                       .y = sn_exhibit_str(e, "y"),
                       .by = sn_exhibit_str(e, "by"),
                       .along = sn_exhibit_str(e, "along")};

    if (g && p.x && p.y) {
        sn_exhibit_unit(g, p.x, &p.x_higher);
        sn_exhibit_unit(g, p.y, &p.y_higher);
        figure(&p);
    }
    sn_exhibit_group_free(g);
}
