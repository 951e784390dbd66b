/* Suites: the file as data, its entries with their lines, and their cases in a plan. */
#include "harness/suite_parts.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "harness/base/units.h"

const cyaml_schema_value_t sn_suite_text_schema = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, SN_SUITE_TEXT_MAX)};

static const cyaml_schema_field_t case_fields[] = {
    CYAML_FIELD_STRING_PTR("bench", CYAML_FLAG_POINTER, struct sn_suite_case, bench, 1,
                           SN_SUITE_TEXT_MAX),
    CYAML_FIELD_SEQUENCE("axes", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct sn_suite_case,
                         axes, &sn_suite_text_schema, 0, 1024),
    CYAML_FIELD_SEQUENCE("wall", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct sn_suite_case,
                         wall, &sn_suite_text_schema, 0, 1024),
    CYAML_FIELD_STRING_PTR("step", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct sn_suite_case,
                           step, 1, SN_SUITE_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("count", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct sn_suite_case,
                           count, 1, SN_SUITE_TEXT_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t step_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct sn_suite_step, name, 1,
                           SN_SUITE_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("brief", CYAML_FLAG_POINTER, struct sn_suite_step, brief, 1,
                           SN_SUITE_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("without", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL,
                           struct sn_suite_step, without, 1, SN_SUITE_TEXT_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t step_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sn_suite_step, step_fields)};

static const cyaml_schema_value_t case_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct sn_suite_case, case_fields)};

static const cyaml_schema_field_t file_fields[] = {
    CYAML_FIELD_STRING_PTR("name", CYAML_FLAG_POINTER, struct sn_suite_file, name, 1,
                           SN_SUITE_TEXT_MAX),
    CYAML_FIELD_STRING_PTR("brief", CYAML_FLAG_POINTER, struct sn_suite_file, brief, 1,
                           SN_SUITE_TEXT_MAX),
    CYAML_FIELD_SEQUENCE("cases", CYAML_FLAG_POINTER, struct sn_suite_file, cases, &case_schema, 1,
                         10000),
    CYAML_FIELD_SEQUENCE("steps", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct sn_suite_file,
                         steps, &step_schema, 0, 100),
    CYAML_FIELD_SEQUENCE("figures", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, struct sn_suite_file,
                         figures, &sn_suite_figure_schema, 0, 100),
    CYAML_FIELD_END,
};

static const cyaml_schema_value_t file_schema = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, struct sn_suite_file, file_fields)};

/* Of an entry, or with `list` of one of its axes. */
static int line_at(const struct sn_yaml *y, size_t entry, const char *list, size_t axis)
{
    char where[64];
    if (list)
        snprintf(where, sizeof where, "cases.%zu.%s.%zu", entry, list, axis);
    else
        snprintf(where, sizeof where, "cases.%zu", entry);
    return sn_yaml_line(y, where);
}

static int unknown_step(const struct sn_suite_file *f, const char *step)
{
    const char **names = sn_calloc(f->steps_count + 1, sizeof *names);
    struct sn_buf all = {0};
    for (unsigned i = 0; i < f->steps_count; i++) {
        names[i] = f->steps[i].name;
        sn_buf_addf(&all, "%s%s", i ? ", " : "", names[i]);
    }
    const char *near = sn_nearest(step, names, f->steps_count);
    SN_FAIL(SN_EINVAL, "unknown step '%.64s'%s%s%s (steps: %s)", step,
            near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
            all.data ? all.data : "none are declared");
    free(names);
    sn_buf_free(&all);
    return SN_EINVAL;
}

/* Which step an entry is a part of, and how many times. */
static int read_count(const struct sn_suite_file *f, const struct sn_suite_case *c,
                      struct sn_suite_entry *e)
{
    int64_t count;
    e->step = SIZE_MAX;
    if (!c->step && !c->count)
        return SN_OK;
    if (!c->step || !c->count)
        return SN_FAIL(SN_EINVAL, "step and count go together; the key '%s' is missing",
                       c->step ? "count" : "step");
    int status = sn_units_parse_int(c->count, SN_UNIT_COUNT, &count);
    if (status) {
        sn_status_prefix("count");
        return status;
    }
    if (count < 1)
        return SN_FAIL(SN_EINVAL, "count: %.32s is not at least 1", c->count);
    e->count = (uint64_t)count;
    for (unsigned i = 0; i < f->steps_count; i++)
        if (!strcmp(f->steps[i].name, c->step))
            e->step = i;
    return e->step == SIZE_MAX ? unknown_step(f, c->step) : SN_OK;
}

