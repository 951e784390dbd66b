/* Rows against expected figures: files and their mistakes, selection, differences and quotients,
 * verdicts, errors and null models by hand, the command, and the files of this tree. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <criterion/criterion.h>

#include "bench/benches.h"
#include "harness/base/status.h"
#include "harness/datadir.h"
#include "harness/published.h"
#include "harness/report_parts.h"
#include "harness/report_plots.h"
#include "harness/validate.h"

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
static const struct sn_app app = {.benches = benches};

/* --- rows ------------------------------------------------------------------------------------- */

struct maker {
    struct sn_rows rows;
};

/* A modelled row of 1,000 s per median: its samples are alike, its limit is half of them. */
static struct sn_row *add(struct maker *m, const char *op, int64_t size, const char *path,
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

#define HEAD  "name: n\nbrief: b\nentries:\n"
#define ENTRY "  - id: a\n    class: calibration\n    bench: wire\n"

static struct sn_expectations parse(const char *text)
{
    struct sn_expectations x;

    cr_assert_eq(sn_expectations_parse(&x, text, strlen(text), "t.yaml", &app), SN_OK, "%s",
                 sn_status_message());
    return x;
}

/* What the rows say to the only entry of `text`. */
static struct sn_finding judge(const struct maker *m, const char *text)
{
    struct sn_expectations x = parse(text);
    struct sn_findings f;
    struct sn_report r;

    sn_report_of_rows(&r, &m->rows, &app);
    sn_findings_make(&x, &r, &f);
    cr_assert_eq(f.n, 1);
    struct sn_finding one = f.findings[0];
    one.line = NULL; /* belongs to the report */
    one.e = NULL;
    sn_findings_free(&f);
    sn_report_free(&r);
    sn_expectations_free(&x);
    return one;
}

static void expect_near(double got, double want)
{
    cr_expect(fabs(got - want) <= 1e-9 * fabs(want), "got %.12g, expected %.12g", got, want);
}

/* --- the file --------------------------------------------------------------------------------- */

Test(validate, a_file)
{
    struct sn_expectations x =
        parse("name: n\n"
              "brief: b\n"
              "origin: modelled\n"
              "tolerance: 5%\n"
              "match: [profile=p, size=8]\n"
              "entries:\n"
              "  - {id: a, class: calibration, bench: wire, expected: 1 us}\n"
              "  - id: b\n"
              "    class: held-out\n"
              "    quantity: q\n"
              "    bench: wire\n"
              "    metric: bandwidth\n"
              "    match: [\"size=4K,8K\", op=put]\n"
              "    min: 2 GB/s\n"
              "    required: true\n"
              "  - {id: c, class: spec, bench: wire, metric: tokens,\n"
              "     expected: 5 token/s, tolerance: 0}\n");
    const struct sn_expectation *e = x.entries;

    cr_assert_eq(x.n, 3);
    cr_expect_eq(x.origin, SN_ORIGIN_MODELLED);
    cr_expect_eq(e[0].expected, 1e-6);
    cr_expect_eq(e[0].tolerance, 0.05);
    cr_expect_eq(e[0].line, 7);
    cr_expect_str_eq(e[0].unit, "s");
    cr_expect_eq(e[0].match.n, 2);
    cr_expect(!e[0].required && !e[0].range);
    cr_expect_eq(e[1].class, SN_EXPECT_HELD_OUT);
    cr_expect(e[1].range && e[1].required && isinf(e[1].max));
    cr_expect_eq(e[1].min, 2e9);
    cr_expect_eq(e[1].tolerance, 0, "the file's tolerance does not widen a bound");
    cr_assert_eq(e[1].match.n, 3, "size is the entry's, profile the file's");
    cr_expect_str_eq(e[1].match.axes[0].values[1], "8192");
    cr_expect_eq(e[2].expected, 5);
    cr_expect_eq(e[2].tolerance, 0);
    sn_expectations_free(&x);
}

Test(validate, mistakes_name_their_line)
{
    static const struct {
        const char *text, *message;
    } t[] = {
        {"", "t.yaml:1: the file is empty"},
        {"name: n\nbrief: b\n", "t.yaml:1: the key 'entries' is missing"},
        {HEAD ENTRY "    expect: 1 us\n",
         "t.yaml:7: unknown key 'expect'; did you mean 'expected'? (keys: id, class, quantity, "
         "bench, metric, match, minus, over, expected, min, max, tolerance, required, note)"},
        {HEAD "  - id: a\n    class: spec\n    max: 1 s\n", "t.yaml:4: the key 'bench' is missing"},
        {HEAD "  - id: a\n    class: calibrated\n    bench: wire\n    max: 1 s\n",
         "t.yaml:5: a: unknown class 'calibrated'; did you mean 'calibration'? (one of "
         "calibration, "
         "held-out, spec, identity, projection)"},
        {HEAD "  - id: a\n    class: spec\n    bench: wier\n    max: 1 s\n",
         "t.yaml:6: a: unknown benchmark 'wier'; did you mean 'wire'? (benchmarks: wire)"},
        {HEAD ENTRY "    match:\n      - op=get\n      - sise=8\n    max: 1 s\n",
         "t.yaml:9: a: wire has no axis 'sise'; did you mean 'size'? (axes: op, size, transport, "
         "path, profile)"},
        {HEAD ENTRY "    match: [size=big]\n    max: 1 s\n", "t.yaml:7: a: size=big: "},
        {HEAD ENTRY "    match: [op=gett]\n    max: 1 s\n", "t.yaml:7: a: op=gett: "},
        {HEAD ENTRY "    match: [op=get, op=put]\n    max: 1 s\n",
         "t.yaml:7: a: the axis 'op' is named twice; give its values in one, op=A,B"},
        {HEAD ENTRY "    over: []\n    max: 1 s\n", "t.yaml:7: 'over' has 0 entries; at least 1"},
        {HEAD ENTRY "    metric: bandwith\n    max: 1 s\n",
         "t.yaml:7: a: unknown metric 'bandwith'; did you mean 'bandwidth'? (one of median, p99, "
         "limit, bandwidth, tokens)"},
        {HEAD ENTRY "    expected: 116 GB/s\n", "t.yaml:7: a: '116 GB/s' "},
        {HEAD ENTRY "    expected: 116\n",
         "t.yaml:7: a: '116' has no unit; write for example 116 us"},
        {HEAD ENTRY "    metric: tokens\n    expected: 5 us\n",
         "t.yaml:8: a: '5 us' must be a number followed by token/s"},
        {HEAD ENTRY "    over: [op=put]\n    expected: 5 us\n", "t.yaml:8: a: '5 us' "},
        {HEAD ENTRY "    expected: 1 us\n",
         "t.yaml:4: a: the key 'tolerance' is missing (here or at the top of the file), for "
         "example 5%"},
        {HEAD ENTRY "    expected: 1 us\n    tolerance: 500%\n",
         "t.yaml:8: a: tolerance 500%: must be a share of 0% to 100%"},
        {HEAD ENTRY "    expected: 0 us\n    tolerance: 5%\n",
         "t.yaml:7: a: expected 0 has no relative error; give 'min' and 'max'"},
        {HEAD ENTRY, "t.yaml:4: a: needs either 'expected', or 'min' or 'max' or both"},
        {HEAD ENTRY "    expected: 1 us\n    max: 1 us\n",
         "t.yaml:4: a: needs either 'expected', or 'min' or 'max' or both; it has all kinds"},
        {HEAD ENTRY "    min: 2 us\n    max: 1 us\n", "t.yaml:7: a: min 2 us is above max 1 us"},
        {HEAD ENTRY "    max: 1 us\n" ENTRY "    max: 1 us\n",
         "t.yaml:8: the id 'a' stands in line 4 already"},
        {HEAD "  - id: a b\n    class: spec\n    bench: wire\n    max: 1 s\n",
         "t.yaml:4: the id 'a b' must be"},
        {"name: n\nbrief: b\norigin: model\nentries:\n" ENTRY "    max: 1 us\n",
         "t.yaml:3: unknown origin 'model'"},
        {"name: n\nbrief: b\nmatch: [pth=node]\nentries:\n" ENTRY "    max: 1 us\n",
         "t.yaml:3: wire has no axis 'pth'"},
        /* An axis of the other clock than that of the origin. */
        {"name: n\nbrief: b\norigin: measured\nentries:\n" ENTRY
         "    match: [path=node]\n    max: 1 us\n",
         "t.yaml:8: a: "},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct sn_expectations x;
        cr_expect_eq(sn_expectations_parse(&x, t[i].text, strlen(t[i].text), "t.yaml", &app),
                     SN_EINVAL, "%s", t[i].text);
        cr_expect(!strncmp(sn_status_message(), t[i].message, strlen(t[i].message)),
                  "says '%s' instead of '%s'", sn_status_message(), t[i].message);
    }
}

/* --- judging ---------------------------------------------------------------------------------- */

Test(validate, expected_and_tolerance)
{
    struct maker m = {0};
    add(&m, "get", 8, "node", 105e-6);
    add(&m, "put", 8, "node", 94.9e-6);

    struct sn_finding f =
        judge(&m, HEAD ENTRY "    match: [op=get]\n    expected: 100 us\n    tolerance: 5%\n");
    cr_expect_eq(f.verdict, SN_FOUND_OK, "the edge belongs to it");
    expect_near(f.error, 0.05);
    expect_near(f.n1, 52.5e-6);
    f = judge(&m, HEAD ENTRY "    match: [op=put]\n    expected: 100 us\n    tolerance: 5%\n");
    cr_expect_eq(f.verdict, SN_FOUND_OUT);
    expect_near(f.error, -0.051);
    /* Both rows match: the worse one is shown, and it does not hold. */
    f = judge(&m, HEAD ENTRY "    expected: 100 us\n    tolerance: 5%\n");
    cr_expect_eq(f.verdict, SN_FOUND_OUT);
    cr_expect_eq(f.rows, 2);
    cr_expect_eq(f.bad, 1);
    expect_near(f.got, 94.9e-6);
    /* Nothing matches. */
    f = judge(&m, HEAD ENTRY "    match: [size=9]\n    expected: 1 us\n    tolerance: 5%\n");
    cr_expect_eq(f.verdict, SN_FOUND_ABSENT);
    f = judge(&m, HEAD ENTRY "    match: [transport=shm]\n    max: 1 us\n    required: true\n");
    cr_expect_eq(f.verdict, SN_FOUND_MISSING, "rows without the axis do not match");
    f = judge(&m, "name: n\nbrief: b\norigin: measured\nentries:\n" ENTRY "    max: 1 us\n");
    cr_expect_eq(f.verdict, SN_FOUND_ABSENT, "these rows are modelled");
    sn_rows_free(&m.rows);
}

Test(validate, ranges)
{
    struct maker m = {0};
    add(&m, "get", 1000, "node", 1e-6); /* 1 GB/s */
    add(&m, "get", 2000, "node", 1e-6);

    static const struct {
        const char *bounds;
        enum sn_verdict_of_entry verdict;
        double error, got;
    } t[] = {
        {"min: 1 GB/s", SN_FOUND_OK, 0, 1e9}, /* the row nearest to its bound is shown */
        {"max: 2 GB/s", SN_FOUND_OK, 0, 2e9},
        {"min: 1.25 GB/s", SN_FOUND_OUT, -0.2, 1e9},
        {"max: 1.6 GB/s", SN_FOUND_OUT, 0.25, 2e9},
        {"{min: 0.9 GB/s, max: 1.6 GB/s}", SN_FOUND_OUT, 0.25, 2e9},
        {"{min: 1.25 GB/s, tolerance: 20%}", SN_FOUND_OK, -0.2, 1e9},
        {"min: 0 GB/s", SN_FOUND_OK, 0, 1e9},
        {"max: 0 GB/s", SN_FOUND_OUT, INFINITY, 1e9},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        const char *b = t[i].bounds;
        char *text = *b == '{' ? sn_strdupf("name: n\nbrief: b\nentries:\n  - {id: a, class: spec, "
                                            "bench: wire, metric: bandwidth, %s\n",
                                            b + 1)
                               : sn_strdupf(HEAD ENTRY "    metric: bandwidth\n    %s\n", b);
        struct sn_finding f = judge(&m, text);
        cr_expect_eq(f.verdict, t[i].verdict, "%s: %s", b, sn_found_name(f.verdict));
        cr_expect(f.error == t[i].error || fabs(f.error - t[i].error) < 1e-12, "%s: %g", b,
                  f.error);
        expect_near(f.got, t[i].got);
        free(text);
    }
    sn_rows_free(&m.rows);
}

Test(validate, rows_that_failed_and_rows_that_were_skipped)
{
    struct maker m = {0};
    add(&m, "get", 8, "node", 1e-6);
    struct sn_row *r = add(&m, "put", 8, "node", 1e-6);
    r->status = SN_ROW_SKIPPED;
    r->reason = "no";
    static const char text[] = HEAD ENTRY "    max: 1 us\n";

    struct sn_finding f = judge(&m, text);
    cr_expect_eq(f.verdict, SN_FOUND_OK);
    cr_expect_eq(f.rows, 1);
    r->status = SN_ROW_FAILED;
    f = judge(&m, text);
    cr_expect_eq(f.verdict, SN_FOUND_FAILED, "wrong data holds nothing");
    cr_expect_eq(f.rows, 2);
    /* A metric that is not defined in a row is no figure. */
    f = judge(&m, HEAD ENTRY "    match: [op=get]\n    metric: tokens\n    min: 1 token/s\n");
    cr_expect_eq(f.verdict, SN_FOUND_ABSENT);
    sn_row_add_flag(&m.rows.rows[0], "extrapolated");
    f = judge(&m, HEAD ENTRY "    match: [op=get]\n    max: 1 us\n");
    cr_expect(f.extrapolated);
    sn_rows_free(&m.rows);
}

/* loss = 1 - bandwidth(super) / bandwidth(node), sizes paired: 1 - 97 / 100 and 1 - 90 / 100. */
Test(validate, differences_and_quotients)
{
    struct maker m = {0};
    add(&m, "get", 1000, "node", 1000 / 100e9);
    add(&m, "get", 1000, "super", 1000 / 97e9);
    add(&m, "get", 4000, "super", 4000 / 90e9);
    add(&m, "get", 4000, "node", 4000 / 100e9);
    add(&m, "get", 9000, "node", 4e-6); /* has no partner: makes no figure */
    add(&m, "put", 1000, "super", 5e-6);
#define LOSS HEAD ENTRY "    metric: bandwidth\n    minus: [path=super]\n    over: [path=node]\n"

    struct sn_finding f = judge(&m, LOSS "    match: [path=node, size=1000]\n    max: 3%\n");
    cr_expect_eq(f.verdict, SN_FOUND_OK);
    expect_near(f.got, 0.03);
    f = judge(&m, LOSS "    match: [path=node]\n    max: 3%\n");
    cr_expect_eq(f.verdict, SN_FOUND_OUT);
    cr_expect_eq(f.rows, 2);
    cr_expect_eq(f.bad, 1);
    expect_near(f.got, 0.1);
    expect_near(f.n1, 0.1); /* limits are half of the times: the quotient is the same */
    /* A difference keeps its unit; the limits differ by half as much. */
    f = judge(&m, HEAD ENTRY "    match: [path=super, size=4000]\n    minus: [path=node]\n"
                             "    expected: 5 ns\n    tolerance: 50%\n");
    expect_near(f.got, 4000 / 90e9 - 4000 / 100e9);
    expect_near(f.n1, (4000 / 90e9 - 4000 / 100e9) / 2);
    cr_expect_eq(f.verdict, SN_FOUND_OK);
    sn_rows_free(&m.rows);
}

/* --- errors ----------------------------------------------------------------------------------- */

/* Got 110 and 190 us of expected 100 and 200: errors +10 % and -5 %. N0 = 150: +50 % and -25 %.
 * N1 = half of got, less the latency: 55 - 5 and 95: -50 % and -52.5 %. */
Test(validate, errors_by_class)
{
    struct maker m = {0};
    struct sn_row *row = add(&m, "get", 1, "node", 110e-6);
    sn_row_add_part(row, "wire", 105e-6);
    sn_row_add_part(row, "latency", 5e-6);
    add(&m, "get", 2, "node", 190e-6);
    add(&m, "get", 3, "node", 50e-6);
    struct sn_expectations x = parse(
        "name: n\nbrief: b\ntolerance: 6%\nentries:\n"
        "  - {id: a, class: calibration, quantity: q, bench: wire, match: [size=1], expected: "
        "100 us}\n"
        "  - {id: b, class: calibration, quantity: q, bench: wire, match: [size=2], expected: "
        "200 us}\n"
        "  - {id: c, class: held-out, quantity: q, bench: wire, match: [size=3], expected: "
        "50 us}\n"
        "  - {id: d, class: identity, quantity: q, bench: wire, match: [size=3], expected: "
        "1 us}\n"
        "  - {id: e, class: projection, bench: wire, match: [size=3], expected: 1 us}\n"
        "  - {id: f, class: calibration, bench: wire, match: [size=3], max: 1 s}\n"
        "  - {id: g, class: calibration, quantity: q2, bench: wire, match: [size=4], "
        "expected: 1 us}\n");
    struct sn_findings f;
    struct sn_report r;
    sn_report_of_rows(&r, &m.rows, &app);
    sn_findings_make(&x, &r, &f);

    cr_expect_eq(f.matched, 6);
    cr_expect_eq(f.failing, 1);
    cr_expect_eq(f.findings[3].verdict, SN_FOUND_SHOWN);
    cr_expect_eq(f.findings[4].verdict, SN_FOUND_SHOWN, "49 times the projection, never failing");
    expect_near(f.findings[0].n0, 150e-6);
    cr_expect(isnan(f.findings[6].n0), "one figure is no mean of others");
    struct sn_errors c = sn_findings_errors(&f, SN_EXPECT_CALIBRATION);
    cr_expect_eq(c.judged, 3);
    cr_expect_eq(c.within, 2);
    cr_expect_eq(c.n, 2);
    expect_near(c.largest, 0.1);
    cr_expect_str_eq(c.largest_id, "a");
    expect_near(c.mean, 0.025);
    expect_near(c.mape, 0.075);
    expect_near(c.n0, 0.375);
    expect_near(c.n1, 0.5125);
    struct sn_errors h = sn_findings_errors(&f, SN_EXPECT_HELD_OUT);
    cr_expect_eq(h.n, 1);
    expect_near(h.n0, 2.0);
    cr_expect_eq(sn_findings_errors(&f, SN_EXPECT_IDENTITY).judged, 0);
    cr_expect(isnan(sn_findings_errors(&f, SN_EXPECT_PROJECTION).mape));
    sn_findings_free(&f);
    sn_report_free(&r);
    sn_expectations_free(&x);
    sn_rows_free(&m.rows);
}

/* --- the command ------------------------------------------------------------------------------ */

static void put_file(const char *dir, const char *name, const char *text)
{
    char *path = sn_strdupf("%s/%s", dir, name);
    struct sn_buf b = {0};
    sn_buf_add(&b, text);
    cr_assert_eq(sn_buf_write_file(&b, path), SN_OK);
    sn_buf_free(&b);
    free(path);
}

static void put_rows(const char *dir, const struct maker *m)
{
    struct sn_buf b = {0};
    for (size_t i = 0; i < m->rows.n; i++)
        sn_row_encode(&m->rows.rows[i], &b);
    put_file(dir, "rows.jsonl", b.data);
    sn_buf_free(&b);
}

static void erase(const char *dir)
{
    char *command = sn_strdupf("rm -r '%s'", dir);
    cr_expect_eq(system(command), 0);
    free(command);
}

/* Runs the command over `dir` with a file of that text; *printed gets what it prints. */
static int validated(const char *dir, const char *text, enum sn_format format, char **printed)
{
    size_t size;
    FILE *out = open_memstream(printed, &size);
    put_file(dir, "x.yaml", text);
    char *file = sn_strdupf("%s/x.yaml", dir);
    int status = sn_validate_print(out, &dir, 1, file, format, &app);
    fclose(out);
    free(file);
    return status;
}

Test(validate, the_command)
{
    char dir[] = "/tmp/snbench-validate-XXXXXX", *text = NULL;
    cr_assert_not_null(mkdtemp(dir));
    struct maker m = {0};
    add(&m, "get", 8, "node", 100e-6);
    put_rows(dir, &m);

    cr_expect_eq(validated(dir, HEAD ENTRY "    expected: 100 us\n    tolerance: 5%\n",
                           SN_FORMAT_TEXT, &text),
                 SN_OK, "%s", sn_status_message());
    cr_expect(strstr(text, "OK: all 1 judged entries hold") && strstr(text, "calibration"), "%s",
              text);
    free(text);
    /* The same, the expected value 30 % away: exit 3 and the entry named. */
    int status = validated(dir, HEAD ENTRY "    expected: 130 us\n    tolerance: 5%\n",
                           SN_FORMAT_TEXT, &text);
    cr_expect_eq(status, SN_ERANGE);
    cr_expect_eq(sn_status_exit_code(status), 3);
    cr_expect(strstr(sn_status_message(), "1 of 1 judged entries do not hold: a"), "%s",
              sn_status_message());
    cr_expect(strstr(text, "-23.1") && strstr(text, "OUT"), "%s", text);
    free(text);
    /* No entry has a row: what to run. */
    status =
        validated(dir, HEAD ENTRY "    match: [size=9]\n    max: 1 us\n", SN_FORMAT_TEXT, &text);
    cr_expect_eq(sn_status_exit_code(status), 2);
    cr_expect(strstr(sn_status_message(), "snbench run wire 'size=9'"), "%s", sn_status_message());
    cr_expect_str_eq(text, "", "nothing is printed");
    free(text);
    /* Required and absent, beside one that has a row. */
    status =
        validated(dir,
                  HEAD ENTRY "    max: 1 s\n"
                             "  - {id: b, class: spec, bench: wire, match: [size=9], max: 1 s, "
                             "required: true}\n",
                  SN_FORMAT_CSV, &text);
    cr_expect_eq(status, SN_ERANGE);
    char *want = sn_strdupf("id,class,row,row_id,rows,unit,expected,min,max,tolerance,got,error,n0,"
                            "n1,verdict,note\n"
                            "a,calibration,,%s,1,s,,,1,0,0.0001,0,,5e-05,ok,\n"
                            "b,spec,,,0,s,,,1,0,,,,,MISSING,\n",
                            m.rows.rows[0].id);
    cr_expect_str_eq(text, want);
    free(want);
    free(text);
    sn_rows_free(&m.rows);
    erase(dir);
}

/* --- published figures ------------------------------------------------------------------------ */

#define COLUMNS "id,source,class,quantity,params,value,unit,notes\n"

Test(validate, published_tables)
{
    struct sn_published_table t;
    static const char text[] =
        "# a comment\n" COLUMNS "a,S,spec,\"a, \"\"quoted\"\" one\",\"x=1,y=2\",196e9,B/s,5+\n"
        "\n"
        "b,S,calibration,q,,-0.5,s,\n";
    cr_assert_eq(sn_published_table_parse(&t, text, strlen(text), "t.csv"), SN_OK, "%s",
                 sn_status_message());
    cr_assert_eq(t.n, 2);
    cr_expect_str_eq(t.figures[0].quantity, "a, \"quoted\" one");
    cr_expect_str_eq(t.figures[0].params, "x=1,y=2");
    cr_expect_eq(t.figures[0].value, 196e9);
    cr_expect_str_eq(t.figures[1].notes, "");
    cr_expect_eq(t.figures[1].value, -0.5);
    cr_expect_eq(sn_published_find(&t, "b"), &t.figures[1]);
    cr_expect_null(sn_published_find(&t, "c"));
    sn_published_table_free(&t);

    static const struct {
        const char *text, *message;
    } wrong[] = {
        {"", "t.csv:1: there is no heading"},
        {"activations_percent,experts\n", "t.csv:1: the heading must be id,source"},
        {COLUMNS "a,S,spec,q,,1,s\n", "t.csv:2: 7 fields, not 8"},
        {COLUMNS "a,S,spec,q,,1,s,,\n", "t.csv:2: 9 fields, not 8"},
        {COLUMNS "a,S,spec,\"q,,1,s,\n", "t.csv:2: a quote is not closed"},
        {COLUMNS "a,S,spec,\"q\"x,,1,s,\n", "t.csv:2: a quote is not closed"},
        {COLUMNS "a,S,spek,q,,1,s,\n", "t.csv:2: unknown class 'spek'; did you mean 'spec'?"},
        {COLUMNS "a,S,spec,q,,1,s,\na,S,spec,q,,1,s,\n",
         "t.csv:3: the id 'a' stands in line 2 already"},
        {COLUMNS "a,S,spec,q,,many,s,\n", "t.csv:2: "},
        {COLUMNS "a,S,spec,q,,,s,\n", "t.csv:2: the value is empty"},
        {COLUMNS ",S,spec,q,,1,s,\n", "t.csv:2: the id is empty"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        cr_expect_eq(sn_published_table_parse(&t, wrong[i].text, strlen(wrong[i].text), "t.csv"),
                     SN_EINVAL);
        cr_expect(!strncmp(sn_status_message(), wrong[i].message, strlen(wrong[i].message)),
                  "says '%s' instead of '%s'", sn_status_message(), wrong[i].message);
    }
}

/* A folder of literature for the benchmark of these tests. */
static void put_literature(const char *dir)
{
    char *folder = sn_strdupf("%s/published", dir);
    cr_assert_eq(mkdir(folder, 0777), 0);
    put_file(folder, "m.csv",
             COLUMNS "lat,PAPER,calibration,read latency,size=8,100e-6,s,\n"
                     "bw,PAPER,calibration,read bandwidth,size=8,8e4,B/s,\n"
                     "other,PAPER,spec,something else,,1,count,\n");
    put_file(folder, "m.yaml",
             "name: machine\nbrief: a machine\nfigures: m.csv\norigin: modelled\ntolerance: 5%\n"
             "match: [profile=p]\nentries:\n"
             "  - {id: lat, class: calibration, bench: wire, match: [size=8], expected: 100 us}\n"
             "  - {id: bw, class: calibration, bench: wire, match: [size=8], metric: bandwidth, "
             "expected: 80 kB/s}\n");
    put_file(folder, "ours.yaml",
             "name: n\nbrief: b\nfigures: m.csv\nentries:\n" ENTRY "    max: 1 s\n");
    put_file(folder, "spec.yaml", HEAD ENTRY "    max: 1 us\n");
    put_file(folder, "broken.yaml", "name: x\n");
    free(folder);
}

#define MODELS                                                                                     \
    "{\"models\":[{\"name\":\"p\",\"path\":\"p.yaml\",\"sha256\":\"0123456789abcdef\","            \
    "\"asked\":\"p\",\"figures\":["                                                                \
    "{\"key\":\"cost.launch\",\"value\":3.3e-5,\"unit\":\"s\",\"class\":\"calibrated\","           \
    "\"source\":\"lat\"},"                                                                         \
    "{\"key\":\"ports.a\",\"value\":1e9,\"unit\":\"B/"                                             \
    "s\",\"class\":\"spec\",\"source\":\"PAPER\"}],"                                               \
    "\"valid\":[{\"axis\":\"size\",\"min\":8,\"max\":64}],\"warnings\":[\"told apart by "          \
    "nothing\"]}]}"

static char *reported(const char *dir, const char *results, enum sn_format format)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    cr_assert_eq(sn_report_print(out, &dir, 1, format, &app, "plots", results), SN_OK, "%s",
                 sn_status_message());
    fclose(out);
    return text;
}

Test(validate, reports_show_published_figures_and_fidelity)
{
    char dir[] = "/tmp/snbench-validate-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    struct maker m = {0};
    add(&m, "get", 8, "node", 104e-6);
    sn_row_add_flag(add(&m, "get", 4096, "node", 1e-3), "extrapolated");
    put_rows(dir, &m);
    put_file(dir, "manifest.json", MODELS);
    put_literature(dir);
    static const char *const says[] = {
        "Published figures",
        "| lat | read latency | size=8 |", /* with origin, then the row beside it */
        "| published | PAPER | calibration |",
        "| modelled | here |",
        "Fidelity",
        "| cost.launch | 33 us | calibrated | lat |",
        "1 parameter against 2 calibration figures of m.csv (0.50 a figure); 2 of these",
        "size 8 to 64",
        "told apart by nothing",
        "1 of 2 modelled cases lie outside the range",
        "broken.yaml:1: the key 'brief' is missing",
        "ours.yaml:5: m.csv has no figure 'a'",
        "+4.0",
        "2 of 2",
    };
    char *md = reported(dir, dir, SN_FORMAT_MD);
    for (size_t i = 0; i < sizeof says / sizeof *says; i++) {
        char *plain = sn_strdup(md); /* Markdown pads its cells */
        size_t n = 0;
        for (const char *p = md; *p; p++)
            if (*p != '\\' && !(*p == ' ' && n && plain[n - 1] == ' '))
                plain[n++] = *p;
        plain[n] = '\0';
        cr_expect(strstr(plain, says[i]), "does not say '%s':\n%s", says[i], plain);
        free(plain);
    }
    cr_expect(!strstr(md, "something else"), "a figure of no benchmark is not shown");
    char *again = reported(dir, dir, SN_FORMAT_MD);
    cr_expect_str_eq(md, again);
    free(again);
    free(md);
    /* Measured rows alone: no fidelity, but still the literature, without a row beside it. */
    for (size_t i = 0; i < m.rows.n; i++)
        m.rows.rows[i].origin = SN_ORIGIN_MEASURED;
    put_rows(dir, &m);
    md = reported(dir, dir, SN_FORMAT_MD);
    cr_expect(!strstr(md, "Fidelity") && !strstr(md, "modelled |"), "%s", md);
    cr_expect(strstr(md, "Published figures"));
    free(md);
    md = reported(dir, NULL, SN_FORMAT_MD);
    cr_expect(!strstr(md, "ublished"), "no folder, no literature");
    free(md);
    sn_rows_free(&m.rows);
    erase(dir);
}

Test(validate, parity_has_one_figure_a_unit)
{
    char dir[] = "/tmp/snbench-validate-XXXXXX";
    cr_assert_not_null(mkdtemp(dir));
    struct maker m = {0};
    add(&m, "get", 8, "node", 104e-6);
    put_literature(dir);
    struct sn_figures f = {0};
    struct sn_published p;
    struct sn_report r;
    sn_report_of_rows(&r, &m.rows, &app);
    sn_published_open(&p, dir, &app);
    cr_assert_eq(p.n, 1, "spec.yaml has no figures, broken.yaml and ours.yaml are wrong");
    cr_expect_eq(p.n_errors, 2);
    sn_figures_parity(&r, &p, &f);
    cr_assert_eq(f.n, 2);
    cr_expect_str_eq(f.figures[0].name, "fidelity-time");
    cr_expect_str_eq(f.figures[0].csv.data, "series,class,id,published,modelled,side\n"
                                            "1,calibration,lat,0.0001,0.000104,1\n");
    cr_expect_str_eq(f.figures[1].csv.data, "series,class,id,published,modelled,side\n"
                                            "1,calibration,bw,80000,76923.0769231,1\n");
    sn_figures_free(&f);
    sn_published_close(&p);
    sn_report_free(&r);
    sn_rows_free(&m.rows);
    erase(dir);
}

/* --- the files of this tree ------------------------------------------------------------------- */

/* Every file reads, every entry of a table is a row of it, and the two figures agree. */
Test(validate, the_files_of_this_tree)
{
    static const struct sn_app real = {.benches = sn_benches};
    struct sn_datadir data;
    cr_assert_eq(sn_datadir_open(&data), SN_OK, "%s", sn_status_message());
    struct sn_published p;
    sn_published_open(&p, data.results, &real);
    for (size_t i = 0; i < p.n_errors; i++)
        cr_expect(false, "%s", p.errors[i]);
    cr_expect_eq(p.n, 2);
    size_t entries = 0;
    for (size_t s = 0; s < p.n; s++) {
        for (size_t i = 0; i < p.sets[s].expect.n; i++, entries++) {
            const struct sn_expectation *e = &p.sets[s].expect.entries[i];
            const struct sn_published_figure *f = sn_published_find(&p.sets[s].table, e->id);
            cr_assert_not_null(f, "%s: %s is not in %s", p.sets[s].expect.path, e->id,
                               p.sets[s].expect.figures);
            expect_near(e->range ? e->max : e->expected, f->value);
            cr_expect_str_eq(sn_expect_class_words[e->class], f->class);
            cr_expect(!strcmp(e->unit, f->unit) || !strcmp(f->unit, "fraction"), "%s: %s, %s",
                      e->id, e->unit, f->unit);
        }
    }
    cr_expect_eq(entries, 18);
    sn_published_close(&p);
    struct sn_expectations x;
    char *spec = sn_strdupf("%s/published/fabric-spec.yaml", data.results);
    cr_expect_eq(sn_expectations_load(&x, spec, &real), SN_OK, "%s", sn_status_message());
    sn_expectations_free(&x);
    free(spec);
    sn_datadir_close(&data);
}
