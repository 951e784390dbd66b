/* Expectations: the YAML file as data, then each entry against the benchmark it names. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/plan.h"
#include "harness/validate.h"
#include "harness/yaml.h"

const char *const sn_expect_class_words[] = {
    [SN_EXPECT_CALIBRATION] = "calibration",
    [SN_EXPECT_HELD_OUT] = "held-out",
    [SN_EXPECT_SPEC] = "spec",
    [SN_EXPECT_IDENTITY] = "identity",
    [SN_EXPECT_PROJECTION] = "projection",
    [SN_EXPECT_CLASSES] = NULL,
};

/* --- the file, as libcyaml fills it ----------------------------------------------------------- */

struct file_entry {
    char *id, *class, *quantity, *bench, *metric, *expected, *min, *max, *tolerance, *note;
    char **match, **minus, **over;
    unsigned match_count, minus_count, over_count;
    bool required;
};

struct file {
    char *name, *brief, *figures, *origin, *tolerance;
    char **match;
    unsigned match_count;
    struct file_entry *entries;
    unsigned entries_count;
};

enum { TEXT_MAX = 4096 };

static const cyaml_schema_value_t axis_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, TEXT_MAX)};

#define NEEDED   CYAML_FLAG_POINTER
#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)
#define ENTRY_TEXT(key, flags)                                                                     \
    CYAML_FIELD_STRING_PTR(#key, flags, struct file_entry, key, 1, TEXT_MAX)
#define ENTRY_AXES(key)                                                                            \
    CYAML_FIELD_SEQUENCE(#key, OPTIONAL, struct file_entry, key, &axis_schema, 1, 1024)

static const cyaml_schema_field_t entry_fields[] = {
    ENTRY_TEXT(id, NEEDED),
    ENTRY_TEXT(class, NEEDED),
    ENTRY_TEXT(quantity, OPTIONAL),
    ENTRY_TEXT(bench, NEEDED),
    ENTRY_TEXT(metric, OPTIONAL),
    ENTRY_AXES(match),
    ENTRY_AXES(minus),
    ENTRY_AXES(over),
    ENTRY_TEXT(expected, OPTIONAL),
    ENTRY_TEXT(min, OPTIONAL),
    ENTRY_TEXT(max, OPTIONAL),
    ENTRY_TEXT(tolerance, OPTIONAL),
    CYAML_FIELD_BOOL("required", CYAML_FLAG_OPTIONAL, struct file_entry, required),
    ENTRY_TEXT(note, OPTIONAL),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t entry_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct file_entry, entry_fields)};

static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_STRING_PTR("name", NEEDED, struct file, name, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("brief", NEEDED, struct file, brief, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("figures", OPTIONAL, struct file, figures, 1, 255),
    CYAML_FIELD_STRING_PTR("origin", OPTIONAL, struct file, origin, 1, TEXT_MAX),
    CYAML_FIELD_STRING_PTR("tolerance", OPTIONAL, struct file, tolerance, 1, TEXT_MAX),
    CYAML_FIELD_SEQUENCE("match", OPTIONAL, struct file, match, &axis_schema, 0, 1024),
    CYAML_FIELD_SEQUENCE("entries", NEEDED, struct file, entries, &entry_schema, 1, 10000),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct file, file_fields)};

/* --- reading an entry ------------------------------------------------------------------------- */

struct reader {
    const struct sn_yaml *yaml;
    const struct file *file;
    const char *path;
    const struct sn_app *app;
    int origin; /* of the file, or -1 */
    size_t entry;
    const struct file_entry *in;
    struct sn_expectation *out;
};

/* Line of a key of the entry; of the entry itself when it is not there. */
static int line_of(const struct reader *r, const char *key)
{
    char where[128];
    snprintf(where, sizeof where, "entries.%zu%s%s", r->entry, *key ? "." : "", key);
    int line = sn_yaml_line(r->yaml, where);
    return line || !*key ? line : line_of(r, "");
}

/* Puts the place before the recorded message. */
static int at_key(const struct reader *r, int status, const char *key)
{
    if (status)
        sn_status_prefix("%s:%d: %s", r->path, line_of(r, key), r->in->id);
    return status;
}

static int word_of(const char *what, const char *word, const char *const *words, size_t n, int *out)
{
    struct sn_buf all = {0};
    for (size_t i = 0; i < n; i++) {
        if (!strcmp(word, words[i])) {
            sn_buf_free(&all);
            *out = (int)i;
            return SN_OK;
        }
        sn_buf_addf(&all, "%s%s", i ? ", " : "", words[i]);
    }
    const char *near = sn_nearest(word, words, n);
    SN_FAIL(SN_EINVAL, "unknown %s '%.64s'%s%s%s (one of %s)", what, word,
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "", all.data);
    sn_buf_free(&all);
    return SN_EINVAL;
}

static void free_axes(struct sn_expect_axes *x)
{
    for (size_t i = 0; i < x->n; i++) {
        for (size_t v = 0; v < x->axes[i].n_values; v++)
            free(x->axes[i].values[v]);
        free(x->axes[i].values);
        free(x->axes[i].axis);
    }
    free(x->axes);
    *x = (struct sn_expect_axes){0};
}

static struct sn_expect_axis *find_axis(struct sn_expect_axes *x, const char *axis)
{
    for (size_t i = 0; i < x->n; i++)
        if (!strcmp(x->axes[i].axis, axis))
            return &x->axes[i];
    return NULL;
}

static void add_axis(struct sn_expect_axes *x, const struct sn_sweep *s)
{
    x->axes = sn_realloc(x->axes, x->n + 1, sizeof *x->axes);
    struct sn_expect_axis *a = &x->axes[x->n++];
    *a = (struct sn_expect_axis){.axis = sn_strdup(s->axis->name),
                                 .values = sn_calloc(s->n, sizeof *a->values),
                                 .n_values = s->n};
    for (size_t i = 0; i < s->n; i++)
        a->values[i] = sn_strdup(s->values[i].text);
}

/* The clock of the rows that are meant: that of the origin, without one that of the axis. */
static enum sn_clock_kind clock_for(int origin, const struct sn_bench *bench, const char *text)
{
    char *name = sn_strdupf("%.*s", (int)strcspn(text, "="), text);
    int axis = sn_bench_axis_find(bench, name);
    free(name);
    if (origin >= 0)
        return origin == SN_ORIGIN_MODELLED ? SN_CLOCK_MODEL : SN_CLOCK_WALL;
    return axis >= 0 && bench->axes[axis].clocks == SN_CLOCK_MODEL ? SN_CLOCK_MODEL : SN_CLOCK_WALL;
}

/* Adds one "axis=values" to x. In `defaults` an axis that is there already stays as it is. */
static int read_axis(int origin, const struct sn_bench *bench, const char *text, bool defaults,
                     struct sn_expect_axes *x)
{
    const struct sn_plan any = {.ranks = 1, .clock = clock_for(origin, bench, text)};
    struct sn_sweep s;
    int status = sn_plan_sweep(&s, &any, bench, text);
    if (status)
        return status;
    if (!find_axis(x, s.axis->name))
        add_axis(x, &s);
    else if (!defaults)
        status = SN_FAIL(SN_EINVAL, "the axis '%s' is named twice; give its values in one, %s=A,B",
                         s.axis->name, s.axis->name);
    sn_sweep_free(&s);
    return status;
}

static int read_axes(const struct reader *r, const struct sn_bench *bench, const char *key,
                     char *const *texts, unsigned n, struct sn_expect_axes *x)
{
    int status = SN_OK;
    for (unsigned i = 0; i < n && !status; i++) {
        char where[64];
        snprintf(where, sizeof where, "%s.%u", key, i);
        status = at_key(r, read_axis(r->origin, bench, texts[i], false, x), where);
    }
    return status;
}

/* Every selector of the entry; what the file matches comes last and gives way. */
static int read_selectors(const struct reader *r, const struct sn_bench *bench)
{
    const struct file_entry *in = r->in;
    struct sn_expectation *e = r->out;
    int status = read_axes(r, bench, "match", in->match, in->match_count, &e->match);
    e->n_own = e->match.n;
    if (!status)
        status = read_axes(r, bench, "minus", in->minus, in->minus_count, &e->minus);
    if (!status)
        status = read_axes(r, bench, "over", in->over, in->over_count, &e->over);
    for (unsigned i = 0; i < r->file->match_count && !status; i++) {
        char where[64];
        status = read_axis(r->origin, bench, r->file->match[i], true, &e->match);
        snprintf(where, sizeof where, "match.%u", i);
        if (status)
            sn_status_prefix("%s:%d", r->path, sn_yaml_line(r->yaml, where));
    }
    e->has_minus = in->minus_count > 0;
    e->has_over = in->over_count > 0;
    return status;
}

/* Unit of the figure that the metric is. */
static int read_metric(const struct reader *r, const struct sn_bench *bench)
{
    static const char *const times[] = {"median", "p99", "limit"};
    enum { TIMES = sizeof times / sizeof *times };
    const char *metric = r->in->metric ? r->in->metric : times[0], *unit = NULL;
    const char *words[64];
    size_t n = TIMES;
    for (size_t i = 0; i < TIMES; i++) {
        words[i] = times[i];
        if (!strcmp(metric, times[i]))
            unit = "s";
    }
    for (const struct sn_metric_doc *d = bench->metric_docs; d && d->name && n < 64; d++) {
        words[n++] = d->name;
        if (!unit && !strcmp(metric, d->name))
            unit = d->unit;
    }
    int ignored;
    if (!unit)
        return at_key(r, word_of("metric", metric, words, n, &ignored), "metric");
    r->out->metric = sn_strdup(metric);
    r->out->unit = sn_strdup(r->out->has_over ? "1" : unit);
    return SN_OK;
}

/* --- figures ---------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    enum sn_unit unit;
    const char *example;
} units[] = {
    {"s", SN_UNIT_SECONDS, "116 us"},       {"B/s", SN_UNIT_BYTES_PER_S, "164 GB/s"},
    {"op/s", SN_UNIT_OPS_PER_S, "5 Mop/s"}, {"B", SN_UNIT_BYTES, "645 MiB"},
    {"Hz", SN_UNIT_HERTZ, "2.5 GHz"},       {"1", SN_UNIT_FRACTION, "3%"},
};

/* A figure in base units of `unit`. A bare number is refused where it would need a unit: 116
 * seconds is never what somebody meant. */
static int parse_figure(const char *text, const char *unit, double *out)
{
    size_t u = 0;
    while (u < sizeof units / sizeof *units && strcmp(units[u].name, unit) != 0)
        u++;
    if (u < sizeof units / sizeof *units) {
        int status = sn_units_parse_real(text, units[u].unit, out);
        bool bare = text[strcspn(text, "Bshnz")] == '\0'; /* no unit word lacks these */
        if (!status && bare && *out != 0 && units[u].unit != SN_UNIT_FRACTION)
            return SN_FAIL(SN_EINVAL, "'%s' has no unit; write for example %s", text,
                           units[u].example);
        return status;
    }
    /* A unit of the benchmark's own ("token/s"): the number, then the unit as it is. */
    size_t n = strlen(text), m = strlen(unit);
    if (n <= m || strcmp(text + n - m, unit) != 0)
        return SN_FAIL(SN_EINVAL, "'%s' must be a number followed by %s", text, unit);
    for (n -= m; n && text[n - 1] == ' '; n--)
        ;
    char *number = sn_strdupf("%.*s", (int)n, text);
    int status = sn_units_parse_real(number, SN_UNIT_COUNT, out);
    free(number);
    return status;
}

static int read_figure(const struct reader *r, const char *key, const char *text, double *out)
{
    return text ? at_key(r, parse_figure(text, r->out->unit, out), key) : SN_OK;
}

static int read_tolerance(const struct reader *r)
{
    struct sn_expectation *e = r->out;
    const char *text = r->in->tolerance ? r->in->tolerance : r->file->tolerance;
    if (!text && !e->range)
        return at_key(r,
                      SN_FAIL(SN_EINVAL, "the key 'tolerance' is missing (here or at the top of "
                                         "the file), for example 5%%"),
                      "");
    /* A bound is a bound: only a tolerance of its own widens it. */
    if (e->range && !r->in->tolerance)
        return SN_OK;
    int status = sn_units_parse_real(text, SN_UNIT_FRACTION, &e->tolerance);
    if (!status && !(e->tolerance >= 0 && e->tolerance <= 1))
        status = SN_FAIL(SN_EINVAL, "tolerance %s: must be a share of 0%% to 100%%", text);
    if (status && !r->in->tolerance) {
        sn_status_prefix("%s:%d", r->path, sn_yaml_line(r->yaml, "tolerance"));
        return status;
    }
    return at_key(r, status, "tolerance");
}

static int read_expected(const struct reader *r)
{
    const struct file_entry *in = r->in;
    struct sn_expectation *e = r->out;
    e->range = in->min || in->max;
    e->expected = NAN;
    e->min = -INFINITY;
    e->max = INFINITY;
    if (e->range == (in->expected != NULL))
        return at_key(r,
                      SN_FAIL(SN_EINVAL, "needs either 'expected', or 'min' or 'max' or both%s",
                              e->range ? "; it has all kinds" : ""),
                      "");
    int status = read_figure(r, "expected", in->expected, &e->expected);
    if (!status)
        status = read_figure(r, "min", in->min, &e->min);
    if (!status)
        status = read_figure(r, "max", in->max, &e->max);
    if (!status && !(e->min <= e->max))
        status = at_key(r, SN_FAIL(SN_EINVAL, "min %s is above max %s", in->min, in->max), "min");
    if (!status && e->expected == 0)
        status = at_key(r,
                        SN_FAIL(SN_EINVAL, "expected 0 has no relative error; give 'min' and "
                                           "'max'"),
                        "expected");
    return status ? status : read_tolerance(r);
}

static int read_id(const struct reader *r, const struct sn_expectations *x)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (strspn(r->in->id, good) != strlen(r->in->id) || strlen(r->in->id) > 64)
        return SN_FAIL(SN_EINVAL,
                       "%s:%d: the id '%.64s' must be at most 64 letters, digits, '.', "
                       "'_' and '-'",
                       r->path, line_of(r, "id"), r->in->id);
    for (size_t i = 0; i < r->entry; i++)
        if (!strcmp(x->entries[i].id, r->in->id))
            return SN_FAIL(SN_EINVAL, "%s:%d: the id '%s' stands in line %d already", r->path,
                           line_of(r, "id"), r->in->id, x->entries[i].line);
    return SN_OK;
}

