/* `snbench fabric export`: a network and a traffic of ours in the form of another simulator, so
 * that the engine can be held against it. */
#ifndef SN_BENCH_FABRIC_EXPORT_H
#define SN_BENCH_FABRIC_EXPORT_H

#include <stdio.h>

#include "harness/options.h"

/* o->args: "export", then dies=N, traffic=alltoall|skewed|incast, size=BYTES, order=WORD, seed from
 * the defaults; o->profile, o->form ("simgrid"), o->out (a folder, made when missing). Writes
 * platform.xml (one host a die), hosts, traffic.txt ("src dst bytes" in the order of sending) and
 * prints the engine's makespan for the same messages. SN_EINVAL, SN_EIO; nothing is written then.
 *
 * What the exported system is: every die has an up and a down link for each port it uses, of the
 * rate at which the engine serves this traffic there (bytes / port time: paths of one port may have
 * different effective bandwidths), and every route adds its path's latency. Costs per message
 * are not exported: they have no counterpart in a flow model. SN_EINVAL as well for what would be
 * another system: a port of a node, hashed messages, uplinks that carry less than the dies below.
 * Prints the seed where anything is random; platform.xml names all that was asked for. */
int sn_fabric_export(const struct sn_options *o, FILE *out);

#endif
