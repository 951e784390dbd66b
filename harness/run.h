/* `snbench run`: the plan, the run directory, every case, the report. */
#ifndef SN_HARNESS_RUN_H
#define SN_HARNESS_RUN_H

#include "harness/bench.h"
#include "harness/options.h"

/* Collective over the ranks that mpiexec started; initialises and finalises MPI. Returns SN_OK,
 * SN_EVERIFY when a case failed, or what ended the run; *signal gets the signal that ended it, or
 * 0. Prints tables and paths on rank 0 as the options say. */
int sn_run(const struct sn_options *o, int argc, char **argv, const struct sn_app *app,
           int *signal);

#endif
