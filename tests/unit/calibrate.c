/* snbench calibrate: known parameters come back from rows made of them; what rows do not tell is
 * said; the profile reads back; nothing is written when there is nothing to say. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "bench/calibrate.h"
#include "bench/calibrate_fit.h"
#include "bench/profile.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "tests/unit/netprofiles.h"

/* The path that the rows are made of; o binds below 2,000 bytes. */
static const double L = 1.5e-6, B = 10e9, O = 200e-9;

static double made_of(double messages, double bytes)
{
    double bytes_s = bytes / B;
    return L + bytes_s + (messages - 1) * (bytes_s > O ? bytes_s : O);
}

static void expect_near(double got, double expected, double tolerance, const char *what)
{
    cr_expect(fabs(got / expected - 1) <= tolerance, "%s: %g, expected %g", what, got, expected);
}

/* --- the fit ---------------------------------------------------------------------------------- */

Test(calibrate, fit_recovers_three_parameters)
{
    struct sn_fit_row rows[32];
    size_t n = 0;
    for (double bytes = 8; bytes <= 4 << 20; bytes *= 4, n++)
        rows[n] = (struct sn_fit_row){.messages = 1, .bytes = bytes, .s = made_of(1, bytes)};
    for (double bytes = 8; bytes <= 1 << 20; bytes *= 8, n++)
        rows[n] = (struct sn_fit_row){.messages = 64, .bytes = bytes, .s = made_of(64, bytes)};
    struct sn_fit f;
    cr_assert(sn_fit_path(&f, rows, n));
    expect_near(f.value[SN_FIT_LATENCY], L, 1e-6, "latency");
    expect_near(f.value[SN_FIT_INVERSE], 1 / B, 1e-6, "1 / bandwidth");
    expect_near(f.value[SN_FIT_OVERHEAD], O, 1e-6, "overhead");
    cr_expect_eq(f.n, n);
    cr_expect_eq(f.parameters, 3);
    cr_expect(f.worst < 1e-6 && !f.clamped);
    cr_expect(f.least == 8 && f.most == 2 << 20, "%g to %g", f.least, f.most);
    for (size_t i = 0; i < n; i++)
        cr_expect(rows[i].used && fabs(rows[i].predicted / rows[i].s - 1) < 1e-6);
}

/* 2 % of noise: the truth lies within four standard errors, and they are of the noise's size. */
Test(calibrate, standard_errors_cover_the_truth)
{
    struct sn_rng rng = sn_rng_make(7, 0);
    for (int round = 0; round < 50; round++) {
        struct sn_fit_row rows[20];
        size_t n = 0;
        for (double bytes = 8; bytes <= 4 << 20; bytes *= 2, n++) {
            double noise = 0.02 * sn_rng_normal(&rng);
            rows[n] = (struct sn_fit_row){
                .messages = 1, .bytes = bytes, .s = (L + bytes / B) * (1 + noise)};
        }
        struct sn_fit f;
        cr_assert(sn_fit_path(&f, rows, n));
        cr_expect(!f.fitted[SN_FIT_OVERHEAD] && f.value[SN_FIT_OVERHEAD] == 0);
        cr_expect(isnan(f.error[SN_FIT_OVERHEAD]));
        for (int i = 0; i < 2; i++) {
            double truth = i == SN_FIT_LATENCY ? L : 1 / B;
            cr_expect(f.error[i] > 0.001 && f.error[i] < 0.02, "%g", f.error[i]);
            expect_near(f.value[i], truth, 4 * f.error[i], "a noisy parameter");
        }
        cr_expect(fabs(f.correlation[0][1]) < 0.8);
    }
}

/* Sizes that differ by 1 %: only the sum of latency and bytes / bandwidth is told. */
Test(calibrate, collinear_parameters_are_seen)
{
    struct sn_fit_row rows[] = {{.messages = 1, .bytes = 1.00e6, .s = L + 1.00e6 / B},
                                {.messages = 1, .bytes = 1.005e6, .s = L + 1.005e6 / B},
                                {.messages = 1, .bytes = 1.01e6, .s = L + 1.01e6 / B}};
    struct sn_fit f;
    cr_assert(sn_fit_path(&f, rows, 3));
    cr_expect(fabs(f.correlation[SN_FIT_LATENCY][SN_FIT_INVERSE]) > 0.999);
    cr_expect(f.share_least > 0.9);
}

