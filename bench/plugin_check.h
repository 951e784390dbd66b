/* What a plug-in's kernels and transports must pass before they are used: in children of
 * bench/plugin_guard.h, since it runs their code. */
#ifndef SN_BENCH_PLUGIN_CHECK_H
#define SN_BENCH_PLUGIN_CHECK_H

#include "bench/plugin_guard.h"
#include "harness/base/snbench.h"

/* A kernel that the registry has, on small random problems against the reference, every array at an
 * unreadable page. *passed counts them: 0 where this CPU cannot run it, or it none of them.
 * SN_EVERIFY with the kernel and the problem. */
int sn_plugin_check_kernel(struct sn_guard *g, const char *plugin, const struct sn_kernel *k,
                           unsigned *passed);

/* A transport between two processes of this host, which stand for two ranks: each calls this with
 * its `rank`. puts, gets, signals, atomics and messages, byte by byte. SN_EVERIFY with the
 * transport and the hook. */
struct sn_plugin_pair;                            /* what the two share */
struct sn_plugin_pair *sn_plugin_pair_open(void); /* NULL: no memory */
void sn_plugin_pair_close(struct sn_plugin_pair *pair);
int sn_plugin_check_transport(struct sn_guard *g, const char *plugin,
                              const struct sn_transport_plugin *t, int rank,
                              struct sn_plugin_pair *pair);

#endif
