/* --launches: the whole run again in fresh processes, because the launch is the unit of
 * replication. */
#ifndef SN_HARNESS_LAUNCH_H
#define SN_HARNESS_LAUNCH_H

#include "harness/options.h"

/* The number of ranks that mpiexec started this process among (1 when it was started without), and
 * this process's rank, read from the environment before MPI_Init (MPICH's PMI_*, Open MPI's
 * OMPI_COMM_WORLD_*, Slurm's PMIX_RANK with SLURM_NTASKS). */
void sn_launch_place(int *rank, int *ranks);

/* Starts `argv --launch I -o DIR` for every launch with as many ranks as this process was started
 * with, one after another; called before MPI_Init, on every rank: all but rank 0 return at once.
 * *exit_code gets the worst exit code of the launches; a launch that ends with anything but 0 or 1
 * ends the series. SN_EENV when the launcher cannot be started. */
int sn_launch_all(const struct sn_options *o, int argc, char **argv, int *exit_code);

#endif
