/* moe: the copies sorted, by expert and by token. */
#ifndef SN_KERNELS_MOE_ORDER_H
#define SN_KERNELS_MOE_ORDER_H

#include "kernels/kernel.h"

/* A row is a copy's place among all, sorted by expert, then by c. */
struct sn_moe_order {
    uint32_t *first; /* (experts + 1): the rows first[e] to first[e + 1] - 1 are expert e's */
    uint32_t *copy;  /* (copies): which copy a row is */
    uint32_t *begin; /* (T + 1): where token t begins in `row` */
    uint32_t *row;   /* (copies): the rows of each token, in rising c */
};

/* Bytes that the arrays take, a multiple of 64. */
size_t sn_moe_order_bytes(const struct sn_moe_ffn *f);
/* Where the arrays lie in so many bytes at `at`. */
struct sn_moe_order sn_moe_order_at(const struct sn_moe_ffn *f, void *at);
/* Fills them: two counting sorts; O(copies + experts + T). */
void sn_moe_order_fill(const struct sn_moe_ffn *f, const struct sn_moe_order *o);

#endif
