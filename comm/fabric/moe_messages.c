/* The messages of a leg (comm/fabric/moe_messages.h). A draw at EP320 is 328,000 of them, so the
 * loops are plain: counts by destination in, messages in order out. */
#include "comm/fabric/moe_messages.h"

#include <stdlib.h>

#include "comm/moe_check.h"
#include "harness/base/buf.h"
#include "harness/base/rng.h"

enum { STREAM_ORDER = 0x6d6f6433 };

static inline void add(struct sn_moe_model *m, uint32_t src, uint32_t dst, uint64_t bytes,
                       uint32_t after)
{
    m->msgs[m->n++] = (struct sn_msg){.bytes = bytes, .src = src, .dst = dst, .after = after};
}

static void shuffle(struct sn_moe_model *m, size_t first, uint32_t die)
{
    uint64_t stream = m->moe->draw << 32 | die;
    struct sn_rng r = sn_rng_make(m->moe->seed ^ STREAM_ORDER, stream);
    for (size_t n = m->n - first; n > 1; n--) {
        struct sn_msg *a = &m->msgs[first + n - 1], *b = &m->msgs[first + sn_rng_below(&r, n)];
        struct sn_msg keep = *a;
        *a = *b;
        *b = keep;
    }
}

/* The messages of `die` from `first` on are complete: shuffles them where that is the order, and
 * says when each is issued. */
static void issue(struct sn_moe_model *m, size_t first, uint32_t die, int64_t issue_ps)
{
    int64_t at = m->ready_ps[die];
    if (m->order == SN_ORDER_RANDOM)
        shuffle(m, first, die);
    for (size_t i = first; i < m->n; i++, at += issue_ps)
        m->msgs[i].issue_ps = at;
}

/* Copies that `die` sends to `to` in a leg: answers go back as the copies came. */
static inline uint32_t copies(const struct sn_moe_model *m, enum sn_moe_leg leg, uint32_t die,
                              uint32_t to)
{
    const struct sn_moe_draw *w = m->draw;
    return leg == SN_MOE_DISPATCH ? w->count[(size_t)die * w->dies + to]
                                  : w->count[(size_t)to * w->dies + die];
}

static uint64_t bytes_of(const struct sn_moe_model *m, enum sn_moe_leg leg)
{
    return leg == SN_MOE_DISPATCH ? m->moe->copy_bytes : m->moe->answer_bytes;
}

void sn_moe_messages_turn(const struct sn_moe_model *m, uint32_t die, uint32_t *to)
{
    uint32_t dies = m->draw->dies;
    if (m->order == SN_ORDER_ROTATED) {
        sn_net_rotation(m->net, die, dies, to);
        to[dies - 1] = die;
        return;
    }
    for (uint32_t d = 0; d < dies; d++)
        to[d] = d;
}

/* The messages of every die to the dies that get any: one a copy, or one for all. */
static void by_destination(struct sn_moe_model *m, enum sn_moe_leg leg, int64_t issue_ps,
                           bool together)
{
    uint32_t dies = m->draw->dies, *to = sn_calloc(dies, sizeof *to);
    uint64_t bytes = bytes_of(m, leg);
    m->n = 0;
    for (uint32_t die = 0; die < dies; die++) {
        size_t first = m->n;
        sn_moe_messages_turn(m, die, to);
        for (uint32_t step = 0; step < dies; step++) {
            uint32_t n = copies(m, leg, die, to[step]), each = together ? n : 1;
            for (uint32_t i = 0; i < n; i += each)
                add(m, die, to[step], each * bytes, SN_MSG_NONE);
        }
        issue(m, first, die, issue_ps);
    }
    free(to);
}

void sn_moe_messages_copies(struct sn_moe_model *m, enum sn_moe_leg leg, int64_t issue_ps)
{
    by_destination(m, leg, issue_ps, false);
}

void sn_moe_messages_pairs(struct sn_moe_model *m, enum sn_moe_leg leg, int64_t issue_ps)
{
    by_destination(m, leg, issue_ps, true);
}

