/* Loading runs, ordering rows by the plan, merging launches into lines, grouping by benchmark. */
#include "harness/report_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/stats.h"
#include "harness/base/status.h"

/* --- manifest --------------------------------------------------------------------------------- */

const json_t *sn_manifest_get(const json_t *manifest, const char *path)
{
    while (manifest && *path) {
        size_t n = strcspn(path, ".");
        char *key = sn_strdupf("%.*s", (int)n, path);
        manifest = json_object_get(manifest, key);
        free(key);
        path += path[n] ? n + 1 : n;
    }
    return json_is_null(manifest) ? NULL : manifest;
}

const char *sn_manifest_str(const json_t *manifest, const char *path, const char *fallback)
{
    const char *s = json_string_value(sn_manifest_get(manifest, path));

    return s ? s : fallback;
}

double sn_manifest_num(const json_t *manifest, const char *path)
{
    const json_t *v = sn_manifest_get(manifest, path);

    return json_is_number(v) ? json_number_value(v) : NAN;
}

/* --- reading ---------------------------------------------------------------------------------- */

static char *base_name(const char *dir)
{
    size_t n = strlen(dir), start;

    while (n > 1 && dir[n - 1] == '/')
        n--;
    for (start = n; start > 0 && dir[start - 1] != '/'; start--)
        ;
    return sn_strdupf("%.*s", (int)(n - start), dir + start);
}

static int load_manifest(json_t **out, const char *path)
{
    json_error_t error;

    if (access(path, F_OK) != 0)
        return SN_OK; /* rows alone can be reported; the verdict says that the plan is unknown */
    *out = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!*out)
        return SN_FAIL(SN_EINVAL, "%s:%d: %s", path, error.line, error.text);
    if (!json_is_object(*out))
        return SN_FAIL(SN_EINVAL, "%s: not a JSON object", path);
    return SN_OK;
}

static int load_run(struct sn_report_run *run, const char *dir)
{
    char *rows = sn_strdupf("%s/rows.jsonl", dir);
    char *manifest = sn_strdupf("%s/manifest.json", dir);
    struct sn_buf text = {0};
    size_t whole = 0;
    int status;

    *run = (struct sn_report_run){.name = base_name(dir)};
    status = load_manifest(&run->manifest, manifest);
    if (status == SN_OK)
        status = sn_rows_read(&run->rows, rows, &whole);
    if (status == SN_OK) {
        run->own_rows = true;
        status = sn_buf_read_file(&text, rows);
        run->torn = text.len > whole;
    }
    sn_buf_free(&text);
    free(manifest);
    free(rows);
    return status;
}

/* --- order and merging ------------------------------------------------------------------------ */

struct placed {
    const struct sn_report_run *run;
    const struct sn_row *row;
    size_t plan, file; /* position in the plan, in the file */
};

static int by_plan(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;

    if (x->run != y->run)
        return x->run < y->run ? -1 : 1;
    if (x->plan != y->plan)
        return x->plan < y->plan ? -1 : 1;
    if (x->row->launch != y->row->launch)
        return x->row->launch < y->row->launch ? -1 : 1;
    return x->file < y->file ? -1 : x->file > y->file;
}

/* Position of an id in the plan; what was not planned comes after it, by its first row. */
static size_t plan_position(json_t *positions, const char *id, size_t otherwise)
{
    const json_t *at = id ? json_object_get(positions, id) : NULL;

    if (at)
        return (size_t)json_integer_value(at);
    if (id)
        json_object_set_new(positions, id, json_integer((json_int_t)otherwise));
    return otherwise;
}

static struct placed *place(const struct sn_report *r, size_t *n)
{
    struct placed *all;
    size_t total = 0, at = 0;

