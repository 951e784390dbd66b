/* Placement: which die holds which replica of which expert.
 *
 * The dies hold experts + redundant + shared slots, as evenly as they divide (the first dies one
 * more), slots of a die adjacent, shared ones last. With fewer slots than dies the last dies hold
 * none: their tokens go out, nothing comes in. Shared-expert replicas are spread evenly; routed
 * experts in order, or by EPLB (comm/eplb.h), which balances the routed load only.
 */
#ifndef SN_COMM_PLACEMENT_H
#define SN_COMM_PLACEMENT_H

#include <stddef.h>
#include <stdint.h>

enum { SN_EXPERT_SHARED = 0xffff }; /* the logical expert of a shared slot */

struct sn_placement {
    unsigned dies, experts, redundant, shared, slots;
    uint32_t *slot_first;    /* (dies + 1) first slot of each die */
    uint16_t *slot_expert;   /* (slots) logical expert held */
    uint32_t *slot_die;      /* (slots) */
    uint32_t *replica_first; /* (experts + 2) start of the replicas of each expert in replica_slot;
                                [experts] = shared */
    uint32_t *replica_slot;  /* (slots) slots grouped by expert, ascending */
};

/* load (experts): expected or observed activations per routed expert, for EPLB; NULL: experts in
 * order, redundant replicas given to experts 0, 1, ... in turn. SN_EINVAL when a load is
 * negative or not finite, or numbers do not fit. Owned by the caller until sn_placement_close(). */
int sn_placement_open(struct sn_placement *out, unsigned dies, unsigned experts, unsigned redundant,
                      unsigned shared, const double *load);
void sn_placement_close(struct sn_placement *p);

/* The slot that serves copy `choice` of logical `expert` (or SN_EXPERT_SHARED, where there is one):
 * replica choice mod their number, so that a counter and a hash both spread evenly. */
uint32_t sn_placement_slot(const struct sn_placement *p, uint16_t expert, uint64_t choice);

/* How many replicas an expert (or SN_EXPERT_SHARED) has. */
static inline uint32_t sn_placement_replicas(const struct sn_placement *p, uint16_t expert)
{
    const unsigned e = expert == SN_EXPERT_SHARED ? p->experts : expert;
    return p->replica_first[e + 1] - p->replica_first[e];
}

/* Load of each die (dies) under per-expert load (experts), replicas sharing evenly; shared_load is
 * spread over shared slots. */
void sn_placement_die_load(const struct sn_placement *p, const double *load, double shared_load,
                           double *die_load);

#endif
