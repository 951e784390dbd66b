/* Reading published figures, and showing them beside the rows of a benchmark. */
#include "harness/published.h"

#include <dirent.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/base/units.h"

/* --- the table -------------------------------------------------------------------------------- */

static const char heading[] = "id,source,class,quantity,params,value,unit,notes";
enum { ID, SOURCE, CLASS, QUANTITY, PARAMS, VALUE, UNIT, NOTES, FIELDS };

static const char *const class_words[] = {"spec",     "calibration", "held-out",
                                          "identity", "projection",  "reference"};
enum { CLASSES = sizeof class_words / sizeof *class_words };

/* Splits a line at its commas into new strings, at most FIELDS of them; returns how many there are,
 * 0 when a quote is not closed or something follows it. */
static size_t split(const char *s, char *fields[FIELDS])
{
    for (size_t n = 0;; s++) {
        struct sn_buf b = {0};
        if (*s == '"') {
            for (s++; *s && (*s != '"' || s[1] == '"'); s++) {
                s += *s == '"'; /* two stand for one */
                sn_buf_addn(&b, s, 1);
            }
            if (*s != '"' || (s[1] && s[1] != ',')) {
                sn_buf_free(&b);
                return 0;
            }
            s++;
        } else {
            sn_buf_addn(&b, s, strcspn(s, ","));
            s += strcspn(s, ",");
        }
        if (n < FIELDS)
            fields[n] = sn_strdup(b.data ? b.data : "");
        sn_buf_free(&b);
        n++;
        if (!*s)
            return n;
    }
}

static void free_figure(struct sn_published_figure *f)
{
    free(f->id);
    free(f->source);
    free(f->class);
    free(f->quantity);
    free(f->params);
    free(f->unit);
    free(f->notes);
}

static int check_figure(const struct sn_published_table *t, const struct sn_published_figure *f,
                        const char *value)
{
    bool known = false;

    for (size_t i = 0; i < CLASSES; i++)
        known = known || strcmp(f->class, class_words[i]) == 0;
    if (!*f->id)
        return SN_FAIL(SN_EINVAL, "the id is empty");
    if (!known) {
        const char *near = sn_nearest(f->class, class_words, CLASSES);
        return SN_FAIL(SN_EINVAL, "unknown class '%.64s'%s%s%s", f->class,
                       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
    }
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->figures[i].id, f->id) == 0)
            return SN_FAIL(SN_EINVAL, "the id '%s' stands in line %d already", f->id,
                           t->figures[i].line);
    if (!*value)
        return SN_FAIL(SN_EINVAL, "the value is empty");
    return SN_OK;
}

static int read_line(struct sn_published_table *t, const char *text, int line)
{
    char *fields[FIELDS] = {NULL};
    size_t n = split(text, fields);
    int status = SN_OK;

    if (n == 0)
        status = SN_FAIL(SN_EINVAL, "a quote is not closed");
    else if (n != FIELDS)
        status = SN_FAIL(SN_EINVAL, "%zu fields, not %d (%s)", n, FIELDS, heading);
    struct sn_published_figure f = {fields[ID],
                                    fields[SOURCE],
                                    fields[CLASS],
                                    fields[QUANTITY],
                                    fields[PARAMS],
                                    fields[UNIT],
                                    fields[NOTES],
                                    NAN,
                                    line};
    if (!status)
        status = check_figure(t, &f, fields[VALUE]);
    if (!status)
        status = sn_units_parse_real(fields[VALUE], SN_UNIT_COUNT, &f.value);
    free(fields[VALUE]);
    if (status) {
        free_figure(&f);
        sn_status_prefix("%s:%d", t->path, line);
        return status;
    }
    t->figures = sn_realloc(t->figures, t->n + 1, sizeof *t->figures);
    t->figures[t->n++] = f;
    return SN_OK;
}

