/* Reports: merging of launches, order, verdicts, choice of figures, what is written and printed. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>
#include <jansson.h>

#include "harness/base/status.h"
#include "harness/report.h"
#include "harness/report_parts.h"
#include "harness/report_plots.h"
#include "harness/rundir.h"

static const struct sn_bench *const no_benches[] = {NULL};
static const struct sn_app no_app = {.benches = no_benches};
static const struct sn_metric_doc docs[] = {{"bandwidth", "B/s", true, "size / median"}, {0}};

/* Rows in memory, as a run would leave them. */
struct maker {
    struct sn_rows rows;
};

static struct sn_row *make(struct maker *m, const char *bench, int launch)
{
    struct sn_row *r;

    m->rows.rows = sn_realloc(m->rows.rows, m->rows.n + 1, sizeof *m->rows.rows);
    r = &m->rows.rows[m->rows.n++];
    sn_row_init(r);
    r->bench = sn_row_str(r, "%s", bench);
    r->clock = "wall";
    r->ranks = r->endpoints = 2;
    r->batch = 1;
    r->launch = launch;
    return r;
}

/* All samples alike, so that every statistic is that time. */
static void samples(struct sn_row *r, double seconds)
{
    double x[8];

    for (size_t i = 0; i < 8; i++)
        x[i] = seconds;
    sn_row_set_samples(r, x, 8);
    r->n = 8;
    r->limit_s = 1e-6;
    r->check.what = "bytes";
    r->check.compared = 10;
    sn_row_compute(r);
    sn_row_set_id(r);
}

static struct sn_row *ok_row(struct maker *m, const char *op, int64_t size, int launch,
                             double seconds)
{
    struct sn_row *r = make(m, "echo", launch);

    sn_row_add_param_text(r, "op", op);
    sn_row_add_param_int(r, "size", size);
    samples(r, seconds);
    sn_row_add_metric(r, docs, "bandwidth", (double)size / seconds);
    return r;
}

static void without(struct sn_row *r, enum sn_row_status status, const char *reason)
{
    r->status = status;
    r->reason = sn_row_str(r, "%s", reason);
    sn_row_set_id(r);
}

static void write_text(const char *dir, const char *name, const char *text)
{
    char *path = sn_strdupf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");

    cr_assert(f, "%s", path);
    fputs(text, f);
    fclose(f);
    free(path);
}

static char *temporary(void)
{
    char *dir = sn_strdup("/tmp/snbench-report-XXXXXX");

    cr_assert(mkdtemp(dir));
    return dir;
}

static void erase(char *dir)
{
    char *command = sn_strdupf("rm -rf '%s'", dir);

    cr_expect_eq(system(command), 0);
    free(command);
    free(dir);
}

/* A run directory with the rows of `m`; the plan is their ids in reverse, and one id that never
 * ran.
 */
static char *run_directory(const struct maker *m, const char *status, const char *tail)
{
    char *dir = temporary(), *manifest;
    struct sn_buf rows = {0}, plan = {0};

    for (size_t i = 0; i < m->rows.n; i++)
        sn_row_encode(&m->rows.rows[i], &rows);
    sn_buf_add(&rows, tail);
    for (size_t i = m->rows.n; i-- > 0;)
        sn_buf_addf(&plan, "\"%s\",", m->rows.rows[i].id);
    manifest = sn_strdupf("{\"plan\":[%s\"ffffffffffffffff\"],\"cases\":[\"\"],\"launches\":1,"
                          "\"status\":\"%s\",\"seed\":18446744073709551615}",
                          plan.data, status);
    write_text(dir, "rows.jsonl", rows.data);
    /* jansson has no unsigned 64-bit integers: the largest seed must not stop a report */
    char *seed = strstr(manifest, "18446744073709551615");
    memcpy(seed, "9223372036854775807 ", 20);
    write_text(dir, "manifest.json", manifest);
    free(manifest);
    sn_buf_free(&plan);
    sn_buf_free(&rows);
    return dir;
}

static char *content(const char *dir, const char *name)
{
    char *path = sn_strdupf("%s/%s", dir, name);
    struct sn_buf b = {0};

    cr_assert_eq(sn_buf_read_file(&b, path), SN_OK, "%s", sn_status_message());
    free(path);
    return b.data ? b.data : sn_strdup("");
}

