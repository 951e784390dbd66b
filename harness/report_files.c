/* The whole of the rows for other programs: one flat CSV table, and JSON with the verdict. */
#include "harness/report_parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/escape.h"
#include "harness/numbers.h"

/* Columns that rows may have or not: a name each, found again by its place. */
struct names {
    char **names;
    size_t n, first; /* first: column of names[0] */
};

static void add_name(struct names *s, const char *name)
{
    for (size_t i = 0; i < s->n; i++)
        if (strcmp(s->names[i], name) == 0)
            return;
    s->names = sn_realloc(s->names, s->n + 1, sizeof *s->names);
    s->names[s->n++] = sn_strdup(name);
}

static size_t column_of(const struct names *s, const char *name)
{
    size_t i = 0;

    while (strcmp(s->names[i], name) != 0)
        i++;
    return s->first + i;
}

static void free_names(struct names *s)
{
    for (size_t i = 0; i < s->n; i++)
        free(s->names[i]);
    free(s->names);
}

struct flat {
    struct names params, metrics, parts, counters;
    size_t fixed; /* column of the first fixed field */
    struct sn_table *t;
};

static char *metric_name(const struct sn_metric *m)
{
    return strcmp(m->unit, "1") == 0 ? sn_strdup(m->name) : sn_strdupf("%s[%s]", m->name, m->unit);
}

static void gather(struct flat *f, const struct sn_row *row)
{
    for (size_t i = 0; i < row->n_params; i++)
        add_name(&f->params, row->params[i].name);
    for (size_t i = 0; i < row->n_metrics; i++) {
        char *name = metric_name(&row->metrics[i]);
        add_name(&f->metrics, name);
        free(name);
    }
    for (size_t i = 0; i < row->n_breakdown; i++)
        add_name(&f->parts, row->breakdown[i].part);
    for (size_t i = 0; i < row->n_counters; i++)
        add_name(&f->counters, row->counters[i].name);
}

static void add_column(struct sn_table *t, const char *key, bool number)
{
    sn_table_column(t, &(struct sn_column){key, NULL, number, 0, SN_SHOW_FILES});
}

static void add_columns(struct flat *f, struct names *s, const char *format, bool number)
{
    s->first = f->t->n_columns;
    for (size_t i = 0; i < s->n; i++) {
        const char *mark = strstr(format, "*");
        char *key = sn_strdupf("%.*s%s%s", (int)(mark - format), format, s->names[i], mark + 1);
        add_column(f->t, key, number);
        free(key);
    }
}

static void set_text(struct sn_table *t, size_t *at, const char *value)
{
    sn_table_set(t, (*at)++, NULL, value);
}

static void set_real(struct sn_table *t, size_t *at, double value)
{
    char raw[SN_NUM_SIZE];

    sn_num_raw(raw, value);
    set_text(t, at, *raw ? raw : NULL);
}

static void set_int(struct sn_table *t, size_t *at, uint64_t value)
{
    char raw[32];

    snprintf(raw, sizeof raw, "%llu", (unsigned long long)value);
    set_text(t, at, raw);
}

/* The fields every row has, in the order of the columns. */
static const struct {
    const char *key;
    bool number;
} fixed[] = {
    {"id", false},      {"origin", false},    {"clock", false},     {"status", false},
    {"reason", false},  {"ranks", true},      {"endpoints", true},  {"seed", true},
    {"launch", true},   {"n", true},          {"warmup", true},     {"invalid", true},
    {"batch", true},    {"steady", false},    {"stop", false},      {"sync", false},
    {"min_s", true},    {"median_s", true},   {"ci95_lo_s", true},  {"ci95_hi_s", true},
    {"p95_s", true},    {"p99_s", true},      {"max_s", true},      {"mean_s", true},
    {"stddev_s", true}, {"logical[B]", true}, {"wire[B]", true},    {"local[B]", true},
    {"limit_s", true},  {"limit_why", false}, {"efficiency", true}, {"check", false},
    {"compared", true}, {"errors", true},     {"tolerance", true},  {"first_error", false},
    {"flags", false},
};

static void set_fixed(struct sn_table *t, size_t at, const struct sn_row *r)
{
    const struct sn_row_stats *s = &r->stats;
    struct sn_buf flags = {0};

    set_text(t, &at, r->id);
    set_text(t, &at, sn_origin_name(r->origin));
    set_text(t, &at, r->clock);
    set_text(t, &at, sn_row_status_name(r->status));
    set_text(t, &at, r->reason);
    set_real(t, &at, r->ranks < 0 ? NAN : r->ranks);
    set_real(t, &at, r->endpoints < 0 ? NAN : r->endpoints);
    set_int(t, &at, r->seed);
    set_int(t, &at, (uint64_t)r->launch);
    set_int(t, &at, r->n);
    set_int(t, &at, r->warmup);
    set_int(t, &at, r->invalid);
    set_int(t, &at, r->batch);
    set_text(t, &at, r->steady ? "true" : "false");
    set_text(t, &at, r->stop == SN_STOP_NONE ? NULL : sn_stop_name(r->stop));
    set_text(t, &at, r->sync);
    const double stats[] = {s->min, s->median, s->ci95_lo, s->ci95_hi, s->p95,
                            s->p99, s->max,    s->mean,    s->stddev};
    for (size_t i = 0; i < sizeof stats / sizeof stats[0]; i++)
        set_real(t, &at, stats[i]);
    set_int(t, &at, r->bytes.logical);
    set_int(t, &at, r->bytes.wire);
    set_int(t, &at, r->bytes.local);
    set_real(t, &at, r->limit_s);
    set_text(t, &at, r->limit_why);
    set_real(t, &at, r->efficiency);
    set_text(t, &at, r->check.what);
    set_int(t, &at, r->check.compared);
    set_int(t, &at, r->check.errors);
    set_real(t, &at, r->check.tolerance);
    set_text(t, &at, r->check.first);
    for (size_t i = 0; i < r->n_flags; i++)
        sn_buf_addf(&flags, "%s%s", i ? " " : "", r->flags[i]);
    set_text(t, &at, flags.data);
    sn_buf_free(&flags);
}

