/* `snbench noise`: run directories read, the table printed, the file stored. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/status.h"
#include "harness/doc.h"
#include "harness/medians.h"
#include "harness/noise.h"
#include "harness/numbers.h"
#include "harness/rundir.h"
#include "harness/sums.h"

enum { TEXT_WIDTH = 120 };

/* --- measuring -------------------------------------------------------------------------------- */

static const struct sn_line *line_in(const struct sn_group *g, const struct sn_report_run *run,
                                     const char *id)
{
    for (size_t i = 0; i < g->n_lines; i++)
        if (g->lines[i].run == run && strcmp(g->lines[i].row->id, id) == 0)
            return &g->lines[i];
    return NULL;
}

static int same_conditions(const struct sn_line *a, const struct sn_line *b)
{
    const struct sn_row *x = a->row, *y = b->row;

    if (a->status != SN_ROW_OK || b->status != SN_ROW_OK)
        return SN_OK;
    if (x->origin != y->origin)
        return SN_FAIL(SN_EINVAL, "row %s is %s in %s and %s in %s: not one workload", x->id,
                       sn_origin_name(x->origin), a->run->name, sn_origin_name(y->origin),
                       b->run->name);
    if (x->ranks != y->ranks)
        return SN_FAIL(SN_EINVAL, "row %s ran on %d ranks in %s and on %d in %s: not one workload",
                       x->id, x->ranks, a->run->name, y->ranks, b->run->name);
    return SN_OK;
}

/* One row of all runs; `l` is its line in the first run that has it. */
static int measure_row(const struct sn_report *r, const struct sn_group *g, const struct sn_line *l,
                       struct sn_noise_row *out)
{
    struct sn_medians *m = sn_calloc(r->n_runs, sizeof *m);
    struct sn_noise_run *runs = sn_calloc(r->n_runs, sizeof *runs);
    int status = SN_OK;

    *out = (struct sn_noise_row){
        .id = sn_strdup(l->row->id), .bench = sn_strdup(g->bench), .label = sn_medians_label(g, l)};
    for (size_t i = 0; i < r->n_runs && !status; i++) {
        const struct sn_line *own = line_in(g, &r->runs[i], l->row->id);
        if (!own)
            continue;
        status = same_conditions(l, own);
        m[i] = sn_medians_of(own);
        runs[i] = (struct sn_noise_run){m[i].x, m[i].n};
        if (m[i].why && !out->reason)
            out->reason = sn_strdup(m[i].why);
        if (m[i].exact && !out->reason)
            out->reason = sn_strdup("the model clock has no noise");
    }
    out->f = (struct sn_noise_figures){.split = NAN, .drift = NAN, .noise = NAN};
    if (!out->reason)
        out->f = sn_noise_of(runs, r->n_runs, l->row->id);
    if (!out->reason && isnan(out->f.noise))
        out->reason = sn_strdupf("%zu launch%s; at least %d are needed", out->f.launches,
                                 out->f.launches == 1 ? "" : "es", SN_NOISE_FEWEST);
    for (size_t i = 0; i < r->n_runs; i++)
        sn_medians_free(&m[i]);
    free(runs);
    free(m);
    return status;
}

/* Has an earlier run this row? */
static bool seen(const struct sn_report *r, const struct sn_group *g, const struct sn_line *l)
{
    for (const struct sn_report_run *run = r->runs; run < l->run; run++)
        if (line_in(g, run, l->row->id))
            return true;
    return false;
}

