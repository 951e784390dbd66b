/* Which figures a report has, and their data. Drawing them: report_gnuplot.c. */
#include "harness/report_plots.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/escape.h"
#include "harness/numbers.h"
#include "harness/stats.h"

/* A figure in the making: which lines, which axis goes where. */
struct sketch {
    const struct sn_report *r;
    const struct sn_group *g;
    const char *facets[16]; /* axes that make figures of their own */
    size_t n_facets;
    struct sn_figures *out;
};

/* The axes that vary, without x, cluster, and the facets: what tells the series apart. */
struct keys {
    const char *but[24];
    size_t n;
};

static void comma_free(char *s)
{
    for (; *s; s++)
        *s = *s == ',' ? ';' : *s == '"' ? '\'' : *s; /* gnuplot splits quoted fields too */
}

/* "get shm size=4 KiB": words stand alone, numbers keep the name of their axis. New string. */
static char *series_name(const struct sketch *k, const struct sn_line *l, const struct keys *but)
{
    struct sn_buf b = {0};
    char text[128], *s;

    if (k->r->n_runs > 1)
        sn_buf_addf(&b, " %s", l->run->name);
    for (size_t a = 0; a < k->g->n_axes; a++) {
        const struct sn_param *p = sn_row_param(l->row, k->g->axes[a]);
        bool left_out = !k->g->varies[a] || !p;
        for (size_t i = 0; i < but->n; i++)
            left_out = left_out || strcmp(but->but[i], k->g->axes[a]) == 0;
        if (left_out)
            continue;
        sn_line_param_pretty(k->g, l, k->g->axes[a], text, sizeof text);
        if (p->type == SN_PARAM_TEXT)
            sn_buf_addf(&b, " %s", text);
        else
            sn_buf_addf(&b, " %s=%s", k->g->axes[a], text);
    }
    if (sn_group_mixed(k->g))
        sn_buf_addf(&b, " (%s)", sn_origin_name(l->row->origin));
    s = sn_strdup(b.len ? b.data + 1 : "median");
    comma_free(s);
    sn_buf_free(&b);
    return s;
}

static bool drawn(const struct sn_line *l)
{
    return l->status == SN_ROW_OK && l->n_ok > 0 && isfinite(l->median) && l->median > 0;
}

static size_t distinct_values(const struct sn_group *g, const char *axis)
{
    size_t n = 0;

    for (size_t i = 0; i < g->n_lines; i++) {
        bool before = !drawn(&g->lines[i]);
        for (size_t j = 0; j < i && !before; j++)
            before = drawn(&g->lines[j]) && strcmp(sn_line_param(&g->lines[i], axis),
                                                   sn_line_param(&g->lines[j], axis)) == 0;
        n += !before;
    }
    return n;
}

/* --- facets: one figure for each combination of the axes in k->facets ------------------------- */

static char *facet_label(const struct sketch *k, const struct sn_line *l)
{
    struct sn_buf b = {0};
    char text[128], *s;

    for (size_t f = 0; f < k->n_facets; f++)
        sn_buf_addf(&b, "%s%s = %s", f ? ", " : "", k->facets[f],
                    sn_line_param_pretty(k->g, l, k->facets[f], text, sizeof text));
    s = sn_strdup(b.len ? b.data : "");
    sn_buf_free(&b);
    return s;
}

static bool same_facet(const struct sketch *k, const struct sn_line *a, const struct sn_line *b)
{
    for (size_t f = 0; f < k->n_facets; f++)
        if (strcmp(sn_line_param(a, k->facets[f]), sn_line_param(b, k->facets[f])) != 0)
            return false;
    return true;
}

/* Does an earlier line stand for the same figure? */
static bool facet_before(const struct sketch *k, size_t i)
{
    for (size_t j = 0; j < i; j++)
        if (drawn(&k->g->lines[j]) && same_facet(k, &k->g->lines[j], &k->g->lines[i]))
            return true;
    return false;
}

