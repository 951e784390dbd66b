#include "tests/unit/wire.h"

#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "harness/base/status.h"

/* A benchmark of both clocks. */
static const char *const ops[] = {"get", "put", NULL};
static const char *const paths[] = {"node", "super", NULL};

static int any_text(const char *term)
{
    return *term ? SN_OK : SN_FAIL(SN_EINVAL, "empty");
}

static const struct sn_axis axes[] = {
    {.name = "op", .type = SN_AXIS_WORD, .def = "get", .words = ops},
    {.name = "size",
     .type = SN_AXIS_INT,
     .unit = SN_UNIT_BYTES,
     .def = "8",
     .min = 1,
     .max = (double)(1 << 30)},
    {.name = "transport",
     .type = SN_AXIS_TEXT,
     .def = "shm",
     .check = any_text,
     .clocks = SN_CLOCK_WALL},
    {.name = "path", .type = SN_AXIS_WORD, .def = "node", .words = paths, .clocks = SN_CLOCK_MODEL},
    {.name = "profile",
     .type = SN_AXIS_TEXT,
     .def = "p",
     .check = any_text,
     .clocks = SN_CLOCK_MODEL,
     .is_profile = true},
    {0}};
static const struct sn_metric_doc docs[] = {{"bandwidth", "B/s", true, "size / median"},
                                            {"tokens", "token/s", true, "tokens / median"},
                                            {0}};
static const struct sn_bench wire = {.name = "wire", .axes = axes, .metric_docs = docs};
static const struct sn_bench *const benches[] = {&wire, NULL};
const struct sn_app wire_app = {.benches = benches};

/* A modelled row of 1,000 s per median: its samples are alike, its limit is half of them. */
struct sn_row *wire_add(struct wire *m, const char *op, int64_t size, const char *path,
                        double seconds)
{
    double x[6];

    m->rows.rows = sn_realloc(m->rows.rows, m->rows.n + 1, sizeof *m->rows.rows);
    struct sn_row *r = &m->rows.rows[m->rows.n++];
    sn_row_init(r);
    r->bench = sn_row_str(r, "wire");
    r->clock = "model";
    r->origin = SN_ORIGIN_MODELLED;
    r->ranks = -1;
    r->endpoints = 2;
    sn_row_add_param_text(r, "op", op);
    sn_row_add_param_int(r, "size", size);
    sn_row_add_param_text(r, "path", path);
    sn_row_add_param_text(r, "profile", "p");
    for (size_t i = 0; i < 6; i++)
        x[i] = seconds;
    sn_row_set_samples(r, x, 6);
    r->limit_s = seconds / 2;
    sn_row_compute(r);
    sn_row_set_id(r);
    sn_row_add_metric(r, docs, "bandwidth", (double)size / seconds);
    return r;
}

void wire_put_file(const char *dir, const char *name, const char *text)
{
    char *path = sn_strdupf("%s/%s", dir, name);
    struct sn_buf b = {0};
    sn_buf_add(&b, text);
    cr_assert_eq(sn_buf_write_file(&b, path), SN_OK);
    sn_buf_free(&b);
    free(path);
}

void wire_put_rows(const char *dir, const struct wire *m)
{
    struct sn_buf b = {0};
    for (size_t i = 0; i < m->rows.n; i++)
        sn_row_encode(&m->rows.rows[i], &b);
    wire_put_file(dir, "rows.jsonl", b.data);
    sn_buf_free(&b);
}

void wire_erase(const char *dir)
{
    char *command = sn_strdupf("rm -r '%s'", dir);
    cr_expect_eq(system(command), 0);
    free(command);
}

void wire_near(double got, double want)
{
    cr_expect(fabs(got - want) <= 1e-9 * fabs(want), "got %.12g, expected %.12g", got, want);
}