/* --- lines ------------------------------------------------------------------------------------ */

Test(report, six_launches_have_an_interval)
{
    static const double us[] = {5, 1, 4, 6, 2, 3};
    struct maker m = {0};
    struct sn_report r;
    const struct sn_line *l;

    for (int i = 0; i < 6; i++)
        ok_row(&m, "get", 8, i, us[i] * 1e-6);
    sn_report_of_rows(&r, &m.rows, &no_app);
    cr_assert_eq(r.n_groups, 1);
    cr_assert_eq(r.groups[0].n_lines, 1);
    l = &r.groups[0].lines[0];
    cr_expect(r.groups[0].merged && r.groups[0].interval);
    cr_expect_eq(l->n, 6);
    cr_expect_float_eq(l->median, 3e-6, 1e-15); /* x(ceil(6 / 2)) */
    cr_expect_float_eq(l->lo, 1e-6, 1e-15);     /* ranks 1 and 6 of 6 */
    cr_expect_float_eq(l->hi, 6e-6, 1e-15);
    cr_expect_float_eq(l->efficiency, 1.0 / 3, 1e-12);
    cr_expect_eq(l->compared, 60);
    /* the rate at the median time, not the median of the rates, which would be that of 4 us */
    cr_expect_float_eq(sn_line_metric(l, "bandwidth"), 8 / 3e-6, 1);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
}

/* What a launcher adds to the command is not what a reader types. */
Test(report, command_is_the_one_that_was_typed)
{
    struct maker m = {0};
    char *dir, *md;

    ok_row(&m, "get", 8, 0, 1e-6);
    dir = run_directory(&m, "complete", "");
    write_text(dir, "manifest.json",
               "{\"ranks\":2,\"launches\":3,\"command\":\"x\",\"argv\":[\"snbench\",\"run\","
               "\"--launches\",\"3\",\"-o\",\"D\",\"--launch\",\"0\",\"-o\",\"D\",\"echo\","
               "\"size=8:64:*2\"]}");
    cr_assert_eq(sn_report_write(dir, &no_app, "plots", NULL), SN_OK);
    md = content(dir, "report.md");
    cr_expect(strstr(md, "\nmpiexec -n 2 snbench run --launches 3 -o D echo 'size=8:64:*2'\n"),
              "%s", strstr(md, "## How to reproduce"));
    free(md);
    erase(dir);
    sn_rows_free(&m.rows);
}

Test(report, five_launches_have_a_range)
{
    struct maker m = {0};
    struct sn_report r;
    struct sn_table t;
    struct sn_buf b = {0};

    for (int i = 0; i < 5; i++)
        ok_row(&m, "get", 8, i, (i + 1) * 1e-6);
    sn_report_of_rows(&r, &m.rows, &no_app);
    cr_expect_not(r.groups[0].interval);
    cr_expect_float_eq(r.groups[0].lines[0].lo, 1e-6, 1e-15);
    cr_expect_float_eq(r.groups[0].lines[0].hi, 5e-6, 1e-15);
    sn_report_bench_table(&r, &r.groups[0], &t);
    sn_table_text(&t, 200, &b);
    cr_expect(strstr(b.data, "range of launches"), "%s", b.data);
    cr_expect_not(strstr(b.data, "95 % interval"), "%s", b.data);
    sn_buf_free(&b);
    sn_table_free(&t);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
}

Test(report, one_failed_launch_fails_the_case)
{
    struct maker m = {0};
    struct sn_report r;
    struct sn_verdict v;

    ok_row(&m, "get", 8, 0, 1e-6);
    without(ok_row(&m, "get", 8, 1, 1e-6), SN_ROW_FAILED, "wrong byte");
    ok_row(&m, "get", 8, 2, 1e-6);
    sn_report_of_rows(&r, &m.rows, &no_app);
    cr_assert_eq(r.groups[0].n_lines, 1);
    cr_expect_eq(r.groups[0].lines[0].status, SN_ROW_FAILED);
    cr_expect_eq(r.groups[0].lines[0].n, 2, "the median is over the launches that are ok");
    sn_verdict_make(&r, NULL, &v);
    cr_expect_eq(v.result, SN_RESULT_FAILED);
    cr_expect_eq(v.planned, 1);
    sn_verdict_free(&v);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
}