int sn_published_table_parse(struct sn_published_table *out, const char *text, size_t n,
                             const char *path)
{
    struct sn_published_table t = {.path = sn_strdup(path)};
    const char *end = text + n;
    bool headed = false;
    int line = 0, status = SN_OK;

    if (memchr(text, '\0', n))
        status = SN_FAIL(SN_EINVAL, "%s: holds a NUL character", path);
    for (const char *p = text; p < end && !status;) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t len = (size_t)((stop ? stop : end) - p);
        char *one = sn_strdupf("%.*s", (int)(len && p[len - 1] == '\r' ? len - 1 : len), p);
        line++;
        p += len + 1;
        if (*one == '#' || !*one) {
            ;
        } else if (headed) {
            status = read_line(&t, one, line);
        } else if (strcmp(one, heading) != 0) {
            status = SN_FAIL(SN_EINVAL, "%s:%d: the heading must be %s", path, line, heading);
        } else {
            headed = true;
        }
        free(one);
    }
    if (!status && !headed)
        status =
            SN_FAIL(SN_EINVAL, "%s:%d: there is no heading (%s)", path, line ? line : 1, heading);
    if (status)
        sn_published_table_free(&t);
    else
        *out = t;
    return status;
}

int sn_published_table_load(struct sn_published_table *out, const char *path)
{
    struct sn_buf text = {0};
    int status = sn_buf_read_file(&text, path);

    if (!status)
        status = sn_published_table_parse(out, text.data ? text.data : "", text.len, path);
    sn_buf_free(&text);
    return status;
}

void sn_published_table_free(struct sn_published_table *t)
{
    for (size_t i = 0; i < t->n; i++)
        free_figure(&t->figures[i]);
    free(t->figures);
    free(t->path);
    *t = (struct sn_published_table){0};
}

const struct sn_published_figure *sn_published_find(const struct sn_published_table *t,
                                                    const char *id)
{
    for (size_t i = 0; i < t->n; i++)
        if (strcmp(t->figures[i].id, id) == 0)
            return &t->figures[i];
    return NULL;
}

/* --- the folder ------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Names of the YAML files, sorted; the caller frees them. */
static size_t list_files(const char *dir, char ***out)
{
    DIR *d = opendir(dir);
    size_t n = 0;

    *out = NULL;
    for (const struct dirent *e; d && (e = readdir(d)) != NULL;) {
        const char *ending = strrchr(e->d_name, '.');
        if (*e->d_name == '.' || !ending || strcmp(ending, ".yaml") != 0)
            continue;
        *out = sn_realloc(*out, n + 1, sizeof **out);
        (*out)[n++] = sn_strdup(e->d_name);
    }
    if (d)
        closedir(d);
    if (n)
        qsort(*out, n, sizeof **out, by_name);
    return n;
}

/* Every entry has its figure: what a report shows as published is in the table. */
static int check_ids(const struct sn_published_set *set, const char *file)
{
    for (size_t i = 0; i < set->expect.n; i++) {
        const struct sn_expectation *e = &set->expect.entries[i];
        if (!sn_published_find(&set->table, e->id))
            return SN_FAIL(SN_EINVAL, "%s:%d: %s has no figure '%s'", file, e->line,
                           set->expect.figures, e->id);
    }
    return SN_OK;
}

/* SN_OK with expect.figures NULL: a file without published figures. */
static int load_set(struct sn_published_set *set, const char *dir, const char *name,
                    const struct sn_app *app)
{
    char *path = sn_strdupf("%s/%s", dir, name), *table = NULL;
    int status = sn_expectations_load(&set->expect, path, app);

    if (!status && set->expect.figures) {
        table = sn_strdupf("%s/%s", dir, set->expect.figures);
        status = sn_published_table_load(&set->table, table);
        if (!status && (status = check_ids(set, path)) < 0)
            sn_published_table_free(&set->table);
        if (status)
            sn_expectations_free(&set->expect);
    }
    free(table);
    free(path);
    return status;
}

void sn_published_open(struct sn_published *out, const char *results, const struct sn_app *app)
{
    char *dir = results ? sn_strdupf("%s/published", results) : NULL, **names = NULL;
    size_t n = dir && app ? list_files(dir, &names) : 0;

    *out = (struct sn_published){.sets = sn_calloc(n + 1, sizeof *out->sets),
                                 .errors = sn_calloc(n + 1, sizeof *out->errors)};
    for (size_t i = 0; i < n; i++) {
        struct sn_published_set *set = &out->sets[out->n];
        if (load_set(set, dir, names[i], app) != SN_OK) {
            /* Without the folder: a report is the same wherever the program lies. */
            const char *said = sn_status_message();
            size_t skip = strlen(dir) + 1;
            out->errors[out->n_errors++] =
                sn_strdup(strncmp(said, dir, skip - 1) == 0 ? said + skip : said);
            sn_status_clear();
        } else if (set->expect.figures) {
            out->n++;
        } else {
            sn_expectations_free(&set->expect);
        }
        free(names[i]);
    }
    free(names);
    free(dir);
}

