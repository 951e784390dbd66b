/* Dispatch and combine in virtual time: the messages that each algorithm of comm/moe.h sends, run
 * through the network of a profile, and the parts of the time.
 *
 * T = launch + network(skew, quantise, counts, pack, inject, queue, latency) + flags + reduce
 *
 *   launch    cost.launch: what an operation takes whatever it moves
 *   skew      how much later than the first the die came whose message was last
 *   quantise  dispatch: T tokens read as bf16 and written in the payload's type: T H (2 + element)
 *             / cost.memory, before the first copy leaves; bf16 goes as it is: 0
 *   counts    alltoallv, pairwise: waiting for the counts, of 4 bytes a pair. alltoallv: ceil(log2
 *             P) steps to rank + 2^i with half of all counts each (Bruck's all-to-all, what MPI
 *             libraries take for so few bytes); pairwise: P - 1 messages, while the die packs
 *   pack      alltoallv, pairwise: each copy read and written once more, into the message of its
 *             destination: 2 bytes / cost.memory. Answers lie packed: 0 in combine
 *   inject    from there until the last message has left its sender: what that sent before, each
 *             max(cost.issue, bytes / bandwidth), and no message before issue x its number
 *   latency   of that message's path
 *   queue     the rest: waiting at switches and at the receiver behind other senders' messages
 *   flags     put, hier: flags to all peers and from them, cost.flag (P - 1) or cost.sync_base +
 *             cost.sync_step ceil(log2 P) (at least 0), or the mean of the two, which no point
 *             between those they were fitted to can refute; hier waits twice: nodes, then dies.
 *             MPI messages need none: what has come has come
 *   reduce    combine: put and hier the last token's K answers, K H 2 / cost.memory: the others
 *             were summed while answers came, which memory does faster than any port; alltoallv and
 *             pairwise, which return when all is there, all T K answers
 *
 * Messages, per die: put: one per copy, in the order asked for; copies to itself are copies in its
 * memory. alltoallv and pairwise: one per destination that gets any, when the counts are there and
 * the packing is done. hier: one per (token, other node) of sn_moe_record_bytes() to the die of its
 * own index there, which passes the copies on when the source's last record has come (its flag);
 * copies inside the node as put. Combine of put and hier: one message per answer.
 * Of messages that depend on others (hier) `inject` and `latency` are summed along the chain.
 * Cost: the engine's, of T K messages a die and leg (hier: up to 2 T K); 40 bytes a message here,
 * 24 there (hier: 64).
 */
#ifndef SN_COMM_FABRIC_MOE_MODEL_H
#define SN_COMM_FABRIC_MOE_MODEL_H

#include "comm/fabric/net.h"
#include "comm/moe_draw.h"

enum sn_moe_leg { SN_MOE_DISPATCH, SN_MOE_COMBINE };

enum sn_moe_sync { SN_MOE_SYNC_MEAN, SN_MOE_SYNC_LINEAR, SN_MOE_SYNC_LOG };
extern const char *const sn_moe_sync_words[]; /* "mean", "linear", "log", NULL */

enum sn_moe_part {
    SN_MOE_LAUNCH,
    SN_MOE_SKEW,
    SN_MOE_QUANTISE,
    SN_MOE_COUNTS,
    SN_MOE_PACK,
    SN_MOE_INJECT,
    SN_MOE_QUEUE,
    SN_MOE_LATENCY,
    SN_MOE_FLAGS,
    SN_MOE_REDUCE,
    SN_MOE_PARTS
};
extern const char *const sn_moe_part_words[]; /* SN_MOE_PARTS names and NULL */

/* The problem on a network: a shape's routing of one draw, and the room its messages need. */
struct sn_moe_model {
    const struct sn_moe *moe;         /* of sn_moe_open_routing(); borrowed */
    const struct sn_moe_draw *draw;   /* borrowed; what is set there is what runs */
    const struct sn_profile *profile; /* borrowed, as is net: of moe->shape.dies dies or more */
    struct sn_net *net;
    enum sn_moe_schedule schedule;
    unsigned dies_per_node; /* of hier's nodes */
    enum sn_net_order order;
    enum sn_moe_sync sync;
    const int64_t *late_ps; /* (dies) after the first arrival, or NULL: all together */
    bool brief; /* for thousands of legs: of the network all is `inject`; no bound, bytes,
                   bottleneck, last die. Times are the same */

    struct sn_msg *msgs, *few; /* all of a leg; of one die */
    size_t n, cap, few_cap;
    int64_t *ready_ps; /* (dies) when the first copy can leave, after launch */
    uint32_t *turn;    /* (dies, dies) whom a die sends to, in turn; with `brief` */
};

/* What one leg takes. */
struct sn_moe_time {
    int64_t part_ps[SN_MOE_PARTS];
    int64_t total_ps;          /* sum of the parts: last end - first arrival */
    int64_t linear_ps, log_ps; /* what `flags` is in each form */
    int64_t skew_free_ps;      /* last end - last arrival */
    int64_t bound_ps; /* no schedule is faster, whatever the software: the most that a port's bytes
                         take at its whole physical bandwidth, and the least latency through it */
    uint64_t bound_bytes; /* of that port */
    char bottleneck[96];  /* the port that is busiest in the engine, in words */
    uint32_t last_die;    /* that got the last message */
    /* Of the messages: bytes between dies and of dies to themselves, without counts; copies and
     * node records between dies (0 in combine). */
    uint64_t wire_bytes, local_bytes, wire_copies;
};

/* Bytes that a leg needs at most, draw and engine included. */
uint64_t sn_moe_model_memory(const struct sn_moe_shape *s, enum sn_moe_schedule schedule);

/* The time of a leg of the draw that is set. The caller has filled the members down to late_ps; the
 * rest is zeroed before the first call and released by sn_moe_model_close(). SN_EINVAL (a cut
 * network), SN_ENOMEM. */
int sn_moe_model_leg(struct sn_moe_model *m, enum sn_moe_leg leg, struct sn_moe_time *out);
void sn_moe_model_close(struct sn_moe_model *m);

#endif