Test(report, origins_never_share_a_line)
{
    struct maker m = {0};
    struct sn_report r;
    struct sn_table t;
    struct sn_buf b = {0};

    ok_row(&m, "get", 8, 0, 1e-6);
    ok_row(&m, "get", 8, 0, 2e-6)->origin = SN_ORIGIN_EMULATED;
    sn_report_of_rows(&r, &m.rows, &no_app);
    cr_expect_eq(r.groups[0].n_lines, 2);
    cr_expect(sn_group_mixed(&r.groups[0]));
    sn_report_bench_table(&r, &r.groups[0], &t);
    sn_table_text(&t, 30, &b); /* narrow: the column of the origin stays */
    cr_expect(strstr(b.data, "origin") && strstr(b.data, "measured") && strstr(b.data, "emulated"),
              "%s", b.data);
    sn_buf_free(&b);
    sn_table_free(&t);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
}

/* --- verdicts --------------------------------------------------------------------------------- */

static struct maker four_rows(void)
{
    struct maker m = {0};

    ok_row(&m, "get", 8, 0, 1e-6);
    ok_row(&m, "get", 64, 0, 2e-6);
    without(ok_row(&m, "put", 8, 0, 1e-6), SN_ROW_SKIPPED, "no device");
    without(ok_row(&m, "put", 64, 0, 1e-6), SN_ROW_SKIPPED, "no device");
    return m;
}

Test(report, verdict_counts_every_planned_case_once)
{
    struct maker m = four_rows();
    char *dir = run_directory(&m, "complete", "");
    struct sn_report r;
    struct sn_verdict v;

    cr_assert_eq(sn_report_load(&r, (const char *const *)&dir, 1, &no_app), SN_OK, "%s",
                 sn_status_message());
    sn_verdict_make(&r, NULL, &v);
    cr_expect_eq(v.planned, 5);
    cr_expect_eq(v.passed, 2);
    cr_expect_eq(v.skipped, 2);
    cr_expect_eq(v.missing, 1);
    cr_expect_eq(v.failed, 0);
    cr_expect_eq(v.result, SN_RESULT_INCOMPLETE, "a missing case is never passed over");
    cr_assert_eq(v.n_reasons, 1);
    cr_expect_eq(v.reasons[0].n, 2);
    cr_expect_str_eq(v.reasons[0].name, "no device");
    cr_expect_str_eq(v.absent[0].name, "ffffffffffffffff", "without a label the id is named");
    /* the plan is in reverse: so are the lines */
    cr_expect_str_eq(sn_line_param(&r.groups[0].lines[0], "op"), "put");
    cr_expect_str_eq(sn_line_param(&r.groups[0].lines[3], "size"), "8");
    sn_verdict_free(&v);
    sn_report_free(&r);
    erase(dir);
    sn_rows_free(&m.rows);
}

Test(report, verdict_of_a_cut_row)
{
    struct maker m = four_rows();
    char *dir = run_directory(&m, "interrupted", "{\"schema\":\"snb");
    struct sn_report r;
    struct sn_verdict v;

    cr_assert_eq(sn_report_load(&r, (const char *const *)&dir, 1, &no_app), SN_OK);
    sn_verdict_make(&r, NULL, &v);
    cr_expect(v.torn);
    cr_expect_eq(v.result, SN_RESULT_INCOMPLETE);
    cr_expect_str_eq(v.status, "interrupted");
    sn_verdict_free(&v);
    sn_report_free(&r);
    erase(dir);
    sn_rows_free(&m.rows);
}

Test(report, unreadable_manifest_names_the_line)
{
    struct maker m = four_rows();
    char *dir = run_directory(&m, "complete", "");
    struct sn_report r;

    write_text(dir, "manifest.json", "{\"plan\":[\n,]}");
    cr_expect_eq(sn_report_load(&r, (const char *const *)&dir, 1, &no_app), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "manifest.json:2"), "%s", sn_status_message());
    erase(dir);
    sn_rows_free(&m.rows);
}

