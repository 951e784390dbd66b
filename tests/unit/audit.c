/* verify: a good run passes; every kind of alteration is named. */
#include <criterion/criterion.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/status.h"
#include "harness/rundir.h"

static char base[] = "/tmp/snbench-audit-XXXXXX";
static char *dir;

enum { CASES = 3, LAUNCHES = 2 };

static int sh(const char *command)
{
    char *line = sn_strdupf("cd %s && { %s; }", base, command);
    int rc = system(line);
    free(line);
    return rc;
}

/* Case 0 has 100 samples (every statistic but p99), case 1 seven, case 2 is skipped. */
static void make_row(struct sn_row *r, int i, int launch)
{
    double x[100];
    sn_row_init(r);
    r->bench = "latency";
    r->seed = 3;
    r->clock = "wall";
    r->ranks = 2;
    r->endpoints = 2;
    r->launch = launch;
    sn_row_add_param_int(r, "size", 8 << i);
    sn_row_set_id(r);
    if (i == 2) {
        r->status = SN_ROW_SKIPPED;
        r->reason = "needs 4 ranks";
        return;
    }
    for (int k = 0; k < 100; k++)
        x[k] = 1e-6 + 1e-8 * ((k * 37 + launch) % 100);
    sn_row_set_samples(r, x, i ? 7 : 100);
    r->check.what = "every byte";
    r->check.compared = 8;
    r->limit_s = i ? 2e-6 : 5e-7; /* case 1 is faster than its limit: suspect */
    r->limit_why = "copy roof";
    sn_row_compute(r);
}

static void make_run(void)
{
    cr_assert_not_null(mkdtemp(base));
    dir = sn_strdupf("%s/run", base);
    json_t *plan = json_array();
    struct sn_row r;
    for (int i = 0; i < CASES; i++) {
        make_row(&r, i, 0);
        json_array_append_new(plan, json_string(r.id));
        sn_row_free(&r);
    }
    json_t *m = json_pack("{s:i, s:i, s:i, s:o}", "seed", 3, "ranks", 2, "launches", LAUNCHES,
                          "plan", plan);
    struct sn_rundir *d;
    cr_assert_eq(sn_rundir_open(&d, dir, false, m), SN_OK, "%s", sn_status_message());
    json_decref(m);
    for (int launch = 0; launch < LAUNCHES; launch++)
        for (int i = 0; i < CASES; i++) {
            make_row(&r, i, launch);
            cr_assert_eq(sn_rundir_append(d, &r), SN_OK);
            sn_row_free(&r);
        }
    json_t *more = json_pack("{s:s}", "finished", "2026-01-31T12:00:00Z");
    cr_assert_eq(sn_rundir_annotate(d, more), SN_OK);
    json_decref(more);
    sn_rundir_close(d);
    cr_assert_eq(sh("cd run && mkdir tables && echo a,b >tables/latency.csv && echo r >report.md"),
                 0);
    cr_assert_eq(sn_rundir_write_sums(dir), SN_OK);
    cr_assert_eq(sh("cp -r run good"), 0);
}

static void drop_run(void)
{
    sh("rm -rf \"$PWD\"");
    free(dir);
}

TestSuite(audit, .init = make_run, .fini = drop_run);

Test(audit, a_good_run_passes)
{
    size_t rows = 0;
    cr_assert_eq(sn_rundir_verify(dir, &rows), SN_OK, "%s", sn_status_message());
    cr_assert_eq(rows, CASES * LAUNCHES);
}

struct alteration {
    const char *command; /* in the run directory */
    const char *message; /* what it must begin with */
};

/* Alters a fresh copy of the run and wants the message; also with SHA256SUMS made anew, unless the
 * alteration is one of files. */
