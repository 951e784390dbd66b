/* comm/kvpool.h: order of use and eviction against a list searched from end to end, counts by hand,
 * and a check that finds each kind of damage. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "comm/kvpool_impl.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

static struct sn_kvpool *pool_of(unsigned members, uint64_t capacity, uint64_t slab,
                                 const uint64_t *bytes, unsigned classes)
{
    struct sn_kvpool *p = NULL;
    const struct sn_kvpool_options o = {.members = members,
                                        .vnodes = 40,
                                        .seed = 1,
                                        .capacity = capacity,
                                        .slab_bytes = slab,
                                        .class_bytes = bytes,
                                        .classes = classes};
    cr_assert_eq(sn_kvpool_open(&p, &o), SN_OK, "%s", sn_status_message());
    return p;
}

static void sound(const struct sn_kvpool *p)
{
    cr_assert_eq(sn_kvpool_check(p), SN_OK, "%s", sn_status_message());
}

static struct sn_kvpool_stats stats_of(const struct sn_kvpool *p)
{
    struct sn_kvpool_stats s;
    sn_kvpool_stats(p, &s);
    return s;
}

/* The reference: blocks in an array, oldest first. Room, slabs and victims follow from the places
 * that the pool gave out, not from its allocator. */
enum { MOST = 4096 };
struct naive {
    struct {
        uint64_t key;
        struct sn_kv_place at;
    } block[MOST];
    size_t n;
    uint64_t slab, slabs;
    const uint64_t *bytes;
    uint64_t evicted;
};

static size_t naive_seek(const struct naive *v, uint64_t key)
{
    size_t i = 0;
    while (i < v->n && v->block[i].key != key)
        i++;
    return i;
}

static void naive_drop(struct naive *v, size_t i)
{
    memmove(&v->block[i], &v->block[i + 1], (--v->n - i) * sizeof *v->block);
}

static void naive_touch(struct naive *v, size_t i)
{
    __typeof__(v->block[0]) block = v->block[i];
    naive_drop(v, i);
    v->block[v->n++] = block;
}

/* Is there a slab of the member without blocks, or one of the class with a place left? */
static bool naive_room(const struct naive *v, unsigned member, unsigned class)
{
    const uint64_t slots = v->slab / ((v->bytes[class] + 63) / 64 * 64);
    for (uint64_t s = 0; s < v->slabs; s++) {
        uint64_t here = 0, of_class = 0;
        for (size_t i = 0; i < v->n; i++)
            if (v->block[i].at.member == member && v->block[i].at.offset / v->slab == s) {
                here++;
                of_class += v->block[i].at.class == class;
            }
        if (here == 0 || (of_class && here < slots))
            return true;
    }
    return false;
}

/* Drops the member's oldest block, or all of its slab where that has another class. */
static void naive_evict(struct naive *v, unsigned member, unsigned class)
{
    size_t i = 0;
    while (v->block[i].at.member != member)
        i++;
    const struct sn_kv_place oldest = v->block[i].at;
    if (oldest.class == class) {
        naive_drop(v, i);
        v->evicted++;
        return;
    }
    for (i = 0; i < v->n;) {
        const struct sn_kv_place at = v->block[i].at;
        if (at.member == member && at.offset / v->slab == oldest.offset / v->slab) {
            naive_drop(v, i);
            v->evicted++;
        } else {
            i++;
        }
    }
}

static void same(const struct sn_kvpool *p, const struct naive *v, unsigned members)
{
    uint64_t key[MOST];
    for (unsigned m = 0; m < members; m++) {
        const size_t n = sn_kvpool_oldest(p, m, key, MOST);
        size_t k = 0;
        for (size_t i = 0; i < v->n; i++)
            if (v->block[i].at.member == m) {
                cr_assert(k < n && key[k] == v->block[i].key, "member %u, block %zu: %llu", m, k,
                          (unsigned long long)v->block[i].key);
                k++;
            }
        cr_assert_eq(k, n, "member %u: %zu blocks; %zu", m, n, k);
    }
    cr_assert_eq(stats_of(p).evicted, v->evicted);
}