static int read_entry(struct reader *r, const struct sn_expectations *x)
{
    const struct file_entry *in = r->in;
    struct sn_expectation *e = r->out;
    const struct sn_bench *bench = NULL;
    int class = 0, status = read_id(r, x);
    *e = (struct sn_expectation){.id = sn_strdup(in->id),
                                 .quantity = in->quantity ? sn_strdup(in->quantity) : NULL,
                                 .note = in->note ? sn_strdup(in->note) : NULL,
                                 .bench = sn_strdup(in->bench),
                                 .required = in->required,
                                 .line = line_of(r, "")};
    if (!status)
        status =
            at_key(r, word_of("class", in->class, sn_expect_class_words, SN_EXPECT_CLASSES, &class),
                   "class");
    e->class = (enum sn_expect_class) class;
    if (!status)
        status = at_key(r, sn_plan_bench(r->app, in->bench, &bench), "bench");
    if (!status)
        status = read_selectors(r, bench);
    if (!status)
        status = read_metric(r, bench);
    return status ? status : read_expected(r);
}

static int read_origin(const struct reader *r, int *out)
{
    const char *words[SN_ORIGIN_IMPORTED + 1];
    *out = -1;
    if (!r->file->origin)
        return SN_OK;
    for (unsigned o = 0; o <= SN_ORIGIN_IMPORTED; o++)
        words[o] = sn_origin_name((enum sn_origin)o);
    int status = word_of("origin", r->file->origin, words, SN_ORIGIN_IMPORTED + 1, out);
    if (status)
        sn_status_prefix("%s:%d", r->path, sn_yaml_line(r->yaml, "origin"));
    return status;
}

