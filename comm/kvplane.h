/* Block reads on the model clock: from places to messages of comm/fabric/net.h.
 *
 * A pool read is slower than the link: pages, lookups and copies in software. A plane therefore
 * has figures of its own, given by the caller: bandwidth per reader and latency per block. A reader
 * keeps `outstanding` reads of a request in flight: read i is asked for `block_latency` after read
 * i - outstanding has arrived (the first ones after the request), so that the latency hides behind
 * what is in flight; ports and contention are the network's.
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

/* msg (n): the reads of one request, which arrives at at_ps; `first` is the index that msg[0] will
 * have in sn_net_run()'s array. */
void sn_kv_messages(const struct sn_kv_plane *plane, unsigned outstanding, int64_t at_ps,
                    const struct sn_kv_read *read, size_t n, uint32_t first, struct sn_msg *msg);

/* *out is *base with the plane's bandwidth per reader as the read bandwidth of every path between
 * two endpoints, as far as the path's own figure is not lower. Writes keep theirs. Borrows what
 * *base points to. */
void sn_kv_plane_profile(struct sn_profile *out, const struct sn_profile *base,
                         const struct sn_kv_plane *plane);

/* Seconds of one reader alone for n blocks of `bytes` each, without the network's own latency: with
 * t = bytes / bandwidth, l = block_latency and q outstanding
 *     floor((n - 1) / q) max(l + t, q t) + l + t (1 + (n - 1) mod q)
 * which is l + n t where q hides the latency. No read is faster, contended or not. */
double sn_kv_plane_bound(const struct sn_kv_plane *plane, unsigned outstanding, uint64_t n,
                         uint64_t bytes);

#endif
