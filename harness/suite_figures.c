/* The figures of a suite: what the file declares, checked word by word against the benchmarks, as
 * JSON for the manifest. */
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/exhibit.h"
#include "harness/suite_parts.h"

/* --- the schema ------------------------------------------------------------------------------- */

#define TEXT(key, structure, member, flags)                                                        \
    CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | (flags), structure, member, 1,                \
                           SN_SUITE_TEXT_MAX)
#define TEXTS(key, structure, member)                                                              \
    CYAML_FIELD_SEQUENCE(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, structure, member,         \
                         &sn_suite_text_schema, 1, 64)

static const cyaml_schema_field_t row_fields[] = {
    TEXT("label", struct sn_suite_row, label, 0),
    TEXT("bench", struct sn_suite_row, bench, CYAML_FLAG_OPTIONAL),
    TEXT("metric", struct sn_suite_row, metric, CYAML_FLAG_OPTIONAL),
    TEXT("published", struct sn_suite_row, published, CYAML_FLAG_OPTIONAL),
    TEXTS("match", struct sn_suite_row, match),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t row_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sn_suite_row, row_fields)};

static const cyaml_schema_field_t figure_fields[] = {
    TEXT("kind", struct sn_suite_figure, kind, 0),
    TEXT("title", struct sn_suite_figure, title, CYAML_FLAG_OPTIONAL),
    TEXT("bench", struct sn_suite_figure, bench, CYAML_FLAG_OPTIONAL),
    TEXT("x", struct sn_suite_figure, x, CYAML_FLAG_OPTIONAL),
    TEXT("y", struct sn_suite_figure, y, CYAML_FLAG_OPTIONAL),
    TEXT("by", struct sn_suite_figure, by, CYAML_FLAG_OPTIONAL),
    TEXT("along", struct sn_suite_figure, along, CYAML_FLAG_OPTIONAL),
    TEXT("metric", struct sn_suite_figure, metric, CYAML_FLAG_OPTIONAL),
    TEXTS("benches", struct sn_suite_figure, benches),
    TEXTS("match", struct sn_suite_figure, match),
    TEXTS("base", struct sn_suite_figure, base),
    CYAML_FIELD_SEQUENCE("rows", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct sn_suite_figure,
                         rows, &row_schema, 1, 200),
    CYAML_FIELD_END,
};
const cyaml_schema_value_t sn_suite_figure_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sn_suite_figure, figure_fields)};

/* --- checks ----------------------------------------------------------------------------------- */

enum { BENCHES_MAX = 64 };

struct reader {
    const struct sn_suite *s;
    const struct sn_app *app;
    const struct sn_plan *plan;
    const struct sn_published *published;
    const struct sn_suite_figure *in;
    unsigned figure;
    const struct sn_exhibit_kind *kind;
    const struct sn_bench *benches[BENCHES_MAX];
    size_t n_benches;
    json_t *out;
};

/* Puts the place before the recorded message: the key's line, or without one the figure's. */
static int at(const struct reader *r, int status, const char *key)
{
    char where[128];
    if (!status)
        return SN_OK;
    snprintf(where, sizeof where, "figures.%u.%s", r->figure, key);
    int line = sn_yaml_line(r->s->source, where);
    if (!line) {
        snprintf(where, sizeof where, "figures.%u", r->figure);
        line = sn_yaml_line(r->s->source, where);
    }
    sn_status_prefix("%s:%d", r->s->path, line);
    return status;
}

static int unknown(const char *what, const char *word, const char *const *words, size_t n)
{
    struct sn_buf all = {0};
    for (size_t i = 0; i < n; i++)
        sn_buf_addf(&all, "%s%s", i ? ", " : "", words[i]);
    const char *near = sn_nearest(word, words, n);
    SN_FAIL(SN_EINVAL, "unknown %s '%.64s'%s%s%s (one of %s)", what, word,
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
            all.data ? all.data : "none");
    sn_buf_free(&all);
    return SN_EINVAL;
}

static int find_kind(struct reader *r)
{
    const char *words[32];
    size_t n = 0;
    for (; sn_exhibit_kinds[n].name; n++)
        words[n] = sn_exhibit_kinds[n].name;
    r->kind = sn_exhibit_kind_find(r->in->kind);
    return r->kind ? SN_OK : at(r, unknown("kind of figure", r->in->kind, words, n), "kind");
}

/* Every key that the kind needs, no other than it takes. */
static int check_keys(const struct reader *r)
{
    const struct sn_suite_figure *f = r->in;
    const struct {
        const char *name;
        unsigned bit;
        bool there;
    } keys[] = {
        {"bench", SN_KEY_BENCH, f->bench},
        {"benches", SN_KEY_BENCHES, f->benches_count},
        {"x", SN_KEY_X, f->x},
        {"y", SN_KEY_Y, f->y},
        {"by", SN_KEY_BY, f->by},
        {"along", SN_KEY_ALONG, f->along},
        {"match", SN_KEY_MATCH, f->match_count},
        {"base", SN_KEY_BASE, f->base_count},
        {"metric", SN_KEY_METRIC, f->metric},
        {"rows", SN_KEY_ROWS, f->rows_count},
    };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        if (keys[i].there && !((r->kind->needs | r->kind->takes) & keys[i].bit))
            return at(r,
                      SN_FAIL(SN_EINVAL, "a figure of kind '%s' has no key '%s'", r->kind->name,
                              keys[i].name),
                      keys[i].name);
        if (!keys[i].there && r->kind->needs & keys[i].bit)
            return at(r,
                      SN_FAIL(SN_EINVAL, "a figure of kind '%s' needs the key '%s'", r->kind->name,
                              keys[i].name),
                      "kind");
    }
    return SN_OK;
}