/* --- figures ---------------------------------------------------------------------------------- */

static const struct sn_figure *figure(const struct sn_figures *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->figures[i].name, name) == 0)
            return &f->figures[i];
    return NULL;
}

static size_t lines_in(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += *text == '\n';
    return n;
}

Test(figures, size_needs_more_than_two_values)
{
    struct maker m = {0};
    struct sn_report r;
    struct sn_figures f;

    ok_row(&m, "get", 8, 0, 1e-6);
    ok_row(&m, "get", 64, 0, 2e-6);
    sn_report_of_rows(&r, &m.rows, &no_app);
    sn_figures_build(&r, &f);
    cr_expect_null(figure(&f, "echo-time"));
    cr_expect_not_null(figure(&f, "echo-samples"));
    sn_figures_free(&f);
    sn_report_free(&r);

    ok_row(&m, "get", 512, 0, 4e-6);
    ok_row(&m, "put", 512, 0, 8e-6);
    sn_report_of_rows(&r, &m.rows, &no_app);
    sn_figures_build(&r, &f);
    cr_assert_not_null(figure(&f, "echo-time"));
    cr_expect_str_eq(figure(&f, "echo-time")->csv.data,
                     "series,name,size,median_s,lo_s,hi_s,limit_s\n"
                     "1,get,8,1e-06,1e-06,1e-06,1e-06\n"
                     "1,get,64,2e-06,2e-06,2e-06,1e-06\n"
                     "1,get,512,4e-06,4e-06,4e-06,1e-06\n"
                     "2,put,512,8e-06,8e-06,8e-06,1e-06\n");
    /* the rate at the limit of 1 us: 512 B / 1 us */
    cr_assert_not_null(figure(&f, "echo-rate"));
    cr_expect(strstr(figure(&f, "echo-rate")->csv.data,
                     "2,put,512,64000000,64000000,64000000,512000000\n"),
              "%s", figure(&f, "echo-rate")->csv.data);
    sn_figures_free(&f);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
}

Test(figures, many_series_are_split_by_an_axis)
{
    struct maker m = {0};
    struct sn_report r;
    struct sn_figures f;

    for (int64_t size = 8; size <= 512; size *= 8) {
        for (int a = 0; a < 4; a++) {
            for (int b = 0; b < 4; b++) {
                struct sn_row *row = make(&m, "echo", 0);
                sn_row_add_param_int(row, "window", 1 << a);
                sn_row_add_param_int(row, "ranks", b);
                sn_row_add_param_int(row, "size", size);
                samples(row, 1e-6);
            }
        }
    }
    sn_report_of_rows(&r, &m.rows, &no_app);
    sn_figures_build(&r, &f);
    cr_expect_null(figure(&f, "echo-time"), "16 series in one figure");
    cr_assert_not_null(figure(&f, "echo-time-window-8"));
    cr_expect_eq(lines_in(figure(&f, "echo-time-window-8")->csv.data), 1 + 3 * 4);
    sn_figures_free(&f);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
}

static void token_rows(struct maker *m, int64_t tokens)
{
    static const char *const algorithms[] = {"alltoallv", "put"}, *const phases[] = {"d", "c"};

    for (int a = 0; a < 2; a++) {
        for (int p = 0; p < 2; p++) {
            struct sn_row *row = make(m, "shuffle", 0);
            sn_row_add_param_text(row, "algorithm", algorithms[a]);
            sn_row_add_param_text(row, "phase", phases[p]);
            sn_row_add_param_int(row, "tokens", tokens);
            samples(row, (a + 1) * (p + 2) * 1e-6);
        }
    }
}