static void expect(const struct alteration *a, size_t n, bool sums_anew)
{
    for (size_t i = 0; i < n; i++) {
        char *command = sn_strdupf("rm -rf run && cp -r good run && cd run && %s", a[i].command);
        size_t rows = 99;
        cr_assert_eq(sh(command), 0, "%s", command);
        cr_assert_neq(sh("diff -r good run >/dev/null"), 0, "nothing changed: %s", command);
        for (int again = 0; again <= sums_anew; again++) {
            if (again)
                cr_assert_eq(sn_rundir_write_sums(dir), SN_OK);
            cr_expect_eq(sn_rundir_verify(dir, &rows), SN_EVERIFY, "after '%s'", a[i].command);
            cr_expect_eq(strncmp(sn_status_message(), a[i].message, strlen(a[i].message)), 0,
                         "after '%s'\nwanted: %s\n   got: %s", a[i].command, a[i].message,
                         sn_status_message());
            cr_expect_eq(rows, 99);
        }
        free(command);
    }
}

#define EXPECT(table, sums_anew) expect(table, sizeof(table) / sizeof *(table), sums_anew)
#define EDIT(line, from, to)     "sed -i '" #line "s/" from "/" to "/' rows.jsonl"

/* The values are worked by hand: 100 samples 1.00, 1.01 .. 1.99 us have x(50) = 1.49, the interval
 * x(40)..x(61) (measuring-notes.md), x(95) = 1.94, mean 1.495. */
Test(audit, altered_statistics_are_named)
{
    static const struct alteration table[] = {
        {EDIT(1, "\"median\":1.49e-6", "\"median\":1.2e-6"),
         "rows.jsonl:1: stats.median: stored 1.2e-06, recomputed 1.49e-06"},
        {EDIT(4, "\"min\":1e-6", "\"min\":1.01e-6"),
         "rows.jsonl:4: stats.min: stored 1.01e-06, recomputed 1e-06"},
        {EDIT(1, "\"ci95\":.1.39e-6,1.6e-6", "\"ci95\":[1.4e-6,1.6e-6"),
         "rows.jsonl:1: stats.ci95[0]: stored 1.4e-06, recomputed 1.39e-06"},
        {EDIT(1, "\"ci95\":.1.39e-6,1.6e-6", "\"ci95\":[1.39e-6,1.5e-6"),
         "rows.jsonl:1: stats.ci95[1]: stored 1.5e-06, recomputed 1.6e-06"},
        {EDIT(1, "\"p95\":1.94e-6", "\"p95\":1.95e-6"),
         "rows.jsonl:1: stats.p95: stored 1.95e-06, recomputed 1.94e-06"},
        {EDIT(1, "\"p95\":1.94e-6", "\"p95\":null"),
         "rows.jsonl:1: stats.p95: stored null, recomputed 1.94e-06"},
        {EDIT(1, "\"p99\":null", "\"p99\":1.99e-6"),
         "rows.jsonl:1: stats.p99: stored 1.99e-06, recomputed null"},
        {EDIT(1, "\"max\":1.99e-6", "\"max\":1.98e-6"),
         "rows.jsonl:1: stats.max: stored 1.98e-06, recomputed 1.99e-06"},
        {EDIT(1, "\"mean\":1.495e-6", "\"mean\":1.495000001e-6"),
         "rows.jsonl:1: stats.mean: stored 1.495000001e-06, recomputed 1.495e-06"},
        {EDIT(2, "\"stddev\":", "\"stddev\":1"), "rows.jsonl:2: stats.stddev: stored 1"},
        {EDIT(1, "\"efficiency\":0.3", "\"efficiency\":0.9"),
         "rows.jsonl:1: efficiency: stored 0.9"},
        {EDIT(1, "\"limit_s\":5e-7", "\"limit_s\":6e-7"), "rows.jsonl:1: efficiency: stored 0.3"},
        {EDIT(1, "\"limit_s\":5e-7", "\"limit_s\":null"),
         "rows.jsonl:1: efficiency: stored 0.335570469799, recomputed null"},
        {EDIT(2, ".\"suspect\".", "[]"), "rows.jsonl:2: flags: \"suspect\" is missing"},
        {EDIT(1, "\"samples_s\":.1e-6", "\"samples_s\":[9e-7"),
         "rows.jsonl:1: stats.min: stored 1e-06, recomputed 9e-07"},
        {EDIT(2, "1.37e-6", "1.38e-6"), "rows.jsonl:2: stats."},
        {EDIT(3, "\"median\":null", "\"median\":1e-6"),
         "rows.jsonl:3: stats.median: stored 1e-06, recomputed null"},
    };
    EXPECT(table, true);
}

