/* The routing of one draw as all dies see it together: the die of every copy, and how many copies
 * go from each die to each die. What the model makes messages of (comm/fabric/moe_model.h), and
 * what buffers are fitted to (sn_moe_fit()). Cost: one sn_moe_route() per token of all dies. */
#ifndef SN_COMM_MOE_DRAW_H
#define SN_COMM_MOE_DRAW_H

#include "comm/moe.h"

struct sn_moe_draw {
    unsigned dies, k;
    size_t per_die;    /* T K: copies that a die sends */
    uint16_t *to;      /* (dies, T, K) die of each copy */
    uint32_t *count;   /* (dies, dies) copies from each die (row) to each die */
    uint64_t distinct; /* different dies of a token, summed over the tokens */
};

/* Bytes that it takes for a shape. */
uint64_t sn_moe_draw_memory(const struct sn_moe_shape *s);

void sn_moe_draw_open(struct sn_moe_draw *w, const struct sn_moe_shape *s);
void sn_moe_draw_close(struct sn_moe_draw *w);

/* Sets m->draw and fills *w with that draw. m: of sn_moe_open_routing(), the shape that *w was
 * opened with. */
void sn_moe_draw_set(struct sn_moe_draw *w, struct sn_moe *m, uint64_t draw);

/* count and distinct from `to`, where the caller has filled that. */
void sn_moe_draw_count(struct sn_moe_draw *w);

/* Copies that a die sends to others, gets from others, keeps; of all dies into share (dies). */
struct sn_moe_share {
    uint32_t sent, received, own;
};
void sn_moe_draw_shares(const struct sn_moe_draw *w, struct sn_moe_share *share);

/* Most copies that a die gets, its own among them. */
uint32_t sn_moe_draw_most(const struct sn_moe_draw *w);

#endif