Test(figures, tokens_give_bars_or_curves)
{
    struct maker m = {0};
    struct sn_report r;
    struct sn_figures f;

    token_rows(&m, 128);
    sn_report_of_rows(&r, &m.rows, &no_app);
    sn_figures_build(&r, &f);
    cr_assert_not_null(figure(&f, "shuffle-algorithms"));
    cr_expect_str_eq(figure(&f, "shuffle-algorithms")->csv.data,
                     "series,algorithm,cluster,phase,median_s,lo_s,hi_s,limit_s\n"
                     "1,alltoallv,1,d,2e-06,2e-06,2e-06,1e-06\n"
                     "1,alltoallv,2,c,3e-06,3e-06,3e-06,1e-06\n"
                     "2,put,1,d,4e-06,4e-06,4e-06,1e-06\n"
                     "2,put,2,c,6e-06,6e-06,6e-06,1e-06\n");
    sn_figures_free(&f);
    sn_report_free(&r);
    token_rows(&m, 256);
    sn_report_of_rows(&r, &m.rows, &no_app);
    sn_figures_build(&r, &f);
    cr_expect_null(figure(&f, "shuffle-algorithms"));
    cr_expect_not_null(figure(&f, "shuffle-tokens-phase-d"));
    cr_expect_not_null(figure(&f, "shuffle-tokens-phase-c"));
    sn_figures_free(&f);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
}

Test(figures, pairs_give_a_matrix)
{
    struct maker m = {0};
    struct sn_report r;
    struct sn_figures f;

    for (int s = 0; s < 3; s++) {
        for (int d = 0; d < 3; d++) {
            struct sn_row *row;
            if (s == d)
                continue;
            row = make(&m, "mesh", 0);
            sn_row_add_param_int(row, "src", s);
            sn_row_add_param_int(row, "dst", d);
            samples(row, 1e-6);
            sn_row_add_metric(row, docs, "bandwidth", 1e9 * (s + 1));
        }
    }
    sn_report_of_rows(&r, &m.rows, &no_app);
    sn_figures_build(&r, &f);
    cr_assert_not_null(figure(&f, "mesh-matrix"));
    cr_expect_eq(lines_in(figure(&f, "mesh-matrix")->csv.data), 1 + 6);
    cr_expect(strstr(figure(&f, "mesh-matrix")->csv.data, "\n2,1,3000000000\n"));
    sn_figures_free(&f);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
}

/* --- writing ---------------------------------------------------------------------------------- */

static char *copy_of(const char *fixture)
{
    char *dir = temporary();
    char *command = sn_strdupf("cp tests/golden/%s/rows.jsonl tests/golden/%s/manifest.json '%s'",
                               fixture, fixture, dir);

    cr_assert_eq(system(command), 0, "tests run from the root of the repository");
    free(command);
    return dir;
}

static bool exists(const char *dir, const char *name)
{
    char *path = sn_strdupf("%s/%s", dir, name);
    bool yes = access(path, F_OK) == 0;

    free(path);
    return yes;
}

Test(report, written_twice_it_is_the_same)
{
    char *dir = copy_of("quick"), *first, *second, *html, *csv;
    size_t rows;

    cr_assert_eq(sn_report_write(dir, &no_app, "plots", NULL), SN_OK, "%s", sn_status_message());
    first = content(dir, "SHA256SUMS");
    cr_assert_eq(sn_report_write(dir, &no_app, "plots", NULL), SN_OK, "%s", sn_status_message());
    second = content(dir, "SHA256SUMS");
    cr_expect_str_eq(first, second);
    cr_expect(strstr(first, "  report.html\n") && strstr(first, "  plots/transfer-time.svg\n") &&
                  strstr(first, "  tables/mesh.csv\n"),
              "%s", first);
    cr_expect_eq(sn_rundir_verify(dir, &rows), SN_OK, "%s", sn_status_message());
    html = content(dir, "report.html");
    cr_expect(strstr(html, "<svg") && !strstr(html, "could not be drawn"));
    cr_expect_not(strstr(html, "<script") || strstr(html, "http-equiv") || strstr(html, "@import"));
    csv = content(dir, "plots/mesh-matrix.csv");
    cr_expect_eq(lines_in(csv), 13);
    free(csv);
    free(html);
    free(first);
    free(second);
    erase(dir);
}

Test(report, without_gnuplot_it_says_so)
{
    char *dir = copy_of("quick"), *md;

    setenv("PATH", "/nonexistent", 1);
    cr_assert_eq(sn_report_write(dir, &no_app, "plots", NULL), SN_OK, "%s", sn_status_message());
    md = content(dir, "report.md");
    cr_expect(strstr(md, "No figures: gnuplot was not found in PATH."));
    cr_expect(exists(dir, "plots/transfer-time.csv"), "the data of the figures are there");
    cr_expect_not(exists(dir, "plots/transfer-time.svg"));
    setenv("PATH", "/usr/bin:/bin", 1);
    free(md);
    erase(dir);
}

