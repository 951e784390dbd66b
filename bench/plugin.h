/* Plug-ins: shared objects that bring kernels and transports (harness/base/snbench.h). */
#ifndef SN_BENCH_PLUGIN_H
#define SN_BENCH_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

/* Loads the files in order and adds what they bring to the lists of kernels and transports; they
 * stay loaded. Before that each is loaded and checked in a child process, so that one that crashes
 * is a message. SN_EINVAL, with file, plug-in and variant: what is wrong with the file; SN_EVERIFY:
 * it failed its check. Messages of the plug-in itself go to standard error if `speak`. Once, before
 * MPI_Init and before benchmarks are planned. */
int sn_plugins_open(const char *const *files, size_t n, bool speak);

/* For the manifest: [{"path", "sha256", "name", "kernels": [{"op", "name", "checked"}],
 * "transports": [name, ...]}, ...]; a new object. `checked`: the check ran it on some problem,
 * which is not so where this CPU lacks its instructions. Nothing in it changes from run to run. */
json_t *sn_plugins_describe(void);

#endif
