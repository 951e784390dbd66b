/* Which figures a report has, and their data. Drawing them: report_gnuplot.c. */
#include "harness/report_sketch.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/numbers.h"
#include "harness/stats.h"

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
        double rate = sn_line_metric(l, metric);
        field(csv, rate);
        field(csv, rate_at(rate, l->median, l->hi));
        field(csv, rate_at(rate, l->median, l->lo));
        field(csv, rate_at(rate, l->median, l->limit));
    } else {
        double lo, hi;
        sn_sketch_band(l, &lo, &hi);
        field(csv, l->median);
        field(csv, lo);
        field(csv, hi);
        field(csv, l->limit);
    }
    sn_buf_add(csv, "\n");
}

/* All points of the figure of line `at`, series by series. Returns how many series were left out.
 */
static size_t curve_rows(const struct sn_sketch *k, size_t at, const char *x, const char *metric,
                         struct sn_buf *csv)
{
    const struct sn_group *g = k->g;
    struct sn_keys but = sn_sketch_keys(k, x, NULL);
    size_t series = 0, left_out = 0;
    bool *done = sn_calloc(g->n_lines + 1, sizeof *done);

    for (size_t i = at; i < g->n_lines; i++) {
        char *name;
        if (done[i] || !sn_sketch_drawn(&g->lines[i]) ||
            !sn_sketch_same_figure(k, &g->lines[at], &g->lines[i]))
            continue;
        name = sn_sketch_series(k, &g->lines[i], &but);
        series++;
        for (size_t j = i; j < g->n_lines; j++) {
            char *other;
            if (!sn_sketch_drawn(&g->lines[j]) ||
                !sn_sketch_same_figure(k, &g->lines[at], &g->lines[j]))
                continue;
            other = sn_sketch_series(k, &g->lines[j], &but);
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

static void curves(struct sn_sketch *k, const char *x, const char *metric, const char *kind,
                   const char *what)
{
    size_t n = 0;

    for (size_t i = 0; i < k->g->n_lines; i++) {
        struct sn_figure *f;
        size_t left_out;
        if (!sn_sketch_drawn(&k->g->lines[i]) || sn_sketch_before(k, i) ||
            n++ >= SN_FIGURES_PER_KIND)
            continue;
        f = sn_sketch_figure(k, &k->g->lines[i], "curves.gp", kind, what);
        sn_buf_addf(&f->csv, "series,name,%s,%s\n", x,
                    metric ? "rate_B_per_s,lo_B_per_s,hi_B_per_s,limit_B_per_s"
                           : "median_s,lo_s,hi_s,limit_s");
        left_out = curve_rows(k, i, x, metric, &f->csv);
        f->args[0] = strcmp(x, "size") == 0 ? "binary" : "count";
        f->args[1] = metric ? "rate" : "seconds";
        f->args[2] = x;
        f->args[3] = metric ? metric : "median time";
        f->caption = sn_strdupf("%s; band: %s; dashed: limit%s.", f->title,
                                sn_sketch_band_words(k->g), left_out ? "; the first 8 series" : "");
    }
}

static const char *first_rate(const struct sn_group *g)
{
    for (size_t m = 0; m < g->n_metrics; m++)
        if (strcmp(sn_group_metric(g, g->metrics[m])->unit, "B/s") == 0)
            return g->metrics[m];
    return NULL;
}

static void size_figures(struct sn_sketch *k)
{
    const char *rate = first_rate(k->g);

    sn_sketch_split(k, "size");
    curves(k, "size", NULL, "time", "time against size");
    if (rate) {
        char *what = sn_strdupf("%s against size", rate);
        curves(k, "size", rate, "rate", what);
        free(what);
    }
}

/* --- bars by algorithm ------------------------------------------------------------------------ */

static size_t index_of(const struct sn_sketch *k, size_t at, size_t of, const char *axis)
{
    const struct sn_group *g = k->g;
    size_t n = 0;

    for (size_t i = at; i <= of; i++) {
        bool before = !sn_sketch_drawn(&g->lines[i]) ||
                      !sn_sketch_same_figure(k, &g->lines[at], &g->lines[i]);
        for (size_t j = at; j < i && !before; j++)
            before =
                sn_sketch_drawn(&g->lines[j]) &&
                sn_sketch_same_figure(k, &g->lines[at], &g->lines[j]) &&
                strcmp(sn_line_param(&g->lines[i], axis), sn_line_param(&g->lines[j], axis)) == 0;
        n += !before;
        if (i < of &&
            strcmp(sn_line_param(&g->lines[i], axis), sn_line_param(&g->lines[of], axis)) == 0 &&
            sn_sketch_drawn(&g->lines[i]) && sn_sketch_same_figure(k, &g->lines[at], &g->lines[i]))
            return n;
    }
    return n;
}

static void bar_figures(struct sn_sketch *k)
{
    const struct sn_group *g = k->g;
    int phase = sn_group_axis(g, "phase");
    bool clusters = phase >= 0 && g->varies[phase];
    size_t n = 0;

    int algorithm = sn_group_axis(g, "algorithm");
    if (algorithm >= 0 && !g->varies[algorithm] && !clusters)
        return; /* a bar alone compares nothing */
    sn_sketch_split_all(k, "tokens", "algorithm", clusters ? "phase" : NULL);
    for (size_t i = 0; i < g->n_lines; i++) {
        struct sn_figure *f;
        if (!sn_sketch_drawn(&g->lines[i]) || sn_sketch_before(k, i) || n++ >= SN_FIGURES_PER_KIND)
            continue;
        f = sn_sketch_figure(k, &g->lines[i], "bars.gp", "algorithms", "time by algorithm");
        sn_buf_add(&f->csv, "series,algorithm,cluster,phase,median_s,lo_s,hi_s,limit_s\n");
        for (size_t j = i; j < g->n_lines; j++) {
            const struct sn_line *l = &g->lines[j];
            char *name;
            if (!sn_sketch_drawn(l) || !sn_sketch_same_figure(k, &g->lines[i], l))
                continue;
            name = sn_strdup(sn_line_param(l, "algorithm"));
            sn_sketch_clean(name);
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
        f->caption =
            sn_strdupf("%s; whiskers: %s; stroke: limit.", f->title, sn_sketch_band_words(g));
    }
}

/* Does the suite of a run declare this curve itself? */
static bool is_declared(const struct sn_sketch *k, const char *x)
{
    json_t *decl;
    size_t i;

    json_array_foreach (sn_manifest_get(k->r->runs[0].manifest, "figures"), i, decl) {
        const char *bench = json_string_value(json_array_get(json_object_get(decl, "benches"), 0));
        if (k->r->n_runs == 1 && strcmp(sn_manifest_str(decl, "kind", ""), "curve") == 0 &&
            strcmp(sn_manifest_str(decl, "x", ""), x) == 0 && bench &&
            strcmp(bench, k->g->bench) == 0)
            return true;
    }
    return false;
}

static void token_figures(struct sn_sketch *k)
{
    if (is_declared(k, "ep"))
        return;
    if (sn_group_axis(k->g, "ep") >= 0 && sn_sketch_values(k->g, "ep") > 2) {
        sn_sketch_split(k, "ep");
        curves(k, "ep", NULL, "ep", "time against EP degree");
        return;
    }
    if (sn_sketch_values(k->g, "tokens") < 2) {
        bar_figures(k);
        return;
    }
    sn_sketch_split_all(k, "tokens", "algorithm", NULL);
    curves(k, "tokens", NULL, "tokens", "time against tokens");
}

/* --- matrix ----------------------------------------------------------------------------------- */

static void matrix_figures(struct sn_sketch *k)
{
    const struct sn_group *g = k->g;
    const char *rate = first_rate(g);
    size_t n = 0;

    if (!rate)
        return;
    sn_sketch_split_all(k, "src", "dst", NULL);
    for (size_t i = 0; i < g->n_lines; i++) {
        struct sn_figure *f;
        char *what;
        if (!sn_sketch_drawn(&g->lines[i]) || sn_sketch_before(k, i) || n++ >= SN_FIGURES_PER_KIND)
            continue;
        what = sn_strdupf("%s from rank to rank", rate);
        f = sn_sketch_figure(k, &g->lines[i], "matrix.gp", "matrix", what);
        free(what);
        sn_buf_add(&f->csv, "src,dst,rate_B_per_s\n");
        for (size_t j = i; j < g->n_lines; j++) {
            const struct sn_line *l = &g->lines[j];
            if (!sn_sketch_drawn(l) || !sn_sketch_same_figure(k, &g->lines[i], l))
                continue;
            sn_buf_addf(&f->csv, "%s,%s", sn_line_param(l, "src"), sn_line_param(l, "dst"));
            field(&f->csv, sn_line_metric(l, rate));
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
static size_t three_of(const struct sn_sketch *k, size_t at, const char *x, bool middle,
                       size_t *out)
{
    const struct sn_group *g = k->g;
    struct sn_keys but = sn_sketch_keys(k, x, NULL);
    char *name = x ? sn_sketch_series(k, &g->lines[at], &but) : NULL;
    size_t *order = sn_calloc(g->n_lines + 1, sizeof *order), n = 0, kept = 0;

    for (size_t i = at; i < g->n_lines; i++) {
        char *other = x ? sn_sketch_series(k, &g->lines[i], &but) : NULL;
        if (sn_sketch_drawn(&g->lines[i]) && sampled(&g->lines[i]) &&
            (!x || strcmp(name, other) == 0)) {
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
static bool opens_series(const struct sn_sketch *k, size_t at, const char *x)
{
    struct sn_keys but = sn_sketch_keys(k, x, NULL);
    char *name = x ? sn_sketch_series(k, &k->g->lines[at], &but) : NULL;
    bool first = sn_sketch_drawn(&k->g->lines[at]) && sampled(&k->g->lines[at]);

    for (size_t i = 0; i < at && first; i++) {
        char *other = x ? sn_sketch_series(k, &k->g->lines[i], &but) : NULL;
        if (sn_sketch_drawn(&k->g->lines[i]) && sampled(&k->g->lines[i]) &&
            (!x || strcmp(name, other) == 0))
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

/* The axes that do not tell the chosen lines apart. */
static struct sn_keys same_among(const struct sn_group *g, const size_t *chosen, size_t n)
{
    struct sn_keys same = {.n = 0};

    for (size_t a = 0; a < g->n_axes && same.n < sizeof same.but / sizeof same.but[0]; a++) {
        const char *first = sn_line_param(&g->lines[chosen[0]], g->axes[a]);
        bool alike = n > 1;
        for (size_t i = 1; i < n && alike; i++)
            alike = strcmp(first, sn_line_param(&g->lines[chosen[i]], g->axes[a])) == 0;
        if (alike)
            same.but[same.n++] = g->axes[a];
    }
    return same;
}

static void distribution_figure(struct sn_sketch *k, const char *x)
{
    const struct sn_group *g = k->g;
    struct sn_keys same;
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
    f = sn_sketch_figure(k, &g->lines[chosen[0]], "ecdf.gp", "samples",
                         "distribution of the samples");
    sn_buf_add(&f->csv, "series,name,sample_s,fraction\n");
    same = same_among(g, chosen, n);
    for (size_t i = 0; i < n; i++) {
        char *name =
            g->n_lines > 1 ? sn_sketch_series(k, &g->lines[chosen[i]], &same) : sn_strdup(g->bench);
        if (ecdf_rows(sampled(&g->lines[chosen[i]]), i + 1, name, &f->csv))
            thinned = true;
        free(name);
    }
    f->args[0] = "time";
    f->caption = sn_strdupf("%s of chosen cases%s%s.", f->title, g->merged ? ", first launch" : "",
                            thinned ? "; of more than 400 samples, 400 evenly spaced ones" : "");
}

/* --- all -------------------------------------------------------------------------------------- */

static struct sn_sketch sketch_of(const struct sn_report *r, const struct sn_group *g,
                                  struct sn_figures *out)
{
    return (struct sn_sketch){.r = r, .g = g, .out = out};
}

void sn_figures_build(const struct sn_report *r, struct sn_figures *out)
{
    *out = (struct sn_figures){0};
    for (size_t i = 0; i < r->n_groups; i++) {
        const struct sn_group *g = &r->groups[i];
        bool size = sn_group_axis(g, "size") >= 0 && sn_sketch_values(g, "size") > 2;
        bool tokens = sn_group_axis(g, "tokens") >= 0 && sn_group_axis(g, "algorithm") >= 0;
        bool pairs = sn_group_axis(g, "src") >= 0 && sn_group_axis(g, "dst") >= 0;
        struct sn_sketch k = sketch_of(r, g, out);
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
        free(one->label);
        free(one->label2);
        sn_buf_free(&one->csv);
        sn_buf_free(&one->svg);
    }
    free(f->figures);
    *f = (struct sn_figures){0};
}
