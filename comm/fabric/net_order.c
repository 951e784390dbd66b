/* The orders in which a die sends to the others. */
#include "comm/fabric/net.h"

#include "harness/base/rng.h"

const char *const sn_net_order_words[] = {
    [SN_ORDER_ROTATED] = "rotated", [SN_ORDER_RANDOM] = "random", [SN_ORDER_SAME] = "same", NULL};

void sn_net_order(enum sn_net_order o, unsigned me, unsigned n, uint64_t seed, uint32_t *dst)
{
    if (o == SN_ORDER_ROTATED) {
        for (unsigned i = 1; i < n; i++)
            dst[i - 1] = (uint32_t)(((uint64_t)me + i) % n);
        return;
    }
    unsigned at = 0;
    for (unsigned i = 0; i < n; i++)
        if (i != me)
            dst[at++] = i;
    if (o == SN_ORDER_SAME)
        return;
    struct sn_rng r = sn_rng_make(seed, me);
    for (unsigned i = at; i > 1; i--) { /* Fisher and Yates */
        unsigned j = (unsigned)sn_rng_below(&r, i);
        uint32_t keep = dst[i - 1];
        dst[i - 1] = dst[j];
        dst[j] = keep;
    }
}