static int measure_rows(const struct sn_report *r, struct sn_noise *out)
{
    bool *shares = sn_calloc(r->n_runs, sizeof *shares);
    int status = SN_OK;

    for (size_t g = 0; g < r->n_groups && !status; g++)
        for (size_t i = 0; i < r->groups[g].n_lines && !status; i++) {
            const struct sn_group *group = &r->groups[g];
            const struct sn_line *l = &group->lines[i];
            if (line_in(group, &r->runs[0], l->row->id))
                shares[l->run - r->runs] = true;
            if (seen(r, group, l))
                continue;
            out->rows = sn_realloc(out->rows, out->n_rows + 1, sizeof *out->rows);
            status = measure_row(r, group, l, &out->rows[out->n_rows++]);
        }
    for (size_t i = 1; i < r->n_runs && !status; i++)
        if (!shares[i])
            status = SN_FAIL(SN_EINVAL,
                             "%s has none of the rows of %s: noise needs runs of one "
                             "workload",
                             r->runs[i].name, r->runs[0].name);
    free(shares);
    return status;
}

static int describe_run(const struct sn_report_run *run, const char *dir,
                        struct sn_noise_source *out)
{
    const char *machine = sn_manifest_str(run->manifest, "machine_id", NULL);
    char *rows = sn_strdupf("%s/rows.jsonl", dir);
    int status = sn_sums_of_file(rows, out->rows_sha256);

    out->name = sn_strdup(run->name);
    out->machine_id = machine ? sn_strdup(machine) : NULL;
    free(rows);
    return status;
}

static int any_noise(const struct sn_noise *x, const char *dir)
{
    for (size_t i = 0; i < x->n_rows; i++)
        if (!isnan(x->rows[i].f.noise))
            return SN_OK;
    return SN_FAIL(SN_EINVAL, "%s: no row has a noise (%s): run the same cases with --launches 10",
                   dir, x->n_rows ? x->rows[0].reason : "there are no rows");
}

int sn_noise_measure(struct sn_noise *out, const char *const *dirs, size_t n,
                     const struct sn_app *app)
{
    struct sn_noise x = {0};
    struct sn_report r;
    int status = SN_OK;

    for (size_t i = 0; i < n && !status; i++) { /* one by one: the message names the directory */
        status = sn_report_load(&r, &dirs[i], 1, app);
        if (!status) {
            status = sn_medians_check(&r, dirs[i]);
            sn_report_free(&r);
        }
    }
    if (status || (status = sn_report_load(&r, dirs, n, app)) != SN_OK)
        return status;
    x.runs = sn_calloc(n, sizeof *x.runs);
    for (size_t i = 0; i < n && !status; i++)
        status = describe_run(&r.runs[i], dirs[i], &x.runs[x.n_runs++]);
    if (!status)
        status = measure_rows(&r, &x);
    if (!status)
        status = any_noise(&x, dirs[0]);
    sn_report_free(&r);
    if (status)
        sn_noise_free(&x);
    else
        *out = x;
    return status;
}

/* --- printing --------------------------------------------------------------------------------- */

enum { LABEL, BENCH, ID, LAUNCHES, SPLITS, SPLIT, DRIFT, NOISE, REASON };

static void set_ln(struct sn_table *t, size_t column, double ln)
{
    char shown[SN_NUM_SIZE], raw[SN_NUM_SIZE];

    if (isnan(ln))
        return;
    snprintf(shown, sizeof shown, "%.2f", 100 * expm1(ln));
    sn_table_set(t, column, shown, sn_num_raw(raw, ln));
}

static void set_count(struct sn_table *t, size_t column, size_t n)
{
    char shown[24];

    snprintf(shown, sizeof shown, "%zu", n);
    sn_table_set(t, column, shown, shown);
}