void sn_published_close(struct sn_published *p)
{
    for (size_t i = 0; i < p->n; i++) {
        sn_published_table_free(&p->sets[i].table);
        sn_expectations_free(&p->sets[i].expect);
    }
    for (size_t i = 0; i < p->n_errors; i++)
        free(p->errors[i]);
    free(p->sets);
    free(p->errors);
    *p = (struct sn_published){0};
}

/* --- beside the rows -------------------------------------------------------------------------- */

/* The conditions as the source gives them; else what the entry says of its row. */
static char *where_text(const struct sn_published_figure *p, const struct sn_expectation *e)
{
    struct sn_buf b = {0};

    if (*p->params) {
        char *text = sn_strdup(p->params);
        for (char *c = text; *c; c++)
            *c = *c == ',' ? ' ' : *c;
        return text;
    }
    for (size_t i = 0; i < e->n_own; i++) {
        const struct sn_expect_axis *a = &e->match.axes[i];
        sn_buf_addf(&b, "%s%s=%s%s%s", b.len ? " " : "", a->axis, a->values[0],
                    a->n_values > 1 ? ".." : "", a->n_values > 1 ? a->values[a->n_values - 1] : "");
    }
    return b.data ? b.data : sn_strdup("");
}

static void add_rows(const struct sn_report *r, const struct sn_group *g,
                     const struct sn_published_set *set, const struct sn_finding *f,
                     struct sn_table *t)
{
    const struct sn_expectation *e = f->e;
    const struct sn_published_figure *p = sn_published_find(&set->table, e->id);
    char *value = sn_expectation_text(e, false), *where = where_text(p, e), text[128];

    sn_table_row(t);
    sn_table_set(t, 0, e->id, NULL);
    sn_table_set(t, 1, p->quantity, NULL);
    sn_table_set(t, 2, where, NULL);
    sn_table_set(t, 3, value, NULL);
    sn_table_set(t, 4, sn_origin_name(SN_ORIGIN_PUBLISHED), NULL);
    sn_table_set(t, 5, p->source, NULL);
    sn_table_set(t, 6, p->class, NULL);
    if (f->line && isfinite(f->got)) {
        char *label = sn_line_label(r, g, f->line, NULL, 0);
        sn_table_row(t);
        sn_table_set(t, 0, e->id, NULL);
        sn_table_set(t, 1, p->quantity, NULL);
        sn_table_set(t, 2, *label ? label : NULL, NULL);
        sn_table_set(t, 3, sn_figure_text(text, sizeof text, f->got, e->unit), NULL);
        sn_table_set(t, 4, sn_origin_name(f->line->row->origin), NULL);
        sn_table_set(t, 5, f->rows > 1 ? "the farthest of several rows here" : "here", NULL);
        free(label);
    }
    free(where);
    free(value);
}

void sn_report_published(const struct sn_report *r, const struct sn_group *g,
                         const struct sn_published *p, struct sn_doc *doc)
{
    static const char *const heads[] = {"figure", "quantity", "where", "value",
                                        "origin", "source",   "class"};
    struct sn_table t;

    sn_table_init(&t);
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        sn_table_column(&t, &(struct sn_column){NULL, heads[i], i == 3,
                                                i == 2   ? 3
                                                : i == 6 ? 2
                                                : i == 1 ? 1
                                                         : 0,
                                                SN_SHOW_PEOPLE});
    for (size_t s = 0; s < p->n; s++) {
        struct sn_findings f;
        sn_findings_make(&p->sets[s].expect, r, &f);
        for (size_t i = 0; i < f.n; i++)
            if (strcmp(f.findings[i].e->bench, g->bench) == 0)
                add_rows(r, g, &p->sets[s], &f.findings[i], &t);
        sn_findings_free(&f);
    }
    if (t.n_rows > 0) {
        sn_doc_heading(doc, 3, "Published figures");
        sn_doc_table(doc, &t,
                     "Figures from the literature that belong to this benchmark, and the "
                     "rows of this report they are the figures of");
    }
    sn_table_free(&t);
}
