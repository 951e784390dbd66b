/* snbench calibrate on rows of kernels: what made the rows is found again. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/calibrate_device.h"
#include "bench/device.h"
#include "harness/base/status.h"

/* 200 Gop/s and 20 GB/s. */
static const double peak = 200e9, bandwidth = 20e9;

/* A measured row of gemm that takes `s` seconds. */
static struct sn_row gemm_row(int m, int n, int k, const char *cache, const char *variant, double s)
{
    const struct sn_metric_doc *docs = sn_bench_gemm.metric_docs;
    struct sn_row r;
    double ops = 2.0 * m * n * k, weights = m ? 1.0 * n * k + 4 * n : 0,
           activations = 1.0 * m * k + 4 * m, output = 4.0 * m * n;
    sn_row_init(&r);
    r.bench = "gemm";
    r.clock = "wall";
    r.seed = 1;
    sn_row_add_param_int(&r, "m", m);
    sn_row_add_param_int(&r, "n", n);
    sn_row_add_param_int(&r, "k", k);
    sn_row_add_param_text(&r, "a", "u8");
    sn_row_add_param_text(&r, "out", "f32");
    sn_row_add_param_int(&r, "pad", 0);
    sn_row_add_param_text(&r, "dist", "full");
    sn_row_add_param_text(&r, "cache", cache);
    sn_row_add_param_int(&r, "threads", 1);
    sn_row_add_param_text(&r, "variant", variant);
    sn_row_set_samples(&r, (double[]){s, s, s}, 3);
    sn_row_add_metric(&r, docs, "compute_limit", ops / peak);
    sn_row_add_metric(&r, docs, "memory_limit",
                      (strcmp(cache, "cold") ? weights : weights + activations + output) /
                          bandwidth);
    sn_row_add_metric(&r, docs, "operations", ops);
    sn_row_add_metric(&r, docs, "weights", weights);
    sn_row_add_metric(&r, docs, "activations", activations);
    sn_row_add_metric(&r, docs, "output", output);
    sn_row_compute(&r);
    sn_row_set_id(&r);
    return r;
}

/* The roof of gemm (1,000 x 1,000) over the efficiency e. */
static double at(int m, double e)
{
    double ops = 2e6 * m, bytes = 1e6 + 4000 + 1004.0 * m + 4000.0 * m;
    return fmax(ops / peak, bytes / bandwidth) / e;
}

static int calibrate(struct sn_row *rows, size_t n, struct sn_device *d)
{
    const struct sn_rows all = {rows, n};
    struct sn_buf yaml = {0}, text = {0};
    sn_status_clear();
    int status = sn_cal_device(&all, "run", "mine", &yaml, &text);
    if (status == SN_OK) {
        status = sn_device_parse(d, yaml.data, yaml.len, "mine.yaml");
        cr_assert_eq(status, SN_OK, "%s in\n%s", sn_status_message(), yaml.data);
    }
    sn_buf_free(&yaml);
    sn_buf_free(&text);
    for (size_t i = 0; i < n; i++)
        sn_row_free(&rows[i]);
    return status;
}

static void near(double got, double want)
{
    cr_expect(fabs(got / want - 1) < 1e-3, "%g, not %g", got, want);
}

