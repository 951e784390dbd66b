/* `snbench info`: the machine, MPI, counters and roofs as a page for people. */
#ifndef SN_HARNESS_INFO_H
#define SN_HARNESS_INFO_H

#include <stdio.h>

#include "harness/world.h"

/* Collective over `w`; measures the roofs (about 2 s); rank 0 writes the page to `out`. With w
 * NULL: this process alone, without MPI. SN_EIO when `out` cannot be written. */
int sn_info_print(FILE *out, const struct sn_world *w);

/* The same in a world of its own: starts MPI (also without mpiexec: one rank) and ends it. */
int sn_info_run(FILE *out);

#endif