Test(audit, altered_identity_is_named)
{
    static const struct alteration table[] = {
        {EDIT(2, "\"size\":16", "\"size\":32"), "rows.jsonl:2: id: stored "},
        {EDIT(2, "\"bench\":\"latency\"", "\"bench\":\"bandwidth\""), "rows.jsonl:2: id: stored "},
        {EDIT(2, "\"seed\":3", "\"seed\":4"), "rows.jsonl:2: id: stored "},
        {EDIT(2, "\"id\":\"....", "\"id\":\"0000"), "rows.jsonl:2: id: stored 0000"},
        {EDIT(2, "\"launch\":0", "\"launch\":2"),
         "rows.jsonl:2: launch: stored 2, manifest.json has 2 launches, counted from 0"},
        {EDIT(2, "\"launch\":0", "\"launch\":1"), "rows.jsonl:5: case "},
        {EDIT(2, "\"ranks\":2", "\"ranks\":4"),
         "rows.jsonl:2: ranks: stored 4, manifest.json has 2"},
        {EDIT(2, "\"clock\":\"wall\"", "\"clock\":\"model\""),
         "rows.jsonl:2: clock: stored model, a figure that is measured has wall"},
        {EDIT(2, "\"origin\":\"measured\"", "\"origin\":\"modelled\""),
         "rows.jsonl:2: clock: stored wall, a figure that is modelled has model"},
        {EDIT(2, "\"errors\":0", "\"errors\":1"),
         "rows.jsonl:2: check.errors: 1 in a row whose status is ok"},
        {"sed -i 's/\"seed\": 3/\"seed\": 4/' manifest.json",
         "rows.jsonl:1: seed: stored 3, manifest.json has 4"},
        {"sed -i 's/\"ranks\": 2/\"ranks\": 3/' manifest.json",
         "rows.jsonl:1: ranks: stored 2, manifest.json has 3"},
        {"sed -i 's/\"launches\": 2/\"launches\": 1/' manifest.json",
         "rows.jsonl:4: launch: stored 1"},
        {"sed -i '/plan/{n;d}' manifest.json", "rows.jsonl:1: case "},
    };
    EXPECT(table, true);
}

Test(audit, altered_lines_are_named)
{
    static const struct alteration table[] = {
        {EDIT(2, ",\"seed\":3", ", \"seed\":3"), "rows.jsonl:2: byte "},
        {EDIT(2, "\"batch\":1,\"steady\":false", "\"steady\":false,\"batch\":1"),
         "rows.jsonl:2: byte "},
        {EDIT(2, "\"tolerance\":0.0", "\"tolerance\":0"), "rows.jsonl:2: byte "},
        {EDIT(2, "\"n\":7", "\"n\":8"), "rows.jsonl:2: n: is 8, but samples_s has 7"},
        {EDIT(2, "\"steady\"", "\"stedy\""), "rows.jsonl:2: stedy: unknown key"},
        {EDIT(2, "$", "x"), "rows.jsonl:2: not a JSON object"},
        {"truncate -s -5 rows.jsonl", "rows.jsonl:6: the line does not end"},
        {"printf '\\n' >>rows.jsonl", "rows.jsonl:7: not a JSON object"},
        {"sed -i 2p rows.jsonl", "rows.jsonl:3: case "},
    };
    EXPECT(table, true);
}

