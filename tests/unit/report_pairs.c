/* Rows of both clocks side by side: which are pairs, what of them is compared, what is said. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/report.h"
#include "harness/report_parts.h"
#include "harness/base/status.h"
#include "tests/unit/echo.h"

static const struct sn_metric_doc in_seconds[] = {
    {"odd", "1", false, ""},  {"zero", "s", false, ""},  {"none", "s", false, ""},
    {"tpot", "s", false, ""}, {"rate", "B/s", true, ""}, {0}};
static const struct sn_metric_doc in_other_units[] = {{"odd", "s", false, ""}, {0}};

/* Like a row of decode: `ep` and `kv` are of both clocks. 8 samples of `seconds`; on the model
 * clock one. */
static struct sn_row *make(struct echo *m, enum sn_origin origin, int64_t ep, const char *kv,
                           double seconds)
{
    const bool model = origin == SN_ORIGIN_MODELLED;
    struct sn_row *r = echo_make(m, "step", 0);

    r->origin = origin;
    r->clock = model ? "model" : "wall";
    sn_row_add_param_int(r, "ep", ep);
    if (!model)
        sn_row_add_param_int(r, "requests", 8);
    sn_row_add_param_text(r, "kv", kv);
    sn_row_add_param_text(r, model ? "device" : "transport", model ? "die" : "shm");
    sn_row_set_id(r);
    echo_samples(r, seconds);
    if (model) {
        sn_row_set_samples(r, &seconds, 1);
        sn_row_compute(r);
    }
    return r;
}

/* The CSV, and the section as Markdown in *text; frees the rows. */
static char *told(struct echo *m, json_t *manifest, struct sn_buf *text)
{
    struct sn_buf csv = {0};
    struct sn_report r;
    struct sn_table t;
    struct sn_doc doc;

    sn_report_of_rows(&r, &m->rows, &echo_app);
    r.runs[0].manifest = manifest;
    sn_report_pairs_table(&r, &t);
    if (t.n_rows > 0)
        sn_table_csv(&t, &csv);
    sn_table_free(&t);
    sn_doc_init(&doc, "");
    sn_report_pairs(&r, &doc);
    if (doc.n > 0)
        sn_doc_md(&doc, text);
    sn_doc_free(&doc);
    sn_report_free(&r);
    sn_rows_free(&m->rows);
    return csv.data;
}

/* Line `n` of the CSV (0: the heads) without the ids; new string. */
static char *line(const char *csv, size_t n)
{
    while (n-- > 0)
        csv = strchr(csv, '\n') + 1;
    char *s = sn_strdupf("%.*s", (int)strcspn(csv, "\n"), csv);
    for (int i = 0; i < 2; i++)
        *strrchr(s, ',') = '\0';
    return s;
}

#define EXPECT_LINE(csv, n, want)                                                                  \
    do {                                                                                           \
        char *got = line(csv, n);                                                                  \
        cr_expect_str_eq(got, want);                                                               \
        free(got);                                                                                 \
    } while (0)

static const char heads[] = "bench,both,metric,unit,measured,measured_lo,measured_hi,modelled,"
                            "error,wall_origin,wall_flags,model_flags,wall_alone,model_alone,"
                            "wall_run,model_run";

static void expect_silence(struct echo *m)
{
    struct sn_buf text = {0};
    char *csv = told(m, NULL, &text);

    cr_expect_null(csv, "%s", csv);
    cr_expect_eq(text.len, 0, "%s", text.data);
    free(csv);
    sn_buf_free(&text);
}

/* Without a metric that both have the medians: 8 ms, all samples alike, against 6 ms. */
Test(report_pairs, medians_of_a_pair)
{
    struct echo m = {0};
    struct sn_buf text = {0};

    make(&m, SN_ORIGIN_MEASURED, 2, "512", 8e-3);
    sn_row_add_flag(make(&m, SN_ORIGIN_MODELLED, 2, "512", 6e-3), "extrapolated");
    char *csv = told(&m, NULL, &text);
    cr_assert_not_null(csv);
    EXPECT_LINE(csv, 0, heads);
    EXPECT_LINE(csv, 1,
                "step,ep=2 kv=512,median,s,0.008,0.008,0.008,0.006,-0.25,measured,,extrapolated,"
                "requests=8 transport=shm,device=die,run,run");
    cr_expect(strstr(text.data, "## Measured against modelled"), "%s", text.data);
    cr_expect(strstr(text.data, "step, on both clocks**: ep=2 kv=512"), "%s", text.data);
    cr_expect(strstr(text.data, "clock alone**: requests=8 transport=shm"), "%s", text.data);
    cr_expect(strstr(text.data, "clock alone**: device=die"), "%s", text.data);
    cr_expect(strstr(text.data, "model: extrapolated"), "%s", text.data);
    cr_expect(strstr(text.data, "1 pair: mean absolute error 25.0 %, largest -25.0 % (step, "
                                "median)"),
              "%s", text.data);
    cr_expect(strstr(text.data, "names no device or fabric profile"), "%s", text.data);
    free(csv);
    sn_buf_free(&text);
}

