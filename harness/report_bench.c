/* The table of a benchmark, with what was held constant above it and what went wrong below it. */
#include "harness/report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/numbers.h"

enum { METRICS_FOR_PEOPLE = 3 };

/* Larger numbers leave a narrow terminal first. */
enum {
    P_ALWAYS,
    P_CHECK,
    P_INTERVAL,
    P_MAIN,
    P_EFFICIENCY,
    P_LIMIT,
    P_N,
    P_SECOND,
    P_P99,
    P_THIRD
};

struct columns {
    size_t run, *axes, id, n, median, interval, median_s, lo_s, hi_s, p99, *metrics, limit, why,
        efficiency, check, compared, errors, flags, origin;
};

static bool shown(const struct sn_line *l)
{
    return l->status != SN_ROW_SKIPPED;
}

/* One scale for a column: gathers the values of the lines shown. */
static struct sn_scale scale_of(const struct sn_group *g, const char *unit, const char *metric,
                                size_t offset)
{
    double *x = sn_calloc(g->n_lines + 1, sizeof *x);
    struct sn_scale s;
    size_t n = 0;

    for (size_t i = 0; i < g->n_lines; i++) {
        const struct sn_line *l = &g->lines[i];
        if (shown(l))
            x[n++] =
                metric ? sn_line_metric(l, metric) : *(const double *)((const char *)l + offset);
    }
    s = sn_scale_choose(unit, x, n);
    free(x);
    return s;
}

static char *head(const char *name, const char *unit)
{
    return *unit ? sn_strdupf("%s (%s)", name, unit) : sn_strdup(name);
}

static size_t add(struct sn_table *t, const char *key, const char *text, bool number, int priority,
                  enum sn_column_show show)
{
    return sn_table_column(t, &(struct sn_column){key, text, number, priority, show});
}

static size_t add_scaled(struct sn_table *t, const char *key, const char *name, struct sn_scale s,
                         int priority, enum sn_column_show show)
{
    char *h = head(name, s.unit);
    size_t c = add(t, key, h, true, priority, show);

    free(h);
    return c;
}

static bool any_flags(const struct sn_group *g)
{
    for (size_t i = 0; i < g->n_lines; i++)
        for (size_t k = 0; k < g->lines[i].n_rows; k++)
            for (size_t f = 0; f < g->lines[i].rows[k]->n_flags; f++)
                if (sn_flag_warns(g->lines[i].rows[k]->flags[f]))
                    return true;
    return false;
}

static bool any_p99(const struct sn_group *g)
{
    for (size_t i = 0; i < g->n_lines; i++)
        if (shown(&g->lines[i]) && !isnan(g->lines[i].p99))
            return true;
    return false;
}

static void axis_columns(const struct sn_group *g, struct columns *c, struct sn_table *t)
{
    c->axes = sn_calloc(g->n_axes + 1, sizeof *c->axes);
    for (size_t a = 0; a < g->n_axes; a++) {
        bool number = false;
        for (size_t i = 0; i < g->n_lines; i++) {
            const struct sn_param *p = sn_row_param(g->lines[i].row, g->axes[a]);
            number = p && p->type != SN_PARAM_TEXT;
            if (p)
                break;
        }
        c->axes[a] = add(t, g->axes[a], g->axes[a], number, P_ALWAYS,
                         g->varies[a] ? SN_SHOW_ALL : SN_SHOW_FILES);
    }
}

static bool repeats_median(const struct sn_group *g, const char *metric)
{
    for (size_t i = 0; i < g->n_lines; i++) {
        double v = sn_line_metric(&g->lines[i], metric), median = g->lines[i].median;
        if (shown(&g->lines[i]) && !isnan(v) && !(fabs(v - median) <= 1e-9 * median))
            return false;
    }
    return strcmp(sn_group_metric(g, metric)->unit, "s") == 0;
}

bool sn_report_metric_shown(const struct sn_group *g, size_t m)
{
    size_t before = 0;

    for (size_t i = 0; i < m; i++)
        before += !repeats_median(g, g->metrics[i]);
    return before < METRICS_FOR_PEOPLE && !repeats_median(g, g->metrics[m]);
}

static void metric_columns(const struct sn_group *g, struct columns *c, struct sn_table *t,
                           struct sn_scale *scales)
{
    static const int priorities[] = {P_MAIN, P_SECOND, P_THIRD};

    size_t place = 0;