/* A gnuplot that fails: the report names the figure and the last words, and goes on. */
Test(report, failing_gnuplot_is_told)
{
    char *dir = copy_of("quick"), *bin = temporary(), *path, *tool, *md;

    write_text(bin, "gnuplot", "#!/bin/sh\necho first >&2\necho 'no such terminal' >&2\nexit 3\n");
    tool = sn_strdupf("%s/gnuplot", bin);
    chmod(tool, 0755);
    path = sn_strdupf("%s:/usr/bin:/bin", bin);
    setenv("PATH", path, 1);
    cr_assert_eq(sn_report_write(dir, &no_app, "plots", NULL), SN_OK, "%s", sn_status_message());
    md = content(dir, "report.md");
    cr_expect(strstr(md, "Figure transfer-time could not be drawn: gnuplot: no such terminal."));
    cr_expect(strstr(md, "## How to reproduce"));
    cr_expect_not(exists(dir, "plots/transfer-time.svg"));
    free(md);

    /* one that writes half a drawing and claims success */
    write_text(bin, "gnuplot", "#!/bin/sh\necho '<svg>' > \"$5\"\n");
    cr_assert_eq(sn_report_write(dir, &no_app, "plots", NULL), SN_OK, "%s", sn_status_message());
    md = content(dir, "report.md");
    cr_expect(
        strstr(md, "Figure transfer-time could not be drawn: gnuplot wrote no complete SVG."));
    cr_expect_not(exists(dir, "plots/transfer-time.svg"));
    free(md);
    free(path);
    free(tool);
    erase(bin);
    erase(dir);
}

/* Names of benchmarks, values and reasons come from a file that anybody may have written. */
Test(report, hostile_rows_do_no_harm)
{
    static const char evil[] = "../../x<script>\"|";
    struct maker m = {0};
    struct sn_row *row;
    char *dir, *html, *listing;

    for (int i = 0; i < 3; i++) {
        row = make(&m, evil, 0);
        sn_row_add_param_text(row, "algorithm", evil);
        sn_row_add_param_int(row, "size", 8 << i);
        samples(row, 1e-6);
    }
    row = make(&m, evil, 0);
    sn_row_add_param_text(row, "algorithm", "a,b\"c'");
    sn_row_add_param_int(row, "size", 1);
    without(row, SN_ROW_FAILED, evil);
    dir = run_directory(&m, "complete", "");
    cr_assert_eq(sn_report_write(dir, &no_app, "plots", NULL), SN_OK, "%s", sn_status_message());
    html = content(dir, "report.html");
    cr_expect_not(strstr(html, "<script"));
    cr_expect_not(strstr(html, "could not be drawn"), "%s", strstr(html, "could not be drawn"));
    listing = content(dir, "SHA256SUMS");
    cr_expect(strstr(listing, "  tables/_._.._x_script___.csv\n"), "%s", listing);
    free(listing);
    free(html);
    erase(dir);
    sn_rows_free(&m.rows);
}

/* --- printing --------------------------------------------------------------------------------- */

static char *printed(const char *const *dirs, size_t n, enum sn_format format)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    cr_assert_eq(sn_report_print(out, dirs, n, format, &no_app, "plots", NULL), SN_OK, "%s",
                 sn_status_message());
    fclose(out);
    return text;
}

Test(report, json_holds_the_rows_as_they_are)
{
    static const char *const one[] = {"tests/golden/launches"};
    static const char *const two[] = {"tests/golden/launches", "tests/golden/cut"};
    char *text = printed(one, 1, SN_FORMAT_JSON), *rows = content(one[0], "rows.jsonl");
    json_t *j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    size_t n = 0;

    cr_assert_not_null(j);
    for (char *save = NULL, *line = strtok_r(rows, "\n", &save); line;
         line = strtok_r(NULL, "\n", &save), n++)
        cr_expect(strstr(text, line), "row %zu is not in the report as it was written", n);
    cr_expect_eq(json_array_size(json_object_get(j, "rows")), n);
    json_decref(j);
    free(text);
    free(rows);
    text = printed(two, 2, SN_FORMAT_JSON);
    j = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(j);
    cr_expect_str_eq(
        json_string_value(json_object_get(json_array_get(json_object_get(j, "rows"), 0), "run")),
        "launches");
    cr_expect_eq(json_array_size(json_object_get(j, "runs")), 2);
    json_decref(j);
    free(text);
}