/* In the order of the measured row: not one of another unit, of 0 or of no value, but the next. It
 * is no median, so it has no interval. */
Test(report_pairs, first_metric_of_both)
{
    struct echo m = {0};
    struct sn_buf text = {0};
    struct sn_row *wall = make(&m, SN_ORIGIN_MEASURED, 2, "512", 8e-3);

    sn_row_add_metric(wall, in_seconds, "odd", 3);
    sn_row_add_metric(wall, in_seconds, "zero", 0);
    sn_row_add_metric(wall, in_seconds, "none", NAN);
    sn_row_add_metric(wall, in_seconds, "tpot", 2e-3);
    sn_row_add_metric(wall, in_seconds, "rate", 1e9);
    struct sn_row *model = make(&m, SN_ORIGIN_MODELLED, 2, "512", 6e-3);
    sn_row_add_metric(model, in_seconds, "rate", 4e9);
    sn_row_add_metric(model, in_seconds, "tpot", 3e-3);
    sn_row_add_metric(model, in_seconds, "none", 1e-3);
    sn_row_add_metric(model, in_seconds, "zero", 1e-3);
    sn_row_add_metric(model, in_other_units, "odd", 3);
    char *csv = told(&m, NULL, &text);
    cr_assert_not_null(csv);
    EXPECT_LINE(csv, 1,
                "step,ep=2 kv=512,tpot,s,0.002,,,0.003,0.5,measured,,,"
                "requests=8 transport=shm,device=die,run,run");
    cr_expect_not(strstr(text.data, "95 % interval"), "%s", text.data);
    free(csv);
    sn_buf_free(&text);
}

/* A metric that is the median has its interval. */
Test(report_pairs, metric_that_is_the_median)
{
    struct echo m = {0};
    struct sn_buf text = {0};

    sn_row_add_metric(make(&m, SN_ORIGIN_MEASURED, 2, "512", 8e-3), in_seconds, "tpot", 8e-3);
    sn_row_add_metric(make(&m, SN_ORIGIN_MODELLED, 2, "512", 6e-3), in_seconds, "tpot", 4e-3);
    char *csv = told(&m, NULL, &text);
    cr_assert_not_null(csv);
    EXPECT_LINE(csv, 1,
                "step,ep=2 kv=512,tpot,s,0.008,0.008,0.008,0.004,-0.5,measured,,,"
                "requests=8 transport=shm,device=die,run,run");
    cr_expect(strstr(text.data, "95 % interval"), "%s", text.data);
    free(csv);
    sn_buf_free(&text);
}

Test(report_pairs, no_pair_no_section)
{
    struct echo m = {0};

    make(&m, SN_ORIGIN_MEASURED, 2, "512", 8e-3); /* kv differs */
    make(&m, SN_ORIGIN_MODELLED, 2, "4096", 8e-3);
    expect_silence(&m);
    m = (struct echo){0};
    make(&m, SN_ORIGIN_MODELLED, 2, "512", 8e-3); /* one clock alone */
    make(&m, SN_ORIGIN_MODELLED, 2, "512", 7e-3);
    expect_silence(&m);
    m = (struct echo){0};
    make(&m, SN_ORIGIN_MODELLED, 2, "512", 8e-3); /* published is not measured */
    make(&m, SN_ORIGIN_PUBLISHED, 2, "512", 7e-3);
    expect_silence(&m);
    m = (struct echo){0};
    make(&m, SN_ORIGIN_MODELLED, 2, "512", 8e-3); /* a failed row has no time */
    echo_without(make(&m, SN_ORIGIN_MEASURED, 2, "512", 7e-3), SN_ROW_FAILED, "broke");
    expect_silence(&m);
    m = (struct echo){0};
    make(&m, SN_ORIGIN_MEASURED, 2, "512", 8e-3); /* another benchmark */
    make(&m, SN_ORIGIN_MODELLED, 2, "512", 8e-3)->bench = "walk";
    expect_silence(&m);
}