    c->metrics = sn_calloc(g->n_metrics + 1, sizeof *c->metrics);
    for (size_t m = 0; m < g->n_metrics; m++) {
        const struct sn_metric *doc = sn_group_metric(g, g->metrics[m]);
        bool people = sn_report_metric_shown(g, m);
        scales[m] = scale_of(g, doc->unit, g->metrics[m], 0);
        c->metrics[m] =
            add_scaled(t, g->metrics[m], g->metrics[m], scales[m],
                       people ? priorities[place] : P_ALWAYS, people ? SN_SHOW_ALL : SN_SHOW_FILES);
        place += people;
    }
}

static void statistics_columns(const struct sn_group *g, struct columns *c, struct sn_table *t,
                               struct sn_scale time)
{
    const char *range = g->merged && !g->interval ? "range of launches" : "95 % interval";

    c->n =
        add(t, g->merged ? "launches" : "n", g->merged ? "launches" : "n", true, P_N, SN_SHOW_ALL);
    c->median = add_scaled(t, "median_s", "median", time, P_ALWAYS, SN_SHOW_ALL);
    c->interval = add(t, NULL, range, true, P_INTERVAL, SN_SHOW_PEOPLE);
    c->lo_s = add(t, g->interval ? "ci95_lo_s" : "range_lo_s", NULL, true, 0, SN_SHOW_FILES);
    c->hi_s = add(t, g->interval ? "ci95_hi_s" : "range_hi_s", NULL, true, 0, SN_SHOW_FILES);
    c->p99 = add_scaled(t, "p99_s", "p99", time, P_P99, any_p99(g) ? SN_SHOW_ALL : SN_SHOW_FILES);
}

static void set_scaled(struct sn_table *t, size_t column, double value, struct sn_scale s)
{
    char text[SN_NUM_SIZE], raw[SN_NUM_SIZE];

    if (!strcmp(s.unit, "die") && value >= 0) /* a number of one, no quantity */
        sn_num_count(text, (unsigned long long)value);
    else
        sn_num_sig(text, value / s.factor);
    sn_num_raw(raw, value);
    sn_table_set(t, column, text, *raw ? raw : NULL);
}

static void set_raw(struct sn_table *t, size_t column, double value)
{
    char raw[SN_NUM_SIZE];

    sn_num_raw(raw, value);
    sn_table_set(t, column, NULL, *raw ? raw : NULL);
}

static void set_count(struct sn_table *t, size_t column, uint64_t n)
{
    char text[SN_NUM_SIZE], raw[SN_NUM_SIZE];

    snprintf(raw, sizeof raw, "%llu", (unsigned long long)n);
    sn_table_set(t, column, sn_num_count(text, n), raw);
}

static void set_check(struct sn_table *t, const struct columns *c, const struct sn_line *l)
{
    char a[SN_NUM_SIZE], b[SN_NUM_SIZE], text[2 * SN_NUM_SIZE + 32];
    enum sn_tone tone = SN_TONE_GOOD;

    sn_num_count(a, l->compared);
    sn_num_count(b, l->errors);
    if (l->errors > 0) {
        snprintf(text, sizeof text, "FAILED: %s of %s", b, a);
        tone = SN_TONE_BAD;
    } else if (l->status == SN_ROW_FAILED) {
        snprintf(text, sizeof text, "FAILED");
        tone = SN_TONE_BAD;
    } else if (l->compared == 0) {
        snprintf(text, sizeof text, "not checked");
        tone = SN_TONE_WARN;
    } else {
        double tolerance = l->row->check.tolerance;
        snprintf(text, sizeof text, tolerance > 0 ? "ok: %s, ±%.2g" : "ok: %s", a, tolerance);
    }
    sn_table_set(t, c->check, text, l->status == SN_ROW_FAILED ? "failed" : "ok");
    sn_table_tone(t, c->check, tone);
    set_count(t, c->compared, l->compared);
    set_count(t, c->errors, l->errors);
}

/* People see what to be warned of, files all flags. */
static void set_flags(struct sn_table *t, size_t column, const struct sn_line *l)
{
    struct sn_buf all = {0}, warnings = {0};

    for (size_t k = 0; k < l->n_rows; k++) {
        for (size_t f = 0; f < l->rows[k]->n_flags; f++) {
            const char *flag = l->rows[k]->flags[f];
            bool seen = false;
            for (size_t j = 0; j < k && !seen; j++)
                seen = sn_row_has_flag(l->rows[j], flag);
            if (seen)
                continue;
            sn_buf_addf(&all, "%s%s", all.len ? " " : "", flag);
            if (sn_flag_warns(flag))
                sn_buf_addf(&warnings, "%s%s", warnings.len ? " " : "", flag);
        }
    }
    sn_table_set(t, column, warnings.data, all.data);
    if (warnings.len > 0)
        sn_table_tone(t, column, SN_TONE_WARN);
    sn_buf_free(&all);
    sn_buf_free(&warnings);
}

