/* Reports as text, CSV and JSON; their legends. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>
#include <jansson.h>

#include "harness/base/status.h"
#include "harness/report.h"
#include "harness/report_parts.h"
#include "tests/unit/echo.h"

static char *printed(const char *const *dirs, size_t n, enum sn_format format)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);

    cr_assert_eq(sn_report_print(out, dirs, n, format, &echo_app, "plots", NULL), SN_OK, "%s",
                 sn_status_message());
    fclose(out);
    return text;
}

Test(report, json_holds_the_rows_as_they_are)
{
    static const char *const one[] = {"tests/golden/launches"};
    static const char *const two[] = {"tests/golden/launches", "tests/golden/cut"};
    char *text = printed(one, 1, SN_FORMAT_JSON), *rows = echo_content(one[0], "rows.jsonl");
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
    cr_assert_eq(sn_report_tables(out, &rows, SN_FORMAT_TEXT, &echo_app, NULL, NULL), SN_OK);
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
    struct echo m = {0};
    struct sn_report r;
    struct sn_doc doc;
    struct sn_buf b = {0};

    echo_row(&m, "get", 4096, 0, 1e-6);
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
