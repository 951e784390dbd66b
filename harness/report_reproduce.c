/* REPRODUCE.md: the commands that make a run again, from its manifest alone, so that a report made
 * twice is the same file: no time of day, no path but those of the command itself. */
#include <stdlib.h>
#include <string.h>

#include "harness/escape.h"
#include "harness/report_parts.h"

/* As a shell reads it back. */
static void quote(struct sn_buf *out, const char *arg)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "_-+=:,./@%^";

    if (*arg && strspn(arg, plain) == strlen(arg)) {
        sn_buf_add(out, arg);
        return;
    }
    sn_buf_add(out, "'");
    for (const char *p = arg; *p; p++)
        if (*p == '\'')
            sn_buf_add(out, "'\\''");
        else
            sn_buf_addn(out, p, 1);
    sn_buf_add(out, "'");
}

enum what { KEPT, OUTPUT, OUTPUT_HERE, LAUNCH, RESUME };

static enum what what_is(const char *arg)
{
    if (!strcmp(arg, "-o") || !strcmp(arg, "--out"))
        return OUTPUT;
    if (!strncmp(arg, "--out=", 6))
        return OUTPUT_HERE;
    if (!strcmp(arg, "--launch"))
        return LAUNCH;
    return strcmp(arg, "--resume") ? KEPT : RESUME;
}

static const char *word(const json_t *argv, size_t i)
{
    const char *arg = json_string_value(json_array_get(argv, i));

    return arg ? arg : "";
}

char *sn_report_command(const json_t *manifest, const char *output)
{
    const json_t *argv = sn_manifest_get(manifest, "argv");
    const char *whole = sn_manifest_str(manifest, "command", NULL);
    size_t n = json_array_size(argv);
    struct sn_buf b = {0};
    bool launched = false, had = false;

    for (size_t i = 0; i < n; i++)
        launched = launched || what_is(word(argv, i)) == LAUNCH;
    for (size_t i = 0; i < n; i++) {
        const char *arg = word(argv, i);
        enum what what = what_is(arg);
        bool out = what == OUTPUT || what == OUTPUT_HERE;
        /* The launcher of several launches added "--launch N -o DIR" at the end. */
        if (what == LAUNCH || (out && (output || (launched && had)))) {
            had = had || out;
            i += what != OUTPUT_HERE;
            continue;
        }
        had = had || out;
        if (what == RESUME && output)
            continue; /* it would be a fresh one */
        sn_buf_add(&b, b.len ? " " : "");
        quote(&b, arg);
    }
    if (!n && whole)
        return sn_strdup(whole);
    if (n && output) {
        sn_buf_add(&b, " -o ");
        quote(&b, output);
    }
    return b.data;
}

static const char *text(const json_t *m, const char *path)
{
    return sn_manifest_str(m, path, "-");
}

static void program(const json_t *m, struct sn_buf *out)
{
    const char *commit = sn_manifest_str(m, "git.commit", NULL);
    const char *config = sn_manifest_str(m, "machine.build.config", NULL);
    bool dirty = json_is_true(sn_manifest_get(m, "git.dirty"));

    sn_buf_add(out, "## The program\n\n");
    if (commit)
        sn_buf_addf(out, "    git checkout %s\n    make%s%s\n\n", commit, config ? " CONFIG=" : "",
                    config ? config : "");
    else
        sn_buf_addf(out,
                    "It was built outside a repository: its commit is not known.\n\n"
                    "    make%s%s\n\n",
                    config ? " CONFIG=" : "", config ? config : "");
    if (dirty)
        sn_buf_add(out, "**The program had changes that are not in this commit**: what follows "
                        "may not give the same.\n\n");
    sn_buf_addf(out, "snbench %s, %s %s, flags `%s`, MPI library %s.\n\n", text(m, "version"),
                text(m, "machine.build.compiler"), text(m, "machine.build.version"),
                text(m, "machine.build.flags"), text(m, "mpi.library"));
}