static void fill_line(const struct sn_group *g, const struct sn_line *l, const struct columns *c,
                      struct sn_scale time, struct sn_scale limit, const struct sn_scale *metrics,
                      struct sn_table *t)
{
    char text[128], raw[SN_NUM_SIZE];

    sn_table_row(t);
    if (c->run != SIZE_MAX)
        sn_table_set(t, c->run, l->run->name, l->run->name);
    for (size_t a = 0; a < g->n_axes; a++)
        sn_table_set(t, c->axes[a], sn_line_param_pretty(g, l, g->axes[a], text, sizeof text),
                     sn_row_param(l->row, g->axes[a]) ? sn_line_param(l, g->axes[a]) : NULL);
    sn_table_set(t, c->id, NULL, l->row->id);
    set_count(t, c->n, l->n);
    set_scaled(t, c->median, l->median, time);
    sn_table_set(
        t, c->interval,
        sn_num_interval(text, l->median / time.factor, l->lo / time.factor, l->hi / time.factor),
        NULL);
    set_raw(t, c->lo_s, l->lo);
    set_raw(t, c->hi_s, l->hi);
    set_scaled(t, c->p99, l->p99, time);
    for (size_t m = 0; m < g->n_metrics; m++)
        set_scaled(t, c->metrics[m], sn_line_metric(l, g->metrics[m]), metrics[m]);
    set_scaled(t, c->limit, l->limit, limit);
    sn_table_set(t, c->why, NULL, l->row->limit_why);
    sn_num_raw(raw, l->efficiency);
    sn_table_set(t, c->efficiency, sn_num_percent(text, l->efficiency), *raw ? raw : NULL);
    if (l->efficiency > 1)
        sn_table_tone(t, c->efficiency, SN_TONE_WARN);
    set_check(t, c, l);
    set_flags(t, c->flags, l);
    sn_table_set(t, c->origin, sn_origin_name(l->row->origin), sn_origin_name(l->row->origin));
}

void sn_report_bench_table(const struct sn_report *r, const struct sn_group *g,
                           struct sn_table *out)
{
    struct sn_scale time = scale_of(g, "s", NULL, offsetof(struct sn_line, median));
    struct sn_scale limit = scale_of(g, "s", NULL, offsetof(struct sn_line, limit));
    struct sn_scale *metrics = sn_calloc(g->n_metrics + 1, sizeof *metrics);
    struct columns c = {.run = SIZE_MAX};

    sn_table_init(out);
    if (r->n_runs > 1)
        c.run = add(out, "run", "run", false, P_ALWAYS, SN_SHOW_ALL);
    axis_columns(g, &c, out);
    c.id = add(out, "id", NULL, false, 0, SN_SHOW_FILES);
    statistics_columns(g, &c, out, time);
    metric_columns(g, &c, out, metrics);
    c.limit = add_scaled(out, "limit_s", "limit", limit, P_LIMIT, SN_SHOW_ALL);
    c.why = add(out, "limit_why", NULL, false, 0, SN_SHOW_FILES);
    c.efficiency = add(out, "efficiency", "eff. (%)", true, P_EFFICIENCY, SN_SHOW_ALL);
    c.check = add(out, "check", "check", false, P_CHECK, SN_SHOW_ALL);
    c.compared = add(out, "compared", NULL, true, 0, SN_SHOW_FILES);
    c.errors = add(out, "errors", NULL, true, 0, SN_SHOW_FILES);
    c.flags =
        add(out, "flags", "flags", false, P_CHECK, any_flags(g) ? SN_SHOW_ALL : SN_SHOW_FILES);
    c.origin = add(out, "origin", "origin", false, P_ALWAYS,
                   sn_group_mixed(g) ? SN_SHOW_ALL : SN_SHOW_FILES);
    for (size_t i = 0; i < g->n_lines; i++)
        if (shown(&g->lines[i]))
            fill_line(g, &g->lines[i], &c, time, limit, metrics, out);
    free(c.axes);
    free(c.metrics);
    free(metrics);
}

/* --- around the table ------------------------------------------------------------------------- */