    for (size_t i = 0; i < r->n_runs; i++)
        total += r->runs[i].rows.n;
    all = sn_calloc(total + 1, sizeof *all);
    for (size_t i = 0; i < r->n_runs; i++) {
        const struct sn_report_run *run = &r->runs[i];
        const json_t *plan = sn_manifest_get(run->manifest, "plan");
        json_t *positions = json_object();
        for (size_t p = json_array_size(plan); p-- > 0;) {
            const char *id = json_string_value(json_array_get(plan, p));
            if (id)
                json_object_set_new(positions, id, json_integer((json_int_t)p));
        }
        for (size_t j = 0; j < run->rows.n; j++, at++)
            all[at] = (struct placed){
                run, &run->rows.rows[j],
                plan_position(positions, run->rows.rows[j].id, json_array_size(plan) + j), j};
        json_decref(positions);
    }
    qsort(all, total, sizeof *all, by_plan);
    *n = total;
    return all;
}

static struct sn_group *group_of(struct sn_report *r, const char *bench)
{
    struct sn_group *g;

    for (size_t i = 0; i < r->n_groups; i++)
        if (strcmp(r->groups[i].bench, bench) == 0)
            return &r->groups[i];
    r->groups = sn_realloc(r->groups, r->n_groups + 1, sizeof *r->groups);
    g = &r->groups[r->n_groups++];
    *g = (struct sn_group){.bench = bench, .def = r->app ? sn_bench_find(r->app, bench) : NULL};
    return g;
}

static void add_row(struct sn_group *g, const struct placed *p)
{
    struct sn_line *l = g->n_lines ? &g->lines[g->n_lines - 1] : NULL;

    /* Rows of one case follow each other: they have one place in the plan. */
    if (!l || l->run != p->run || !p->row->id || !l->row->id ||
        strcmp(l->row->id, p->row->id) != 0 || l->row->origin != p->row->origin) {
        g->lines = sn_realloc(g->lines, g->n_lines + 1, sizeof *g->lines);
        l = &g->lines[g->n_lines++];
        *l = (struct sn_line){.run = p->run, .row = p->row, .status = SN_ROW_SKIPPED};
    }
    l->rows = sn_realloc(l->rows, l->n_rows + 1, sizeof *l->rows);
    l->rows[l->n_rows++] = p->row;
    if (p->row->status == SN_ROW_OK) {
        l->n_ok++;
        if (l->status == SN_ROW_SKIPPED) {
            l->status = SN_ROW_OK;
            l->row = p->row;
        }
    } else if (p->row->status == SN_ROW_FAILED && l->status != SN_ROW_FAILED) {
        l->status = SN_ROW_FAILED;
        l->row = p->row;
    }
    if (p->row->launch > 0)
        g->merged = true;
}

/* The median of n launches is x(ceil(n / 2)): always that of one launch, whose metrics belong to
 * it.
 */
static void merge_launches(const struct sn_group *g, struct sn_line *l)
{
    double *x = sn_calloc(l->n_ok + 1, sizeof *x), ignored;
    size_t n = 0;

    for (size_t i = 0; i < l->n_rows; i++)
        if (l->rows[i]->status == SN_ROW_OK && !isnan(l->rows[i]->stats.median))
            x[n++] = l->rows[i]->stats.median;
    l->n = n;
    l->median = l->lo = l->hi = l->p99 = l->limit = l->efficiency = NAN;
    if (n > 0) {
        sn_stats_sort(x, n);
        l->median = sn_stats_percentile(x, n, 0.5);
        if (g->interval) {
            sn_stats_median_ci(x, n, 0.95, &ignored, &l->lo, &l->hi);
        } else if (n > 1) {
            l->lo = x[0];
            l->hi = x[n - 1];
        }
    }
    for (size_t i = l->n_rows; i-- > 0;)
        if (l->rows[i]->status == SN_ROW_OK && l->rows[i]->stats.median == l->median)
            l->at = l->rows[i];
    if (n > 0) {
        l->p99 = l->at->stats.p99;
        l->limit = l->at->limit_s;
        l->efficiency = l->at->efficiency;
    }
    free(x);
}