static void like_naive(unsigned members, uint64_t capacity, uint64_t slab, const uint64_t *bytes,
                       unsigned classes, unsigned keys, unsigned steps)
{
    struct sn_kvpool *p = pool_of(members, capacity, slab, bytes, classes);
    struct naive *v = calloc(1, sizeof *v);
    struct sn_rng rng = sn_rng_make(capacity, keys);
    *v = (struct naive){.slab = slab, .slabs = capacity / slab, .bytes = bytes};
    for (unsigned step = 0; step < steps; step++) {
        /* the class is mostly the key's own; sometimes it changes, or a member is named */
        const uint64_t key = sn_rng_below(&rng, keys);
        const uint64_t what = sn_rng_below(&rng, 100);
        const unsigned class = (unsigned)((key + (what > 97)) % classes);
        const size_t i = naive_seek(v, key);
        struct sn_kv_place at;
        cr_assert_eq(sn_kvpool_find(p, key, &at), i < v->n);
        if (what < 40) {
            cr_assert_eq(sn_kvpool_lookup(p, &key, 1, &at), i < v->n);
            if (i < v->n) {
                cr_assert_eq(memcmp(&at, &v->block[i].at, sizeof at), 0);
                naive_touch(v, i);
            } else {
                cr_assert_eq(at.member, SN_KV_ANY);
            }
        } else if (what < 45) {
            cr_assert_eq(sn_kvpool_remove(p, key), i < v->n);
            if (i < v->n)
                naive_drop(v, i);
        } else {
            const uint32_t named = what == 50 ? (uint32_t)sn_rng_below(&rng, members) : SN_KV_ANY;
            const bool stays = i < v->n && v->block[i].at.class == class &&
                               (named == SN_KV_ANY || named == v->block[i].at.member);
            cr_assert_eq(sn_kvpool_insert(p, key, class, named, &at), !stays);
            cr_assert(named == SN_KV_ANY ? stays || at.member == sn_kvpool_owner(p, key)
                                         : at.member == named);
            cr_assert(at.class == class && at.bytes == bytes[class]);
            if (stays) {
                naive_touch(v, i);
            } else {
                if (i < v->n)
                    naive_drop(v, i);
                while (!naive_room(v, at.member, class))
                    naive_evict(v, at.member, class);
                v->block[v->n].key = key;
                v->block[v->n++].at = at;
            }
        }
        same(p, v, members);
        if (step % 16 == 0)
            sound(p);
    }
    cr_assert_gt(v->evicted, steps / 20, "nothing was evicted: the test is too easy");
    sound(p);
    free(v);
    sn_kvpool_close(p);
}

Test(kvpool, lru_like_naive)
{
    like_naive(1, 20 * 128, 512, (const uint64_t[]){128}, 1, 40, 4000);
    like_naive(5, 9 * 64, 64, (const uint64_t[]){50}, 1, 90, 4000);
}

Test(kvpool, lru_of_several_sizes_like_naive)
{
    like_naive(1, 8 * 1024, 1024, (const uint64_t[]){64, 300}, 2, 90, 3000);
    like_naive(3, 5 * 1024 + 100, 1024, (const uint64_t[]){1000, 128, 320}, 3, 90, 3000);
}

