/* Token dispatch and combine: the problem, and the algorithms that solve it.
 *
 * Every die holds T tokens x (H, bf16). Each token goes to K = topk (+ 1 shared) expert slots: one
 * copy (comm/codec.h) per (token, slot). Combine brings one bf16 vector of H values per copy back,
 * and the source writes out[t] = sum_j weight[t][j] y[t][j] (sn_codec.sum), so that out is the same
 * bits for every algorithm, transport and number of ranks. The expert is a stand-in,
 * y = bf16(factor(expert) * decoded copy), computed between the two legs by sn_moe_experts().
 *
 * Inputs and routing are pure functions of (seed, draw, die, token): any die can recompute what any
 * other sent, which is how comm/moe_check.h checks.
 */
#ifndef SN_COMM_MOE_H
#define SN_COMM_MOE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mpi.h>

#include "comm/codec.h"
#include "comm/endpoints.h"
#include "comm/placement.h"
#include "comm/routing.h"
#include "comm/transport.h"

enum { SN_MOE_COPIES_MAX = 64 }; /* most copies of one token: topk + shared */

struct sn_moe_shape {
    unsigned dies, tokens, hidden; /* tokens per die */
    unsigned experts, topk, redundant;
    unsigned shared; /* slots of the shared expert; more than 0: one more copy per token */
    enum sn_dtype dtype;
    unsigned fit; /* 0: buffers for the worst case of any draw. Else for one draw alone
                     (sn_moe_fit()): the most copies that any die gets in it */
};

/* A problem as one rank sees it. */
struct sn_moe {
    struct sn_moe_shape shape;
    const struct sn_endpoints *endpoints; /* borrowed */
    MPI_Comm comm;                        /* a duplicate, owned */
    int rank;
    unsigned local;  /* dies of this rank */
    unsigned k;      /* copies per token */
    unsigned tokens; /* of each own die that the next dispatch and combine bring: shape.tokens; who
                        sets x, slot and weight may set fewer, rank by rank (the checks of
                        comm/moe_check.h are for all of them) */
    unsigned pair_max;   /* most copies that one die can send to one die */
    uint32_t *in_first;  /* (dies, dies) of a die and a source, see sn_moe_in(); NULL: worst case */
    uint32_t *out_first; /* (dies, dies) of a source and a die, see sn_moe_out() */
    size_t copy_bytes;   /* of one copy on its way out */
    size_t answer_bytes; /* of one answer on its way back: 2 H */
    uint64_t seed, draw;
    struct sn_placement placement;
    struct sn_routing *routing;
    const struct sn_codec *codec;
    uint16_t *x;    /* (local, T, H) inputs */
    uint32_t *slot; /* (local, T, K) where each copy goes in this draw: the gate's output */
    float *weight;  /* (local, T, K) */
    uint16_t *out;  /* (local, T, H) result of combine */
};

/* NULL, or why no algorithm can run this shape. Static text. */
const char *sn_moe_unsupported(const struct sn_moe_shape *s);

/* Most copies from one die to one die: a token sends at most one copy to a slot. */
unsigned sn_moe_pair_max(const struct sn_moe_shape *s);

/* Most copies that a die can get, and send: in any draw, or in the one that the shape fits. */
uint64_t sn_moe_in_max(const struct sn_moe_shape *s);
uint64_t sn_moe_out_max(const struct sn_moe_shape *s);

/* The problem as nobody's rank sees it: no tokens, no communicator, for sn_moe_route() alone.
 * Closed by sn_moe_close(). SN_EINVAL, SN_EIO. */
int sn_moe_open_routing(struct sn_moe *m, const struct sn_moe_shape *shape, const char *routing,
                        uint64_t seed);

/* Collective over comm. `routing` as in comm/routing.h; experts with redundant > 0 are placed by
 * EPLB on the expected shares. Fills x and draw 0. SN_EINVAL, SN_ENOMEM, SN_EIO. */
int sn_moe_open(struct sn_moe *m, const struct sn_moe_shape *shape, const char *routing,
                uint64_t seed, const struct sn_endpoints *e, MPI_Comm comm);
void sn_moe_close(struct sn_moe *m);

/* Sets the routing of draw `draw`: slot and weight of all tokens of this rank. */
void sn_moe_set_draw(struct sn_moe *m, uint64_t draw);

/* Lays buffers out for one draw alone: count (dies, dies) its copies from each die to each die, on
 * every rank, with shape.fit the largest sum of a column. Before an algorithm is opened; another
 * draw may not be set after it. What a real supernode cannot know before it routes: for checks of
 * many dies on few ranks, where the worst case takes tens of GiB. */
void sn_moe_fit(struct sn_moe *m, const uint32_t *count);

/* Token t of any die: its input (H), and in draw m->draw its slots (K) and weights (K, or NULL). */
void sn_moe_input(const struct sn_moe *m, unsigned die, unsigned t, uint16_t *x);
void sn_moe_route(const struct sn_moe *m, unsigned die, unsigned t, uint32_t *slot, float *weight);

