/* Block reads on the model clock: from places to messages of comm/fabric/net.h.
 *
 * A pool read is slower than the link: pages, lookups and copies in software. A plane therefore
 * has figures of its own, given by the caller: bandwidth per reader and latency per block. A reader
 * keeps `outstanding` reads of a request in flight: read i is asked for `block_latency` after read
 * i - outstanding has arrived (the first ones after the request), and the reader handles one block
 * after another, bytes / effective_bandwidth each. Ports and contention are the network's; a slow
 * reader does not slow the port of the memory it reads from.
 */
#ifndef SN_COMM_KVPLANE_H
#define SN_COMM_KVPLANE_H

#include <stddef.h>
#include <stdint.h>

#include "comm/fabric/net.h"
#include "comm/kvpool.h"

struct sn_kv_plane {
    double effective_bandwidth; /* B/s of one reader; INFINITY: what the network gives */
    double block_latency;       /* s before each block moves */
};

enum sn_kv_plane_kind { SN_KV_UB, SN_KV_VPC, SN_KV_PLANES };
extern const char *const sn_kv_plane_words[]; /* "ub", "vpc", NULL */

/* How far a block is from its reader. */
enum sn_kv_distance {
    SN_KV_LOCAL,  /* in the reader's own memory */
    SN_KV_NODE,   /* in another memory of its node: a die or a CPU socket */
    SN_KV_REMOTE, /* on another node */
    SN_KV_DISTANCES
};
extern const char *const sn_kv_distance_words[]; /* "local", "node", "remote", NULL */
enum sn_kv_distance sn_kv_distance(const struct sn_net *net, uint32_t src, uint32_t dst);

struct sn_kv_read {
    uint32_t src; /* endpoint whose memory has the block: a die, or sn_net_cpu() */
    uint32_t dst; /* die that reads */
    uint64_t bytes;
    uint8_t distance; /* enum sn_kv_distance */
    uint8_t plane;    /* enum sn_kv_plane_kind */
};

/* read (places that are in the pool, of `n`): die `reader` reads them from host[member], over
 * `plane`. Returns how many. */
size_t sn_kv_reads(const struct sn_net *net, const uint32_t *host, uint32_t reader,
                   enum sn_kv_plane_kind plane, const struct sn_kv_place *place, size_t n,
                   struct sn_kv_read *read);

/* What a reader is busy with one block, in ps: sn_net_run()'s overhead where all messages of the
 * run are reads of blocks of that size. */
int64_t sn_kv_hold_ps(const struct sn_kv_plane *plane, uint64_t bytes);

/* A block alone in the network: latency and transfer (bytes / read bandwidth) of a path. */
struct sn_kv_pace {
    int64_t latency_ps, transfer_ps;
};
void sn_kv_pace(const struct sn_net *net, const struct sn_profile *p, uint32_t src, uint32_t dst,
                uint64_t bytes, struct sn_kv_pace *out);

/* msg (n): the reads of one request, which arrives at at_ps; `first` is the index that msg[0] will
 * have in sn_net_run()'s array.
 *
 * pace NULL: reads may be asked for as soon as the window allows; the run's overhead is
 * sn_kv_hold_ps(), which makes the reader's bandwidth exact. Where other traffic is in the run,
 * with another overhead, pace (SN_KV_DISTANCES) says what each distance takes alone, and the reads
 * are spaced instead: a reader alone then has the same times, one that waits for others falls
 * behind by what it waited. */
void sn_kv_messages(const struct sn_kv_plane *plane, unsigned outstanding, int64_t at_ps,
                    const struct sn_kv_pace *pace, const struct sn_kv_read *read, size_t n,
                    uint32_t first, struct sn_msg *msg);

/* After sn_net_run(): ps from when the window had room for the block of msgs[i] until it was there:
 * since the request's arrival at_ps, or since the block whose place it took was there. Spaced or
 * not, `block_latency` and waiting for the reader's other blocks included. */
int64_t sn_kv_latency_ps(const struct sn_msg *msgs, size_t i, int64_t at_ps);

/* Seconds of one reader alone for n blocks of `bytes` each: with t = bytes / bandwidth, l =
 * block_latency + latency of the network, q outstanding
 *     floor((n - 1) / q) max(l + t, q t) + l + t (1 + (n - 1) mod q)
 * which is l + n t where q hides the latency. Exact where t is at least the network's own
 * transfer; no read is faster, contended or not. */
double sn_kv_plane_bound(const struct sn_kv_plane *plane, unsigned outstanding, uint64_t n,
                         uint64_t bytes, double network_latency);

#endif
