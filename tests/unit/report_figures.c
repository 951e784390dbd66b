/* Which figures the rows of a report give. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/status.h"
#include "harness/report.h"
#include "harness/report_parts.h"
#include "harness/report_plots.h"
#include "tests/unit/echo.h"

static const struct sn_figure *figure(const struct sn_figures *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->figures[i].name, name) == 0)
            return &f->figures[i];
    return NULL;
}

Test(figures, size_needs_more_than_two_values)
{
    struct echo m = {0};
    struct sn_report r;
    struct sn_figures f;

    echo_row(&m, "get", 8, 0, 1e-6);
    echo_row(&m, "get", 64, 0, 2e-6);
    sn_report_of_rows(&r, &m.rows, &echo_app);
    sn_figures_build(&r, &f);
    cr_expect_null(figure(&f, "echo-time"));
    cr_expect_not_null(figure(&f, "echo-samples"));
    sn_figures_free(&f);
    sn_report_free(&r);

    echo_row(&m, "get", 512, 0, 4e-6);
    echo_row(&m, "put", 512, 0, 8e-6);
    sn_report_of_rows(&r, &m.rows, &echo_app);
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
    struct echo m = {0};
    struct sn_report r;
    struct sn_figures f;

    for (int64_t size = 8; size <= 512; size *= 8) {
        for (int a = 0; a < 4; a++) {
            for (int b = 0; b < 4; b++) {
                struct sn_row *row = echo_make(&m, "echo", 0);
                sn_row_add_param_int(row, "window", 1 << a);
                sn_row_add_param_int(row, "ranks", b);
                sn_row_add_param_int(row, "size", size);
                echo_samples(row, 1e-6);
            }
        }
    }
    sn_report_of_rows(&r, &m.rows, &echo_app);
    sn_figures_build(&r, &f);
    cr_expect_null(figure(&f, "echo-time"), "16 series in one figure");
    cr_assert_not_null(figure(&f, "echo-time-window-8"));
    cr_expect_eq(echo_lines_in(figure(&f, "echo-time-window-8")->csv.data), 1 + 3 * 4);
    sn_figures_free(&f);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
}

static void token_rows(struct echo *m, int64_t tokens)
{
    static const char *const algorithms[] = {"alltoallv", "put"}, *const phases[] = {"d", "c"};

    for (int a = 0; a < 2; a++) {
        for (int p = 0; p < 2; p++) {
            struct sn_row *row = echo_make(m, "shuffle", 0);
            sn_row_add_param_text(row, "algorithm", algorithms[a]);
            sn_row_add_param_text(row, "phase", phases[p]);
            sn_row_add_param_int(row, "tokens", tokens);
            echo_samples(row, (a + 1) * (p + 2) * 1e-6);
        }
    }
}

Test(figures, tokens_give_bars_or_curves)
{
    struct echo m = {0};
    struct sn_report r;
    struct sn_figures f;

    token_rows(&m, 128);
    sn_report_of_rows(&r, &m.rows, &echo_app);
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
    sn_report_of_rows(&r, &m.rows, &echo_app);
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
    struct echo m = {0};
    struct sn_report r;
    struct sn_figures f;

    for (int s = 0; s < 3; s++) {
        for (int d = 0; d < 3; d++) {
            struct sn_row *row;
            if (s == d)
                continue;
            row = echo_make(&m, "mesh", 0);
            sn_row_add_param_int(row, "src", s);
            sn_row_add_param_int(row, "dst", d);
            echo_samples(row, 1e-6);
            sn_row_add_metric(row, echo_docs, "bandwidth", 1e9 * (s + 1));
        }
    }
    sn_report_of_rows(&r, &m.rows, &echo_app);
    sn_figures_build(&r, &f);
    cr_assert_not_null(figure(&f, "mesh-matrix"));
    cr_expect_eq(echo_lines_in(figure(&f, "mesh-matrix")->csv.data), 1 + 6);
    cr_expect(strstr(figure(&f, "mesh-matrix")->csv.data, "\n2,1,3000000000\n"));
    sn_figures_free(&f);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
}

/* Every third endpoint: neither a cell nor a name for what no row has. */
Test(figures, a_matrix_with_gaps_is_drawn)
{
    struct echo m = {0};
    struct sn_report r;
    struct sn_figures f;
    char *gnuplot = sn_gnuplot_find(), *dir = echo_dir();

    for (int s = 0; s < 9; s += 3) {
        for (int d = 0; d < 9; d += 3) {
            struct sn_row *row = echo_make(&m, "mesh", 0);
            sn_row_add_param_int(row, "src", s);
            sn_row_add_param_int(row, "dst", d);
            echo_samples(row, 1e-6);
            sn_row_add_metric(row, echo_docs, "bandwidth", 1e9 * (s + 1));
        }
    }
    sn_report_of_rows(&r, &m.rows, &echo_app);
    sn_figures_build(&r, &f);
    cr_assert_eq(sn_figures_draw(&f, dir, gnuplot, "plots"), SN_OK);
    cr_assert_not_null(figure(&f, "mesh-matrix"));
    cr_expect_null(figure(&f, "mesh-matrix")->error, "%s", figure(&f, "mesh-matrix")->error);
    sn_figures_free(&f);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
    echo_erase(dir);
    free(gnuplot);
}

/* A curve that the suite declares is not drawn a second time. */
Test(figures, a_declared_curve_is_not_chosen_too)
{
    struct echo m = {0};
    struct sn_report r;
    struct sn_figures f;

    for (int ep = 8; ep <= 32; ep *= 2) {
        struct sn_row *row = echo_make(&m, "shuffle", 0);
        sn_row_add_param_int(row, "ep", ep);
        sn_row_add_param_int(row, "tokens", 128);
        sn_row_add_param_text(row, "algorithm", "put");
        echo_samples(row, 1e-6);
    }
    sn_report_of_rows(&r, &m.rows, &echo_app);
    sn_figures_build(&r, &f);
    cr_expect_not_null(figure(&f, "shuffle-ep"));
    sn_figures_free(&f);
    r.runs[0].manifest = json_pack("{s:[{s:s, s:s, s:[s]}]}", "figures", "kind", "curve", "x", "ep",
                                   "benches", "shuffle");
    sn_figures_build(&r, &f);
    cr_expect_null(figure(&f, "shuffle-ep"));
    cr_expect_not_null(figure(&f, "shuffle-samples"));
    sn_figures_free(&f);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
}
