/* The fabric model: a profile's network for n dies, and the engine that moves messages through it
 * (DESIGN.md section 8).
 *
 * Endpoints: dies 0..n-1; then the CPU sockets of the nodes, n + node * cpus_per_node + socket.
 * Time is in integer picoseconds. A message waits for its turn at its issuer (FIFO by readiness,
 * then by index), holds the issuer's port max(overhead, bytes / bandwidth) and leaves at the end of
 * that hold, cut through: its head reaches the next FIFO a hop latency later, is served there in
 * order of arrival (ties by source, then index), and so on to the receiver's port. Work conserving;
 * no back pressure. A read is issued by its receiver and then queues at the source's port; alone
 * it takes read_latency + max(overhead, bytes / read_bandwidth). README.md has the formulas.
 * Packages, nodes, planes and switches come from the profile. Switches that cannot be the
 * bottleneck (healthy, sprayed, not oversubscribed) are only a latency, as with virtual output
 * queues; slowed or hashed ones are FIFOs.
 */
#ifndef SN_COMM_FABRIC_NET_H
#define SN_COMM_FABRIC_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "comm/fabric/profile.h"

struct sn_net;

enum sn_net_spread {
    SN_NET_PROFILE, /* as the profile says */
    SN_NET_SPRAY,   /* over all planes, in proportion to what each can carry now */
    SN_NET_HASH,    /* one plane and one L2 chip by a hash of (source, destination, index) */
    SN_NET_PLANE    /* one plane for all: `plane` */
};

struct sn_net_options {
    const char *degrade; /* NULL or "none": healthy; see sn_degrade_check() */
    enum sn_net_spread spread;
    unsigned plane;
    uint64_t seed; /* of hashes */
};

/* Degradations: terms joined by '+', each TARGET:FACTOR, factor 0 (cut) to 1 of the bandwidth:
 *     plane=3:0             every link of plane 3
 *     node=7:0.5            every link between node 7's L1 chips and the L2 chips
 *     node=7.link=2:0.5     those of its L1 chip of plane 2
 *     die=5:0.5             every link of die 5 to its L1 chips (and its port, without planes)
 *     die=5.link=2:0        that to the L1 chip of plane 2
 *     pair=3-9:0.5          messages from die 3 to die 9
 * SN_EINVAL: "node=7.link=9:0.5: ..." with what would be right. sn_degrade_check() looks at the
 * form alone; sn_net_open() at the numbers as well. */
int sn_degrade_check(const char *spec);

/* n dies of the profile (1 to 65,536). SN_EINVAL, also for more than 2^27 queues; SN_ENOMEM. *p
 * must outlive the net. */
int sn_net_open(struct sn_net **out, const struct sn_profile *p, unsigned dies,
                const struct sn_net_options *o);
void sn_net_close(struct sn_net *net);

unsigned sn_net_dies(const struct sn_net *net);
unsigned sn_net_endpoints(const struct sn_net *net); /* dies and CPU sockets */
unsigned sn_net_cpu(const struct sn_net *net, unsigned node, unsigned socket);
unsigned sn_net_node(const struct sn_net *net, unsigned endpoint);
enum sn_path sn_net_path(const struct sn_net *net, unsigned src, unsigned dst);
/* NULL, or why no message can pass from src to dst ("plane 3 is cut"). Valid until close. */
const char *sn_net_unreachable(const struct sn_net *net, unsigned src, unsigned dst);

/* What the network consists of, for tests, exports and `snbench describe`. */
struct sn_net_size {
    unsigned dies, packages, nodes, planes, l1, l2; /* chips */
    uint64_t die_links, l2_links;                   /* die to L1, L1 to L2; per direction */
    double die_bandwidth, l1_uplink, l2_bandwidth;  /* B/s: sums over the links of one chip */
};
void sn_net_size(const struct sn_net *net, struct sn_net_size *out);

enum {
    SN_MSG_READ = 1,   /* dst asks for it */
    SN_MSG_IN_TURN = 2 /* with `after`: issue_ps counts from 0, not from the delivery; and it goes
                          behind its issuer's message of the next lower index: a step of a
                          collective, which waits for what the step before sent and received */
};
#define SN_MSG_NONE UINT32_MAX