static struct sn_suite_entry make_entry(const struct sn_yaml *y, const struct sn_suite_case *c,
                                        size_t index)
{
    size_t all = (size_t)c->axes_count + c->wall_count;
    struct sn_suite_entry e = {.bench = sn_strdup(c->bench),
                               .axes = sn_calloc(all + 1, sizeof *e.axes),
                               .n_axes = c->axes_count,
                               .n_wall = c->wall_count,
                               .line = line_at(y, index, NULL, 0),
                               .axis_lines = sn_calloc(all + 1, sizeof *e.axis_lines)};
    for (size_t a = 0; a < all; a++) {
        bool wall = a >= e.n_axes;
        e.axes[a] = sn_strdup(wall ? c->wall[a - e.n_axes] : c->axes[a]);
        e.axis_lines[a] = line_at(y, index, wall ? "wall" : "axes", wall ? a - e.n_axes : a);
    }
    return e;
}

static int make_steps(const struct sn_yaml *y, const struct sn_suite_file *f, const char *path,
                      struct sn_steps *out)
{
    for (unsigned i = 0; i < f->steps_count; i++) {
        for (unsigned j = 0; j < i; j++)
            if (!strcmp(f->steps[i].name, f->steps[j].name)) {
                char where[32];
                snprintf(where, sizeof where, "steps.%u", i);
                return SN_FAIL(SN_EINVAL, "%s:%d: a second step '%.64s'", path,
                               sn_yaml_line(y, where), f->steps[i].name);
            }
        sn_steps_add(out, f->steps[i].name, f->steps[i].brief, f->steps[i].without);
    }
    return SN_OK;
}

int sn_suite_parse(struct sn_suite *out, const char *text, size_t n, const char *path)
{
    struct sn_yaml y;
    int status = sn_yaml_parse(&y, &file_schema, text, n, path);
    if (status)
        return status;
    const struct sn_suite_file *f = y.data;
    struct sn_suite s = {.name = sn_strdup(f->name),
                         .brief = sn_strdup(f->brief),
                         .entries = sn_calloc(f->cases_count, sizeof *s.entries),
                         .path = sn_strdup(path)};
    status = make_steps(&y, f, path, &s.steps);
    for (; !status && s.n < f->cases_count; s.n++) {
        s.entries[s.n] = make_entry(&y, &f->cases[s.n], s.n);
        status = read_count(f, &f->cases[s.n], &s.entries[s.n]);
        if (status)
            sn_status_prefix("%s:%d", path, s.entries[s.n].line);
    }
    s.source = sn_calloc(1, sizeof y);
    *s.source = y;
    if (status)
        sn_suite_free(&s);
    else
        *out = s;
    return status;
}

void sn_suite_free(struct sn_suite *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct sn_suite_entry *e = &s->entries[i];
        for (size_t a = 0; a < e->n_axes + e->n_wall; a++)
            free(e->axes[a]);
        free(e->axes);
        free(e->axis_lines);
        free(e->bench);
    }
    if (s->source)
        sn_yaml_free(s->source);
    free(s->source);
    free(s->entries);
    sn_steps_free(&s->steps);
    free(s->name);
    free(s->brief);
    free(s->path);
    *s = (struct sn_suite){0};
}