/* Up to 64 KiB a cache ten times as fast: the run of more rows is described, either way round. */
Test(calibrate, one_cache_level_is_described)
{
    for (int most = 1; most <= 2; most++) {
        struct sn_fit_row rows[24];
        size_t n = 0;
        double limit = most == 1 ? 64 << 10 : 2 << 10;
        for (double bytes = 64; bytes <= 4 << 20; bytes *= 2, n++)
            rows[n] =
                (struct sn_fit_row){.messages = 1,
                                    .bytes = bytes,
                                    .s = bytes <= limit ? 1e-8 + bytes / 100e9 : 1e-7 + bytes / B};
        struct sn_fit f;
        cr_assert(sn_fit_path(&f, rows, n));
        expect_near(f.value[SN_FIT_INVERSE], most == 1 ? 1 / 100e9 : 1 / B, 0.01, "1 / bandwidth");
        cr_expect_eq(f.n, 11);
        cr_expect_eq(f.n, most == 1 ? (size_t)log2(limit / 64) + 1 : n - 6);
    }
}

Test(calibrate, no_line_is_no_fit)
{
    struct sn_fit f;
    struct sn_fit_row one[] = {{.messages = 1, .bytes = 8, .s = 1}};
    struct sn_fit_row same[] = {{.messages = 1, .bytes = 8, .s = 1e-6},
                                {.messages = 1, .bytes = 8, .s = 2e-6}};
    struct sn_fit_row falling[] = {{.messages = 1, .bytes = 8, .s = 2e-6},
                                   {.messages = 1, .bytes = 80, .s = 1.9e-6}};
    cr_expect(!sn_fit_path(&f, one, 1));
    cr_expect(!sn_fit_path(&f, same, 2));
    cr_expect(!sn_fit_path(&f, falling, 2));
    /* One time but for the last digits: the slope is rounding, not a bandwidth. */
    struct sn_fit_row flat[] = {{.messages = 1, .bytes = 8, .s = 1e-6},
                                {.messages = 1, .bytes = 64, .s = 1e-6 * (1 + 4e-16)},
                                {.messages = 1, .bytes = 512, .s = 1e-6 * (1 + 8e-16)}};
    cr_expect(!sn_fit_path(&f, flat, 3));
    struct sn_fit_row steep[] = {{.messages = 1, .bytes = 1000, .s = 1e-6},
                                 {.messages = 1, .bytes = 2000, .s = 2.2e-6},
                                 {.messages = 1, .bytes = 4000, .s = 4.6e-6}};
    cr_assert(sn_fit_path(&f, steep, 3)); /* through 1.2 ns/B - 0.2 us: no negative latency */
    cr_expect(f.clamped && f.value[SN_FIT_LATENCY] == 0 && f.parameters == 1);
}

/* --- rows ------------------------------------------------------------------------------------- */

struct made {
    struct sn_rows rows;
};

static struct sn_row *add_row(struct made *m, const char *bench, double seconds)
{
    m->rows.rows = sn_realloc(m->rows.rows, m->rows.n + 1, sizeof *m->rows.rows);
    struct sn_row *r = &m->rows.rows[m->rows.n++];
    sn_row_init(r);
    r->bench = sn_row_str(r, "%s", bench);
    r->clock = sn_row_str(r, "wall");
    r->origin = SN_ORIGIN_MEASURED;
    r->ranks = r->endpoints = 2;
    r->stats.median = seconds;
    return r;
}

static struct sn_row *add_latency(struct made *m, const char *op, const char *transport,
                                  long long size, double seconds)
{
    struct sn_row *r = add_row(m, "latency", seconds);
    sn_row_add_param_text(r, "op", op);
    sn_row_add_param_int(r, "size", size);
    sn_row_add_param_text(r, "transport", transport);
    return r;
}

static void add_msgrate(struct made *m, const char *op, long long window, long long size,
                        double seconds)
{
    struct sn_row *r = add_row(m, "msgrate", seconds);
    sn_row_add_param_text(r, "op", op);
    sn_row_add_param_int(r, "pairs", 1);
    sn_row_add_param_int(r, "window", window);
    sn_row_add_param_int(r, "size", size);
    sn_row_add_param_text(r, "transport", "rma");
}