struct sn_msg {
    int64_t issue_ps; /* not issued before; with `after`: not before that long after its delivery */
    int64_t done_ps;  /* out: last byte at dst */
    uint64_t bytes;
    uint32_t src, dst; /* endpoints */
    uint32_t after;    /* index of the message whose delivery lets this one be issued, lower than
                          its own, or SN_MSG_NONE */
    uint32_t flags;
};

struct sn_net_result {
    int64_t end_ps;   /* largest done */
    uint32_t last;    /* message that ended last (lowest index among equals) */
    int64_t bound_ps; /* no schedule is faster: busiest port's bytes / physical bandwidth, plus the
                         least latency of a message through it */
    char bottleneck[96];     /* the busiest port in words: "ejection port ub of die 17" */
    unsigned bottleneck_die; /* or endpoint, or node of a per-node port */
    uint64_t bottleneck_bytes;
    int64_t bottleneck_busy_ps; /* at effective rates and with overheads */
};

/* Moves the messages; fills done_ps of each. overhead_ps: of every message at its issuer. 0 bytes
 * and src == dst (a copy inside the die at the `self` path's bandwidth, no port) are allowed.
 * Deterministic: the same messages give the same times. Without `after` O(n log n), at most 64
 * bytes of memory per message with the message itself; with it an event queue: 104. SN_EINVAL: a
 * bad endpoint, an `after` that is not lower, an unreachable pair; SN_ENOMEM. */
int sn_net_run(struct sn_net *net, struct sn_msg *msgs, size_t n, int64_t overhead_ps,
               struct sn_net_result *out);

/* Equal messages from every die to every die: what sn_net_run() says of them, and no more. */
struct sn_net_copies {
    unsigned dies;
    const uint32_t *count;   /* (dies, dies) messages from each die (row) to each die */
    bool back;               /* from columns to rows instead: answers */
    uint64_t bytes;          /* of each */
    const uint32_t *turn;    /* (dies, dies) whom a die (row) sends to, in turn */
    const int64_t *ready_ps; /* (dies) a die's first message is issued then, */
    int64_t issue_ps;        /* each further one so much later; the overhead of each */
};
/* *end_ps gets the largest done_ps, the same as of sn_net_run() with the messages one by one, some
 * five times as fast: nothing is kept of a message. False where the network is not that simple
 * (degraded, hashed, ports of nodes, a pair without a path): use sn_net_run(). SN_ENOMEM: false. */
bool sn_net_run_copies(struct sn_net *net, const struct sn_net_copies *m, int64_t *end_ps);

/* Sum of everything one after another: no schedule that always works is slower. */
int64_t sn_net_serial_ps(const struct sn_net *net, const struct sn_msg *msgs, size_t n,
                         int64_t overhead_ps);

/* Seconds to picoseconds, rounded; and back. */
static inline int64_t sn_ps(double s)
{
    return (int64_t)(s * 1e12 + (s < 0 ? -0.5 : 0.5));
}
static inline double sn_ps_seconds(int64_t ps)
{
    return (double)ps * 1e-12;
}

/* The order in which a die sends to the others: rotated starts behind itself, same at die 0 for
 * all, random shuffles per die from the seed. Fills dst (n - 1) without `me`. Rotated here is by
 * number, as algorithms with steps go; what is sent at once goes by sn_net_rotation(). */
enum sn_net_order { SN_ORDER_ROTATED, SN_ORDER_RANDOM, SN_ORDER_SAME };
extern const char *const sn_net_order_words[]; /* "rotated", "random", "same", NULL */
void sn_net_order(enum sn_net_order o, unsigned me, unsigned n, uint64_t seed, uint32_t *dst);

/* Rotated by place, for dies 0 to n - 1 of the net: the packages of its node behind its own, then
 * the nodes behind its own, in each from its own place on. Fills dst (n - 1) without `me`. With
 * whole packages and nodes the i-th destinations of all dies are different dies, among the other
 * nodes as well as inside each: a die's ports work side by side, so a rotation by number would send
 * all dies of a node through one port to one die of the next node, one after another. */
void sn_net_rotation(const struct sn_net *net, unsigned me, unsigned n, uint32_t *dst);

#endif
