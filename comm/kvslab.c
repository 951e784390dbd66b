/* Slab allocation of blocks of a few sizes (comm/kvslab.h). A slab's slots are used in order the
 * first time and from a list of freed ones afterwards, so opening costs nothing per slot. */
#include "comm/kvslab.h"

#include <assert.h>
#include <stdlib.h>

#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

#define NONE UINT32_MAX

enum { NO_CLASS = 0xff };

/* `next` of an allocated slot. */
#define USED (NONE - 1)

/* The part of a slab that holds no block of some class, at worst. */
static double worst_tail(uint64_t slab, const uint64_t *stride, unsigned classes)
{
    double worst = 0;
    for (unsigned c = 0; c < classes; c++) {
        const double tail = (double)(slab % stride[c]) / (double)slab;
        worst = tail > worst ? tail : worst;
    }
    return worst;
}

static uint64_t choose_slab(uint64_t capacity, const uint64_t *stride, unsigned classes)
{
    uint64_t largest = 0, best = 0;
    double least = 2;
    for (unsigned c = 0; c < classes; c++)
        largest = stride[c] > largest ? stride[c] : largest;
    for (uint64_t k = 1; k <= 16 && least > 1.0 / 16; k++) {
        if (k > 1 && (largest > UINT64_MAX / k || largest * k > capacity / classes))
            break;
        const double tail = worst_tail(largest * k, stride, classes);
        if (tail < least) {
            least = tail;
            best = largest * k;
        }
    }
    return best;
}

int sn_kvslab_open(struct sn_kvslab *out, uint64_t capacity, uint64_t slab_bytes,
                   const uint64_t *class_bytes, unsigned classes)
{
    struct sn_kvslab s = {.capacity = capacity, .classes = classes, .free_page = NONE};
    if (classes < 1 || classes > SN_KVSLAB_CLASSES)
        return SN_FAIL(SN_EINVAL, "%u block sizes; must be 1..%d", classes, SN_KVSLAB_CLASSES);
    for (unsigned c = 0; c < classes; c++) {
        if (class_bytes[c] < 1 || class_bytes[c] > UINT64_MAX - SN_KVSLAB_ALIGN)
            return SN_FAIL(SN_EINVAL, "a block of %llu bytes", (unsigned long long)class_bytes[c]);
        s.bytes[c] = class_bytes[c];
        s.stride[c] = sn_mem_round_up(class_bytes[c], SN_KVSLAB_ALIGN);
        s.partial[c] = NONE;
    }
    s.slab_bytes = slab_bytes ? slab_bytes & ~(uint64_t)(SN_KVSLAB_ALIGN - 1)
                              : choose_slab(capacity, s.stride, classes);
    if (s.slab_bytes == 0 || s.slab_bytes > capacity)
        return SN_FAIL(SN_EINVAL, "slabs of %llu bytes in a memory of %llu; it must hold one",
                       (unsigned long long)s.slab_bytes, (unsigned long long)capacity);
    for (unsigned c = 0; c < classes; c++) {
        const uint64_t slots = s.slab_bytes / s.stride[c];
        if (slots < 1)
            return SN_FAIL(SN_EINVAL, "a block of %llu bytes in slabs of %llu",
                           (unsigned long long)s.bytes[c], (unsigned long long)s.slab_bytes);
        if (slots > INT32_MAX)
            return SN_FAIL(SN_EINVAL, "slabs of %llu bytes for blocks of %llu: at most %d a slab",
                           (unsigned long long)s.slab_bytes, (unsigned long long)s.bytes[c],
                           INT32_MAX);
        s.slots[c] = (uint32_t)slots;
    }
    const uint64_t slabs = capacity / s.slab_bytes;
    if (slabs > INT32_MAX)
        return SN_FAIL(SN_EINVAL, "%llu slabs of %llu bytes; at most %d", (unsigned long long)slabs,
                       (unsigned long long)s.slab_bytes, INT32_MAX);
    s.slabs = (unsigned)slabs;
    s.page = sn_calloc(s.slabs, sizeof *s.page);
    for (unsigned i = s.slabs; i-- > 0;) { /* taken in order of place */
        s.page[i] = (struct sn_kvslab_page){.class = NO_CLASS, .next = s.free_page};
        s.free_page = i;
        s.free_pages++;
    }
    *out = s;
    return SN_OK;
}

