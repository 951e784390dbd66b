/* The command line's options: one table is parser, default, range and help at once
 * (harness/options.c). */
#ifndef SN_HARNESS_OPTIONS_H
#define SN_HARNESS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "harness/bench.h"
#include "harness/compare.h"
#include "harness/diagnose.h"
#include "harness/report.h"
#include "harness/sample.h"

/* Commands as bits: an option belongs to some of them. */
enum sn_command {
    SN_CMD_RUN = 1,
    SN_CMD_REPORT = 2,
    SN_CMD_VERIFY = 4,
    SN_CMD_LIST = 8,
    SN_CMD_DESCRIBE = 16,
    SN_CMD_INFO = 32,
    SN_CMD_APP = 64, /* the program's own (struct sn_app_command) */
    SN_CMD_VALIDATE = 128,
    SN_CMD_DIAGNOSE = 256,
    SN_CMD_COMPARE = 512,
    SN_CMD_NOISE = 1024,
};

struct sn_options {
    enum sn_clock_kind clock;
    uint64_t seed; /* < 2^63, so that it fits a JSON integer */
    struct sn_sample_opts sample;
    double timeout_s; /* of one case; 0: none */
    int launches;     /* fresh starts of the whole run */
    int launch;       /* the one that this process is, or -1: start them all */
    const char *out;  /* run directory, or NULL: a new one under results/runs */
    bool resume, dry_run, quiet, verbose, progress;
    enum sn_format format;
    const char *suite, *counters, *map, *mpiexec, *roofs;
    const char *profile; /* default of the axes that name a fabric profile, or NULL */
    const char *degrade; /* of the axes that slow or cut links, or NULL */
    const char *device;  /* the same of those that name a device profile */
    const char *trace;   /* file for a trace of the one case, or NULL */
    const char *against; /* file of expected figures, or NULL */
    const char *form;    /* --format of one of the program's own commands, or NULL */
    enum sn_mutation mutate;
    int hang_rank;
    enum sn_isa isa; /* the most that kernels may use; the highest level unless limited */
    struct sn_diagnose_opts diagnose;
    struct sn_compare_opts compare;
    bool help;

    const char **plugins; /* --plugin, in order; points into argv */
    size_t n_plugins;

    const char **args; /* what is not an option, in order; points into argv */
    size_t n_args;
};

/* Parses argv[first..argc) for one command. Strings point into argv. SN_EINVAL: unknown option with
 * the nearest, a missing or wrong value with what would be right. Release with sn_options_free().
 */
int sn_options_parse(struct sn_options *out, enum sn_command cmd, int argc, char **argv, int first);
void sn_options_free(struct sn_options *o);

/* Prints the options of a command with their arguments and defaults. */
void sn_options_help(FILE *out, enum sn_command cmd);

#endif