static void run(const json_t *m, struct sn_buf *out)
{
    char *was = sn_report_command(m, NULL), *again = sn_report_command(m, "again");
    double ranks = sn_manifest_num(m, "ranks");
    struct sn_buf launcher = {0};

    if (ranks > 1)
        sn_buf_addf(&launcher, "mpiexec -n %.0f ", ranks);
    sn_buf_addf(out,
                "## The run\n\nIt was made by the first line; the second makes it again, beside "
                "it. Seed %.0f, %.0f rank%s, %.0f launch%s.\n\n    %s%s\n    %s%s\n\n",
                sn_manifest_num(m, "seed"), ranks, ranks == 1 ? "" : "s",
                sn_manifest_num(m, "launches"), sn_manifest_num(m, "launches") == 1 ? "" : "es",
                launcher.data ? launcher.data : "", was ? was : "-",
                launcher.data ? launcher.data : "", again ? again : "-");
    sn_buf_free(&launcher);
    free(again);
    free(was);
}

/* The sets of published figures of which the run has rows. */
static void validations(const struct sn_report *r, const struct sn_published *p,
                        const char *snbench, struct sn_buf *out)
{
    for (size_t s = 0; s < p->n; s++) {
        struct sn_findings f;
        const char *path = p->sets[s].expect.path, *name = strrchr(path, '/');
        sn_findings_make(&p->sets[s].expect, r, &f);
        if (f.matched)
            sn_buf_addf(out, "    %s validate \"$RUN\" --against results/published/%s\n", snbench,
                        name ? name + 1 : path);
        sn_findings_free(&f);
    }
}

static void checks(const struct sn_report *r, const struct sn_published *p, struct sn_buf *out)
{
    const json_t *m = r->runs[0].manifest;
    const char *argv0 = json_string_value(json_array_get(sn_manifest_get(m, "argv"), 0));
    bool model = !strcmp(sn_manifest_str(m, "clock", "wall"), "model");
    struct sn_buf b = {0};

    quote(&b, argv0 ? argv0 : "snbench");
    sn_buf_addf(out,
                "## Check, compare, report\n\n    RUN=DIR # the directory of this file\n"
                "    %s verify \"$RUN\"\n",
                b.data);
    sn_buf_addf(out,
                model ? "    cmp \"$RUN/rows.jsonl\" again/rows.jsonl\n"
                      : "    %s compare \"$RUN\" again\n",
                b.data);
    for (int i = 0; i < 2; i++)
        sn_buf_addf(out, "    %s report \"$RUN\" --format %s\n", b.data, i ? "tex" : "html");
    validations(r, p, b.data, out);
    sn_buf_addf(out, "\n%s\n\n",
                model
                    ? "Rows of the model clock are the same bytes on every machine and with any "
                      "number of ranks."
                    : "Times of the wall clock are of this machine: `compare` says which differ.");
    sn_buf_free(&b);
}

static void file(struct sn_buf *out, const char *what, const char *path, const char *sha256)
{
    sn_buf_addf(out, "- %s ", what);
    sn_escape_md(out, path);
    sn_buf_addf(out, ": %s\n", sha256);
}

static void inputs(const json_t *m, struct sn_buf *out)
{
    json_t *x;
    size_t i;

    sn_buf_add(out, "## What it read\n\nSHA-256 of the files; those of the run itself are in "
                    "SHA256SUMS.\n\n");
    json_array_foreach (sn_manifest_get(m, "models"), i, x) {
        bool device = sn_manifest_get(x, "kind") != NULL;
        file(out, device ? "device profile" : "fabric profile", text(x, "path"), text(x, "sha256"));
    }
    json_array_foreach (sn_manifest_get(m, "inputs"), i, x) {
        file(out, "input", text(x, "path"), text(x, "sha256"));
    }
    json_array_foreach (sn_manifest_get(m, "plugins"), i, x) {
        file(out, "plug-in", text(x, "path"), text(x, "sha256"));
    }
    if (!json_array_size(sn_manifest_get(m, "models")) &&
        !json_array_size(sn_manifest_get(m, "inputs")) &&
        !json_array_size(sn_manifest_get(m, "plugins")))
        sn_buf_add(out, "No profile, no other file.\n");
}

void sn_report_reproduce(const struct sn_report *r, const struct sn_published *p,
                         struct sn_buf *out)
{
    const json_t *m = r->runs[0].manifest;

    sn_buf_add(out, "# How to make this run again\n\n");
    program(m, out);
    run(m, out);
    checks(r, p, out);
    inputs(m, out);
}