/* The launch is that of no rows; slower variants and hot rows tell nothing. */
Test(calibrate_device, finds_what_made_the_rows)
{
    const double launch = 2e-6;
    struct sn_row rows[] = {
        gemm_row(0, 1000, 1000, "hot", "a", launch / 2), /* hot: others are cold */
        gemm_row(0, 1000, 1000, "cold", "a", launch),
        gemm_row(1, 1000, 1000, "cold", "a", launch + at(1, 0.9)),
        gemm_row(1, 1000, 1000, "cold", "b", launch + at(1, 0.3)),
        gemm_row(1, 1000, 1000, "hot", "a", launch + at(1, 1) / 9),
        gemm_row(64, 1000, 1000, "cold", "b", launch + at(64, 0.5)),
        gemm_row(256, 1000, 1000, "cold", "b", launch + at(256, 0.8)),
    };
    struct sn_device d;
    cr_assert_eq(calibrate(rows, sizeof rows / sizeof *rows, &d), SN_OK, "%s", sn_status_message());
    cr_expect_str_eq(d.name, "mine");
    near(d.peak[SN_PEAK_INT8].value, peak);
    near(d.memory.value, bandwidth);
    near(d.launch.value, launch);
    cr_expect_eq(d.peak[SN_PEAK_INT8].class, SN_FIGURE_CALIBRATED);
    cr_assert_eq(d.n_tables, 2);
    const struct sn_device_table *t = &d.tables[0];
    cr_assert_eq(t->n_points, 3);
    cr_expect_str_eq(t->over, "m");
    near(t->points[0].efficiency, 0.9);
    near(t->points[1].efficiency, 0.5);
    near(t->points[2].efficiency, 0.8);
    cr_expect(t->points[0].at == 1 && t->points[2].at == 256);

    /* A row that was not there lies between, in time; one of another n is flagged. */
    struct sn_cost c;
    struct sn_device_time time;
    union sn_problem p = {.gemm = {.m = 160, .n = 1000, .k = 1000, .c_type = SN_F32}};
    sn_cost_of(SN_OP_GEMM, &p, &c);
    sn_device_predict(&d, SN_OP_GEMM, &c, &time);
    near(time.s, launch + (at(64, 0.5) + at(256, 0.8)) / 2);
    cr_expect_eq(time.flags, 0);
    p.gemm.n = 2000;
    sn_cost_of(SN_OP_GEMM, &p, &c);
    sn_device_predict(&d, SN_OP_GEMM, &c, &time);
    cr_expect_eq(time.flags, SN_DEVICE_EXTRAPOLATED);
    sn_device_close(&d);
}

/* Two shapes of one m: the geometric mean of 0.9 and 0.4. */
Test(calibrate_device, rows_of_one_shape_share_a_point)
{
    struct sn_row rows[] = {
        gemm_row(64, 1000, 1000, "cold", "a", at(64, 0.9)),
        gemm_row(64, 500, 2000, "cold", "a", 64e6 * 2 / peak / 0.4),
    };
    struct sn_device d;
    cr_assert_eq(calibrate(rows, 2, &d), SN_OK, "%s", sn_status_message());
    cr_assert_eq(d.tables[0].n_points, 1);
    near(d.tables[0].points[0].efficiency, 0.6);
    cr_expect_eq(d.launch.class, SN_FIGURE_NONE);
    cr_assert_eq(d.tables[0].n_valid, 2);
    cr_expect(d.tables[0].valid[0].min == 500 && d.tables[0].valid[0].max == 1000);
    sn_device_close(&d);
}

/* Faster than the roof: caches. The profile stays at the roof and warns. */
Test(calibrate_device, no_efficiency_is_above_1)
{
    struct sn_row rows[] = {gemm_row(1, 1000, 1000, "cold-weights", "a", at(1, 1.2))};
    struct sn_device d;
    cr_assert_eq(calibrate(rows, 1, &d), SN_OK, "%s", sn_status_message());
    near(d.tables[0].points[0].efficiency, 1);
    bool warned = false;
    for (size_t i = 0; i < d.n_warnings; i++)
        warned = warned || strstr(d.warnings[i], "lie in caches");
    cr_expect(warned);
    sn_device_close(&d);
}

/* A row above its own roof is not to be believed, and its absence is said. */
Test(calibrate_device, suspect_rows_are_left_out)
{
    struct sn_row rows[] = {gemm_row(1, 1000, 1000, "cold", "a", at(1, 0.5)),
                            gemm_row(64, 1000, 1000, "cold", "a", at(64, 0.5))};
    struct sn_device d;
    sn_row_add_flag(&rows[0], "suspect");
    cr_assert_eq(calibrate(rows, 2, &d), SN_OK, "%s", sn_status_message());
    cr_assert_eq(d.tables[0].n_points, 1);
    cr_expect_eq(d.tables[0].points[0].at, 64);
    cr_assert(d.n_warnings >= 1 && strstr(d.warnings[0], "1 rows above their roof"));
    sn_device_close(&d);
}

Test(calibrate_device, rows_that_tell_nothing)
{
    struct sn_row hot[] = {gemm_row(1, 1000, 1000, "hot", "a", 1e-3)};
    struct sn_device d;
    cr_expect_eq(calibrate(hot, 1, &d), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "run: no row tells the bandwidth of memory"), "%s",
              sn_status_message());
    struct sn_row modelled[] = {gemm_row(1, 1000, 1000, "cold", "a", 1e-3)};
    modelled[0].origin = SN_ORIGIN_MODELLED;
    cr_expect_eq(calibrate(modelled, 1, &d), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "no measured rows of kernels"), "%s",
              sn_status_message());
}