static bool has_suffix(const char *s, const char *suffix)
{
    size_t n = strlen(s), m = strlen(suffix);
    return n > m && !strcmp(s + n - m, suffix);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names of the suites in `dir`, sorted; the caller frees them with free_names(). */
static int list_names(const char *dir, char ***out, size_t *n)
{
    DIR *d = opendir(dir);
    if (!d)
        return SN_FAIL(SN_EENV, "the suites' folder %s cannot be read", dir);
    *out = NULL;
    *n = 0;
    for (const struct dirent *e; (e = readdir(d));)
        if (e->d_name[0] != '.' && has_suffix(e->d_name, ".yaml")) {
            *out = sn_realloc(*out, *n + 1, sizeof **out);
            (*out)[(*n)++] = sn_strdupf("%.*s", (int)strlen(e->d_name) - 5, e->d_name);
        }
    closedir(d);
    if (*n)
        qsort(*out, *n, sizeof **out, by_name);
    return SN_OK;
}

static void free_names(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

static int load_file(struct sn_suite *out, const char *path)
{
    struct sn_buf text = {0};
    int status = sn_buf_read_file(&text, path);
    if (!status)
        status = sn_suite_parse(out, text.data, text.len, path);
    sn_buf_free(&text);
    return status;
}

static int unknown_suite(const char *name, const char *dir)
{
    char **names;
    size_t n;
    int status = list_names(dir, &names, &n);
    if (status)
        return status;
    struct sn_buf all = {0};
    for (size_t i = 0; i < n; i++)
        sn_buf_addf(&all, "%s%s", i ? ", " : "", names[i]);
    const char *near = sn_nearest(name, (const char *const *)names, n);
    SN_FAIL(SN_EINVAL, "unknown suite '%.64s'%s%s%s (suites: %s; a file is named with its .yaml)",
            name, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
            all.data ? all.data : "none");
    sn_buf_free(&all);
    free_names(names, n);
    return SN_EINVAL;
}

int sn_suite_load(struct sn_suite *out, const char *name_or_file, const char *dir)
{
    struct stat st;
    if (strchr(name_or_file, '/') || has_suffix(name_or_file, ".yaml") ||
        has_suffix(name_or_file, ".yml"))
        return load_file(out, name_or_file);
    char *path = sn_strdupf("%s/%s.yaml", dir, name_or_file);
    int status =
        !*name_or_file || stat(path, &st) ? unknown_suite(name_or_file, dir) : load_file(out, path);
    free(path);
    return status;
}

int sn_suite_list(const char *dir,
                  void (*emit)(void *out, const char *name, const char *brief,
                               const char *unavailable),
                  void *out)
{
    char **names;
    size_t n;
    int status = list_names(dir, &names, &n);
    if (status)
        return status;
    for (size_t i = 0; i < n; i++) {
        struct sn_suite s;
        if (sn_suite_load(&s, names[i], dir)) {
            emit(out, names[i], "", sn_status_message());
            continue;
        }
        emit(out, names[i], s.brief, NULL);
        sn_suite_free(&s);
    }
    free_names(names, n);
    return SN_OK;
}

/* Of its axes, how many belong to the plan's clock. */
static size_t axes_on(const struct sn_suite_entry *e, const struct sn_plan *plan)
{
    return e->n_axes + (plan->clock == SN_CLOCK_WALL ? e->n_wall : 0);
}

/* Records the failure's place; the line of the entry, or of the one axis that is to blame. */
static int add_entry(const struct sn_suite *s, const struct sn_suite_entry *e,
                     const struct sn_app *app, struct sn_plan *plan)
{
    const struct sn_bench *bench;
    int line = e->line, status = sn_plan_bench(app, e->bench, &bench);
    for (size_t a = 0; a < axes_on(e, plan) && !status; a++) {
        struct sn_sweep sweep;
        status = sn_plan_sweep(&sweep, plan, bench, e->axes[a]);
        if (status)
            line = e->axis_lines[a];
        else
            sn_sweep_free(&sweep);
    }
    if (!status)
        status = sn_plan_add(plan, app, e->bench, (const char *const *)e->axes, axes_on(e, plan));
    if (status)
        sn_status_prefix("%s:%d", s->path, line);
    return status;
}

/* The cases of an entry, those that the plan has from elsewhere too, into its step. */
static void add_to_step(const struct sn_suite_entry *e, const struct sn_app *app,
                        const struct sn_plan *plan, struct sn_steps *steps)
{
    struct sn_plan own = {.seed = plan->seed,
                          .ranks = plan->ranks,
                          .clock = plan->clock,
                          .profile = plan->profile,
                          .device = plan->device};
    const char *const *axes = (const char *const *)e->axes;
    size_t n = axes_on(e, plan);
    if (sn_plan_add(&own, app, e->bench, axes, n) == SN_OK)
        sn_step_add(&steps->steps[e->step], own.cases, own.n, e->count, axes, n);
    sn_plan_free(&own);
}

int sn_suite_plan(const struct sn_suite *s, const struct sn_app *app, struct sn_plan *plan,
                  struct sn_steps *steps)
{
    int status = SN_OK;
    *steps = (struct sn_steps){0};
    for (size_t i = 0; i < s->steps.n; i++)
        sn_steps_add(steps, s->steps.steps[i].name, s->steps.steps[i].brief,
                     s->steps.steps[i].without);
    for (size_t i = 0; i < s->n && !status; i++) {
        status = add_entry(s, &s->entries[i], app, plan);
        if (!status && s->entries[i].step != SIZE_MAX)
            add_to_step(&s->entries[i], app, plan, steps);
    }
    return status;
}