/* Keys 1..6; 3 is missing: found 5, of them 2 in the leading run. */
Test(kvpool, counts)
{
    const uint64_t bytes[] = {1000, 10}, key[] = {1, 2, 3, 4, 5, 6};
    struct sn_kvpool *p = pool_of(4, 0, 0, bytes, 2);
    struct sn_kv_place place[6];
    for (unsigned i = 0; i < 6; i++)
        if (i != 2)
            cr_assert(sn_kvpool_insert(p, key[i], i == 1, SN_KV_ANY, NULL));
    cr_assert_eq(sn_kvpool_lookup(p, key, 6, place), 2);
    for (unsigned i = 0; i < 6; i++)
        cr_assert(i == 2 ? place[i].member == SN_KV_ANY
                         : place[i].member == sn_kvpool_owner(p, key[i]) &&
                               place[i].bytes == bytes[i == 1]);
    cr_assert_eq(sn_kvpool_lookup(p, key + 2, 4, NULL), 0);
    cr_assert(!sn_kvpool_insert(p, 1, 0, SN_KV_ANY, NULL));
    cr_assert(sn_kvpool_remove(p, 6));
    const struct sn_kvpool_stats s = stats_of(p), want = {.requests = 2,
                                                          .lookups = 10,
                                                          .hits = 8,
                                                          .prefix_hits = 2,
                                                          .hit_bytes = 7010,
                                                          .prefix_bytes = 1010,
                                                          .inserted = 5,
                                                          .inserted_bytes = 4010,
                                                          .removed = 1,
                                                          .blocks = 4,
                                                          .bytes = 3010,
                                                          .peak_bytes = 4010};
    cr_assert_eq(memcmp(&s, &want, sizeof s), 0);
    cr_assert_null(sn_kvpool_memory(p, 0));
    uint64_t blocks, in, sum = 0;
    for (unsigned m = 0; m < 4; m++) {
        sn_kvpool_member(p, m, &blocks, &in);
        sum += in;
    }
    cr_assert_eq(sum, 3010);
    sound(p);
    sn_kvpool_close(p);
}

/* Found or put in last to first, the first block of a prompt is the youngest: what has to go is the
 * end, and the leading run shortens by one. */
Test(kvpool, a_prefix_outlives_what_continues_it)
{
    const uint64_t bytes[] = {64}, key[] = {10, 11, 12, 13};
    struct sn_kvpool *p = pool_of(1, 4 * 64, 64, bytes, 1);
    for (unsigned i = 4; i-- > 0;)
        sn_kvpool_insert(p, key[i], 0, SN_KV_ANY, NULL);
    cr_assert_eq(sn_kvpool_lookup(p, key, 4, NULL), 4);
    sn_kvpool_insert(p, 99, 0, SN_KV_ANY, NULL);
    cr_assert_eq(sn_kvpool_lookup(p, key, 4, NULL), 3);
    sn_kvpool_insert(p, 98, 0, SN_KV_ANY, NULL); /* 99 was used longest ago now */
    cr_assert_eq(sn_kvpool_lookup(p, key, 4, NULL), 3);
    sn_kvpool_close(p);
}

/* Two sizes that come in turn both stay: neither starves for good, whatever came first. */
Test(kvpool, no_size_starves)
{
    const uint64_t bytes[] = {64, 1024};
    struct sn_kvpool *p = pool_of(1, 8 * 1024, 1024, bytes, 2);
    for (uint64_t k = 0; k < 1000; k++)
        sn_kvpool_insert(p, k, 0, SN_KV_ANY, NULL); /* small ones take everything */
    for (uint64_t k = 1000; k < 1004; k++) {
        struct sn_kv_place at;
        cr_assert(sn_kvpool_insert(p, k, 1, SN_KV_ANY, &at));
        cr_assert_eq(at.bytes, 1024);
    }
    for (uint64_t k = 1000; k < 1004; k++)
        cr_assert(sn_kvpool_find(p, k, &(struct sn_kv_place){0}));
    cr_assert_eq(stats_of(p).blocks, 4 + 4 * 16);
    sound(p);
    sn_kvpool_close(p);
}

/* Generations never repeat, so a reader with an old place finds out. */
Test(kvpool, generations)
{
    const uint64_t bytes[] = {64};
    struct sn_kvpool *p = pool_of(2, 2 * 64, 64, bytes, 1);
    uint64_t last = 0;
    for (unsigned step = 0; step < 100; step++) {
        struct sn_kv_place at;
        if (sn_kvpool_insert(p, step * 7 % 9, 0, SN_KV_ANY, &at)) {
            cr_assert_gt(at.generation, last);
            last = at.generation;
        }
    }
    sn_kvpool_close(p);
}

