/* Rows against expected figures: files and their mistakes, selection, differences and quotients,
 * verdicts, errors and null models by hand, the command. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/status.h"
#include "harness/validate.h"
#include "tests/unit/wire.h"

#define HEAD  "name: n\nbrief: b\nentries:\n"
#define ENTRY "  - id: a\n    class: calibration\n    bench: wire\n"

static struct sn_expectations parse(const char *text)
{
    struct sn_expectations x;

    cr_assert_eq(sn_expectations_parse(&x, text, strlen(text), "t.yaml", &wire_app), SN_OK, "%s",
                 sn_status_message());
    return x;
}

/* What the rows say to the only entry of `text`. */
static struct sn_finding judge(const struct wire *m, const char *text)
{
    struct sn_expectations x = parse(text);
    struct sn_findings f;
    struct sn_report r;

    sn_report_of_rows(&r, &m->rows, &wire_app);
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
        cr_expect_eq(sn_expectations_parse(&x, t[i].text, strlen(t[i].text), "t.yaml", &wire_app),
                     SN_EINVAL, "%s", t[i].text);
        cr_expect(!strncmp(sn_status_message(), t[i].message, strlen(t[i].message)),
                  "says '%s' instead of '%s'", sn_status_message(), t[i].message);
    }
}

/* --- judging ---------------------------------------------------------------------------------- */

Test(validate, expected_and_tolerance)
{
    struct wire m = {0};
    wire_add(&m, "get", 8, "node", 105e-6);
    wire_add(&m, "put", 8, "node", 94.9e-6);

    struct sn_finding f =
        judge(&m, HEAD ENTRY "    match: [op=get]\n    expected: 100 us\n    tolerance: 5%\n");
    cr_expect_eq(f.verdict, SN_FOUND_OK, "the edge belongs to it");
    wire_near(f.error, 0.05);
    wire_near(f.n1, 52.5e-6);
    f = judge(&m, HEAD ENTRY "    match: [op=put]\n    expected: 100 us\n    tolerance: 5%\n");
    cr_expect_eq(f.verdict, SN_FOUND_OUT);
    wire_near(f.error, -0.051);
    /* Both rows match: the worse one is shown, and it does not hold. */
    f = judge(&m, HEAD ENTRY "    expected: 100 us\n    tolerance: 5%\n");
    cr_expect_eq(f.verdict, SN_FOUND_OUT);
    cr_expect_eq(f.rows, 2);
    cr_expect_eq(f.bad, 1);
    wire_near(f.got, 94.9e-6);
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
    struct wire m = {0};
    wire_add(&m, "get", 1000, "node", 1e-6); /* 1 GB/s */
    wire_add(&m, "get", 2000, "node", 1e-6);

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
        wire_near(f.got, t[i].got);
        free(text);
    }
    sn_rows_free(&m.rows);
}

Test(validate, rows_that_failed_and_rows_that_were_skipped)
{
    struct wire m = {0};
    wire_add(&m, "get", 8, "node", 1e-6);
    struct sn_row *r = wire_add(&m, "put", 8, "node", 1e-6);
    r->status = SN_ROW_SKIPPED;
    r->reason = "no";
    static const char text[] = HEAD ENTRY "    max: 1 us\n";

    struct sn_finding f = judge(&m, text);
    cr_expect_eq(f.verdict, SN_FOUND_OK);
    cr_expect_eq(f.rows, 1);
    r->reason = "plane 3 is cut";
    f = judge(&m, text);
    cr_expect_eq(f.verdict, SN_FOUND_FAILED, "nothing passes: that holds nothing");
    cr_expect_eq(f.rows, 2);
    cr_expect_eq(f.bad, 1);
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
    struct wire m = {0};
    wire_add(&m, "get", 1000, "node", 1000 / 100e9);
    wire_add(&m, "get", 1000, "super", 1000 / 97e9);
    wire_add(&m, "get", 4000, "super", 4000 / 90e9);
    wire_add(&m, "get", 4000, "node", 4000 / 100e9);
    wire_add(&m, "get", 9000, "node", 4e-6); /* has no partner: makes no figure */
    wire_add(&m, "put", 1000, "super", 5e-6);
#define LOSS HEAD ENTRY "    metric: bandwidth\n    minus: [path=super]\n    over: [path=node]\n"

    struct sn_finding f = judge(&m, LOSS "    match: [path=node, size=1000]\n    max: 3%\n");
    cr_expect_eq(f.verdict, SN_FOUND_OK);
    wire_near(f.got, 0.03);
    f = judge(&m, LOSS "    match: [path=node]\n    max: 3%\n");
    cr_expect_eq(f.verdict, SN_FOUND_OUT);
    cr_expect_eq(f.rows, 2);
    cr_expect_eq(f.bad, 1);
    wire_near(f.got, 0.1);
    wire_near(f.n1, 0.1); /* limits are half of the times: the quotient is the same */
    /* A difference keeps its unit; the limits differ by half as much. */
    f = judge(&m, HEAD ENTRY "    match: [path=super, size=4000]\n    minus: [path=node]\n"
                             "    expected: 5 ns\n    tolerance: 50%\n");
    wire_near(f.got, 4000 / 90e9 - 4000 / 100e9);
    wire_near(f.n1, (4000 / 90e9 - 4000 / 100e9) / 2);
    cr_expect_eq(f.verdict, SN_FOUND_OK);
    sn_rows_free(&m.rows);
}

