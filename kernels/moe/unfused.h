/* moe with each step as a pass over memory: the arrays between the steps, and the steps that are no
 * products, which a team does together. */
#ifndef SN_KERNELS_MOE_UNFUSED_H
#define SN_KERNELS_MOE_UNFUSED_H

#include <stdbool.h>

#include "kernels/moe/steps.h"

/* Rows are copies, sorted by expert. */
struct sn_moe_arrays {
    struct sn_moe_order order;
    float *sx, *sq; /* (copies) */
    uint8_t *x;     /* (copies, H) */
    float *g;       /* (copies, 2 I): gate, up */
    float *a;       /* (copies, I) */
    uint8_t *q;     /* (copies, I), zero point 128 */
    float *y;       /* (copies, H) */
    void *rest;     /* what follows in scratch */
};

size_t sn_moe_arrays_bytes(const struct sn_moe_ffn *f);
struct sn_moe_arrays sn_moe_arrays_at(const struct sn_moe_ffn *f, void *at);

/* Each ends with a barrier. order, x, sx: */
void sn_moe_permute(const struct sn_moe_ffn *f, const struct sn_moe_arrays *a,
                    const struct sn_team *team);
/* g to a, then a to q and sq. */
void sn_moe_activate(const struct sn_moe_ffn *f, const struct sn_moe_arrays *a,
                     const struct sn_moe_steps *steps, const struct sn_team *team);
/* y to out. */
void sn_moe_unpermute(const struct sn_moe_ffn *f, const struct sn_moe_arrays *a,
                      const struct sn_moe_steps *steps, const struct sn_team *team);

#endif
