/* The parts of a machine description; for machine*.c, info.c and their tests. Every json_t is a new
 * reference owned by the caller; what the system does not tell is null. */
#ifndef SN_HARNESS_MACHINE_PARTS_H
#define SN_HARNESS_MACHINE_PARTS_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* Packages, cores, hardware threads, caches and NUMA nodes by hwloc: of this machine (NULL: what
 * this process is allowed to use), or of an hwloc synthetic description such as
 * "pack:2 [numa] l3:1 core:4 pu:2". null when hwloc cannot tell. */
json_t *sn_machine_topology(const char *synthetic);

/* The CPUs the calling thread may run on, as a list ("0-3,8"); a list that does not fit ends in
 * "...". *bound: whether they are fewer than the CPUs online. */
void sn_machine_binding(char *list, size_t size, bool *bound);

/* Model, vendor, family, features that snbench uses, flags that explain performance. */
json_t *sn_machine_cpu(void);

/* {"system", "release"} of the running kernel. */
json_t *sn_machine_kernel(void);

/* The cpufreq governor of the CPUs below `root`/sys/devices/system/cpu ("mixed" when they differ),
 * or null. `root` is "" but in tests. */
json_t *sn_machine_governor(const char *root);

/* The bracketed word of a file like "always [madvise] never"; null when there is none. */
json_t *sn_machine_choice(const char *path);

/* The hypervisor below this system ("KVM"), or null: none, or none that says so. */
json_t *sn_machine_hypervisor(void);

/* The container around this process ("docker"), judged from marker files and control groups below
 * `root`; null: none found. */
json_t *sn_machine_container(const char *root);

/* Bytes of main memory, or null. */
json_t *sn_machine_memory(void);

/* The environment variables that change what MPI and OpenMP do, by an allow-list; values are cut
 * after 256 bytes. Nothing else of the environment is ever read. */
json_t *sn_machine_environment(void);

/* Compiler, flags and configuration of this build. */
json_t *sn_machine_build(void);

/* Names and versions of the libraries, MPI included (works before MPI_Init). */
json_t *sn_machine_libraries(void);

#endif
