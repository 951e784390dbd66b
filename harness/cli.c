#include "harness/cli.h"

#include <stdio.h>
#include <string.h>

#include "harness/base/status.h"
#include "harness/compare.h"
#include "harness/datadir.h"
#include "harness/describe.h"
#include "harness/diagnose.h"
#include "harness/info.h"
#include "harness/launch.h"
#include "harness/noise.h"
#include "harness/options.h"
#include "harness/report.h"
#include "harness/run.h"
#include "harness/rundir.h"
#include "harness/validate.h"
#include "harness/version.h"

struct invocation {
    const struct sn_options *o;
    const struct sn_app *app;
    int argc;
    char **argv;
    int exit_code; /* of the command when it returned SN_OK */
};

static int cmd_run(struct invocation *v)
{
    const struct sn_options *o = v->o;
    if (o->launches > 1 && o->launch < 0 && !o->dry_run)
        return sn_launch_all(o, v->argc, v->argv, &v->exit_code);
    int signal = 0, status = sn_run(o, v->argc, v->argv, v->app, &signal);
    if (status == SN_EINTR) {
        v->exit_code = 128 + signal;
        return SN_OK;
    }
    return status;
}

/* For the commands that only show; `run` loads them itself. */
static int open_plugins(const struct invocation *v)
{
    const struct sn_options *o = v->o;
    return o->n_plugins && v->app->plugins_open
               ? v->app->plugins_open(o->plugins, o->n_plugins, true)
               : SN_OK;
}

static int cmd_list(struct invocation *v)
{
    if (v->o->n_args > 1)
        return SN_FAIL(SN_EINVAL, "list %s %s: one topic at a time", v->o->args[0], v->o->args[1]);
    int status = open_plugins(v);
    return status != SN_OK ? status
                           : sn_describe_list(stdout, v->app, v->o->n_args ? v->o->args[0] : NULL);
}

static int cmd_describe(struct invocation *v)
{
    if (v->o->n_args != 1)
        return SN_FAIL(SN_EINVAL, "describe what? name one benchmark (`snbench list benchmarks`)");
    int status = open_plugins(v);
    return status != SN_OK ? status : sn_describe_bench(stdout, v->app, v->o->args[0]);
}

static int cmd_info(struct invocation *v)
{
    if (v->o->n_args)
        return SN_FAIL(SN_EINVAL, "info takes no argument, got '%s'", v->o->args[0]);
    return sn_info_run(stdout);
}

static int cmd_report(struct invocation *v)
{
    if (!v->o->n_args)
        return SN_FAIL(SN_EINVAL, "report what? name one or more run directories");
    struct sn_datadir data;
    int status = sn_datadir_open(&data);
    if (status != SN_OK)
        return status;
    status = sn_report_print(stdout, v->o->args, v->o->n_args, v->o->format, v->app, data.plots,
                             data.results);
    sn_datadir_close(&data);
    return status;
}

static int cmd_verify(struct invocation *v)
{
    if (!v->o->n_args)
        return SN_FAIL(SN_EINVAL, "verify what? name one or more run directories");
    for (size_t i = 0; i < v->o->n_args; i++) {
        size_t rows = 0;
        int status = sn_rundir_verify(v->o->args[i], &rows);
        if (status != SN_OK)
            return status;
        printf("%s: %zu rows: checksums, statistics and ids agree\n", v->o->args[i], rows);
    }
    return SN_OK;
}

static int cmd_validate(struct invocation *v)
{
    if (!v->o->n_args)
        return SN_FAIL(SN_EINVAL, "validate what? name one or more run directories");
    if (!v->o->against)
        return SN_FAIL(SN_EINVAL, "validate against what? add --against FILE, for example "
                                  "results/published/cloudmatrix384.yaml");
    return sn_validate_print(stdout, v->o->args, v->o->n_args, v->o->against, v->o->format, v->app);
}

static int cmd_diagnose(struct invocation *v)
{
    if (!v->o->n_args)
        return SN_FAIL(SN_EINVAL, "diagnose what? name one or more run directories with the rows "
                                  "of `snbench run pairs`");
    return sn_diagnose(stdout, v->o->args, v->o->n_args, &v->o->diagnose, v->o->format,
                       &v->exit_code);
}

static int cmd_compare(struct invocation *v)
{
    const struct sn_options *o = v->o;
    if (o->n_args != 2)
        return SN_FAIL(SN_EINVAL, "compare what? name two run directories, BASE and NEW");
    return sn_compare_command(stdout, o->args[0], o->args[1], o->out, &o->compare, o->format,
                              v->app, &v->exit_code);
}

static int cmd_noise(struct invocation *v)
{
    if (!v->o->n_args)
        return SN_FAIL(SN_EINVAL, "noise of what? name a run directory of several launches "
                                  "(`snbench run ... --launches 10`), or several of one workload");
    return sn_noise_command(stdout, v->o->args, v->o->n_args, v->o->out, v->o->format, v->app);
}

struct command {
    const char *name;
    enum sn_command id;
    const char *usage, *brief;
    int (*run)(struct invocation *);
    int (*own)(const struct sn_options *, FILE *); /* in place of `run`: the program's own */
};