static struct keys keys_of(const struct sketch *k, const char *x, const char *y)
{
    struct keys but = {.n = 0};

    if (x)
        but.but[but.n++] = x;
    if (y)
        but.but[but.n++] = y;
    for (size_t f = 0; f < k->n_facets; f++)
        but.but[but.n++] = k->facets[f];
    return but;
}

/* The most series that one figure would have. */
static size_t most_series(const struct sketch *k, const struct keys *but)
{
    size_t most = 0;
    char **names = sn_calloc(k->g->n_lines + 1, sizeof *names);

    for (size_t i = 0; i < k->g->n_lines; i++)
        names[i] = series_name(k, &k->g->lines[i], but);
    for (size_t i = 0; i < k->g->n_lines; i++) {
        size_t n = 0;
        if (!drawn(&k->g->lines[i]) || facet_before(k, i))
            continue;
        for (size_t j = 0; j < k->g->n_lines; j++) {
            bool before =
                !drawn(&k->g->lines[j]) || !same_facet(k, &k->g->lines[i], &k->g->lines[j]);
            for (size_t m = 0; m < j && !before; m++)
                before = drawn(&k->g->lines[m]) && strcmp(names[j], names[m]) == 0 &&
                         same_facet(k, &k->g->lines[m], &k->g->lines[j]);
            n += !before;
        }
        most = n > most ? n : most;
    }
    for (size_t i = 0; i < k->g->n_lines; i++)
        free(names[i]);
    free(names);
    return most;
}

static void add_facet(struct sketch *k, const char *axis)
{
    if (k->n_facets < sizeof k->facets / sizeof k->facets[0])
        k->facets[k->n_facets++] = axis;
}

/* Splits by whole axes, first axis first, until no figure has too many series. */
static void facet_until_readable(struct sketch *k, const char *x)
{
    for (size_t a = 0; a < k->g->n_axes; a++) {
        struct keys but = keys_of(k, x, NULL);
        if (most_series(k, &but) <= SN_FIGURE_SERIES)
            return;
        if (k->g->varies[a] && strcmp(k->g->axes[a], x) != 0)
            add_facet(k, k->g->axes[a]);
    }
}

static void facet_all_but(struct sketch *k, const char *x, const char *y, const char *z)
{
    for (size_t a = 0; a < k->g->n_axes; a++) {
        const char *axis = k->g->axes[a];
        if (k->g->varies[a] && strcmp(axis, x) != 0 && strcmp(axis, y) != 0 &&
            (!z || strcmp(axis, z) != 0))
            add_facet(k, axis);
    }
}

/* --- a figure --------------------------------------------------------------------------------- */

