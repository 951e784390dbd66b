/* Reports: merging of launches, order, verdicts, what is written. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "harness/base/status.h"
#include "harness/report.h"
#include "harness/report_parts.h"
#include "harness/rundir.h"
#include "tests/unit/echo.h"

/* --- lines ------------------------------------------------------------------------------------ */

Test(report, six_launches_have_an_interval)
{
    static const double us[] = {5, 1, 4, 6, 2, 3};
    struct echo m = {0};
    struct sn_report r;
    const struct sn_line *l;

    for (int i = 0; i < 6; i++)
        echo_row(&m, "get", 8, i, us[i] * 1e-6);
    sn_report_of_rows(&r, &m.rows, &echo_app);
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
    struct echo m = {0};
    char *dir, *md;

    echo_row(&m, "get", 8, 0, 1e-6);
    dir = echo_run(&m, "complete", "");
    echo_write(dir, "manifest.json",
               "{\"ranks\":2,\"launches\":3,\"command\":\"x\",\"argv\":[\"snbench\",\"run\","
               "\"--launches\",\"3\",\"-o\",\"D\",\"--launch\",\"0\",\"-o\",\"D\",\"echo\","
               "\"size=8:64:*2\"]}");
    cr_assert_eq(sn_report_write(dir, &echo_app, "plots", NULL), SN_OK);
    md = echo_content(dir, "report.md");
    cr_expect(strstr(md, "\nmpiexec -n 2 snbench run --launches 3 -o D echo 'size=8:64:*2'\n"),
              "%s", strstr(md, "## How to reproduce"));
    free(md);
    echo_erase(dir);
    sn_rows_free(&m.rows);
}