static void add_dispatch(struct made *m, long long tokens, double seconds)
{
    struct sn_row *r = add_row(m, "dispatch", seconds);
    sn_row_add_param_int(r, "ep", 2);
    sn_row_add_param_int(r, "tokens", tokens);
    sn_row_add_param_int(r, "hidden", 512);
    sn_row_add_param_int(r, "topk", 4);
    sn_row_add_param_text(r, "dtype", "bf16");
    sn_row_add_param_text(r, "routing", "uniform");
    sn_row_add_param_text(r, "algorithm", "put");
    sn_row_add_param_text(r, "transport", "rma");
    sn_row_add_param_text(r, "skew", "none");
    sn_row_add_param_text(r, "phase", "dispatch");
}

/* The path above in puts, reads of 2 us more and 8 GB/s, msgrate, dispatches of 40 us + 1 us a
 * token; beside them what must not count. */
static struct made make_rows(void)
{
    struct made m = {0};
    for (long long size = 8; size <= 4 << 20; size *= 4) {
        add_latency(&m, "put", "rma", size, made_of(1, (double)size));
        add_latency(&m, "get", "rma", size, 3.5e-6 + (double)size / 8e9);
    }
    add_latency(&m, "put", "shm", 8, 1e-8);
    add_latency(&m, "put", "shm", 800, 1e-7);
    add_msgrate(&m, "put", 64, 8, made_of(64, 8));
    add_msgrate(&m, "put", 64, 512, made_of(64, 512));
    for (long long tokens = 1; tokens <= 256; tokens *= 2)
        add_dispatch(&m, tokens, 40e-6 + (double)tokens * 1e-6);
    add_latency(&m, "put", "rma", 2048, 1)->origin = SN_ORIGIN_EMULATED;
    add_latency(&m, "put", "rma", 2048, 1)->clock = "model";
    add_latency(&m, "put", "rma", 2048, 1)->status = SN_ROW_FAILED;
    sn_row_add_flag(add_latency(&m, "put", "rma", 2048, 1e-9), "suspect");
    return m;
}

static void free_rows(struct made *m)
{
    sn_rows_free(&m->rows);
}

static struct sn_profile calibrate(struct made *m, struct sn_buf *yaml, struct sn_buf *text)
{
    struct sn_profile p;
    cr_assert_eq(sn_calibrate_rows(&m->rows, "run7", "local", yaml, text), SN_OK, "%s",
                 sn_status_message());
    cr_assert_eq(sn_profile_parse(&p, yaml->data, yaml->len, "local.yaml"), SN_OK, "%s in\n%s",
                 sn_status_message(), yaml->data);
    return p;
}

static bool warned(const struct sn_profile *p, const char *words)
{
    for (size_t i = 0; i < p->n_warnings; i++)
        if (strstr(p->warnings[i], words))
            return true;
    return false;
}

Test(calibrate, rows_become_a_profile)
{
    struct made m = make_rows();
    struct sn_buf yaml = {0}, text = {0};
    struct sn_profile p = calibrate(&m, &yaml, &text);
    const struct sn_profile_path *node = &p.paths[SN_PATH_NODE];
    cr_expect_str_eq(p.name, "local");
    cr_expect(p.dies == 2 && p.dies_per_node == 2 && p.dies_per_npu == 1 && p.planes == 0);
    expect_near(node->latency.value, L, 1e-5, "latency");
    expect_near(node->bandwidth.value, B, 1e-5, "bandwidth");
    expect_near(node->read_latency.value, 3.5e-6, 1e-5, "read latency");
    expect_near(node->read_bandwidth.value, 8e9, 1e-5, "read bandwidth");
    expect_near(p.cost.issue.value, O, 1e-5, "issue");
    expect_near(p.cost.flag.value, 2 * O, 1e-5, "flag");
    expect_near(p.cost.sync_base.value + p.cost.sync_step.value, 2 * O, 1e-5, "log form at EP 2");
    expect_near(p.cost.launch.value, 40e-6 - L - 2 * O, 1e-4, "launch");
    expect_near(p.ports[0].bandwidth.value, B, 1e-5, "port");
    cr_expect_eq(node->latency.class, SN_FIGURE_CALIBRATED);
    cr_expect_eq(p.cost.flag.class, SN_FIGURE_DERIVED);
    cr_expect(strstr(node->latency.source, "run7: 12 put rows, transport rma, 8 B to 2 MiB"), "%s",
              node->latency.source);
    cr_expect(net_covers(&p, "latency", "size", 8, "") &&
              net_covers(&p, "latency", "size", 2 << 20, "") &&
              !net_covers(&p, "latency", "size", 4 << 20, ""));
    /* The conditions of the dispatch rows, all of them and of no other benchmark. */
    cr_expect(net_covers(&p, "dispatch", "tokens", 256, "") &&
              !net_covers(&p, "dispatch", "tokens", 512, ""));
    cr_expect(net_covers(&p, "dispatch", "ep", 2, "") && !net_covers(&p, "dispatch", "ep", 3, ""));
    cr_expect(net_covers(&p, "alltoall", "ep", 3, ""));
    cr_expect(net_covers(&p, "dispatch", "hidden", 512, "") &&
              !net_covers(&p, "dispatch", "hidden", 7168, ""));
    cr_expect(net_covers(&p, "dispatch", "topk", 4, "") &&
              !net_covers(&p, "dispatch", "topk", 8, ""));
    cr_expect(net_covers(&p, "dispatch", "dtype", 0, "bf16") &&
              !net_covers(&p, "dispatch", "dtype", 0, "int8"));
    cr_expect(net_covers(&p, "dispatch", "algorithm", 0, "put") &&
              !net_covers(&p, "dispatch", "algorithm", 0, "hier"));
    cr_expect(!net_covers(&p, "dispatch", "routing", 0, "zipf(1)"));
    cr_expect(warned(&p, "transport rma; 2 rows of others"));
    cr_expect(warned(&p, "1 rows flagged suspect"));
    cr_expect(!warned(&p, "told apart") && !warned(&p, "uncertain") && !warned(&p, "off by"));
    cr_expect(strstr(text.data, "latency put 2048 B"), "%s", text.data);
    cr_expect(strstr(yaml.data, "#   msgrate put 8 B x 64"), "%s", yaml.data);
    sn_profile_close(&p);
    sn_buf_free(&yaml);
    sn_buf_free(&text);
    free_rows(&m);
}