/* Equal histories give equal digests; a touch, a place or a removal more gives another. */
Test(kvpool, digest)
{
    const uint64_t bytes[] = {64, 128};
    for (unsigned differs = 0; differs < 5; differs++) {
        struct sn_kvpool *p = pool_of(3, 4096, 1024, bytes, 2),
                         *q = pool_of(3, 4096, 1024, bytes, 2);
        uint64_t key = 3;
        for (uint64_t k = 0; k < 30; k++) {
            sn_kvpool_insert(p, k, k % 2, SN_KV_ANY, NULL);
            sn_kvpool_insert(q, k, (k % 2) ^ (differs == 1 && k == 29),
                             differs == 2 && k == 29 ? (sn_kvpool_owner(q, k) + 1) % 3 : SN_KV_ANY,
                             NULL);
        }
        if (differs == 3)
            sn_kvpool_remove(q, key);
        if (differs == 4)
            sn_kvpool_lookup(q, &key, 1, NULL);
        cr_assert_eq(sn_kvpool_digest(p) == sn_kvpool_digest(q), differs == 0, "%u", differs);
        sn_kvpool_close(p);
        sn_kvpool_close(q);
    }
}

Test(kvpool, errors)
{
    const uint64_t bytes[] = {128};
    const uint32_t twice[] = {4, 4};
    struct sn_kvpool *p = NULL;
    struct sn_kvpool_options o = {.members = 2, .vnodes = 8, .class_bytes = bytes, .classes = 0};
    cr_assert_eq(sn_kvpool_open(&p, &o), SN_EINVAL);
    o.classes = 1;
    o.capacity = 100;
    cr_assert_eq(sn_kvpool_open(&p, &o), SN_EINVAL);
    o.capacity = 0;
    o.ids = twice;
    cr_assert_eq(sn_kvpool_open(&p, &o), SN_EINVAL);
    cr_assert_null(p);
}

/* Every kind of damage, and what the check says of it. */
Test(kvpool, check_finds_damage)
{
    const uint64_t bytes[] = {64, 256};
    for (unsigned kind = 0; kind < 13; kind++) {
        struct sn_kvpool *p = pool_of(1, 64 * 1024, 1024, bytes, 2);
        for (uint64_t k = 0; k < 20; k++)
            sn_kvpool_insert(p, k, k % 2, SN_KV_ANY, NULL);
        sn_kvpool_remove(p, 7);
        sound(p);
        struct sn_kvpool_member *m = p->member;
        const uint32_t at = m->oldest;
        struct sn_kvpool_entry *e = &p->entry[at], *next = &p->entry[e->younger];
        const char *says = NULL;
        switch (kind) {
        case 0: /* the memory of a block is given back behind the pool */
            sn_kvslab_free(&m->memory, e->offset);
            says = "not allocated";
            break;
        case 1: { /* memory that no block owns */
            uint64_t offset;
            sn_kvslab_alloc(&m->memory, 0, 0, &offset);
            says = "places are allocated";
            break;
        }
        case 2: /* two blocks own one place */
            e->offset = p->entry[next->younger].offset;
            says = "belongs to entry";
            break;
        case 3:
            sn_kvindex_remove(&p->index, e->key);
            says = "not in the index";
            break;
        case 4:
            sn_kvindex_put(&p->index, 777, at);
            says = "in the index";
            break;
        case 5:
            next->younger = at; /* a ring */
            says = "order of use";
            break;
        case 6:
            m->youngest = at;
            says = "youngest";
            break;
        case 7:
            m->oldest = e->younger; /* one lost */
            says = "order of use";
            break;
        case 8:
            m->bytes++;
            says = "it counts";
            break;
        case 9:
            p->stats.evicted++;
            says = "evicted";
            break;
        case 10:
            p->free = SN_KVPOOL_NONE;
            says = "entries";
            break;
        case 11:
            p->stats.hits = p->stats.lookups + 1;
            says = "hits";
            break;
        default:
            m->memory.blocks[0]++;
            m->memory.blocks[1]--;
            says = "class 0";
        }
        cr_assert_eq(sn_kvpool_check(p), SN_EVERIFY, "damage %u was not found", kind);
        cr_assert(strstr(sn_status_message(), says), "damage %u: '%s' does not say '%s'", kind,
                  sn_status_message(), says);
        sn_kvpool_close(p);
    }
}
