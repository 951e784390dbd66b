/* What the figures were measured on. */
#ifndef SN_HARNESS_MACHINE_H
#define SN_HARNESS_MACHINE_H

#include <jansson.h>

#include "harness/world.h"

/* The machine of this process without MPI: cpu, features, topology (hwloc), kernel, governor, huge
 * pages, memory, load, virtual machine or container, compiler and flags, libraries, environment
 * (allow-list). A new object, owned by the caller; facts the machine does not tell are null. Two
 * calls on one machine differ only under the key "load". */
json_t *sn_machine_describe(void);

/* Collective: MPI library and version, ranks, hosts, binding of each rank (cpuset as a list),
 * oversubscription, clock. The object on rank 0, NULL on the others. */
json_t *sn_machine_describe_mpi(const struct sn_world *w);

/* Load averages and runnable tasks now: {"load1":..., "running":...}. */
json_t *sn_machine_load(void);

/* A short fingerprint of what must be equal for two runs to be of one machine (cpu model, cores,
 * memory, kernel release, MPI library); `machine` as described above. 16 hex digits + NUL. */
void sn_machine_fingerprint(const json_t *machine, char out[17]);

#endif
