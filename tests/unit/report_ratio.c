/* The table of ratios: which rows are compared with which, and by what. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/report_parts.h"

static const struct sn_axis duel_axes[] = {
    {.name = "size", .type = SN_AXIS_INT, .unit = SN_UNIT_BYTES},
    {.name = "how", .type = SN_AXIS_TEXT, .compares = true},
    {0}};
static const struct sn_bench duel_bench = {.name = "duel", .axes = duel_axes};

/* 6 blocks of 5 samples, the time doubling from block to block: `factor` times those of the base,
 * whose median is the fourfold of its first. */
static struct sn_row *duel_row(struct sn_rows *m, int64_t size, const char *how, int launch,
                               double factor)
{
    struct sn_row *r;
    double x[30];

    m->rows = sn_realloc(m->rows, m->n + 1, sizeof *m->rows);
    r = &m->rows[m->n++];
    sn_row_init(r);
    r->bench = "duel";
    r->clock = "wall";
    r->ranks = r->endpoints = 2;
    r->launch = launch;
    sn_row_add_param_int(r, "size", size);
    sn_row_add_param_text(r, "how", how);
    sn_row_set_id(r);
    for (int i = 0; i < 30; i++)
        x[i] = factor * 1e-6 * (1 << i / 5);
    sn_row_set_samples(r, x, 30);
    r->check.compared = 10;
    sn_row_compute(r);
    return r;
}

static void without(struct sn_row *r, enum sn_row_status status, const char *reason)
{
    r->status = status;
    r->reason = reason;
    r->n = 0;
    sn_row_compute(r);
}

/* The lines of the CSV of the ratios, "size,how,median,base,base median,ratio,lo,hi,n". */
static char *duel_csv(const struct sn_rows *m, struct sn_buf *text)
{
    static const struct sn_bench *const benches[] = {&duel_bench, NULL};
    static const struct sn_app app = {.benches = benches};
    struct sn_buf b = {0};
    struct sn_report r;
    struct sn_table t;
    struct sn_doc doc;

    sn_report_of_rows(&r, m, &app);
    sn_report_ratio_table(&r, &r.groups[0], &t);
    sn_table_csv(&t, &b);
    sn_table_free(&t);
    sn_doc_init(&doc, "");
    sn_report_bench(&r, &r.groups[0], true, &doc);
    sn_doc_text(&doc, 100, text);
    sn_doc_free(&doc);
    sn_report_free(&r);
    return b.data;
}

/* Block by block the ratio is 0.5 and 0.8 although the time doubles from block to block. A variant
 * that was not in turn has no interval; one without a rival has no ratio. */
Test(report_ratio, ratios_of_variants_in_turn)
{
    struct sn_rows m = {0};
    struct sn_buf text = {0};

    sn_row_add_flag(duel_row(&m, 8, "plain", 0, 1), "interleaved");
    sn_row_add_flag(duel_row(&m, 64, "plain", 0, 1), "interleaved");
    sn_row_add_flag(duel_row(&m, 8, "fast", 0, 0.5), "interleaved");
    sn_row_add_flag(duel_row(&m, 64, "fast", 0, 0.8), "not-interleaved");
    duel_row(&m, 512, "fast", 0, 0.1);
    without(duel_row(&m, 512, "plain", 0, 1), SN_ROW_SKIPPED, "no");
    char *csv = duel_csv(&m, &text);
    cr_expect_str_eq(csv,
                     "size,how,median_s,base,base_median_s,ratio,ratio_lo,ratio_hi,blocks\n"
                     "8,fast,2e-06,plain,4e-06,0.5,0.5,0.5,6\n"
                     "64,fast,3.2e-06,plain,4e-06,0.8,,,0\n",
                     "%s", csv);
    cr_expect(strstr(text.data, "in blocks of 5"), "%s", text.data);
    cr_expect(strstr(text.data, "not sampled in turn"), "%s", text.data);
    cr_expect_not(strstr(text.data, " interleaved"), "good news is no warning");
    free(csv);
    sn_buf_free(&text);
    sn_rows_free(&m);
}

/* The base is the first that ran; on the model clock nobody competes. */
Test(report_ratio, base_is_the_first_that_ran)
{
    struct sn_rows m = {0};
    struct sn_buf text = {0};

    without(duel_row(&m, 8, "plain", 0, 1), SN_ROW_FAILED, "broke");
    sn_row_add_flag(duel_row(&m, 8, "fast", 0, 0.5), "interleaved");
    sn_row_add_flag(duel_row(&m, 8, "faster", 0, 0.25), "interleaved");
    duel_row(&m, 64, "plain", 0, 1)->clock = "model";
    duel_row(&m, 64, "fast", 0, 0.5)->clock = "model";
    char *csv = duel_csv(&m, &text);
    cr_expect_str_eq(csv,
                     "size,how,median_s,base,base_median_s,ratio,ratio_lo,ratio_hi,blocks\n"
                     "8,faster,1e-06,fast,2e-06,0.5,0.5,0.5,6\n",
                     "%s", csv);
    free(csv);
    sn_buf_free(&text);
    sn_rows_free(&m);
}

/* Of launches the medians count, also of rows that were not in turn; the launch in which one
 * failed does not. */
Test(report_ratio, ratios_over_launches)
{
    static const double factors[] = {0.5, 0.52, 0.48, 0.51, 0.49, 0.5, 0.9};
    struct sn_rows m = {0};
    struct sn_buf text = {0};

    for (int i = 0; i < 7; i++) /* in the order of a plan: cases, then launches */
        duel_row(&m, 8, "plain", i, i + 1);
    for (int i = 0; i < 7; i++)
        duel_row(&m, 8, "fast", i, (i + 1) * factors[i]);
    without(&m.rows[13], SN_ROW_FAILED, "broke");
    char *csv = duel_csv(&m, &text);
    char *last = strrchr(csv, '\n');
    *last = 0;
    cr_expect(strstr(csv, ",0.5,0.48,0.52,6"), "%s", csv);
    cr_expect(strstr(csv, ",launches\n"), "%s", csv);
    cr_expect(strstr(text.data, "paired by launch"), "%s", text.data);
    free(csv);
    sn_buf_free(&text);
    sn_rows_free(&m);
}