/* What no row was measured of has no range that says it was. */
Test(calibrate, no_dispatch_rows_no_range_of_ep)
{
    struct made m = {0};
    struct sn_buf yaml = {0}, text = {0};
    for (long long size = 8; size <= 4 << 20; size *= 4)
        add_latency(&m, "put", "rma", size, made_of(1, (double)size));
    struct sn_profile p = calibrate(&m, &yaml, &text);
    cr_assert_eq(p.n_valid, 1);
    cr_expect_str_eq(p.valid[0].axis, "size");
    cr_expect_eq(p.cost.launch.class, SN_FIGURE_NONE);
    sn_profile_close(&p);
    sn_buf_free(&yaml);
    sn_buf_free(&text);
    free_rows(&m);
}

Test(calibrate, what_rows_do_not_tell_is_said)
{
    struct made m = {0};
    struct sn_buf yaml = {0}, text = {0};
    add_latency(&m, "send", "rma", 1000000, L + 1.00e6 / B);
    add_latency(&m, "send", "rma", 1005000, L + 1.005e6 / B);
    add_latency(&m, "send", "rma", 1010000, L + 1.01e6 / B);
    struct sn_profile p = calibrate(&m, &yaml, &text);
    cr_expect(warned(&p, "send: latency and bandwidth cannot be told apart (correlation -"));
    cr_expect(warned(&p, "send: latency is extrapolated"));
    cr_expect(warned(&p, "no get rows"));
    cr_expect(warned(&p, "no overhead per message"));
    cr_expect(strstr(text.data, "warning: send: latency and bandwidth cannot be told apart"));
    cr_expect_eq(p.paths[SN_PATH_NODE].read_latency.class, SN_FIGURE_NONE);
    cr_expect_eq(p.cost.issue.class, SN_FIGURE_NONE);
    sn_profile_close(&p);
    free_rows(&m);

    m = (struct made){0};
    sn_buf_reset(&yaml);
    sn_buf_reset(&text);
    add_latency(&m, "get", "rma", 8, 1e-6);
    add_latency(&m, "get", "rma", 80, 1.001e-6);
    p = calibrate(&m, &yaml, &text);
    cr_expect(warned(&p, "get: 2 parameters of 2 rows: no error can be given"));
    cr_expect(warned(&p, "get: bandwidth is extrapolated"));
    cr_expect(warned(&p, "no put or send rows"));
    sn_profile_close(&p);
    free_rows(&m);

    m = (struct made){0};
    sn_buf_reset(&yaml);
    sn_buf_reset(&text);
    static const double noise[] = {1.2, 0.85, 1.2, 0.85};
    for (int i = 0; i < 4; i++) /* the bytes are lost in the noise */
        add_latency(&m, "put", "rma", 8 + i, 1e-6 * (noise[i] + 0.001 * i));
    add_latency(&m, "put", "rma", 2000, 1.15e-6);
    p = calibrate(&m, &yaml, &text);
    cr_expect(warned(&p, "put: bandwidth is uncertain: its standard error is"));
    sn_profile_close(&p);
    free_rows(&m);
    sn_buf_free(&yaml);
    sn_buf_free(&text);
}