static void fill(struct flat *f, const struct sn_report *r, const struct sn_line *l,
                 const struct sn_row *row)
{
    size_t at = 0;

    sn_table_row(f->t);
    if (r->n_runs > 1)
        set_text(f->t, &at, l->run->name);
    set_text(f->t, &at, row->bench);
    set_fixed(f->t, f->fixed, row);
    for (size_t i = 0; i < row->n_params; i++)
        sn_table_set(f->t, column_of(&f->params, row->params[i].name), NULL, row->params[i].text);
    for (size_t i = 0; i < row->n_metrics; i++) {
        char *name = metric_name(&row->metrics[i]);
        at = column_of(&f->metrics, name);
        set_real(f->t, &at, row->metrics[i].value);
        free(name);
    }
    for (size_t i = 0; i < row->n_breakdown; i++) {
        at = column_of(&f->parts, row->breakdown[i].part);
        set_real(f->t, &at, row->breakdown[i].s);
    }
    for (size_t i = 0; i < row->n_counters; i++) {
        at = column_of(&f->counters, row->counters[i].name);
        set_real(f->t, &at, row->counters[i].value);
    }
}

void sn_report_rows_table(const struct sn_report *r, struct sn_table *out)
{
    struct flat f = {.t = out};

    sn_table_init(out);
    for (size_t g = 0; g < r->n_groups; g++)
        for (size_t i = 0; i < r->groups[g].n_lines; i++)
            for (size_t k = 0; k < r->groups[g].lines[i].n_rows; k++)
                gather(&f, r->groups[g].lines[i].rows[k]);
    if (r->n_runs > 1)
        add_column(out, "run", false);
    add_column(out, "bench", false);
    add_columns(&f, &f.params, "param.*", false);
    f.fixed = out->n_columns;
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++)
        add_column(out, fixed[i].key, fixed[i].number);
    add_columns(&f, &f.metrics, "metric.*", true);
    add_columns(&f, &f.parts, "part.*[s]", true);
    add_columns(&f, &f.counters, "counter.*", true);
    for (size_t g = 0; g < r->n_groups; g++)
        for (size_t i = 0; i < r->groups[g].n_lines; i++)
            for (size_t k = 0; k < r->groups[g].lines[i].n_rows; k++)
                fill(&f, r, &r->groups[g].lines[i], r->groups[g].lines[i].rows[k]);
    free_names(&f.params);
    free_names(&f.metrics);
    free_names(&f.parts);
    free_names(&f.counters);
}

/* The row as rows.jsonl has it; with several runs its name comes first. */
static void json_row(const struct sn_report *r, const struct sn_line *l, const struct sn_row *row,
                     struct sn_buf *out)
{
    struct sn_buf line = {0};

    sn_row_encode(row, &line);
    while (line.len > 0 && line.data[line.len - 1] == '\n')
        line.len--;
    if (r->n_runs > 1) {
        sn_buf_add(out, "{\"run\":");
        sn_escape_json(out, l->run->name);
        sn_buf_add(out, ",");
        sn_buf_addn(out, line.data + 1, line.len - 1);
    } else {
        sn_buf_addn(out, line.data, line.len);
    }
    sn_buf_free(&line);
}

void sn_report_json(const struct sn_report *r, struct sn_buf *out)
{
    struct sn_verdict v;
    const char *sep = "\n";

    sn_verdict_make(r, NULL, &v);
    sn_buf_add(out, "{\"schema\":\"snbench-report-1\",\n\"verdict\":");
    sn_verdict_json(&v, out);
    sn_verdict_free(&v);
    if (r->n_runs > 1) {
        sn_buf_add(out, ",\n\"runs\":[");
        for (size_t i = 0; i < r->n_runs; i++) {
            sn_verdict_make(r, &r->runs[i], &v);
            sn_buf_addf(out, "%s{\"run\":", i ? ",\n" : "\n");
            sn_escape_json(out, r->runs[i].name);
            sn_buf_add(out, ",\"verdict\":");
            sn_verdict_json(&v, out);
            sn_buf_add(out, "}");
            sn_verdict_free(&v);
        }
        sn_buf_add(out, "]");
    }
    sn_report_steps_json(r, out);
    sn_buf_add(out, ",\n\"rows\":[");
    for (size_t g = 0; g < r->n_groups; g++) {
        for (size_t i = 0; i < r->groups[g].n_lines; i++) {
            const struct sn_line *l = &r->groups[g].lines[i];
            for (size_t k = 0; k < l->n_rows; k++) {
                sn_buf_add(out, sep);
                json_row(r, l, l->rows[k], out);
                sep = ",\n";
            }
        }
    }
    sn_buf_add(out, "\n]}\n");
}