void sn_kvslab_close(struct sn_kvslab *s)
{
    for (unsigned i = 0; i < s->slabs; i++)
        free(s->page[i].slot);
    free(s->page);
    *s = (struct sn_kvslab){0};
}

static void link_partial(struct sn_kvslab *s, unsigned c, uint32_t at)
{
    struct sn_kvslab_page *p = &s->page[at];
    p->prev = NONE;
    p->next = s->partial[c];
    if (p->next != NONE)
        s->page[p->next].prev = at;
    s->partial[c] = at;
}

static void unlink_partial(struct sn_kvslab *s, unsigned c, uint32_t at)
{
    const struct sn_kvslab_page *p = &s->page[at];
    if (p->prev == NONE)
        s->partial[c] = p->next;
    else
        s->page[p->prev].next = p->next;
    if (p->next != NONE)
        s->page[p->next].prev = p->prev;
}

/* Gives a slab without a class to class c. */
static bool take_page(struct sn_kvslab *s, unsigned c)
{
    const uint32_t at = s->free_page;
    if (at == NONE)
        return false;
    struct sn_kvslab_page *p = &s->page[at];
    s->free_page = p->next;
    s->free_pages--;
    s->taken[c]++;
    *p = (struct sn_kvslab_page){
        .slot = sn_calloc(s->slots[c], sizeof *p->slot), .freed = NONE, .class = (uint8_t)c};
    link_partial(s, c, at);
    return true;
}

static void give_page(struct sn_kvslab *s, uint32_t at)
{
    struct sn_kvslab_page *p = &s->page[at];
    unlink_partial(s, p->class, at);
    s->taken[p->class]--;
    free(p->slot);
    *p = (struct sn_kvslab_page){.class = NO_CLASS, .next = s->free_page};
    s->free_page = at;
    s->free_pages++;
}

bool sn_kvslab_alloc(struct sn_kvslab *s, unsigned c, uint32_t tag, uint64_t *offset)
{
    assert(c < s->classes);
    if (s->partial[c] == NONE && !take_page(s, c))
        return false;
    const uint32_t at = s->partial[c];
    struct sn_kvslab_page *p = &s->page[at];
    uint32_t i = p->freed;
    if (i != NONE)
        p->freed = p->slot[i].next;
    else
        i = p->fresh++;
    p->slot[i] = (struct sn_kvslab_slot){.tag = tag, .next = USED};
    if (++p->used == s->slots[c])
        unlink_partial(s, c, at);
    s->blocks[c]++;
    *offset = at * s->slab_bytes + i * s->stride[c];
    return true;
}

static uint32_t page_of(const struct sn_kvslab *s, uint64_t offset)
{
    assert(offset / s->slab_bytes < s->slabs);
    return (uint32_t)(offset / s->slab_bytes);
}

void sn_kvslab_free(struct sn_kvslab *s, uint64_t offset)
{
    const uint32_t at = page_of(s, offset);
    struct sn_kvslab_page *p = &s->page[at];
    const unsigned c = p->class;
    uint32_t tag;
    unsigned class;
    const bool allocated = sn_kvslab_at(s, offset, &class, &tag);
    assert(allocated);
    (void)allocated;
    const uint32_t i = (uint32_t)(offset % s->slab_bytes / s->stride[c]);
    p->slot[i].next = p->freed;
    p->freed = i;
    if (p->used-- == s->slots[c])
        link_partial(s, c, at);
    s->blocks[c]--;
    if (p->used == 0)
        give_page(s, at);
}

bool sn_kvslab_at(const struct sn_kvslab *s, uint64_t offset, unsigned *class, uint32_t *tag)
{
    if (offset / s->slab_bytes >= s->slabs)
        return false;
    const struct sn_kvslab_page *p = &s->page[offset / s->slab_bytes];
    if (p->class == NO_CLASS)
        return false;
    const uint64_t inside = offset % s->slab_bytes, i = inside / s->stride[p->class];
    if (inside % s->stride[p->class] || i >= p->fresh || p->slot[i].next != USED)
        return false;
    *class = p->class;
    *tag = p->slot[i].tag;
    return true;
}

uint32_t sn_kvslab_tags(const struct sn_kvslab *s, uint64_t offset, uint32_t *tags)
{
    const struct sn_kvslab_page *p = &s->page[page_of(s, offset)];
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->fresh; i++)
        if (p->slot[i].next == USED)
            tags[n++] = p->slot[i].tag;
    return n;
}

