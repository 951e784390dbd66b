/* The command line: commands, usage, exit codes. The only place, with main, that prints errors. */
#ifndef SN_HARNESS_CLI_H
#define SN_HARNESS_CLI_H

#include "harness/bench.h"

/* Runs argv as snbench's command line; returns the process's exit code (DESIGN.md section 5). MPI
 * is initialised by the commands that run something, never by help, list, describe, report or
 * verify. */
int sn_cli_main(int argc, char **argv, const struct sn_app *app);

#endif
