/* Placement of expert replicas on dies (comm/placement.h). */
#include "comm/placement.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "comm/eplb.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

static int check(unsigned dies, unsigned experts, unsigned redundant, unsigned shared,
                 const double *load)
{
    const uint64_t slots = (uint64_t)experts + redundant + shared;
    if (experts < 1 || experts > UINT16_MAX)
        return SN_FAIL(SN_EINVAL, "%u experts; must be 1..%u", experts, UINT16_MAX);
    if (slots > INT32_MAX)
        return SN_FAIL(SN_EINVAL, "%u + %u + %u expert slots; at most %d", experts, redundant,
                       shared, INT32_MAX);
    if (dies < 1)
        return SN_FAIL(SN_EINVAL, "no dies to place experts on");
    for (unsigned e = 0; load && e < experts; e++)
        if (!(load[e] >= 0) || isinf(load[e]))
            return SN_FAIL(SN_EINVAL, "load %g of expert %u; must be finite and not negative",
                           load[e], e);
    return SN_OK;
}

/* count (dies): how many of `shared` replicas each die holds, as evenly as they divide. The dies
 * that hold one more are spread evenly; the first `longer` dies have one slot more than `least`. */
static void spread_shared(unsigned dies, unsigned shared, unsigned least, unsigned longer,
                          uint32_t *count)
{
    const unsigned each = shared / dies, rest = shared % dies;
    /* where the others have no slot left, only the longer dies can hold one more */
    const unsigned among = each == least ? longer : dies;
    for (unsigned d = 0; d < dies; d++)
        count[d] = each;
    for (unsigned i = 0; i < rest; i++)
        count[(uint64_t)i * among / rest]++;
}

static int by_expert(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* routed (experts + redundant): the expert of each routed slot, in slot order. */
static void place_routed(const struct sn_placement *p, const uint32_t *room, const double *load,
                         uint32_t *routed)
{
    const unsigned n = p->experts + p->redundant;
    if (!load) {
        for (unsigned i = 0; i < n; i++)
            routed[i] = i % p->experts;
        return;
    }
    uint32_t *replicas = sn_calloc(p->experts, sizeof *replicas);
    uint32_t *die = sn_calloc(n, sizeof *die);
    uint32_t *first = sn_calloc((size_t)p->dies + 1, sizeof *first);
    uint32_t *used = sn_calloc(p->dies, sizeof *used);

    sn_eplb_replicate(load, p->experts, p->redundant, replicas);
    sn_eplb_pack(load, replicas, p->experts, room, p->dies, die);
    for (unsigned d = 0; d < p->dies; d++)
        first[d + 1] = first[d] + room[d];
    for (unsigned e = 0, i = 0; e < p->experts; e++)
        for (unsigned j = 0; j < replicas[e]; j++, i++)
            routed[first[die[i]] + used[die[i]]++] = e;
    for (unsigned d = 0; d < p->dies; d++)
        qsort(routed + first[d], room[d], sizeof *routed, by_expert);
    free(replicas);
    free(die);
    free(first);
    free(used);
}

/* replica_first and replica_slot from slot_expert: a counting sort. */
static void index_replicas(struct sn_placement *p)
{
    uint32_t *first = p->replica_first;
    for (unsigned s = 0; s < p->slots; s++) {
        unsigned e = p->slot_expert[s] == SN_EXPERT_SHARED ? p->experts : p->slot_expert[s];
        first[e + 1]++;
    }
    for (unsigned e = 0; e <= p->experts; e++)
        first[e + 1] += first[e];
    uint32_t *next = sn_calloc((size_t)p->experts + 1, sizeof *next);
    memcpy(next, first, ((size_t)p->experts + 1) * sizeof *next);
    for (unsigned s = 0; s < p->slots; s++) {
        unsigned e = p->slot_expert[s] == SN_EXPERT_SHARED ? p->experts : p->slot_expert[s];
        p->replica_slot[next[e]++] = s;
    }
    free(next);
}

int sn_placement_open(struct sn_placement *out, unsigned dies, unsigned experts, unsigned redundant,
                      unsigned shared, const double *load)
{
    int rc = check(dies, experts, redundant, shared, load);
    if (rc)
        return rc;
    struct sn_placement p = {.dies = dies,
                             .experts = experts,
                             .redundant = redundant,
                             .shared = shared,
                             .slots = experts + redundant + shared};
    p.slot_first = sn_calloc((size_t)dies + 1, sizeof *p.slot_first);
    p.slot_expert = sn_calloc(p.slots, sizeof *p.slot_expert);
    p.slot_die = sn_calloc(p.slots, sizeof *p.slot_die);
    p.replica_first = sn_calloc((size_t)experts + 2, sizeof *p.replica_first);
    p.replica_slot = sn_calloc(p.slots, sizeof *p.replica_slot);
    uint32_t *shared_on = sn_calloc(dies, sizeof *shared_on);
    uint32_t *room = sn_calloc(dies, sizeof *room);
    uint32_t *routed = sn_calloc((size_t)experts + redundant, sizeof *routed);

    const unsigned least = p.slots / dies, longer = p.slots % dies;
    spread_shared(dies, shared, least, longer, shared_on);
    for (unsigned d = 0; d < dies; d++) {
        unsigned n = least + (d < longer);
        p.slot_first[d + 1] = p.slot_first[d] + n;
        room[d] = n - shared_on[d];
    }
    place_routed(&p, room, load, routed);
    for (unsigned d = 0, s = 0, i = 0; d < dies; d++)
        for (unsigned j = 0; j < room[d] + shared_on[d]; j++, s++) {
            p.slot_expert[s] = j < room[d] ? (uint16_t)routed[i++] : SN_EXPERT_SHARED;
            p.slot_die[s] = d;
        }
    index_replicas(&p);
    free(shared_on);
    free(room);
    free(routed);
    *out = p;
    return SN_OK;
}

void sn_placement_close(struct sn_placement *p)
{
    free(p->slot_first);
    free(p->slot_expert);
    free(p->slot_die);
    free(p->replica_first);
    free(p->replica_slot);
    *p = (struct sn_placement){0};
}

uint32_t sn_placement_slot(const struct sn_placement *p, uint16_t expert, uint64_t choice)
{
    const unsigned e = expert == SN_EXPERT_SHARED ? p->experts : expert;
    const uint32_t first = p->replica_first[e], n = p->replica_first[e + 1] - first;
    assert(n > 0);
    return p->replica_slot[first + (n > 1 ? (uint32_t)(choice % n) : 0)];
}

void sn_placement_die_load(const struct sn_placement *p, const double *load, double shared_load,
                           double *die_load)
{
    memset(die_load, 0, p->dies * sizeof *die_load);
    for (unsigned s = 0; s < p->slots; s++) {
        const unsigned e = p->slot_expert[s];
        if (e == SN_EXPERT_SHARED)
            die_load[p->slot_die[s]] += shared_load / p->shared;
        else
            die_load[p->slot_die[s]] += load[e] / (p->replica_first[e + 1] - p->replica_first[e]);
    }
}