Test(report, five_launches_have_a_range)
{
    struct echo m = {0};
    struct sn_report r;
    struct sn_table t;
    struct sn_buf b = {0};

    for (int i = 0; i < 5; i++)
        echo_row(&m, "get", 8, i, (i + 1) * 1e-6);
    sn_report_of_rows(&r, &m.rows, &echo_app);
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
    struct echo m = {0};
    struct sn_report r;
    struct sn_verdict v;

    echo_row(&m, "get", 8, 0, 1e-6);
    echo_without(echo_row(&m, "get", 8, 1, 1e-6), SN_ROW_FAILED, "wrong byte");
    echo_row(&m, "get", 8, 2, 1e-6);
    sn_report_of_rows(&r, &m.rows, &echo_app);
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
    struct echo m = {0};
    struct sn_report r;
    struct sn_table t;
    struct sn_buf b = {0};

    echo_row(&m, "get", 8, 0, 1e-6);
    echo_row(&m, "get", 8, 0, 2e-6)->origin = SN_ORIGIN_EMULATED;
    sn_report_of_rows(&r, &m.rows, &echo_app);
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

static struct echo four_rows(void)
{
    struct echo m = {0};

    echo_row(&m, "get", 8, 0, 1e-6);
    echo_row(&m, "get", 64, 0, 2e-6);
    echo_without(echo_row(&m, "put", 8, 0, 1e-6), SN_ROW_SKIPPED, "no device");
    echo_without(echo_row(&m, "put", 64, 0, 1e-6), SN_ROW_SKIPPED, "no device");
    return m;
}

Test(report, verdict_counts_every_planned_case_once)
{
    struct echo m = four_rows();
    char *dir = echo_run(&m, "complete", "");
    struct sn_report r;
    struct sn_verdict v;

    cr_assert_eq(sn_report_load(&r, (const char *const *)&dir, 1, &echo_app), SN_OK, "%s",
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
    echo_erase(dir);
    sn_rows_free(&m.rows);
}

Test(report, verdict_of_a_cut_row)
{
    struct echo m = four_rows();
    char *dir = echo_run(&m, "interrupted", "{\"schema\":\"snb");
    struct sn_report r;
    struct sn_verdict v;

    cr_assert_eq(sn_report_load(&r, (const char *const *)&dir, 1, &echo_app), SN_OK);
    sn_verdict_make(&r, NULL, &v);
    cr_expect(v.torn);
    cr_expect_eq(v.result, SN_RESULT_INCOMPLETE);
    cr_expect_str_eq(v.status, "interrupted");
    sn_verdict_free(&v);
    sn_report_free(&r);
    echo_erase(dir);
    sn_rows_free(&m.rows);
}

Test(report, unreadable_manifest_names_the_line)
{
    struct echo m = four_rows();
    char *dir = echo_run(&m, "complete", "");
    struct sn_report r;

    echo_write(dir, "manifest.json", "{\"plan\":[\n,]}");
    cr_expect_eq(sn_report_load(&r, (const char *const *)&dir, 1, &echo_app), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "manifest.json:2"), "%s", sn_status_message());
    echo_erase(dir);
    sn_rows_free(&m.rows);
}

/* --- writing ---------------------------------------------------------------------------------- */

static char *copy_of(const char *fixture)
{
    char *dir = echo_dir();
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

    cr_assert_eq(sn_report_write(dir, &echo_app, "plots", NULL), SN_OK, "%s", sn_status_message());
    first = echo_content(dir, "SHA256SUMS");
    cr_assert_eq(sn_report_write(dir, &echo_app, "plots", NULL), SN_OK, "%s", sn_status_message());
    second = echo_content(dir, "SHA256SUMS");
    cr_expect_str_eq(first, second);
    cr_expect(strstr(first, "  report.html\n") && strstr(first, "  plots/transfer-time.svg\n") &&
                  strstr(first, "  tables/mesh.csv\n"),
              "%s", first);
    cr_expect_eq(sn_rundir_verify(dir, &rows), SN_OK, "%s", sn_status_message());
    html = echo_content(dir, "report.html");
    cr_expect(strstr(html, "<svg") && !strstr(html, "could not be drawn"));
    cr_expect_not(strstr(html, "<script") || strstr(html, "http-equiv") || strstr(html, "@import"));
    csv = echo_content(dir, "plots/mesh-matrix.csv");
    cr_expect_eq(echo_lines_in(csv), 13);
    free(csv);
    free(html);
    free(first);
    free(second);
    echo_erase(dir);
}

Test(report, without_gnuplot_it_says_so)
{
    char *dir = copy_of("quick"), *md;

    setenv("PATH", "/nonexistent", 1);
    cr_assert_eq(sn_report_write(dir, &echo_app, "plots", NULL), SN_OK, "%s", sn_status_message());
    md = echo_content(dir, "report.md");
    cr_expect(strstr(md, "No figures: gnuplot was not found in PATH."));
    cr_expect(exists(dir, "plots/transfer-time.csv"), "the data of the figures are there");
    cr_expect_not(exists(dir, "plots/transfer-time.svg"));
    setenv("PATH", "/usr/bin:/bin", 1);
    free(md);
    echo_erase(dir);
}

/* A gnuplot that fails: the report names the figure and the last words, and goes on. */
Test(report, failing_gnuplot_is_told)
{
    char *dir = copy_of("quick"), *bin = echo_dir(), *path, *tool, *md;

    echo_write(bin, "gnuplot", "#!/bin/sh\necho first >&2\necho 'no such terminal' >&2\nexit 3\n");
    tool = sn_strdupf("%s/gnuplot", bin);
    chmod(tool, 0755);
    path = sn_strdupf("%s:/usr/bin:/bin", bin);
    setenv("PATH", path, 1);
    cr_assert_eq(sn_report_write(dir, &echo_app, "plots", NULL), SN_OK, "%s", sn_status_message());
    md = echo_content(dir, "report.md");
    cr_expect(strstr(md, "Figure transfer-time could not be drawn: gnuplot: no such terminal."));
    cr_expect(strstr(md, "## How to reproduce"));
    cr_expect_not(exists(dir, "plots/transfer-time.svg"));
    free(md);

    /* one that writes half a drawing and claims success */
    echo_write(bin, "gnuplot", "#!/bin/sh\necho '<svg>' > \"$5\"\n");
    cr_assert_eq(sn_report_write(dir, &echo_app, "plots", NULL), SN_OK, "%s", sn_status_message());
    md = echo_content(dir, "report.md");
    cr_expect(
        strstr(md, "Figure transfer-time could not be drawn: gnuplot wrote no complete SVG."));
    cr_expect_not(exists(dir, "plots/transfer-time.svg"));
    free(md);
    free(path);
    free(tool);
    echo_erase(bin);
    echo_erase(dir);
}

/* Names of benchmarks, values and reasons come from a file that anybody may have written. */
Test(report, hostile_rows_do_no_harm)
{
    static const char evil[] = "../../x<script>\"|";
    struct echo m = {0};
    struct sn_row *row;
    char *dir, *html, *listing;

    for (int i = 0; i < 3; i++) {
        row = echo_make(&m, evil, 0);
        sn_row_add_param_text(row, "algorithm", evil);
        sn_row_add_param_int(row, "size", 8 << i);
        echo_samples(row, 1e-6);
    }
    row = echo_make(&m, evil, 0);
    sn_row_add_param_text(row, "algorithm", "a,b\"c'");
    sn_row_add_param_int(row, "size", 1);
    echo_without(row, SN_ROW_FAILED, evil);
    dir = echo_run(&m, "complete", "");
    cr_assert_eq(sn_report_write(dir, &echo_app, "plots", NULL), SN_OK, "%s", sn_status_message());
    html = echo_content(dir, "report.html");
    cr_expect_not(strstr(html, "<script"));
    cr_expect_not(strstr(html, "could not be drawn"), "%s", strstr(html, "could not be drawn"));
    listing = echo_content(dir, "SHA256SUMS");
    cr_expect(strstr(listing, "  tables/_._.._x_script___.csv\n"), "%s", listing);
    free(listing);
    free(html);
    echo_erase(dir);
    sn_rows_free(&m.rows);
}
