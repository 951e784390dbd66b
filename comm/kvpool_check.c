/* What must hold of a pool, and a hash of all that it is (comm/kvpool.h). */
#include <inttypes.h>
#include <stdlib.h>

#include "comm/kvpool_impl.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

#define NONE        SN_KVPOOL_NONE
#define BROKEN(...) SN_FAIL(SN_EVERIFY, __VA_ARGS__)

uint64_t sn_kvpool_digest(const struct sn_kvpool *p)
{
    uint64_t h = sn_rng_mix64(p->generation + 1);
    for (unsigned m = 0; m < p->members; m++) {
        h = sn_rng_mix64(h + m);
        for (uint32_t at = p->member[m].oldest; at != NONE; at = p->entry[at].younger) {
            const struct sn_kvpool_entry *e = &p->entry[at];
            h = sn_rng_mix64(h ^ e->key);
            h = sn_rng_mix64(h ^ e->generation);
            h = sn_rng_mix64(h ^ e->offset);
            h = sn_rng_mix64(h ^ e->class);
        }
    }
    return h;
}

/* The allocator's word for the place of an entry must be the entry itself: with as many blocks as
 * entries, each allocated byte then has one owner. */
static int check_place(const struct sn_kvpool *p, const struct sn_kvpool_member *m, uint32_t at)
{
    const struct sn_kvpool_entry *e = &p->entry[at];
    unsigned class;
    uint32_t tag;
    if (!sn_kvslab_at(&m->memory, e->offset, &class, &tag))
        return BROKEN("block %" PRIu64 ": offset %" PRIu64 " is not allocated", e->key, e->offset);
    if (tag != at || class != e->class)
        return BROKEN("block %" PRIu64 ": offset %" PRIu64 " belongs to entry %u of class %u",
                      e->key, e->offset, tag, class);
    return SN_OK;
}

static int check_member(const struct sn_kvpool *p, unsigned member)
{
    const struct sn_kvpool_member *m = &p->member[member];
    uint64_t blocks = 0, bytes = 0, allocated = 0;
    uint32_t before = NONE;
    int status = SN_OK;
    for (uint32_t at = m->oldest; at != NONE; at = p->entry[at].younger) {
        if (at >= p->entries || blocks > p->stats.blocks)
            return BROKEN("member %u: its order of use does not end", member);
        const struct sn_kvpool_entry *e = &p->entry[at];
        if (e->older != before || e->member != member || e->class >= p->classes)
            return BROKEN("member %u: its order of use leads to a block of member %u", member,
                          e->member);
        if (sn_kvindex_get(&p->index, e->key) != at)
            return BROKEN("block %" PRIu64 " of member %u is not in the index", e->key, member);
        if (p->bounded && (status = check_place(p, m, at)))
            return status;
        blocks++;
        bytes += p->class_bytes[e->class];
        before = at;
    }
    if (m->youngest != before)
        return BROKEN("member %u: its youngest block is not the last", member);
    if (blocks != m->blocks || bytes != m->bytes)
        return BROKEN("member %u: %" PRIu64 " blocks, %" PRIu64 " bytes; it counts %" PRIu64
                      ", %" PRIu64,
                      member, blocks, bytes, m->blocks, m->bytes);
    if (!p->bounded)
        return SN_OK;
    for (unsigned c = 0; c < p->classes; c++)
        allocated += m->memory.blocks[c];
    if (allocated != blocks)
        return BROKEN("member %u: %" PRIu64 " places are allocated for %" PRIu64 " blocks", member,
                      allocated, blocks);
    return sn_kvslab_check(&m->memory);
}

int sn_kvpool_check(const struct sn_kvpool *p)
{
    const struct sn_kvpool_stats *s = &p->stats;
    uint64_t blocks = 0, bytes = 0;
    uint32_t unused = 0;
    for (unsigned m = 0; m < p->members; m++) {
        int status = check_member(p, m);
        if (status)
            return status;
        blocks += p->member[m].blocks;
        bytes += p->member[m].bytes;
    }
    for (uint32_t at = p->free; at != NONE; at = p->entry[at].older, unused++)
        if (at >= p->entries || unused == p->entries)
            return BROKEN("the list of unused entries does not end");
    if (blocks != p->index.n || blocks + unused != p->entries)
        return BROKEN("%" PRIu64 " blocks, %zu in the index, %u + %u entries", blocks, p->index.n,
                      p->entries - unused, unused);
    if (blocks != s->blocks || bytes != s->bytes || s->inserted != blocks + s->evicted + s->removed)
        return BROKEN("%" PRIu64 " blocks, %" PRIu64 " bytes; counted %" PRIu64 ", %" PRIu64
                      " from %" PRIu64 " inserted, %" PRIu64 " evicted, %" PRIu64 " removed",
                      blocks, bytes, s->blocks, s->bytes, s->inserted, s->evicted, s->removed);
    if (s->hits > s->lookups || s->prefix_hits > s->hits)
        return BROKEN("%" PRIu64 " lookups, %" PRIu64 " hits, %" PRIu64 " of them in a prefix",
                      s->lookups, s->hits, s->prefix_hits);
    return SN_OK;
}