/* Rows that share no parameter at all are of no common case. */
Test(report_pairs, nothing_shared)
{
    struct echo m = {0};
    struct sn_row *wall = echo_make(&m, "step", 0);

    sn_row_add_param_int(wall, "requests", 8);
    sn_row_set_id(wall);
    echo_samples(wall, 1e-3);
    struct sn_row *model = echo_make(&m, "step", 0);
    model->origin = SN_ORIGIN_MODELLED;
    sn_row_add_param_text(model, "device", "die");
    sn_row_set_id(model);
    echo_samples(model, 1e-3);
    expect_silence(&m);
}

/* +10 % and -50 % and +25 %, in the order of the measured rows, whatever that of the others. */
Test(report_pairs, several)
{
    struct echo m = {0};
    struct sn_buf text = {0};

    make(&m, SN_ORIGIN_MODELLED, 8, "512", 2.5e-3);
    make(&m, SN_ORIGIN_MODELLED, 4, "512", 2e-3);
    make(&m, SN_ORIGIN_MODELLED, 2, "512", 1.1e-3);
    make(&m, SN_ORIGIN_MEASURED, 2, "512", 1e-3);
    sn_row_add_flag(make(&m, SN_ORIGIN_EMULATED, 4, "512", 4e-3), "unsteady");
    make(&m, SN_ORIGIN_MEASURED, 16, "512", 1e-3);
    sn_row_add_flag(make(&m, SN_ORIGIN_MEASURED, 8, "512", 2e-3), "interleaved");
    char *csv = told(&m, NULL, &text);
    cr_assert_not_null(csv);
    EXPECT_LINE(csv, 1,
                "step,ep=2 kv=512,median,s,0.001,0.001,0.001,0.0011,0.1,measured,,,"
                "requests=8 transport=shm,device=die,run,run");
    EXPECT_LINE(csv, 2,
                "step,ep=4 kv=512,median,s,0.004,0.004,0.004,0.002,-0.5,emulated,"
                "emulated unsteady,,requests=8 transport=shm,device=die,run,run");
    EXPECT_LINE(csv, 3,
                "step,ep=8 kv=512,median,s,0.002,0.002,0.002,0.0025,0.25,measured,,,"
                "requests=8 transport=shm,device=die,run,run");
    cr_expect_eq(echo_lines_in(csv), 4);
    cr_expect(strstr(text.data, "on both clocks**: kv=512\n"), "%s", text.data);
    cr_expect(strstr(text.data, "wall: emulated unsteady |"), "%s", text.data);
    cr_expect(strstr(text.data, "3 pairs: mean absolute error 28.3 %, largest -50.0 % (step ep=4, "
                                "median)"),
              "%s", text.data);
    free(csv);
    sn_buf_free(&text);
}

/* One measured row and two devices: what only the model has tells the lines apart. */
Test(report_pairs, what_one_clock_has_is_shown)
{
    struct echo m = {0};
    struct sn_buf text = {0};

    make(&m, SN_ORIGIN_MEASURED, 2, "512", 1e-3);
    make(&m, SN_ORIGIN_MODELLED, 2, "512", 1e-3);
    struct sn_row *other = make(&m, SN_ORIGIN_MODELLED, 2, "512", 3e-3);
    for (size_t i = 0; i < other->n_params; i++)
        if (!strcmp(other->params[i].name, "device"))
            other->params[i].text = sn_row_str(other, "chip");
    sn_row_set_id(other);
    char *csv = told(&m, NULL, &text);
    cr_assert_not_null(csv);
    cr_expect_eq(echo_lines_in(csv), 3);
    cr_expect(strstr(text.data, "| device=die  |"), "%s", text.data);
    cr_expect(strstr(text.data, "| device=chip |"), "%s", text.data);
    cr_expect_not(strstr(text.data, "| parameters"), "%s", text.data);
    free(csv);
    sn_buf_free(&text);
}