static void table_of(const struct sn_noise *x, struct sn_table *t)
{
    static const struct sn_column columns[] = {
        [LABEL] = {.key = "label", .head = "row"},
        [BENCH] = {.key = "bench", .show = SN_SHOW_FILES},
        [ID] = {.key = "id", .show = SN_SHOW_FILES},
        [LAUNCHES] = {.key = "launches", .head = "launches", .number = true},
        [SPLITS] = {.key = "splits", .head = "splits", .number = true, .priority = 2},
        [SPLIT] = {.key = "split_ln", .head = "split (%)", .number = true, .priority = 1},
        [DRIFT] = {.key = "drift_ln", .head = "drift (%)", .number = true, .priority = 1},
        [NOISE] = {.key = "noise_ln", .head = "noise (%)", .number = true},
        [REASON] = {.key = "reason", .head = "why none", .priority = 1},
    };

    bool any = false;
    for (size_t i = 0; i < x->n_rows; i++)
        any = any || x->rows[i].reason;
    sn_table_init(t);
    for (size_t c = 0; c < sizeof columns / sizeof *columns; c++) {
        struct sn_column column = columns[c];
        if (c == REASON && !any)
            column.show = SN_SHOW_FILES;
        sn_table_column(t, &column);
    }
    for (size_t i = 0; i < x->n_rows; i++) {
        const struct sn_noise_row *r = &x->rows[i];
        sn_table_row(t);
        sn_table_set(t, LABEL, r->label, r->label);
        sn_table_set(t, BENCH, NULL, r->bench);
        sn_table_set(t, ID, NULL, r->id);
        set_count(t, LAUNCHES, r->f.launches);
        set_count(t, SPLITS, r->f.splits);
        set_ln(t, SPLIT, r->f.split);
        set_ln(t, DRIFT, r->f.drift);
        set_ln(t, NOISE, r->f.noise);
        sn_table_set(t, REASON, r->reason, r->reason);
    }
}

static void document(const struct sn_noise *x, struct sn_doc *doc)
{
    struct sn_table t;

    sn_doc_init(doc, "snbench: noise");
    table_of(x, &t);
    sn_doc_table(doc, &t, NULL);
    sn_doc_para(doc, "split: the 97.5 %% quantile of the difference of two halves of the launches; "
                     "drift: the largest difference of parts that ran one after the other; noise: "
                     "the larger of both. `snbench compare` calls no change up to it.");
}

static int print(FILE *out, const struct sn_noise *x, enum sn_format format)
{
    struct sn_buf b = {0};
    struct sn_table t;
    struct sn_doc doc;

    if (format == SN_FORMAT_JSON) {
        sn_noise_encode(x, &b);
    } else if (format == SN_FORMAT_CSV) {
        table_of(x, &t);
        sn_table_csv(&t, &b);
        sn_table_free(&t);
    } else {
        document(x, &doc);
        sn_doc_write(&doc, format, TEXT_WIDTH, &b);
        sn_doc_free(&doc);
    }
    int status = sn_doc_put(out, &b, "table");
    sn_buf_free(&b);
    return status;
}

/* --- storing ---------------------------------------------------------------------------------- */

/* Into the run directory: its checksums must hold before they are made anew, or a damaged row
 * would get a right one. */
static int store_inside(const struct sn_buf *b, const char *dir)
{
    char *path = sn_strdupf("%s/" SN_NOISE_FILE, dir), *sums = sn_strdupf("%s/" SN_SUMS_FILE, dir);
    bool summed = access(sums, F_OK) == 0;
    int status = summed ? sn_sums_verify(dir) : SN_OK;

    if (status)
        sn_status_prefix("%s is not stored, as %s is not what it was (store it elsewhere with -o)",
                         path, dir);
    if (!status)
        status = sn_buf_write_file(b, path);
    if (!status && summed)
        status = sn_rundir_write_sums(dir);
    free(sums);
    free(path);
    return status;
}

int sn_noise_command(FILE *out, const char *const *dirs, size_t n, const char *path,
                     enum sn_format format, const struct sn_app *app)
{
    struct sn_buf b = {0};
    struct sn_noise x;
    int status = sn_noise_measure(&x, dirs, n, app);

    if (status)
        return status;
    sn_noise_encode(&x, &b);
    status = path ? sn_buf_write_file(&b, path) : store_inside(&b, dirs[0]);
    if (!status)
        status = print(out, &x, format);
    sn_buf_free(&b);
    sn_noise_free(&x);
    return status;
}
