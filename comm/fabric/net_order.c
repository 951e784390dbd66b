/* The orders in which a die sends to the others. */
#include "comm/fabric/net_impl.h"
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

/* Of a group of the dies first, ..., end - 1 that takes at most `most`. */
static unsigned group_size(unsigned first, unsigned most, unsigned end)
{
    return end - first < most ? end - first : most;
}

void sn_net_rotation(const struct sn_net *net, unsigned me, unsigned n, uint32_t *dst)
{
    const unsigned of_node = net->p->dies_per_node, of_package = net->p->dies_per_npu;
    const unsigned nodes = (n + of_node - 1) / of_node, home = me / of_node;
    const unsigned package = me % of_node / of_package, at = me % of_package;
    for (unsigned i = 0; i < nodes; i++) {
        const unsigned first = (home + i) % nodes * of_node, size = group_size(first, of_node, n);
        const unsigned packages = (size + of_package - 1) / of_package;
        for (unsigned j = 0; j < packages; j++) {
            const unsigned start = first + (package + j) % packages * of_package;
            const unsigned inside = group_size(start, of_package, first + size);
            for (unsigned k = 0; k < inside; k++)
                if (start + (at + k) % inside != me)
                    *dst++ = start + (at + k) % inside;
        }
    }
}