Test(audit, missing_rows_are_named)
{
    static const struct alteration table[] = {
        {"sed -i 6d rows.jsonl",
         "manifest.json: plan has 3 cases a launch, rows.jsonl has 5: case "},
        {"sed -i 2d rows.jsonl",
         "manifest.json: plan has 3 cases a launch, rows.jsonl has 5: case "},
        {": >rows.jsonl", "manifest.json: plan has 3 cases a launch, rows.jsonl has 0: case "},
        {"rm rows.jsonl", "rows.jsonl is missing"},
        {"rm manifest.json", "manifest.json is missing"},
        {"sed -i 's/\"launches\": 2/\"launches\": 3/' manifest.json",
         "manifest.json: plan has 3 cases a launch, rows.jsonl has 6: case "},
        {"sed -i '/finished/d; s/^  ],/  ]/' manifest.json", "manifest.json: finished: missing"},
        {"sed -i s/plan/plans/ manifest.json", "manifest.json: plan: must be an array"},
        {"sed -i 's/\"seed\": 3/\"seed\": \"3\"/' manifest.json", "manifest.json: seed: must be"},
        {"sed -i 's/\"launches\": 2/\"launches\": 0/' manifest.json",
         "manifest.json: launches: must be an integer of at least 1"},
        {"sed -i '/plan/{n;h;p;}' manifest.json", "manifest.json: plan[1]: must be a case id that"},
        {"echo x >manifest.json", "manifest.json:1: "},
    };
    EXPECT(table, true);
}

/* The last case by name, with the launch it is missing in. */
Test(audit, missing_case_is_named_with_its_launch)
{
    struct sn_row r;
    size_t rows;
    make_row(&r, 2, 1);
    char *want = sn_strdupf("case %s of launch 1 is missing (resume the run)", r.id);
    cr_assert_eq(sh("sed -i 6d run/rows.jsonl"), 0);
    cr_assert_eq(sn_rundir_verify(dir, &rows), SN_EVERIFY);
    cr_assert(strstr(sn_status_message(), want), "%s", sn_status_message());
    free(want);
    sn_row_free(&r);
}

/* What no statistic covers is covered by the checksums. */
Test(audit, altered_files_are_named)
{
    static const struct alteration table[] = {
        {EDIT(2, "\"warmup\":0", "\"warmup\":1"), "rows.jsonl: SHA-256 differs from SHA256SUMS"},
        {"echo x >>tables/latency.csv", "tables/latency.csv: SHA-256 differs from SHA256SUMS"},
        {"rm tables/latency.csv", "tables/latency.csv: listed in SHA256SUMS, but missing"},
        {"echo x >notes.txt", "notes.txt: not listed in SHA256SUMS"},
        {"sed -i 's/12:00:00/13:00:00/' manifest.json", "manifest.json: SHA-256 differs"},
        {"rm SHA256SUMS", "SHA256SUMS is missing"},
    };
    EXPECT(table, false);
}

/* A case that failed after it was sampled has samples and no statistics: that is no difference. */
Test(audit, failed_row_without_statistics_passes)
{
    size_t rows;
    cr_assert_eq(sh("cd run && sed -i '2{s/\"status\":\"ok\",\"reason\":null/"
                    "\"status\":\"failed\",\"reason\":\"verify after\"/;"
                    "s/\"min\".*\"stddev\":[^}]*/\"min\":null,\"median\":null,\"ci95\":[null,null],"
                    "\"p95\":null,\"p99\":null,\"max\":null,\"mean\":null,\"stddev\":null/;"
                    "s/\"efficiency\":[0-9.]*/\"efficiency\":null/}' rows.jsonl"),
                 0);
    cr_assert_eq(sn_rundir_write_sums(dir), SN_OK);
    cr_assert_eq(sn_rundir_verify(dir, &rows), SN_OK, "%s", sn_status_message());
}

Test(audit, what_is_no_run_directory)
{
    size_t rows;
    char *file = sn_strdupf("%s/run/report.md", base), *tables = sn_strdupf("%s/run/tables", base);
    cr_assert_eq(sn_rundir_verify("/nonexistent", &rows), SN_EINVAL);
    cr_assert_str_eq(sn_status_message(), "/nonexistent: No such file or directory");
    cr_assert_eq(sn_rundir_verify(file, &rows), SN_EINVAL);
    cr_assert_not_null(strstr(sn_status_message(), "not a directory"));
    cr_assert_eq(sn_rundir_verify(tables, &rows), SN_EINVAL);
    cr_assert_not_null(strstr(sn_status_message(), "not a run directory"));
    free(tables);
    free(file);
}