static void finish_line(const struct sn_group *g, struct sn_line *l)
{
    for (size_t i = 0; i < l->n_rows; i++) {
        l->compared += l->rows[i]->check.compared;
        l->errors += l->rows[i]->check.errors;
    }
    l->at = l->row;
    if (g->merged) {
        merge_launches(g, l);
        return;
    }
    l->n = l->row->n;
    l->median = l->row->stats.median;
    l->lo = l->row->stats.ci95_lo;
    l->hi = l->row->stats.ci95_hi;
    l->p99 = l->row->stats.p99;
    l->limit = l->row->limit_s;
    l->efficiency = l->row->efficiency;
}

static void add_name(const char ***names, size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (strcmp((*names)[i], name) == 0)
            return;
    *names = sn_realloc(*names, *n + 1, sizeof **names);
    (*names)[(*n)++] = name;
}

static void collect_names(struct sn_group *g)
{
    for (size_t i = 0; i < g->n_lines; i++) {
        const struct sn_row *row = g->lines[i].row;
        for (size_t p = 0; p < row->n_params; p++)
            add_name(&g->axes, &g->n_axes, row->params[p].name);
        for (size_t k = 0; k < g->lines[i].n_rows; k++)
            for (size_t m = 0; m < g->lines[i].rows[k]->n_metrics; m++)
                add_name(&g->metrics, &g->n_metrics, g->lines[i].rows[k]->metrics[m].name);
    }
    g->varies = sn_calloc(g->n_axes + 1, sizeof *g->varies);
    for (size_t a = 0; a < g->n_axes; a++) {
        const char *first = NULL;
        for (size_t i = 0; i < g->n_lines; i++) {
            const char *value = sn_line_param(&g->lines[i], g->axes[a]);
            if (g->lines[i].status == SN_ROW_SKIPPED)
                continue;
            g->varies[a] = g->varies[a] || (first && strcmp(first, value) != 0);
            first = first ? first : value;
        }
    }
}

static void finish_group(struct sn_group *g)
{
    size_t most = 0;

    for (size_t i = 0; i < g->n_lines; i++) {
        most = g->lines[i].n_ok > most ? g->lines[i].n_ok : most;
        if (g->lines[i].status != SN_ROW_SKIPPED)
            g->origins |= 1u << g->lines[i].row->origin;
    }
    g->interval = !g->merged || most >= 6;
    for (size_t i = 0; i < g->n_lines; i++)
        finish_line(g, &g->lines[i]);
    collect_names(g);
}

static void build(struct sn_report *r)
{
    size_t n;
    struct placed *all = place(r, &n);

    for (size_t i = 0; i < n; i++)
        add_row(group_of(r, all[i].row->bench), &all[i]);
    for (size_t i = 0; i < r->n_groups; i++)
        finish_group(&r->groups[i]);
    free(all);
}

int sn_report_load(struct sn_report *r, const char *const *dirs, size_t n, const struct sn_app *app)
{
    bool *alike = sn_calloc(n + 1, sizeof *alike);
    int status = SN_OK;

    *r = (struct sn_report){.app = app, .runs = sn_calloc(n + 1, sizeof *r->runs)};
    for (size_t i = 0; i < n && status == SN_OK; i++) {
        status = load_run(&r->runs[i], dirs[i]);
        r->n_runs = i + 1;
    }
    for (size_t i = 0; i < r->n_runs; i++)
        for (size_t j = 0; j < r->n_runs; j++)
            alike[i] = alike[i] || (i != j && strcmp(r->runs[i].name, r->runs[j].name) == 0);
    for (size_t i = 0; i < r->n_runs; i++) {
        if (!alike[i])
            continue;
        free(r->runs[i].name);
        r->runs[i].name = sn_strdup(dirs[i]);
    }
    free(alike);
    if (status != SN_OK) {
        sn_report_free(r);
        return status;
    }
    build(r);
    return SN_OK;
}

void sn_report_of_rows(struct sn_report *r, const struct sn_rows *rows, const struct sn_app *app)
{
    *r = (struct sn_report){.app = app, .runs = sn_calloc(1, sizeof *r->runs), .n_runs = 1};
    r->runs[0] = (struct sn_report_run){.name = sn_strdup("run"), .rows = *rows};
    build(r);
}

