// clang-format off
/* Collectives on the model: named algorithms as lists of messages for the engine (net.h).
 *
 * P dies; b bytes of one block; alpha = latency of a message, plus what its issue takes longer than
 * its bytes; beta = 1 / bandwidth. Costs hold where all pairs of dies are alike.
 *
 * all-to-all, b for every pair   direct    alpha + (P - 1) b beta                at once
 *                                pairwise  (P - 1) (alpha + b beta)              step s: to me + s
 *                                ring      (P - 1) alpha + P (P - 1) / 2 b beta  neighbours only
 * all-gather, b of every die     direct    alpha + (P - 1) b beta
 *                                ring      (P - 1) (alpha + b beta)
 *                                doubling  log2 P alpha + (P - 1) b beta         P = 2^n
 * reduce-scatter, P blocks of b  direct    alpha + (P - 1) b beta
 *                                ring      (P - 1) (alpha + b beta)
 *                                halving   log2 P alpha + (P - 1) b beta         P = 2^n
 *
 * A step's message goes when the die has sent the one before and has what the step before brings.
 * Adding up, in reduce-scatter, costs no time here: the model is of the network.
 * Thakur, Rabenseifner, Gropp: Optimization of collective communication operations in MPICH, 2005.
 */
// clang-format on
#ifndef SN_COMM_FABRIC_COLLECTIVES_H
#define SN_COMM_FABRIC_COLLECTIVES_H

#include "comm/fabric/net.h"

enum sn_collective_kind { SN_ALLTOALL, SN_ALLGATHER, SN_REDUCE_SCATTER };

/* What a die sends in one step: blocks first, first + 1, ... (modulo P), `count` of them. A block
 * is of all-to-all what `origin` has for that die, of all-gather that die's, of reduce-scatter the
 * sum so far of what that die will have. `from` sends to the die in the same step. */
struct sn_collective_part {
    uint32_t to, from, origin, first, count;
};

struct sn_collective {
    const char *name;
    enum sn_collective_kind kind;
    bool waits;        /* steps wait for each other; else all is issued at once */
    bool forwards;     /* sends on what others sent */
    bool power_of_two; /* works for such P only */
    unsigned (*steps)(unsigned p);
    /* Step s = 0, 1, ... of die `me`; of those that do not wait, in rotated order. */
    struct sn_collective_part (*part)(unsigned p, unsigned s, unsigned me);
};

extern const struct sn_collective sn_alltoall_direct, sn_alltoall_pairwise, sn_alltoall_ring,
    sn_allgather_direct, sn_allgather_ring, sn_allgather_doubling, sn_reduce_scatter_direct,
    sn_reduce_scatter_ring, sn_reduce_scatter_halving;
extern const struct sn_collective *const sn_collectives[]; /* all, NULL-terminated */

/* NULL, or why it does not work for p dies. */
const char *sn_collective_unsupported(const struct sn_collective *a, unsigned p);

/* Messages for p dies: one per die and step; that of die `me` in step s has index s * p + me. */
size_t sn_collective_count(const struct sn_collective *a, unsigned p);

/* What message s * p + me carries when the algorithm runs in this order. `orders`: of all dies as
 * sn_collective_orders() or sn_net_rotation() made it, or NULL for that of the steps (the only one
 * of algorithms that wait). */
struct sn_collective_part sn_collective_part_of(const struct sn_collective *a, unsigned p,
                                                const uint32_t *orders, unsigned s, unsigned me);

/* orders (p, p - 1): whom each die sends to, in turn. */
void sn_collective_orders(enum sn_net_order o, unsigned p, uint64_t seed, uint32_t *orders);

/* The messages (sn_collective_count(): a caller's array) of blocks of `block` bytes. arrive_ps (p):
 * when each die comes to the operation, or NULL: all at 0. */
void sn_collective_build(const struct sn_collective *a, unsigned p, uint64_t block,
                         const uint32_t *orders, const int64_t *arrive_ps, struct sn_msg *msgs);

#endif
