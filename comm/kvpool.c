/* The pool's index: keys to places, order of use, eviction, counts (comm/kvpool.h). */
#include "comm/kvpool.h"

#include <assert.h>
#include <stdlib.h>

#include "comm/kvpool_impl.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"

#define NONE SN_KVPOOL_NONE

static int open_memory(struct sn_kvpool *p, const struct sn_kvpool_options *o)
{
    int status = SN_OK;
    for (unsigned m = 0; m < p->members && status == SN_OK; m++)
        status = sn_kvslab_open(&p->member[m].memory, o->capacity, o->slab_bytes, o->class_bytes,
                                o->classes);
    if (status)
        return status;
    uint32_t most = 0;
    for (unsigned c = 0; c < p->classes; c++)
        most = p->member->memory.slots[c] > most ? p->member->memory.slots[c] : most;
    p->tags = sn_calloc(most, sizeof *p->tags);
    return SN_OK;
}

int sn_kvpool_open(struct sn_kvpool **out, const struct sn_kvpool_options *o)
{
    if (o->classes < 1 || o->classes > SN_KVSLAB_CLASSES)
        return SN_FAIL(SN_EINVAL, "%u block sizes; must be 1..%d", o->classes, SN_KVSLAB_CLASSES);
    struct sn_kvpool *p = sn_calloc(1, sizeof *p);
    p->free = NONE;
    p->classes = o->classes;
    p->bounded = o->capacity > 0;
    for (unsigned c = 0; c < p->classes; c++)
        p->class_bytes[c] = o->class_bytes[c];
    int status = sn_kvring_open(&p->ring, o->ids, o->members, o->vnodes, o->seed);
    if (status == SN_OK) {
        p->members = o->members;
        p->member = sn_calloc(p->members, sizeof *p->member);
        for (unsigned m = 0; m < p->members; m++)
            p->member[m].oldest = p->member[m].youngest = NONE;
        if (p->bounded)
            status = open_memory(p, o);
    }
    if (status) {
        sn_kvpool_close(p);
        return status;
    }
    *out = p;
    return SN_OK;
}

void sn_kvpool_close(struct sn_kvpool *p)
{
    for (unsigned m = 0; m < p->members; m++)
        sn_kvslab_close(&p->member[m].memory);
    sn_kvring_close(&p->ring);
    sn_kvindex_close(&p->index);
    free(p->member);
    free(p->entry);
    free(p->tags);
    free(p);
}

unsigned sn_kvpool_owner(const struct sn_kvpool *p, uint64_t key)
{
    return sn_kvring_owner(&p->ring, key);
}

static struct sn_kv_place place_of(const struct sn_kvpool *p, uint32_t at)
{
    const struct sn_kvpool_entry *e = &p->entry[at];
    return (struct sn_kv_place){.member = e->member,
                                .class = e->class,
                                .offset = e->offset,
                                .bytes = p->class_bytes[e->class],
                                .generation = e->generation};
}

bool sn_kvpool_find(const struct sn_kvpool *p, uint64_t key, struct sn_kv_place *at)
{
    const uint32_t i = sn_kvindex_get(&p->index, key);
    *at = i == NONE ? (struct sn_kv_place){.member = SN_KV_ANY} : place_of(p, i);
    return i != NONE;
}

/* The order of use of a member: a doubly linked list through its entries. */
static void use_append(struct sn_kvpool *p, uint32_t at)
{
    struct sn_kvpool_entry *e = &p->entry[at];
    struct sn_kvpool_member *m = &p->member[e->member];
    e->older = m->youngest;
    e->younger = NONE;
    if (m->youngest == NONE)
        m->oldest = at;
    else
        p->entry[m->youngest].younger = at;
    m->youngest = at;
}

static void use_remove(struct sn_kvpool *p, uint32_t at)
{
    const struct sn_kvpool_entry *e = &p->entry[at];
    struct sn_kvpool_member *m = &p->member[e->member];
    if (e->older == NONE)
        m->oldest = e->younger;
    else
        p->entry[e->older].younger = e->younger;
    if (e->younger == NONE)
        m->youngest = e->older;
    else
        p->entry[e->younger].older = e->older;
}

static void touch(struct sn_kvpool *p, uint32_t at)
{
    if (p->entry[at].younger == NONE)
        return;
    use_remove(p, at);
    use_append(p, at);
}

static uint32_t take_entry(struct sn_kvpool *p)
{
    uint32_t at = p->free;
    if (at != NONE) {
        p->free = p->entry[at].older;
        return at;
    }
    if (p->entries == p->cap) {
        assert(p->cap < NONE / 2);
        p->cap = p->cap ? 2 * p->cap : 64;
        p->entry = sn_realloc(p->entry, p->cap, sizeof *p->entry);
    }
    return p->entries++;
}