void sn_report_free(struct sn_report *r)
{
    for (size_t i = 0; i < r->n_groups; i++) {
        struct sn_group *g = &r->groups[i];
        for (size_t l = 0; l < g->n_lines; l++)
            free(g->lines[l].rows);
        free(g->lines);
        free(g->axes);
        free(g->varies);
        free(g->metrics);
    }
    free(r->groups);
    for (size_t i = 0; i < r->n_runs; i++) {
        free(r->runs[i].name);
        json_decref(r->runs[i].manifest);
        if (r->runs[i].own_rows)
            sn_rows_free(&r->runs[i].rows);
    }
    free(r->runs);
    *r = (struct sn_report){0};
}

/* --- looking things up ------------------------------------------------------------------------ */

double sn_line_metric(const struct sn_line *l, const char *metric)
{
    const struct sn_metric *m = sn_row_metric(l->at, metric);

    return m ? m->value : NAN;
}

const struct sn_metric *sn_group_metric(const struct sn_group *g, const char *metric)
{
    for (size_t i = 0; i < g->n_lines; i++) {
        for (size_t k = 0; k < g->lines[i].n_rows; k++) {
            const struct sn_metric *m = sn_row_metric(g->lines[i].rows[k], metric);
            if (m)
                return m;
        }
    }
    return NULL;
}

const char *sn_line_param(const struct sn_line *l, const char *axis)
{
    const struct sn_param *p = sn_row_param(l->row, axis);

    return p && p->text ? p->text : "-";
}

static bool is_bytes(const struct sn_group *g, const struct sn_line *l, const char *axis)
{
    int i = g->def ? sn_bench_axis_find(g->def, axis) : -1;
    char *path;
    const char *unit;

    if (i >= 0)
        return g->def->axes[i].unit == SN_UNIT_BYTES;
    path = sn_strdupf("benchmarks.%s.axes.%s", g->bench, axis);
    unit = sn_manifest_str(l->run->manifest, path, strcmp(axis, "size") == 0 ? "B" : "1");
    free(path);
    return strcmp(unit, "B") == 0;
}

char *sn_line_param_pretty(const struct sn_group *g, const struct sn_line *l, const char *axis,
                           char *buf, size_t size)
{
    const struct sn_param *p = sn_row_param(l->row, axis);

    if (p && p->type == SN_PARAM_INT && is_bytes(g, l, axis))
        return sn_units_format(buf, size, (double)p->i, SN_UNIT_BYTES);
    snprintf(buf, size, "%s", sn_line_param(l, axis));
    return buf;
}

char *sn_line_label(const struct sn_report *r, const struct sn_group *g, const struct sn_line *l,
                    const char *const *but, size_t n_but)
{
    struct sn_buf b = {0};

    if (r->n_runs > 1)
        sn_buf_addf(&b, " run=%s", l->run->name);
    for (size_t a = 0; a < g->n_axes; a++) {
        bool left_out = !g->varies[a];
        for (size_t i = 0; i < n_but; i++)
            left_out = left_out || strcmp(but[i], g->axes[a]) == 0;
        if (!left_out)
            sn_buf_addf(&b, " %s=%s", g->axes[a], sn_line_param(l, g->axes[a]));
    }
    if (sn_group_mixed(g))
        sn_buf_addf(&b, " (%s)", sn_origin_name(l->row->origin));
    char *label = sn_strdup(b.len ? b.data + 1 : "");
    sn_buf_free(&b);
    return label;
}

bool sn_group_mixed(const struct sn_group *g)
{
    return (g->origins & (g->origins - 1)) != 0;
}

int sn_group_axis(const struct sn_group *g, const char *axis)
{
    for (size_t i = 0; i < g->n_axes; i++)
        if (strcmp(g->axes[i], axis) == 0)
            return (int)i;
    return -1;
}

char *sn_report_file_name(const char *name)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";
    char *s = sn_strdup(*name ? name : "_");

    for (char *p = s; *p; p++)
        if (!strchr(good, *p) || (p == s && *p == '.'))
            *p = '_';
    return s;
}
