/* EPLB: which experts get more replicas, and which die holds which replica.
 *
 * Replicate the expert with the largest load per replica until all slots are used; then pack
 * replicas, heaviest first, into the least loaded die with a free slot (deepseek-ai/EPLB, global
 * policy). A die that holds the expert already is passed over where that does not raise the largest
 * load: a second replica on one die wastes its slot. Ties go to the lower index. Greedy: with one
 * slot per die the largest die load is the least possible; with more it can be above it
 * (tests/unit/eplb.c holds it against all packings of small cases).
 * Cost: O((experts + redundant) log experts) and O(replicas log dies).
 */
#ifndef SN_COMM_EPLB_H
#define SN_COMM_EPLB_H

#include <stdint.h>

/* replicas (experts): at least 1 each, experts + redundant in all; the largest load[i] /
 * replicas[i] is the least possible. load (experts) >= 0, experts > 0. */
void sn_eplb_replicate(const double *load, unsigned experts, unsigned redundant,
                       uint32_t *replicas);

/* die (sum of replicas): the die of each replica, those of expert 0 first. room (dies): slots of
 * each die, as many in all as replicas. */
void sn_eplb_pack(const double *load, const uint32_t *replicas, unsigned experts,
                  const uint32_t *room, unsigned dies, uint32_t *die);

#endif