static const char *refusal(struct made *m)
{
    struct sn_buf yaml = {0}, text = {0};
    cr_expect_eq(sn_calibrate_rows(&m->rows, "run7", "local", &yaml, &text), SN_EINVAL);
    cr_expect(!yaml.data && !text.data, "nothing half-made");
    free_rows(m);
    *m = (struct made){0};
    return sn_status_message();
}

Test(calibrate, nothing_to_fit_says_what_to_run)
{
    struct made m = {0};
    cr_expect(strstr(refusal(&m), "run7: no measured rows that a fit can use"));
    cr_expect(strstr(sn_status_message(), "mpiexec -n 2 snbench run latency op=put,get"));
    add_latency(&m, "put", "rma", 8, 1e-6)->origin = SN_ORIGIN_EMULATED;
    add_latency(&m, "put", "rma", 80, 2e-6)->origin = SN_ORIGIN_EMULATED;
    cr_expect(strstr(refusal(&m), "no measured rows"));
    add_latency(&m, "put", "rma", 8, 1e-6);
    add_dispatch(&m, 1, 1e-6);
    cr_expect(strstr(refusal(&m), "no two latency or bandwidth rows"), "%s", sn_status_message());
}

/* --- the command ------------------------------------------------------------------------------ */

static void put_rows(const char *path, const struct sn_rows *rows)
{
    struct sn_buf b = {0};
    for (size_t i = 0; i < rows->n; i++) {
        struct sn_row *r = &rows->rows[i];
        double samples[] = {r->stats.median};
        sn_row_set_samples(r, samples, 1);
        r->status = SN_ROW_OK;
        sn_row_compute(r);
        sn_row_set_id(r);
        sn_row_encode(r, &b);
    }
    cr_assert_eq(sn_buf_write_file(&b, path), SN_OK, "%s", sn_status_message());
    sn_buf_free(&b);
}

Test(calibrate, the_command_writes_a_whole_file_or_none)
{
    char dir[] = "/tmp/snbench-calibrate-XXXXXX";
    cr_assert(mkdtemp(dir) && !chdir(dir));
    FILE *null = fopen("/dev/null", "w");
    const char *args[] = {"./", "more"};
    struct sn_options o = {.args = args, .n_args = 0};
    cr_expect_eq(sn_calibrate(&o, null), SN_EINVAL);
    o.n_args = 2;
    cr_expect_eq(sn_calibrate(&o, null), SN_EINVAL);
    o.n_args = 1;
    cr_expect_eq(sn_calibrate(&o, null), SN_EIO, "no rows.jsonl");
    struct made m = {0};
    put_rows("rows.jsonl", &m.rows);
    cr_expect_eq(sn_calibrate(&o, null), SN_EINVAL);
    cr_expect_neq(access("results", F_OK), 0, "nothing is made where nothing is fitted");
    for (long long size = 8; size <= 1 << 20; size *= 2)
        add_latency(&m, "put", "shm", size, made_of(1, (double)size));
    put_rows("rows.jsonl", &m.rows);
    cr_expect_eq(sn_calibrate(&o, null), SN_OK, "%s", sn_status_message());
    struct sn_profile p;
    cr_assert_eq(sn_profile_open(&p, "local"), SN_OK, "%s", sn_status_message());
    cr_expect_str_eq(p.name, "local");
    sn_profile_close(&p);
    o.out = "two.yaml";
    cr_expect_eq(sn_calibrate(&o, null), SN_OK, "%s", sn_status_message());
    cr_assert_eq(sn_profile_open(&p, "two.yaml"), SN_OK, "%s", sn_status_message());
    cr_expect_str_eq(p.name, "two");
    sn_profile_close(&p);
    o.out = "no/folder/x.yaml";
    cr_expect_eq(sn_calibrate(&o, null), SN_EIO);
    fclose(null);
    free_rows(&m);
    cr_assert_eq(chdir("/"), 0);
    char *command = sn_strdupf("rm -r '%s'", dir);
    cr_expect_eq(system(command), 0);
    free(command);
}
