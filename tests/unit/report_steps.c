/* Steps of a workload in reports: sums by hand, and parts that are missing. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>

#include "harness/report_parts.h"
#include "harness/base/status.h"

enum { ROWS = 4 };

/* gemm m=1: 10 us by a, 8 us by b; gemm m=2: 30 us by a; gate: 5 us, which has no variants. */
static void make_rows(struct sn_row rows[ROWS])
{
    static const struct {
        const char *bench, *variant;
        int m;
        double us;
    } made[ROWS] = {
        {"gemm", "a", 1, 10}, {"gemm", "b", 1, 8}, {"gemm", "a", 2, 30}, {"gate", NULL, 1, 5}};
    for (int i = 0; i < ROWS; i++) {
        double s[6];
        for (int k = 0; k < 6; k++)
            s[k] = made[i].us * 1e-6;
        sn_row_init(&rows[i]);
        rows[i].bench = made[i].bench;
        sn_row_add_param_int(&rows[i], "m", made[i].m);
        if (made[i].variant)
            sn_row_add_param_text(&rows[i], "variant", made[i].variant);
        rows[i].clock = "wall";
        rows[i].limit_s = s[0] / 2;
        sn_row_set_samples(&rows[i], s, 6);
        sn_row_compute(&rows[i]);
        sn_row_set_id(&rows[i]);
    }
}

/* 61 times gemm m=1, 3 times m=2, 58 times the gate. */
static json_t *make_manifest(const struct sn_row rows[ROWS])
{
    return json_pack("{s:[{s:s, s:s, s:s, s:[{s:s, s:s, s:i, s:[{s:s, s:s}, {s:s, s:s}]},"
                     "{s:s, s:s, s:i, s:[{s:s, s:s}]}, {s:s, s:s, s:i, s:[{s:s, s:s}]}]}]}",
                     "steps", "name", "decode", "brief", "one step", "without", "the rest", "parts",
                     "bench", "gemm", "label", "gemm m=1", "count", 61, "variants", "variant", "a",
                     "id", rows[0].id, "variant", "b", "id", rows[1].id, "bench", "gemm", "label",
                     "gemm m=2", "count", 3, "variants", "variant", "a", "id", rows[2].id, "bench",
                     "gate", "label", "gate", "count", 58, "variants", "variant", "", "id",
                     rows[3].id);
}

struct bed {
    struct sn_row rows[ROWS];
    struct sn_rows all;
    struct sn_report r;
    json_t *step;
};

static void open_bed(struct bed *b, size_t rows)
{
    struct sn_buf text = {0};
    make_rows(b->rows);
    b->all = (struct sn_rows){b->rows, rows};
    sn_report_of_rows(&b->r, &b->all, NULL);
    b->r.runs[0].manifest = make_manifest(b->rows);
    sn_report_steps_json(&b->r, &text);
    cr_assert_not_null(text.data);
    char *json = sn_strdupf("{\"x\":0%s}", text.data);
    json_error_t e;
    json_t *j = json_loads(json, 0, &e);
    cr_assert_not_null(j, "%s in %s", e.text, json);
    b->step = json_incref(json_array_get(json_object_get(j, "steps"), 0));
    json_decref(j);
    free(json);
    sn_buf_free(&text);
}

static void close_bed(struct bed *b)
{
    json_decref(b->step);
    sn_report_free(&b->r);
    for (int i = 0; i < ROWS; i++)
        sn_row_free(&b->rows[i]);
}

static const json_t *variant(const struct bed *b, size_t i, const char *name)
{
    const json_t *v = json_array_get(json_object_get(b->step, "variants"), i);
    cr_assert_str_eq(sn_manifest_str(v, "variant", "-"), name);
    return v;
}

static void expect(double got, double want)
{
    cr_expect(fabs(got - want) < 1e-9 * want, "%.12g, not %.12g", got, want);
}

/* Fastest: 61 x 8 + 3 x 30 + 58 x 5 = 868 us; by a alone 61 x 10 + 90, but the gate has no a. */
Test(report_steps, sums_of_counts_times_medians)
{
    struct bed b;
    open_bed(&b, ROWS);
    cr_expect_str_eq(sn_manifest_str(b.step, "step", "-"), "decode");
    cr_expect_str_eq(sn_manifest_str(b.step, "covers", "-"), "gemm, gate");
    cr_expect_str_eq(sn_manifest_str(b.step, "without", "-"), "the rest");
    const json_t *fastest = variant(&b, 0, "fastest of each");
    expect(sn_manifest_num(fastest, "time_s"), 868e-6);
    expect(sn_manifest_num(fastest, "limit_s"), 434e-6);
    expect(sn_manifest_num(fastest, "lo_s"), 868e-6);
    cr_expect_eq(sn_manifest_num(variant(&b, 1, "a"), "parts"), 3,
                 "what has no variants is in all");
    expect(sn_manifest_num(variant(&b, 1, "a"), "time_s"), 990e-6);
    cr_expect_eq(sn_manifest_num(variant(&b, 2, "b"), "parts"), 2);
    cr_expect(isnan(sn_manifest_num(variant(&b, 2, "b"), "time_s")), "m=2 has no b");
    close_bed(&b);
}

/* A sum of some of the parts is no time of a step. */
Test(report_steps, a_missing_part_leaves_no_time)
{
    struct bed b;
    open_bed(&b, ROWS - 1); /* no gate */
    const json_t *fastest = variant(&b, 0, "fastest of each");
    cr_expect_eq(sn_manifest_num(fastest, "parts"), 2);
    cr_expect(isnan(sn_manifest_num(fastest, "time_s")));
    close_bed(&b);
}

Test(report_steps, nothing_without_steps)
{
    struct sn_rows none = {0};
    struct sn_report r;
    struct sn_buf text = {0};
    struct sn_table t;
    sn_report_of_rows(&r, &none, NULL);
    sn_report_steps_json(&r, &text);
    cr_expect_eq(text.len, 0);
    sn_report_steps_table(&r, &t);
    cr_expect_eq(t.n_rows, 0);
    sn_table_free(&t);
    sn_report_free(&r);
}