static char *file_name(const char *bench, const char *kind, const char *facet)
{
    char *safe = sn_report_file_name(bench);
    struct sn_buf b = {0};
    bool dash = false;

    sn_buf_addf(&b, "%s-%s%s", safe, kind, *facet ? "-" : "");
    for (const char *p = facet; *p; p++) {
        bool good = (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') ||
                    (*p >= 'A' && *p <= 'Z') || *p == '_' || *p == '.';
        if (good && dash)
            sn_buf_add(&b, "-");
        if (good)
            sn_buf_addn(&b, p, 1);
        dash = !good;
    }
    free(safe);
    return b.data;
}

static struct sn_figure *add_figure(const struct sketch *k, const struct sn_line *first,
                                    const char *script, const char *kind, const char *what)
{
    struct sn_figures *out = k->out;
    char *facet = facet_label(k, first);
    struct sn_figure *f;

    out->figures = sn_realloc(out->figures, out->n + 1, sizeof *out->figures);
    f = &out->figures[out->n++];
    *f = (struct sn_figure){.group = k->g, .script = script};
    f->name = file_name(k->g->bench, kind, facet);
    f->title = sn_strdupf("%s: %s%s%s", k->g->bench, what, *facet ? "; " : "", facet);
    free(facet);
    return f;
}

static void field(struct sn_buf *csv, double value)
{
    char raw[SN_NUM_SIZE];

    sn_buf_addf(csv, ",%s", sn_num_raw(raw, value));
}

/* The value of a rate at another time than the median: bytes stay, so it falls as the time grows.
 */
static double rate_at(double rate, double median, double time)
{
    return rate * median / time;
}

static void curve_row(const struct sn_line *l, const char *metric, size_t series, const char *name,
                      const char *x, struct sn_buf *csv)
{
    sn_buf_addf(csv, "%zu,%s,%s", series, name, x);
    if (metric) {
        double rate = sn_line_metric(l, metric, NULL);
        field(csv, rate);
        field(csv, rate_at(rate, l->median, l->hi));
        field(csv, rate_at(rate, l->median, l->lo));
        field(csv, rate_at(rate, l->median, l->limit));
    } else {
        field(csv, l->median);
        field(csv, l->lo);
        field(csv, l->hi);
        field(csv, l->limit);
    }
    sn_buf_add(csv, "\n");
}

/* All points of the figure of line `at`, series by series. Returns how many series were left out.
 */
static size_t curve_rows(const struct sketch *k, size_t at, const char *x, const char *metric,
                         struct sn_buf *csv)
{
    const struct sn_group *g = k->g;
    struct keys but = keys_of(k, x, NULL);
    size_t series = 0, left_out = 0;
    bool *done = sn_calloc(g->n_lines + 1, sizeof *done);

    for (size_t i = at; i < g->n_lines; i++) {
        char *name;
        if (done[i] || !drawn(&g->lines[i]) || !same_facet(k, &g->lines[at], &g->lines[i]))
            continue;
        name = series_name(k, &g->lines[i], &but);
        series++;
        for (size_t j = i; j < g->n_lines; j++) {
            char *other;
            if (!drawn(&g->lines[j]) || !same_facet(k, &g->lines[at], &g->lines[j]))
                continue;
            other = series_name(k, &g->lines[j], &but);
            if (strcmp(name, other) == 0) {
                done[j] = true;
                if (series <= SN_FIGURE_SERIES)
                    curve_row(&g->lines[j], metric, series, name, sn_line_param(&g->lines[j], x),
                              csv);
            }
            free(other);
        }
        left_out += series > SN_FIGURE_SERIES;
        free(name);
    }
    free(done);
    return left_out;
}

static const char *band_words(const struct sn_group *g)
{
    return g->interval ? "95 % interval" : "range of launches";
}

static void curves(struct sketch *k, const char *x, const char *metric, const char *kind,
                   const char *what)
{
    size_t n = 0;

    for (size_t i = 0; i < k->g->n_lines; i++) {
        struct sn_figure *f;
        size_t left_out;
        if (!drawn(&k->g->lines[i]) || facet_before(k, i) || n++ >= SN_FIGURES_PER_KIND)
            continue;
        f = add_figure(k, &k->g->lines[i], "curves.gp", kind, what);
        sn_buf_addf(&f->csv, "series,name,%s,%s\n", x,
                    metric ? "rate_B_per_s,lo_B_per_s,hi_B_per_s,limit_B_per_s"
                           : "median_s,lo_s,hi_s,limit_s");
        left_out = curve_rows(k, i, x, metric, &f->csv);
        f->args[0] = strcmp(x, "size") == 0 ? "binary" : "count";
        f->args[1] = metric ? "rate" : "seconds";
        f->args[2] = x;
        f->args[3] = metric ? metric : "median time";
        f->caption = sn_strdupf("%s; band: %s; dashed: limit%s.", f->title, band_words(k->g),
                                left_out ? "; the first 8 series" : "");
    }
}

static const char *first_rate(const struct sn_group *g)
{
    for (size_t m = 0; m < g->n_metrics; m++)
        if (strcmp(sn_group_metric(g, g->metrics[m])->unit, "B/s") == 0)
            return g->metrics[m];
    return NULL;
}

static void size_figures(struct sketch *k)
{
    const char *rate = first_rate(k->g);

    facet_until_readable(k, "size");
    curves(k, "size", NULL, "time", "time against size");
    if (rate) {
        char *what = sn_strdupf("%s against size", rate);
        curves(k, "size", rate, "rate", what);
        free(what);
    }
}

/* --- bars by algorithm ------------------------------------------------------------------------ */

static size_t index_of(const struct sketch *k, size_t at, size_t of, const char *axis)
{
    const struct sn_group *g = k->g;
    size_t n = 0;

    for (size_t i = at; i <= of; i++) {
        bool before = !drawn(&g->lines[i]) || !same_facet(k, &g->lines[at], &g->lines[i]);
        for (size_t j = at; j < i && !before; j++)
            before =
                drawn(&g->lines[j]) && same_facet(k, &g->lines[at], &g->lines[j]) &&
                strcmp(sn_line_param(&g->lines[i], axis), sn_line_param(&g->lines[j], axis)) == 0;
        n += !before;
        if (i < of &&
            strcmp(sn_line_param(&g->lines[i], axis), sn_line_param(&g->lines[of], axis)) == 0 &&
            drawn(&g->lines[i]) && same_facet(k, &g->lines[at], &g->lines[i]))
            return n;
    }
    return n;
}

static void bar_figures(struct sketch *k)
{
    const struct sn_group *g = k->g;
    int phase = sn_group_axis(g, "phase");
    bool clusters = phase >= 0 && g->varies[phase];
    size_t n = 0;

    facet_all_but(k, "tokens", "algorithm", clusters ? "phase" : NULL);
    for (size_t i = 0; i < g->n_lines; i++) {
        struct sn_figure *f;
        if (!drawn(&g->lines[i]) || facet_before(k, i) || n++ >= SN_FIGURES_PER_KIND)
            continue;
        f = add_figure(k, &g->lines[i], "bars.gp", "algorithms", "time by algorithm");
        sn_buf_add(&f->csv, "series,algorithm,cluster,phase,median_s,lo_s,hi_s,limit_s\n");
        for (size_t j = i; j < g->n_lines; j++) {
            const struct sn_line *l = &g->lines[j];
            char *name;
            if (!drawn(l) || !same_facet(k, &g->lines[i], l))
                continue;
            name = sn_strdup(sn_line_param(l, "algorithm"));
            comma_free(name);
            sn_buf_addf(&f->csv, "%zu,%s,%zu,%s", index_of(k, i, j, "algorithm"), name,
                        clusters ? index_of(k, i, j, "phase") : 1,
                        clusters ? sn_line_param(l, "phase") : "");
            free(name);
            field(&f->csv, l->median);
            field(&f->csv, l->lo);
            field(&f->csv, l->hi);
            field(&f->csv, l->limit);
            sn_buf_add(&f->csv, "\n");
        }
        f->args[0] = "median time";
        f->caption = sn_strdupf("%s; whiskers: %s; stroke: limit.", f->title, band_words(g));
    }
}

static void token_figures(struct sketch *k)
{
    if (distinct_values(k->g, "tokens") < 2) {
        bar_figures(k);
        return;
    }
    facet_all_but(k, "tokens", "algorithm", NULL);
    curves(k, "tokens", NULL, "tokens", "time against tokens");
}

/* --- matrix ----------------------------------------------------------------------------------- */

static void matrix_figures(struct sketch *k)
{
    const struct sn_group *g = k->g;
    const char *rate = first_rate(g);
    size_t n = 0;

    if (!rate)
        return;
    facet_all_but(k, "src", "dst", NULL);
    for (size_t i = 0; i < g->n_lines; i++) {
        struct sn_figure *f;
        char *what;
        if (!drawn(&g->lines[i]) || facet_before(k, i) || n++ >= SN_FIGURES_PER_KIND)
            continue;
        what = sn_strdupf("%s from rank to rank", rate);
        f = add_figure(k, &g->lines[i], "matrix.gp", "matrix", what);
        free(what);
        sn_buf_add(&f->csv, "src,dst,rate_B_per_s\n");
        for (size_t j = i; j < g->n_lines; j++) {
            const struct sn_line *l = &g->lines[j];
            if (!drawn(l) || !same_facet(k, &g->lines[i], l))
                continue;
            sn_buf_addf(&f->csv, "%s,%s", sn_line_param(l, "src"), sn_line_param(l, "dst"));
            field(&f->csv, sn_line_metric(l, rate, NULL));
            sn_buf_add(&f->csv, "\n");
        }
        f->caption = sn_strdupf("%s (a dark cell is a slow link).", f->title);
    }
}

/* --- distributions ---------------------------------------------------------------------------- */

/* The row whose samples are shown: of several launches the first that is ok. */
static const struct sn_row *sampled(const struct sn_line *l)
{
    for (size_t i = 0; i < l->n_rows; i++)
        if (l->rows[i]->status == SN_ROW_OK && l->rows[i]->samples_s && l->rows[i]->n >= 2)
            return l->rows[i];
    return NULL;
}

/* Value by which the cases of a series are ordered: their x, or without one their median. */
static double order_of(const struct sn_line *l, const char *x)
{
    const struct sn_param *p = x ? sn_row_param(l->row, x) : NULL;

    return p && p->type == SN_PARAM_INT ? (double)p->i : l->median;
}

/* Smallest, middle and largest case of the series of line `at`; returns how many are distinct. */
static size_t three_of(const struct sketch *k, size_t at, const char *x, bool middle, size_t *out)
{
    const struct sn_group *g = k->g;
    struct keys but = keys_of(k, x, NULL);
    char *name = x ? series_name(k, &g->lines[at], &but) : NULL;
    size_t *order = sn_calloc(g->n_lines + 1, sizeof *order), n = 0, kept = 0;

    for (size_t i = at; i < g->n_lines; i++) {
        char *other = x ? series_name(k, &g->lines[i], &but) : NULL;
        if (drawn(&g->lines[i]) && sampled(&g->lines[i]) && (!x || strcmp(name, other) == 0)) {
            size_t j = n++;
            for (; j > 0 && order_of(&g->lines[order[j - 1]], x) > order_of(&g->lines[i], x); j--)
                order[j] = order[j - 1];
            order[j] = i;
        }
        free(other);
    }
    if (n > 0)
        out[kept++] = order[0];
    if (n > 2 && middle)
        out[kept++] = order[n / 2];
    if (n > 1)
        out[kept++] = order[n - 1];
    free(order);
    free(name);
    return kept;
}

/* Is the line the first of its series? Without x all lines are one series. */
static bool opens_series(const struct sketch *k, size_t at, const char *x)
{
    struct keys but = keys_of(k, x, NULL);
    char *name = x ? series_name(k, &k->g->lines[at], &but) : NULL;
    bool first = drawn(&k->g->lines[at]) && sampled(&k->g->lines[at]);

    for (size_t i = 0; i < at && first; i++) {
        char *other = x ? series_name(k, &k->g->lines[i], &but) : NULL;
        if (drawn(&k->g->lines[i]) && sampled(&k->g->lines[i]) && (!x || strcmp(name, other) == 0))
            first = false;
        free(other);
    }
    free(name);
    return first;
}

/* Every sample up to 400 of them; else evenly spaced order statistics, both ends among them. */
static bool ecdf_rows(const struct sn_row *row, size_t series, const char *name, struct sn_buf *csv)
{
    enum { MOST = 400 };
    double *x = sn_calloc(row->n, sizeof *x);
    size_t n = row->n, points = n < MOST ? n : MOST;

    memcpy(x, row->samples_s, n * sizeof *x);
    sn_stats_sort(x, n);
    for (size_t i = 0; i < points; i++) {
        size_t at = points < n ? (size_t)((double)i * (double)(n - 1) / (MOST - 1) + 0.5) : i;
        sn_buf_addf(csv, "%zu,%s", series, name);
        field(csv, x[at]);
        field(csv, (double)(at + 1) / (double)n);
        sn_buf_add(csv, "\n");
    }
    free(x);
    return points < n;
}

static void distribution_figure(struct sketch *k, const char *x)
{
    const struct sn_group *g = k->g;
    struct keys none = {.n = 0};
    struct sn_figure *f;
    size_t chosen[SN_FIGURE_SERIES + 3], n = 0, series = 0;
    bool thinned = false;

    for (size_t i = 0; i < g->n_lines; i++)
        series += opens_series(k, i, x);
    for (size_t i = 0; i < g->n_lines && n < SN_FIGURE_SERIES; i++) {
        size_t three[3], found;
        if (!opens_series(k, i, x))
            continue;
        found = three_of(k, i, x, 3 * series <= SN_FIGURE_SERIES, three);
        if (2 * series > SN_FIGURE_SERIES && found > 1) {
            three[0] = three[found - 1]; /* many series: the largest case of each */
            found = 1;
        }
        for (size_t j = 0; j < found && n < SN_FIGURE_SERIES; j++)
            chosen[n++] = three[j];
    }
    if (n == 0)
        return;
    f = add_figure(k, &g->lines[chosen[0]], "ecdf.gp", "samples", "distribution of the samples");
    sn_buf_add(&f->csv, "series,name,sample_s,fraction\n");
    for (size_t i = 0; i < n; i++) {
        char *name = series_name(k, &g->lines[chosen[i]], &none);
        if (ecdf_rows(sampled(&g->lines[chosen[i]]), i + 1, name, &f->csv))
            thinned = true;
        free(name);
    }
    f->args[0] = "time";
    f->caption = sn_strdupf("%s of chosen cases%s%s.", f->title, g->merged ? ", first launch" : "",
                            thinned ? "; of more than 400 samples, 400 evenly spaced ones" : "");
}

/* --- all -------------------------------------------------------------------------------------- */

static struct sketch sketch_of(const struct sn_report *r, const struct sn_group *g,
                               struct sn_figures *out)
{
    return (struct sketch){.r = r, .g = g, .out = out};
}

void sn_figures_build(const struct sn_report *r, struct sn_figures *out)
{
    *out = (struct sn_figures){0};
    for (size_t i = 0; i < r->n_groups; i++) {
        const struct sn_group *g = &r->groups[i];
        bool size = sn_group_axis(g, "size") >= 0 && distinct_values(g, "size") > 2;
        bool tokens = sn_group_axis(g, "tokens") >= 0 && sn_group_axis(g, "algorithm") >= 0;
        bool pairs = sn_group_axis(g, "src") >= 0 && sn_group_axis(g, "dst") >= 0;
        struct sketch k = sketch_of(r, g, out);
        if (pairs)
            matrix_figures(&k);
        else if (tokens)
            token_figures(&k);
        else if (size)
            size_figures(&k);
        k = sketch_of(r, g, out);
        distribution_figure(&k, size && !pairs ? "size" : tokens ? "tokens" : NULL);
    }
}

void sn_figures_free(struct sn_figures *f)
{
    for (size_t i = 0; i < f->n; i++) {
        struct sn_figure *one = &f->figures[i];
        free(one->name);
        free(one->title);
        free(one->caption);
        free(one->error);
        sn_buf_free(&one->csv);
        sn_buf_free(&one->svg);
    }
    free(f->figures);
    *f = (struct sn_figures){0};
}