/* Every line of the flat table has as many fields as the first. */
Test(report, csv_is_rectangular)
{
    static const char *const dirs[] = {"tests/golden/quick", "tests/golden/launches"};
    char *text = printed(dirs, 2, SN_FORMAT_CSV);
    size_t fields = 1, want = 0, records = 0;
    bool quoted = false;

    for (const char *p = text; *p; p++) {
        quoted ^= *p == '"';
        if (*p == ',' && !quoted)
            fields++;
        if (*p != '\n' || quoted)
            continue;
        want = want ? want : fields;
        cr_expect_eq(fields, want, "record %zu has %zu fields, the first %zu", records, fields,
                     want);
        fields = 1;
        records++;
    }
    cr_expect_eq(records, 1 + 48 + 36);
    free(text);
}

/* Runs with one last name are told apart by their whole paths. */
Test(report, runs_alike_keep_their_paths)
{
    static const char *const dirs[] = {"tests/golden/cut", "./tests/golden/cut/"};
    char *text = printed(dirs, 2, SN_FORMAT_CSV);

    cr_expect(strstr(text, "\ntests/golden/cut,transfer,"));
    cr_expect(strstr(text, "\n./tests/golden/cut/,transfer,"));
    free(text);
}

/* Tables at the end of a run: narrow enough for a terminal, in ASCII. */
Test(report, tables_fit_a_terminal)
{
    struct sn_rows rows;
    char *text = NULL;
    size_t size = 0, column = 0;
    FILE *out = open_memstream(&text, &size);

    cr_assert_eq(sn_rows_read(&rows, "tests/golden/quick/rows.jsonl", NULL), SN_OK);
    cr_assert_eq(sn_report_tables(out, &rows, SN_FORMAT_TEXT, &no_app), SN_OK);
    fclose(out);
    for (const char *p = text; *p; p++) {
        cr_assert((unsigned char)*p < 0x80, "not ASCII: %.40s", p);
        column = *p == '\n' ? 0 : column + 1;
        cr_assert(column <= 100, "wider than 100: %.100s", p - 100);
    }
    cr_expect(strstr(text, "transfer\n") && strstr(text, "FAILED"));
    free(text);
    sn_rows_free(&rows);
}

static const struct sn_axis legend_axes[] = {
    {.name = "op"}, {.name = "size", .unit = SN_UNIT_BYTES}, {0}};
static const struct sn_bench legend_bench = {
    .name = "echo",
    .brief = "An echo.",
    .axes = legend_axes,
    .timed = "the echo alone",
    .bytes = "there and back",
    .limit = "the speed of sound",
};

Test(report, legend_comes_from_the_benchmark)
{
    static const struct sn_bench *const benches[] = {&legend_bench, NULL};
    static const struct sn_app app = {.benches = benches};
    struct maker m = {0};
    struct sn_report r;
    struct sn_doc doc;
    struct sn_buf b = {0};

    ok_row(&m, "get", 4096, 0, 1e-6);
    sn_report_of_rows(&r, &m.rows, &app);
    sn_doc_init(&doc, "");
    sn_report_bench(&r, &r.groups[0], true, &doc);
    sn_doc_md(&doc, &b);
    cr_expect(strstr(b.data, "**Timed**: the echo alone"));
    cr_expect(strstr(b.data, "**Bytes**: there and back"));
    cr_expect(strstr(b.data, "**Limit**: the speed of sound"));
    cr_expect(strstr(b.data, "**bandwidth**: size / median, in B/s, higher is better"));
    cr_expect(strstr(b.data, "size = 4 KiB"), "%s", b.data);
    sn_buf_free(&b);
    sn_doc_free(&doc);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
}