/* --- errors ----------------------------------------------------------------------------------- */

/* Got 110 and 190 us of expected 100 and 200: errors +10 % and -5 %. N0 = 150: +50 % and -25 %.
 * N1 = half of got, less the latency: 55 - 5 and 95: -50 % and -52.5 %. */
Test(validate, errors_by_class)
{
    struct wire m = {0};
    struct sn_row *row = wire_add(&m, "get", 1, "node", 110e-6);
    sn_row_add_part(row, "wire", 105e-6);
    sn_row_add_part(row, "latency", 5e-6);
    wire_add(&m, "get", 2, "node", 190e-6);
    wire_add(&m, "get", 3, "node", 50e-6);
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
    sn_report_of_rows(&r, &m.rows, &wire_app);
    sn_findings_make(&x, &r, &f);

    cr_expect_eq(f.matched, 6);
    cr_expect_eq(f.failing, 1);
    cr_expect_eq(f.findings[3].verdict, SN_FOUND_SHOWN);
    cr_expect_eq(f.findings[4].verdict, SN_FOUND_SHOWN, "49 times the projection, never failing");
    wire_near(f.findings[0].n0, 150e-6);
    cr_expect(isnan(f.findings[6].n0), "one figure is no mean of others");
    struct sn_errors c = sn_findings_errors(&f, SN_EXPECT_CALIBRATION);
    cr_expect_eq(c.judged, 3);
    cr_expect_eq(c.within, 2);
    cr_expect_eq(c.n, 2);
    wire_near(c.largest, 0.1);
    cr_expect_str_eq(c.largest_id, "a");
    wire_near(c.mean, 0.025);
    wire_near(c.mape, 0.075);
    wire_near(c.n0, 0.375);
    wire_near(c.n1, 0.5125);
    struct sn_errors h = sn_findings_errors(&f, SN_EXPECT_HELD_OUT);
    cr_expect_eq(h.n, 1);
    wire_near(h.n0, 2.0);
    cr_expect_eq(sn_findings_errors(&f, SN_EXPECT_IDENTITY).judged, 0);
    cr_expect(isnan(sn_findings_errors(&f, SN_EXPECT_PROJECTION).mape));
    sn_findings_free(&f);
    sn_report_free(&r);
    sn_expectations_free(&x);
    sn_rows_free(&m.rows);
}

/* --- the command ------------------------------------------------------------------------------ */

/* Runs the command over `dir` with a file of that text; *printed gets what it prints. */
static int validated(const char *dir, const char *text, enum sn_format format, char **printed)
{
    size_t size;
    FILE *out = open_memstream(printed, &size);
    wire_put_file(dir, "x.yaml", text);
    char *file = sn_strdupf("%s/x.yaml", dir);
    int status = sn_validate_print(out, &dir, 1, file, format, &wire_app);
    fclose(out);
    free(file);
    return status;
}

Test(validate, the_command)
{
    char dir[] = "/tmp/snbench-validate-XXXXXX", *text = NULL;
    cr_assert_not_null(mkdtemp(dir));
    struct wire m = {0};
    wire_add(&m, "get", 8, "node", 100e-6);
    wire_put_rows(dir, &m);

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
    /* Only what is never judged has a row: nobody can say OK. */
    status = validated(dir,
                       "name: n\nbrief: b\nentries:\n  - {id: a, class: identity, bench: wire, "
                       "expected: 1 s, tolerance: 5%}\n",
                       SN_FORMAT_TEXT, &text);
    cr_expect_eq(sn_status_exit_code(status), 4, "%s", sn_status_message());
    cr_expect(strstr(sn_status_message(), "no row is judged"), "%s", sn_status_message());
    cr_expect(strstr(text, "INCONCLUSIVE") && !strstr(text, "OK:"), "%s", text);
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
    wire_erase(dir);
}