/* Forgets a block: index, order of use, memory. */
static void drop(struct sn_kvpool *p, uint32_t at)
{
    struct sn_kvpool_entry *e = &p->entry[at];
    struct sn_kvpool_member *m = &p->member[e->member];
    const uint64_t bytes = p->class_bytes[e->class];
    sn_kvindex_remove(&p->index, e->key);
    use_remove(p, at);
    if (p->bounded)
        sn_kvslab_free(&m->memory, e->offset);
    m->blocks--;
    m->bytes -= bytes;
    p->stats.blocks--;
    p->stats.bytes -= bytes;
    e->member = SN_KV_ANY;
    e->older = p->free;
    p->free = at;
}

static void evict(struct sn_kvpool *p, uint32_t at)
{
    p->stats.evicted++;
    p->stats.evicted_bytes += p->class_bytes[p->entry[at].class];
    drop(p, at);
}

/* Evicts so that the member has room for one more block of the class: the oldest block, or all of
 * its slab where it is of another class. A full member has an oldest block, so this ends. */
static uint64_t make_room(struct sn_kvpool *p, uint32_t at, unsigned member, unsigned class)
{
    struct sn_kvpool_member *m = &p->member[member];
    uint64_t offset;
    while (!sn_kvslab_alloc(&m->memory, class, at, &offset)) {
        const struct sn_kvpool_entry *oldest = &p->entry[m->oldest];
        if (oldest->class == class) {
            evict(p, m->oldest);
            continue;
        }
        const uint32_t n = sn_kvslab_tags(&m->memory, oldest->offset, p->tags);
        for (uint32_t i = 0; i < n; i++)
            evict(p, p->tags[i]);
    }
    return offset;
}

/* From the last block to the first, so that of a request the first is the youngest. */
size_t sn_kvpool_lookup(struct sn_kvpool *p, const uint64_t *key, size_t n,
                        struct sn_kv_place *place)
{
    struct sn_kvpool_stats *s = &p->stats;
    size_t run = 0;
    uint64_t run_bytes = 0;
    for (size_t i = n; i-- > 0;) {
        const uint32_t at = sn_kvindex_get(&p->index, key[i]);
        if (place)
            place[i] = at == NONE ? (struct sn_kv_place){.member = SN_KV_ANY} : place_of(p, at);
        if (at == NONE) {
            run = run_bytes = 0;
            continue;
        }
        const uint64_t bytes = p->class_bytes[p->entry[at].class];
        touch(p, at);
        s->hits++;
        s->hit_bytes += bytes;
        run++;
        run_bytes += bytes;
    }
    s->requests++;
    s->lookups += n;
    s->prefix_hits += run;
    s->prefix_bytes += run_bytes;
    return run;
}

bool sn_kvpool_insert(struct sn_kvpool *p, uint64_t key, unsigned class, uint32_t member,
                      struct sn_kv_place *place)
{
    assert(class < p->classes && (member == SN_KV_ANY || member < p->members));
    uint32_t at = sn_kvindex_get(&p->index, key);
    if (at != NONE) {
        const struct sn_kvpool_entry *e = &p->entry[at];
        if (e->class == class && (member == SN_KV_ANY || member == e->member)) {
            touch(p, at);
            if (place)
                *place = place_of(p, at);
            return false;
        }
        sn_kvpool_remove(p, key);
    }
    if (member == SN_KV_ANY)
        member = sn_kvring_owner(&p->ring, key);
    at = take_entry(p);
    const uint64_t offset = p->bounded ? make_room(p, at, member, class) : 0;
    const uint64_t bytes = p->class_bytes[class];
    p->entry[at] = (struct sn_kvpool_entry){.key = key,
                                            .generation = ++p->generation,
                                            .offset = offset,
                                            .member = member,
                                            .class = class};
    sn_kvindex_put(&p->index, key, at);
    use_append(p, at);
    p->member[member].blocks++;
    p->member[member].bytes += bytes;
    p->stats.inserted++;
    p->stats.inserted_bytes += bytes;
    p->stats.blocks++;
    p->stats.bytes += bytes;
    if (p->stats.bytes > p->stats.peak_bytes)
        p->stats.peak_bytes = p->stats.bytes;
    if (place)
        *place = place_of(p, at);
    return true;
}

bool sn_kvpool_remove(struct sn_kvpool *p, uint64_t key)
{
    const uint32_t at = sn_kvindex_get(&p->index, key);
    if (at == NONE)
        return false;
    p->stats.removed++;
    drop(p, at);
    return true;
}

void sn_kvpool_stats(const struct sn_kvpool *p, struct sn_kvpool_stats *out)
{
    *out = p->stats;
}

void sn_kvpool_member(const struct sn_kvpool *p, unsigned member, uint64_t *blocks, uint64_t *bytes)
{
    *blocks = p->member[member].blocks;
    *bytes = p->member[member].bytes;
}

const struct sn_kvslab *sn_kvpool_memory(const struct sn_kvpool *p, unsigned member)
{
    return p->bounded ? &p->member[member].memory : NULL;
}

size_t sn_kvpool_oldest(const struct sn_kvpool *p, unsigned member, uint64_t *key, size_t most)
{
    size_t n = 0;
    for (uint32_t at = p->member[member].oldest; at != NONE && n < most; at = p->entry[at].younger)
        key[n++] = p->entry[at].key;
    return n;
}