/* Of the program, and among the cases of the suite. */
static int find_bench(const struct reader *r, const char *name, const struct sn_bench **out)
{
    const char *words[BENCHES_MAX];
    size_t n = 0;
    int status = sn_plan_bench(r->app, name, out);
    if (status)
        return status;
    for (size_t i = 0; i < r->plan->n; i++) {
        const struct sn_bench *b = r->plan->cases[i].bench;
        size_t k = 0;
        if (b == *out)
            return SN_OK;
        while (k < n && strcmp(words[k], b->name))
            k++;
        if (k == n && n < BENCHES_MAX)
            words[n++] = b->name;
    }
    return unknown("benchmark of this suite", name, words, n);
}

static int find_benches(struct reader *r)
{
    json_t *names = json_array();
    int status = SN_OK;
    if (r->in->bench)
        status = at(r, find_bench(r, r->in->bench, &r->benches[r->n_benches++]), "bench");
    for (unsigned i = 0; i < r->in->benches_count && !status; i++) {
        char where[32];
        snprintf(where, sizeof where, "benches.%u", i);
        status = at(r, find_bench(r, r->in->benches[i], &r->benches[r->n_benches++]), where);
    }
    for (size_t i = 0; i < r->n_benches && !status; i++)
        json_array_append_new(names, json_string(r->benches[i]->name));
    json_object_set_new(r->out, "benches", names);
    return status;
}

/* A metric of the benchmark, or a time that every row has. */
static int check_metric(const struct sn_bench *b, const char *metric)
{
    const char *words[64] = {"median", "p99", "limit"};
    size_t n = 3;
    for (const struct sn_metric_doc *d = b->metric_docs; d && d->name && n < 64; d++)
        words[n++] = d->name;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(words[i], metric))
            return SN_OK;
    char *what = sn_strdupf("metric of %s", b->name);
    int status = unknown(what, metric, words, n);
    free(what);
    return status;
}

static int read_metric(const struct reader *r, const char *key, const char *metric)
{
    int status = check_metric(r->benches[0], metric ? metric : "median");
    json_object_set_new(r->out, key, json_string(metric ? metric : "median"));
    return at(r, status, key);
}

static int read_axis(const struct reader *r, const char *key, const char *name, bool number)
{
    const struct sn_axis *axis;
    int status = sn_plan_axis(r->benches[0], name, &axis);
    if (!status && number && axis->type != SN_AXIS_INT && axis->type != SN_AXIS_REAL)
        status = SN_FAIL(SN_EINVAL, "%s: the values of the axis '%s' are no numbers",
                         r->benches[0]->name, name);
    json_object_set_new(r->out, key, json_string(name));
    return at(r, status, key);
}

/* "axis=values" of one benchmark into an object; an axis of the other clock, which no row has, is
 * read and left out. */
static int add_match(const struct sn_plan *plan, const struct sn_bench *b, const char *text,
                     json_t *out)
{
    char *name = sn_strdupf("%.*s", (int)strcspn(text, "="), text);
    int axis = sn_bench_axis_find(b, name);
    struct sn_plan own = {.ranks = plan->ranks, .clock = plan->clock};
    struct sn_sweep s;
    bool on = axis < 0 || sn_axis_on(&b->axes[axis], plan->clock);
    free(name);
    if (!on)
        own.clock = plan->clock == SN_CLOCK_WALL ? SN_CLOCK_MODEL : SN_CLOCK_WALL;
    int status = sn_plan_sweep(&s, &own, b, text);
    if (status)
        return status;
    json_t *values = json_array();
    for (size_t i = 0; i < s.n; i++)
        json_array_append_new(values, json_string(s.values[i].text));
    if (on && json_object_get(out, s.axis->name))
        status = SN_FAIL(SN_EINVAL, "the axis '%s' is named twice; give its values in one, %s=A,B",
                         s.axis->name, s.axis->name);
    else if (on)
        json_object_set(out, s.axis->name, values);
    json_decref(values);
    sn_sweep_free(&s);
    return status;
}

/* `key` of the figure: every axis belongs to one of its benchmarks at least. */
static int read_match(const struct reader *r, const char *key, char *const *texts, unsigned n)
{
    json_t *match = json_object();
    int status = SN_OK;
    for (unsigned i = 0; i < n && !status; i++) {
        char *name = sn_strdupf("%.*s", (int)strcspn(texts[i], "="), texts[i]), where[64];
        const struct sn_bench *b = r->benches[0];
        for (size_t k = r->n_benches; k-- > 0;)
            b = sn_bench_axis_find(r->benches[k], name) >= 0 ? r->benches[k] : b;
        free(name);
        snprintf(where, sizeof where, "%s.%u", key, i);
        status = at(r, add_match(r->plan, b, texts[i], match), where);
    }
    if (n)
        json_object_set(r->out, key, match);
    json_decref(match);
    return status;
}