int sn_expectations_parse(struct sn_expectations *out, const char *text, size_t n, const char *path,
                          const struct sn_app *app)
{
    struct sn_yaml y;
    int status = sn_yaml_parse(&y, &file_schema, text, n, path);
    if (status)
        return status;
    const struct file *f = y.data;
    struct sn_expectations x = {.name = sn_strdup(f->name),
                                .brief = sn_strdup(f->brief),
                                .path = sn_strdup(path),
                                .figures = f->figures ? sn_strdup(f->figures) : NULL,
                                .entries = sn_calloc(f->entries_count, sizeof *x.entries)};
    struct reader r = {.yaml = &y, .file = f, .path = path, .app = app};
    status = read_origin(&r, &x.origin);
    r.origin = x.origin;
    for (unsigned i = 0; i < f->entries_count && !status; i++) {
        r.entry = i;
        r.in = &f->entries[i];
        r.out = &x.entries[i];
        x.n = i + 1;
        status = read_entry(&r, &x);
    }
    sn_yaml_free(&y);
    if (status)
        sn_expectations_free(&x);
    else
        *out = x;
    return status;
}

int sn_expectations_load(struct sn_expectations *out, const char *path, const struct sn_app *app)
{
    struct sn_buf text = {0};
    int status = sn_buf_read_file(&text, path);
    if (!status)
        status = sn_expectations_parse(out, text.data ? text.data : "", text.len, path, app);
    sn_buf_free(&text);
    return status;
}

void sn_expectations_free(struct sn_expectations *x)
{
    for (size_t i = 0; i < x->n; i++) {
        struct sn_expectation *e = &x->entries[i];
        free_axes(&e->match);
        free_axes(&e->minus);
        free_axes(&e->over);
        free(e->id);
        free(e->quantity);
        free(e->note);
        free(e->bench);
        free(e->metric);
        free(e->unit);
    }
    free(x->entries);
    free(x->name);
    free(x->brief);
    free(x->path);
    free(x->figures);
    *x = (struct sn_expectations){0};
}