/* An empty list is no LaTeX. */
Test(report_pairs, no_list_without_constants)
{
    struct echo m = {0};
    struct sn_report r;
    struct sn_doc doc;

    for (int i = 0; i < 4; i++) {
        struct sn_row *row = echo_make(&m, "step", 0);
        row->origin = i < 2 ? SN_ORIGIN_MEASURED : SN_ORIGIN_MODELLED;
        sn_row_add_param_int(row, "ep", i % 2);
        echo_samples(row, 1e-3);
    }
    sn_report_of_rows(&r, &m.rows, &echo_app);
    sn_doc_init(&doc, "");
    sn_report_pairs(&r, &doc);
    cr_expect_gt(doc.n, 2);
    for (size_t i = 0; i < doc.n; i++)
        cr_expect_neq(doc.blocks[i].type, SN_BLOCK_TERMS);
    sn_doc_free(&doc);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
}

/* 45 pairs: people see 40, files and errors have all (the last, of 45, is off by 100 %). */
Test(report_pairs, at_most_40_lines)
{
    struct echo m = {0};
    struct sn_buf text = {0};

    for (int i = 1; i <= 45; i++)
        make(&m, SN_ORIGIN_MEASURED, i, "512", 1e-3);
    for (int i = 1; i <= 45; i++)
        make(&m, SN_ORIGIN_MODELLED, i, "512", i == 45 ? 2e-3 : 1e-3);
    char *csv = told(&m, NULL, &text);
    cr_assert_not_null(csv);
    cr_expect_eq(echo_lines_in(csv), 46);
    cr_expect(strstr(text.data, "| ep=40 "), "%s", text.data);
    cr_expect_not(strstr(text.data, "| ep=41 "), "%s", text.data);
    cr_expect(strstr(text.data, "\n5 more.\n"), "%s", text.data);
    cr_expect(strstr(text.data, "45 pairs: mean absolute error 2.2 %, largest +100.0 % (step "
                                "ep=45, median)"),
              "%s", text.data);
    free(csv);
    sn_buf_free(&text);
}

/* Models once, with their figures by class; one that was calibrated on measured rows is said so. */
Test(report_pairs, models_of_the_manifest)
{
    struct echo m = {0};
    struct sn_buf text = {0};
    json_t *manifest = json_pack(
        "{s:[{s:s, s:s, s:s, s:s, s:[{s:s}, {s:s}, {s:s}]}, {s:s, s:s, s:s, s:[]}]}", "models",
        "kind", "device", "name", "local", "path", "local.yaml", "sha256", "0123456789abcdef",
        "figures", "class", "calibrated", "class", "spec", "class", "calibrated", "name", "ub",
        "path", "ub.yaml", "sha256", "fedcba9876543210", "figures");

    cr_assert_not_null(manifest);
    make(&m, SN_ORIGIN_MEASURED, 2, "512", 1e-3);
    make(&m, SN_ORIGIN_MODELLED, 2, "512", 1e-3);
    free(told(&m, manifest, &text));
    cr_expect(strstr(text.data, "device profile local (class local, calibrated on measured rows; "
                                "local.yaml, sha256 0123456789ab; 2 calibrated; 1 spec), fabric "
                                "profile ub (ub.yaml, sha256 fedcba987654)."),
              "%s", text.data);
    sn_buf_free(&text);
}

/* In every format of documents, and as a file beside the others. */
Test(report_pairs, formats_and_file)
{
    static const enum sn_format formats[] = {SN_FORMAT_TEXT, SN_FORMAT_MD, SN_FORMAT_HTML,
                                             SN_FORMAT_TEX};
    struct echo m = {0};

    make(&m, SN_ORIGIN_MEASURED, 2, "512", 8e-3);
    make(&m, SN_ORIGIN_MODELLED, 2, "512", 6e-3);
    char *dir = echo_run(&m, "complete", "");
    const char *const dirs[] = {dir};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        cr_assert_eq(sn_report_print(out, dirs, 1, formats[i], &echo_app, "plots", NULL), SN_OK,
                     "%s", sn_status_message());
        fclose(out);
        cr_expect(strstr(text, "Measured against modelled"), "format %zu", i);
        cr_expect(strstr(text, "6.000 ms"), "format %zu: %s", i, text);
        free(text);
    }
    cr_assert_eq(sn_report_write(dir, &echo_app, "plots", NULL), SN_OK, "%s", sn_status_message());
    char *csv = echo_content(dir, "tables/measured-modelled.csv");
    cr_expect(strstr(csv, "step,ep=2 kv=512,median,s,0.008,"), "%s", csv);
    free(csv);
    echo_erase(dir);
    sn_rows_free(&m.rows);
}