/* "window = 1, origin = measured": what is the same in every line. */
static char *constants(const struct sn_group *g)
{
    struct sn_buf b = {0};
    char text[128];
    const struct sn_line *l = NULL;

    for (size_t i = 0; i < g->n_lines && !l; i++)
        l = shown(&g->lines[i]) ? &g->lines[i] : NULL;
    if (!l)
        return NULL;
    for (size_t a = 0; a < g->n_axes; a++)
        if (!g->varies[a])
            sn_buf_addf(&b, "%s%s = %s", b.len ? ", " : "", g->axes[a],
                        sn_line_param_pretty(g, l, g->axes[a], text, sizeof text));
    if (!sn_group_mixed(g))
        sn_buf_addf(&b, "%sorigin = %s", b.len ? ", " : "", sn_origin_name(l->row->origin));
    return b.data;
}

/* Every parameter: a skipped case may differ from the table in an axis that is constant there. */
static char *full_label(const struct sn_report *r, const struct sn_group *g,
                        const struct sn_line *l)
{
    struct sn_buf b = {0};
    char *s;

    if (r->n_runs > 1)
        sn_buf_addf(&b, " run=%s", l->run->name);
    for (size_t p = 0; p < l->row->n_params; p++) {
        const struct sn_param *param = &l->row->params[p];
        bool differs = false;
        for (size_t i = 0; i < g->n_lines && !differs; i++)
            differs = strcmp(sn_line_param(&g->lines[i], param->name), param->text) != 0;
        if (differs)
            sn_buf_addf(&b, " %s=%s", param->name, param->text);
    }
    s = sn_strdup(b.len ? b.data + 1 : g->bench);
    sn_buf_free(&b);
    return s;
}

static void failures(const struct sn_report *r, const struct sn_group *g, struct sn_doc *doc)
{
    bool open = false;

    for (size_t i = 0; i < g->n_lines; i++) {
        const struct sn_line *l = &g->lines[i];
        if (l->status != SN_ROW_FAILED)
            continue;
        for (size_t k = 0; k < l->n_rows; k++) {
            const struct sn_row *row = l->rows[k];
            char *label, *launch;
            if (row->status != SN_ROW_FAILED)
                continue;
            if (!open)
                sn_doc_open(doc, SN_BLOCK_LIST);
            open = true;
            label = full_label(r, g, l);
            launch = g->merged ? sn_strdupf(", launch %d", row->launch) : sn_strdup("");
            sn_doc_term(doc, NULL, "FAILED %s%s: %s%s%s", label, launch,
                        row->reason ? row->reason : "no reason recorded",
                        row->check.first && *row->check.first ? "; first error: " : "",
                        row->check.first ? row->check.first : "");
            free(launch);
            free(label);
        }
    }
}

/* One list item per reason with its cases, at most a few of them by name. */
static void skipped(const struct sn_report *r, const struct sn_group *g, struct sn_doc *doc)
{
    enum { NAMED = 4 };
    bool open = false;

    for (size_t i = 0; i < g->n_lines; i++) {
        const char *reason = g->lines[i].row->reason;
        struct sn_buf cases = {0};
        size_t n = 0;
        bool before = false;
        if (shown(&g->lines[i]))
            continue;
        reason = reason ? reason : "no reason recorded";
        for (size_t j = 0; j < g->n_lines; j++) {
            const char *other = g->lines[j].row->reason;
            char *label;
            if (shown(&g->lines[j]) || strcmp(reason, other ? other : "no reason recorded") != 0)
                continue;
            before = before || j < i;
            label = full_label(r, g, &g->lines[j]);
            if (n++ < NAMED)
                sn_buf_addf(&cases, "%s%s", cases.len ? "; " : "", label);
            free(label);
        }
        if (!before) {
            if (!open)
                sn_doc_open(doc, SN_BLOCK_LIST);
            open = true;
            if (n > NAMED)
                sn_buf_addf(&cases, "; and %zu more", n - NAMED);
            sn_doc_term(doc, NULL, "Skipped %zu %s: %s (%s)", n, n == 1 ? "case" : "cases", reason,
                        cases.data);
        }
        sn_buf_free(&cases);
    }
}

void sn_report_bench(const struct sn_report *r, const struct sn_group *g, bool legend,
                     struct sn_doc *doc)
{
    char *fixed = constants(g);
    struct sn_table t;

    sn_doc_heading(doc, 2, g->bench);
    if (legend)
        sn_report_legend(r, g, doc);
    sn_report_bench_table(r, g, &t);
    if (t.n_rows > 0) {
        if (fixed)
            sn_doc_para(doc, "Constant: %s.", fixed);
        sn_doc_table(doc, &t, NULL);
    } else {
        sn_doc_para(doc, "No case of this benchmark ran.");
    }
    sn_table_free(&t);
    failures(r, g, doc);
    skipped(r, g, doc);
    sn_report_ratios(r, g, doc);
    sn_report_extra(r, g, doc);
    free(fixed);
}