/* The stand-in expert's factor, a power of two from 1/4 to 4; SN_EXPERT_SHARED: 1/2. */
float sn_moe_factor(uint16_t expert);

struct sn_moe_algorithm;

/* An open algorithm: the common head, followed by the implementation's own. */
struct sn_moe_exchange {
    const struct sn_moe_algorithm *algorithm;
    struct sn_moe *moe; /* borrowed */
    bool yield;
    size_t stride;       /* bytes from one received copy to the next */
    uint32_t *count;     /* (local, dies) copies that each own die got from each die */
    uint8_t **received;  /* (local, dies) the first of them, valid until the next dispatch */
    uint8_t **answer;    /* (local, dies) where their answers belong, answer_bytes apart */
    uint64_t wire_bytes; /* moved between dies by this rank's dies since open, without counts and */
    uint64_t local_bytes; /* flags; and from a die to itself */
    uint64_t wire_copies; /* copies and node records among wire_bytes of dispatch */
};

/* What the model makes of an algorithm (comm/fabric/moe_model.h). */
enum sn_moe_schedule {
    SN_MOE_COUNTS_THEN_PAIRS, /* counts, then packing, then one message per pair of dies */
    SN_MOE_COUNTS_AND_PAIRS,  /* the same, packing while the counts travel */
    SN_MOE_COPIES,            /* one message per copy, then flags */
    SN_MOE_NODES              /* one per (token, node), passed on copy by copy, then flags */
};

struct sn_moe_algorithm {
    const char *name, *brief;
    bool transport; /* goes through a transport; else straight through MPI */
    bool by_node;   /* sends one record per (token, node): fewer wire bytes than copies */
    enum sn_moe_schedule schedule;

    /* NULL, or why it cannot run the shape, or makes no sense for it, where the fullest rank has
     * `local` dies. May be NULL. */
    const char *(*unsupported)(const struct sn_moe_shape *s, unsigned dies_per_node,
                               unsigned local);
    /* Bytes of memory that a rank with `local` dies needs beside the problem's own. */
    uint64_t (*memory)(const struct sn_moe_shape *s, unsigned dies_per_node, unsigned local,
                       const struct sn_transport *t);
    /* Collective. `t` is not looked at by algorithms that do not use one. SN_ENOMEM, SN_EINVAL,
     * SN_EENV. */
    int (*open)(struct sn_moe_exchange **out, struct sn_moe *m, const struct sn_transport *t,
                bool yield);
    void (*close)(struct sn_moe_exchange *x); /* collective */
    /* Collective: from m->x, slot, weight to count and received: encodes, and returns when all
     * copies for this rank's dies are there. Allocates nothing. */
    int (*dispatch)(struct sn_moe_exchange *x);
    /* Collective, after a dispatch and sn_moe_experts() on the same draw; may be repeated. */
    int (*combine)(struct sn_moe_exchange *x);
};

/* In the order of comm/algorithms.def, NULL-terminated; and their names for an axis. */
extern const struct sn_moe_algorithm *const sn_moe_algorithms[];
extern const char *const sn_moe_algorithm_words[];

/* For `snbench list algorithms`. */
void sn_moe_algorithm_list(void (*emit)(void *out, const char *name, const char *brief,
                                        const char *unavailable),
                           void *out);

/* Bytes of memory of the problem itself for a rank with `local` dies. */
uint64_t sn_moe_memory(const struct sn_moe_shape *s, unsigned local);

/* The answers of all received copies, by the stand-in expert. Not timed anywhere. */
void sn_moe_experts(struct sn_moe_exchange *x);

/* --- for the algorithms ----------------------------------------------------------------------- */

/* Place of the first copy of `src` among all that `die` gets, and of the first for `die` among all
 * that `src` sends: where regions of copies begin in a buffer of sn_moe_in_max() or _out_max(). */
static inline size_t sn_moe_in(const struct sn_moe *m, unsigned die, unsigned src)
{
    return m->in_first ? m->in_first[(size_t)die * m->shape.dies + src] : (size_t)src * m->pair_max;
}
static inline size_t sn_moe_out(const struct sn_moe *m, unsigned src, unsigned die)
{
    return m->out_first ? m->out_first[(size_t)src * m->shape.dies + die]
                        : (size_t)die * m->pair_max;
}

/* Allocates and releases the arrays of the head. */
int sn_moe_exchange_init(struct sn_moe_exchange *x, const struct sn_moe_algorithm *a,
                         struct sn_moe *m, bool yield);
void sn_moe_exchange_free(struct sn_moe_exchange *x);

/* Writes the head of copy `copy` of die `die` with the payload's hash to the end of a copy. */
static inline void sn_moe_put_head(const struct sn_moe *m, void *copy_end, uint32_t copy,
                                   unsigned die, uint32_t slot, uint64_t payload_hash)
{
    struct sn_copy_head h = {.copy = copy, .src = (uint16_t)die, .slot = (uint16_t)slot};
    h.sum = sn_codec_sum(payload_hash, &h);
    __builtin_memcpy((uint8_t *)copy_end - sizeof h, &h, sizeof h);
}

#endif
