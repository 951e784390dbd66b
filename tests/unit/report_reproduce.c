/* REPRODUCE.md and the command in it. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/status.h"
#include "harness/report.h"
#include "harness/report_parts.h"
#include "harness/sums.h"
#include "tests/unit/echo.h"

static void expect_command(json_t *argv, const char *output, const char *want)
{
    json_t *m = json_pack("{s:o}", "argv", argv);
    char *got = sn_report_command(m, output);

    cr_expect_str_eq(got, want);
    free(got);
    json_decref(m);
}

Test(reproduce, command_is_what_a_shell_takes)
{
    expect_command(json_pack("[s, s, s, s, s]", "build/snbench", "run", "dispatch",
                             "routing=zipf(1.2)", "it's"),
                   NULL, "build/snbench run dispatch 'routing=zipf(1.2)' 'it'\\''s'");
    expect_command(json_pack("[s, s]", "", "a\nb"), NULL, "'' 'a\nb'");
    expect_command(json_pack("[s, s, s, s, s]", "snbench", "run", "gemm", "-o", "my dir"), "again",
                   "snbench run gemm -o again");
    expect_command(json_pack("[s, s, s, s]", "snbench", "run", "--out=d", "--resume"), "a b",
                   "snbench run -o 'a b'");
    expect_command(json_pack("[s, s]", "snbench", "run"), "again", "snbench run -o again");
}

/* The launcher's own words at the end are no part of what was typed. */
Test(reproduce, command_without_what_the_launcher_added)
{
    expect_command(json_pack("[s, s, s, s, s, s, s, s, s, s]", "snbench", "run", "gemm", "-o", "d",
                             "--launches", "3", "--launch", "0", "-o"),
                   NULL, "snbench run gemm -o d --launches 3");
    expect_command(json_pack("[s, s, s, s, s, s, s, s]", "snbench", "run", "gemm", "-o", "d",
                             "--launch", "0", "-o"),
                   "again", "snbench run gemm -o again");
}

static const char want[] =
    "# How to make this run again\n\n"
    "## The program\n\n"
    "    git checkout 0123456789abcdef0123456789abcdef01234567\n"
    "    make CONFIG=release\n\n"
    "**The program had changes that are not in this commit**: what follows may not give the "
    "same.\n\n"
    "snbench -, GCC 12.2.0, flags `-std=gnu11 -O2 -g`, MPI library MPICH Version: 4.0.2.\n\n"
    "## The run\n\n"
    "It was made by the first line; the second makes it again, beside it. Seed 1, 1 rank, "
    "1 launch.\n\n"
    "    build/snbench run --suite declared -o 'it'\\''s here'\n"
    "    build/snbench run --suite declared -o again\n\n"
    "## Check, compare, report\n\n"
    "    RUN=DIR # the directory of this file\n"
    "    build/snbench verify \"$RUN\"\n"
    "    build/snbench compare \"$RUN\" again\n"
    "    build/snbench report \"$RUN\" --format html\n"
    "    build/snbench report \"$RUN\" --format tex\n\n"
    "Times of the wall clock are of this machine: `compare` says which differ.\n\n"
    "## What it read\n\n"
    "SHA-256 of the files; those of the run itself are in SHA256SUMS.\n\n"
    "- input map.txt: abababababababababababababababababababababababababababababababab\n";

/* In the run directory, under its checksums, the same each time. */
Test(reproduce, file_is_written_with_the_report)
{
    char *dir = echo_dir(), *rows = echo_content("tests/golden/declared", "rows.jsonl");
    char *manifest = echo_content("tests/golden/declared", "manifest.json");

    echo_write(dir, "rows.jsonl", rows);
    echo_write(dir, "manifest.json", manifest);
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(sn_report_write(dir, &echo_app, "plots", NULL), SN_OK, "%s",
                     sn_status_message());
        char *got = echo_content(dir, "REPRODUCE.md");
        cr_expect_str_eq(got, want);
        free(got);
    }
    char *sums = echo_content(dir, "SHA256SUMS");
    cr_expect(strstr(sums, "  REPRODUCE.md\n"));
    cr_expect(strstr(sums, "  tables/fig1-headline.csv\n"));
    cr_expect(strstr(sums, "  plots/fig6-step-timeline.csv\n"));
    cr_expect_eq(sn_sums_verify(dir), SN_OK);
    free(sums);
    free(manifest);
    free(rows);
    echo_erase(dir);
}

/* On the model clock the rows are compared byte for byte. */
Test(reproduce, model_clock_compares_bytes)
{
    struct sn_rows none = {0};
    struct sn_report r;
    struct sn_published p = {0};
    struct sn_buf b = {0};

    sn_report_of_rows(&r, &none, &echo_app);
    r.runs[0].manifest =
        json_pack("{s:[s, s], s:s, s:i, s:i, s:i, s:{s:n, s:n}, s:[{s:s, s:s}, {s:s, s:s, s:s}]}",
                  "argv", "snbench", "run", "clock", "model", "seed", 7, "ranks", 2, "launches", 1,
                  "git", "commit", "dirty", "models", "path", "a_b.yaml", "sha256", "12", "kind",
                  "device", "path", "d.yaml", "sha256", "34");
    sn_report_reproduce(&r, &p, &b);
    cr_expect(strstr(b.data, "outside a repository"));
    cr_expect(strstr(b.data, "\n    mpiexec -n 2 snbench run -o again\n"));
    cr_expect(strstr(b.data, "cmp \"$RUN/rows.jsonl\" again/rows.jsonl"));
    cr_expect(strstr(b.data, "- fabric profile a_b.yaml: 12\n- device profile d.yaml: 34\n"), "%s",
              b.data);
    sn_buf_free(&b);
    sn_report_free(&r);
}