void sn_moe_messages_counts(struct sn_moe_model *m, unsigned distance, uint64_t bytes,
                            int64_t issue_ps)
{
    uint32_t dies = m->draw->dies;
    m->n = 0;
    for (uint32_t die = 0; die < dies; die++) {
        int64_t at = m->ready_ps[die];
        uint32_t first = distance ? distance : 1, last = distance ? distance : dies - 1;
        for (uint32_t step = first; step <= last; step++, at += issue_ps) {
            add(m, die, (die + step) % dies, bytes, SN_MSG_NONE);
            m->msgs[m->n - 1].issue_ps = at;
        }
    }
}

/* --- by node ---------------------------------------------------------------------------------- */

static uint32_t node_end(const struct sn_moe_model *m, uint32_t node)
{
    uint32_t end = (node + 1) * m->dies_per_node;
    return end < m->draw->dies ? end : m->draw->dies;
}

/* The die that passes on what `src` sends to `node`: that of its own index, modulo its size. */
static uint32_t forwarder(const struct sn_moe_model *m, uint32_t src, uint32_t node)
{
    uint32_t first = node * m->dies_per_node;
    return first + src % m->dies_per_node % (node_end(m, node) - first);
}

/* records (nodes): tokens of `die` with a copy for each node. */
static void count_records(const struct sn_moe_model *m, uint32_t die, uint32_t nodes,
                          uint32_t *records)
{
    const struct sn_moe_draw *w = m->draw;
    const uint16_t *to = w->to + die * w->per_die;
    for (uint32_t node = 0; node < nodes; node++)
        records[node] = 0;
    for (size_t token = 0; token < w->per_die; token += w->k)
        for (unsigned j = 0; j < w->k; j++) {
            bool seen = false;
            for (unsigned q = 0; q < j; q++)
                seen |= to[token + q] / m->dies_per_node == to[token + j] / m->dies_per_node;
            records[to[token + j] / m->dies_per_node] += !seen;
        }
}

/* The copies that `by` brings to the dies of its node for `src`, behind itself first. */
static void add_inside(struct sn_moe_model *m, uint32_t by, uint32_t src, uint32_t after)
{
    uint32_t node = by / m->dies_per_node, first = node * m->dies_per_node;
    uint32_t size = node_end(m, node) - first;
    for (uint32_t step = 0; step < size; step++) {
        uint32_t to =
            m->order == SN_ORDER_SAME ? first + step : first + (by - first + 1 + step) % size;
        for (uint32_t i = copies(m, SN_MOE_DISPATCH, src, to); i > 0; i--)
            add(m, by, to, m->moe->copy_bytes, after);
    }
}

void sn_moe_messages_nodes(struct sn_moe_model *m, int64_t issue_ps)
{
    uint32_t dies = m->draw->dies, nodes = (dies + m->dies_per_node - 1) / m->dies_per_node;
    uint64_t bytes = sn_moe_record_bytes(&m->moe->shape);
    uint32_t *records = sn_calloc(nodes, sizeof *records);
    uint32_t *last = sn_calloc((size_t)dies * nodes, sizeof *last); /* record for each node */
    m->n = 0;
    for (uint32_t die = 0; die < dies; die++) {
        uint32_t home = die / m->dies_per_node;
        size_t first = m->n;
        count_records(m, die, nodes, records);
        for (uint32_t step = 0; step < nodes; step++) {
            uint32_t node = m->order == SN_ORDER_SAME ? step : (home + 1 + step) % nodes;
            if (node == home)
                add_inside(m, die, die, SN_MSG_NONE);
            else
                for (uint32_t i = 0; i < records[node]; i++)
                    add(m, die, forwarder(m, die, node), bytes, SN_MSG_NONE);
        }
        issue(m, first, die, issue_ps);
        for (uint32_t node = 0; node < nodes; node++)
            last[(size_t)die * nodes + node] = SN_MSG_NONE;
        for (size_t i = first; i < m->n; i++)
            last[(size_t)die * nodes + m->msgs[i].dst / m->dies_per_node] = (uint32_t)i;
    }
    for (uint32_t src = 0; src < dies; src++)
        for (uint32_t node = 0; node < nodes; node++) {
            uint32_t after = last[(size_t)src * nodes + node];
            if (node != src / m->dies_per_node && after != SN_MSG_NONE)
                add_inside(m, forwarder(m, src, node), src, after);
        }
    free(records);
    free(last);
}