static const struct command commands[] = {
    {"list", SN_CMD_LIST, "[TOPIC]", "what there is: benchmarks, suites, transports, ...", cmd_list,
     NULL},
    {"describe", SN_CMD_DESCRIBE, "BENCH", "axes, metrics and the lower bound of a benchmark",
     cmd_describe, NULL},
    {"info", SN_CMD_INFO, "", "this machine: topology, MPI, clock, counters, roofs", cmd_info,
     NULL},
    {"run", SN_CMD_RUN, "BENCH [axis=values ...] | --suite NAME",
     "measure; with more ranks: mpiexec -n N snbench run ...", cmd_run, NULL},
    {"report", SN_CMD_REPORT, "DIR...", "tables and figures from stored rows", cmd_report, NULL},
    {"verify", SN_CMD_VERIFY, "DIR...", "recompute every statistic and checksum of a run directory",
     cmd_verify, NULL},
    {"validate", SN_CMD_VALIDATE, "DIR... --against FILE",
     "stored rows against expected figures: errors, verdicts, exit 3 where one does not hold",
     cmd_validate, NULL},
    {"diagnose", SN_CMD_DIAGNOSE, "DIR...",
     "name slow endpoints, nodes, planes or pairs in the rows of `run pairs`", cmd_diagnose, NULL},
    {"compare", SN_CMD_COMPARE, "BASE NEW",
     "is NEW slower than BASE: slower, faster, same or inconclusive, row by row", cmd_compare,
     NULL},
    {"noise", SN_CMD_NOISE, "DIR...",
     "how far two runs of the same thing are apart on this machine", cmd_noise, NULL},
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

static void usage(FILE *out, const struct sn_app *app)
{
    fprintf(out,
            "snbench %s: communication and expert-parallel benchmarks for AI supernodes\n\nusage: "
            "snbench COMMAND ...\n\n",
            sn_version());
    for (size_t i = 0; i < N_COMMANDS; i++)
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].brief);
    for (const struct sn_app_command *c = app->commands; c && c->name; c++)
        fprintf(out, "  %-9s %s\n", c->name, c->brief);
    fprintf(
        out,
        "\n`snbench COMMAND --help` lists the options of a command.\n"
        "exit codes: 0 ok, 1 a check or case failed, 2 usage or unreadable input, 3 regression,\n"
        "4 inconclusive, 5 timed out, 6 environment unusable\n");
}

static void command_help(const struct command *c)
{
    printf("usage: snbench %s%s%s%s\n%s\n", c->name, *c->usage ? " " : "", c->usage,
           c->id == SN_CMD_INFO ? "" : " [options]", c->brief);
    if (c->id == SN_CMD_RUN)
        printf("\nA sweep of an axis: size=8,4K  size=8:4M:*4 (geometric)  ep=1:8 or 1:9:+2 "
               "(arithmetic); K M G are\n"
               "powers of 1024, k m g of 1000. `snbench describe BENCH` lists the axes.\n");
    sn_options_help(stdout, c->id);
}

static int fail(bool speak, bool verbose, int status)
{
    const char *message = sn_status_message();
    if (speak && *message) {
        fprintf(stderr, "snbench: %s\n", message);
        if (verbose)
            fprintf(stderr, "snbench: seen at %s\n", sn_status_where());
    }
    return sn_status_exit_code(status);
}

/* The program's own command of that name as a command of ours; *found stays as it is without one.
 */
static bool find_own(const struct sn_app *app, const char *name, struct command *found)
{
    for (const struct sn_app_command *c = app->commands; c && c->name; c++)
        if (!strcmp(name, c->name)) {
            *found = (struct command){c->name, SN_CMD_APP, c->usage, c->brief, NULL, c->run};
            return true;
        }
    return false;
}

static const struct command *find_command(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (!strcmp(name, commands[i].name))
            return &commands[i];
    return NULL;
}

static int unknown_command(const struct sn_app *app, const char *name)
{
    enum { MOST_OWN = 16 };
    const char *words[N_COMMANDS + MOST_OWN];
    size_t n = 0;
    for (; n < N_COMMANDS; n++)
        words[n] = commands[n].name;
    for (const struct sn_app_command *c = app->commands; c && c->name && n < N_COMMANDS + MOST_OWN;
         c++)
        words[n++] = c->name;
    const char *near = sn_nearest(name, words, n);
    return near ? SN_FAIL(SN_EINVAL, "unknown command '%s'; did you mean '%s'?", name, near)
                : SN_FAIL(SN_EINVAL, "unknown command '%s'; `snbench --help` lists the commands",
                          name);
}

int sn_cli_main(int argc, char **argv, const struct sn_app *app)
{
    int rank, ranks;
    sn_launch_place(&rank, &ranks);
    bool speak = rank == 0;
    const char *name = argc > 1 ? argv[1] : NULL;
    if (!name || !strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
        if (speak)
            usage(name ? stdout : stderr, app);
        return name ? 0 : sn_status_exit_code(SN_EINVAL);
    }
    if (!strcmp(name, "--version")) {
        if (speak)
            printf("snbench %s%s%s%s\n", sn_version(), sn_version_commit() ? " " : "",
                   sn_version_commit() ? sn_version_commit() : "", sn_version_dirty() ? "+" : "");
        return 0;
    }
    struct command own;
    const struct command *c = find_own(app, name, &own) ? &own : find_command(name);
    if (!c)
        return fail(speak, false, unknown_command(app, name));
    struct sn_options o;
    int status = sn_options_parse(&o, c->id, argc, argv, 2);
    if (status != SN_OK)
        return fail(speak, false, status);
    struct invocation v = {.o = &o, .app = app, .argc = argc, .argv = argv};
    if (o.help) {
        if (speak)
            command_help(c);
    } else if (speak || c->id == SN_CMD_RUN || c->id == SN_CMD_INFO) {
        status = c->own ? c->own(&o, stdout) : c->run(&v);
    }
    int code = status == SN_OK ? v.exit_code : fail(speak, o.verbose, status);
    sn_options_free(&o);
    return code;
}