/* --- a headline's rows ------------------------------------------------------------------------ */

static int check_published(const struct reader *r, const char *id)
{
    const char **ids = NULL;
    size_t n = 0;
    bool found = !r->published;
    for (size_t s = 0; r->published && s < r->published->n; s++) {
        const struct sn_published_table *t = &r->published->sets[s].table;
        ids = sn_realloc(ids, n + t->n + 1, sizeof *ids);
        for (size_t i = 0; i < t->n; i++) {
            ids[n++] = t->figures[i].id;
            found = found || !strcmp(t->figures[i].id, id);
        }
    }
    const char *near = found ? NULL : sn_nearest(id, ids, n);
    free(ids);
    if (found)
        return SN_OK;
    return SN_FAIL(SN_EINVAL, "no published figure '%.64s'%s%s%s", id,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static int read_row(const struct reader *r, unsigned i, json_t *rows)
{
    const struct sn_suite_row *in = &r->in->rows[i];
    json_t *row = json_pack("{s:s, s:s*, s:s*}", "label", in->label, "bench", in->bench,
                            "published", in->published);
    char where[64];
    const struct sn_bench *b;
    int status = SN_OK;
    json_array_append_new(rows, row);
    snprintf(where, sizeof where, "rows.%u", i);
    if (!in->bench && (in->metric || in->match_count || !in->published))
        return at(r, SN_FAIL(SN_EINVAL, "a row needs the key 'bench', or 'published' alone"),
                  where);
    if (in->published) {
        snprintf(where, sizeof where, "rows.%u.published", i);
        status = at(r, check_published(r, in->published), where);
    }
    if (status || !in->bench)
        return status;
    snprintf(where, sizeof where, "rows.%u.bench", i);
    status = at(r, find_bench(r, in->bench, &b), where);
    if (status)
        return status;
    const char *metric = in->metric ? in->metric : "median";
    snprintf(where, sizeof where, "rows.%u.metric", i);
    status = at(r, check_metric(b, metric), where);
    json_object_set_new(row, "metric", json_string(metric));
    json_t *match = json_object();
    for (unsigned k = 0; k < in->match_count && !status; k++) {
        snprintf(where, sizeof where, "rows.%u.match.%u", i, k);
        status = at(r, add_match(r->plan, b, in->match[k], match), where);
    }
    json_object_set_new(row, "match", match);
    return status;
}

/* --- a figure --------------------------------------------------------------------------------- */

static int read_rest(const struct reader *r)
{
    const struct sn_suite_figure *f = r->in;
    unsigned all = r->kind->needs | r->kind->takes;
    int status = SN_OK;
    if (f->x && all & SN_KEY_METRIC_X)
        status = read_metric(r, "x", f->x);
    else if (f->x)
        status = read_axis(r, "x", f->x, all & SN_KEY_NUMBER_X);
    if (!status && all & SN_KEY_Y)
        status = read_metric(r, "y", f->y);
    if (!status && all & SN_KEY_METRIC)
        status = read_metric(r, "metric", f->metric);
    if (!status && f->by)
        status = read_axis(r, "by", f->by, false);
    if (!status && f->along)
        status = read_axis(r, "along", f->along, false);
    if (!status)
        status = read_match(r, "match", f->match, f->match_count);
    if (!status)
        status = read_match(r, "base", f->base, f->base_count);
    json_t *rows = json_array();
    for (unsigned i = 0; i < f->rows_count && !status; i++)
        status = read_row(r, i, rows);
    if (f->rows_count)
        json_object_set(r->out, "rows", rows);
    json_decref(rows);
    return status;
}

static int read_figure(struct reader *r)
{
    int status = find_kind(r);
    if (!status)
        status = check_keys(r);
    json_object_set_new(r->out, "kind", json_string(r->in->kind));
    if (r->in->title)
        json_object_set_new(r->out, "title", json_string(r->in->title));
    if (!status)
        status = find_benches(r);
    return status ? status : read_rest(r);
}

int sn_suite_figures(const struct sn_suite *s, const struct sn_app *app, const struct sn_plan *plan,
                     const struct sn_published *published, json_t **out)
{
    const struct sn_suite_file *f = s->source->data;
    json_t *figures = json_array();
    int status = SN_OK;
    for (unsigned i = 0; i < f->figures_count && !status; i++) {
        struct reader r = {.s = s,
                           .app = app,
                           .plan = plan,
                           .published = published,
                           .in = &f->figures[i],
                           .figure = i,
                           .out = json_object()};
        status = read_figure(&r);
        json_array_append_new(figures, r.out);
    }
    bool any = !status && json_array_size(figures);
    *out = any ? json_incref(figures) : NULL;
    json_decref(figures);
    return status;
}