void sn_kvslab_use(const struct sn_kvslab *s, struct sn_kvslab_use *out)
{
    *out = (struct sn_kvslab_use){.slabs = s->free_pages * s->slab_bytes,
                                  .rest = s->capacity % s->slab_bytes};
    for (unsigned c = 0; c < s->classes; c++) {
        const uint64_t slots = (uint64_t)s->taken[c] * s->slots[c];
        out->used += s->blocks[c] * s->bytes[c];
        out->rounding += s->blocks[c] * (s->stride[c] - s->bytes[c]);
        out->slots += (slots - s->blocks[c]) * s->stride[c];
        out->tails += s->taken[c] * (s->slab_bytes % s->stride[c]);
    }
}

#define BROKEN(...) SN_FAIL(SN_EVERIFY, __VA_ARGS__)

/* Allocated and freed slots of a slab are all of its used ones, each once. */
static int check_page(const struct sn_kvslab *s, uint32_t at)
{
    const struct sn_kvslab_page *p = &s->page[at];
    const uint32_t slots = s->slots[p->class];
    uint32_t used = 0, freed = 0;
    if (p->fresh > slots)
        return BROKEN("slab %u: %u of %u slots in use", at, p->fresh, slots);
    for (uint32_t i = 0; i < p->fresh; i++)
        used += p->slot[i].next == USED;
    for (uint32_t i = p->freed; i != NONE; i = p->slot[i].next, freed++)
        if (i >= p->fresh || freed == p->fresh || p->slot[i].next == USED)
            return BROKEN("slab %u: its list of free slots leads to slot %u, which is none", at, i);
    if (used != p->used || used + freed != p->fresh)
        return BROKEN("slab %u: %u slots allocated and %u freed of %u; it counts %u", at, used,
                      freed, p->fresh, p->used);
    if (used == 0)
        return BROKEN("slab %u is empty and has a class", at);
    return SN_OK;
}

static int check_class(const struct sn_kvslab *s, unsigned c)
{
    uint64_t blocks = 0;
    uint32_t taken = 0, room = 0, listed = 0;
    for (uint32_t i = 0; i < s->slabs; i++) {
        if (s->page[i].class != c)
            continue;
        blocks += s->page[i].used;
        room += s->page[i].used < s->slots[c];
        taken++;
    }
    for (uint32_t i = s->partial[c]; i != NONE; i = s->page[i].next, listed++)
        if (i >= s->slabs || s->page[i].class != c || listed > room ||
            s->page[i].used == s->slots[c])
            return BROKEN("class %u: its list of slabs with room leads to slab %u, which has none",
                          c, i);
    if (blocks != s->blocks[c] || taken != s->taken[c] || room != listed)
        return BROKEN("class %u: %llu blocks in %u slabs, %u with room; it counts %llu, %u, %u", c,
                      (unsigned long long)blocks, taken, room, (unsigned long long)s->blocks[c],
                      s->taken[c], listed);
    return SN_OK;
}

int sn_kvslab_check(const struct sn_kvslab *s)
{
    uint32_t without = 0, listed = 0;
    int status = SN_OK;
    for (uint32_t i = 0; i < s->slabs && status == SN_OK; i++) {
        if (s->page[i].class == NO_CLASS)
            without++;
        else if (s->page[i].class >= s->classes)
            return BROKEN("slab %u: class %u of %u", i, s->page[i].class, s->classes);
        else
            status = check_page(s, i);
    }
    for (unsigned c = 0; c < s->classes && status == SN_OK; c++)
        status = check_class(s, c);
    if (status)
        return status;
    for (uint32_t i = s->free_page; i != NONE; i = s->page[i].next, listed++)
        if (i >= s->slabs || s->page[i].class != NO_CLASS || listed > without)
            return BROKEN("the list of free slabs leads to slab %u, which is not free", i);
    if (without != listed || without != s->free_pages)
        return BROKEN("%u slabs have no class; %u are listed, %u counted", without, listed,
                      s->free_pages);
    struct sn_kvslab_use use;
    sn_kvslab_use(s, &use);
    if (use.used + use.rounding + use.slots + use.tails + use.slabs + use.rest != s->capacity)
        return BROKEN("the parts of the memory do not sum to its %llu bytes",
                      (unsigned long long)s->capacity);
    return SN_OK;
}
