/* comm/kvslab.h: places against a map of bytes, room against what is left, and a check that finds
 * each kind of damage. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "comm/kvslab.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

static struct sn_kvslab slab_of(uint64_t capacity, uint64_t slab, const uint64_t *bytes,
                                unsigned classes)
{
    struct sn_kvslab s;
    cr_assert_eq(sn_kvslab_open(&s, capacity, slab, bytes, classes), SN_OK, "%s",
                 sn_status_message());
    return s;
}

static void sound(const struct sn_kvslab *s)
{
    cr_assert_eq(sn_kvslab_check(s), SN_OK, "%s", sn_status_message());
}

/* Random alloc and free: no two blocks share a byte, all are aligned and inside; a refusal comes
 * only when no slab is free and every slab of the class is full. */
static void wander(uint64_t capacity, uint64_t slab, const uint64_t *bytes, unsigned classes,
                   unsigned steps)
{
    struct block {
        uint64_t offset;
        unsigned class;
        uint32_t tag;
    };
    struct sn_kvslab s = slab_of(capacity, slab, bytes, classes);
    struct block *block = calloc(capacity / 64 + 1, sizeof *block);
    unsigned char *owned = calloc(capacity, 1);
    struct sn_rng rng = sn_rng_make(capacity, slab);
    size_t n = 0;
    for (unsigned step = 0; step < steps; step++) {
        const unsigned c = (unsigned)sn_rng_below(&rng, classes);
        /* long stretches of mostly one and mostly the other: full and empty both come */
        const bool fill = sn_rng_below(&rng, 8) < (step / 997 % 2 ? 2 : 6);
        uint64_t offset;
        if (fill && sn_kvslab_alloc(&s, c, step, &offset)) {
            cr_assert(offset % SN_KVSLAB_ALIGN == 0 && offset + bytes[c] <= capacity);
            for (uint64_t i = 0; i < bytes[c]; i++)
                cr_assert_eq(owned[offset + i]++, 0, "byte %llu twice",
                             (unsigned long long)(offset + i));
            block[n++] = (struct block){offset, c, step};
        } else if (fill) {
            unsigned *count = calloc(s.slabs, sizeof *count), room = 0;
            bool *of_class = calloc(s.slabs, sizeof *of_class);
            for (size_t i = 0; i < n; i++) {
                count[block[i].offset / s.slab_bytes]++;
                of_class[block[i].offset / s.slab_bytes] |= block[i].class == c;
            }
            for (unsigned i = 0; i < s.slabs; i++)
                room += count[i] == 0 || (of_class[i] && count[i] < s.slab_bytes / s.stride[c]);
            cr_assert_eq(room, 0, "refused class %u with room in %u slabs", c, room);
            free(count);
            free(of_class);
        } else if (n) {
            const size_t k = sn_rng_below(&rng, n);
            unsigned class;
            uint32_t tag;
            cr_assert(sn_kvslab_at(&s, block[k].offset, &class, &tag));
            cr_assert(class == block[k].class && tag == block[k].tag);
            sn_kvslab_free(&s, block[k].offset);
            cr_assert(!sn_kvslab_at(&s, block[k].offset, &class, &tag), "freed, still there");
            memset(owned + block[k].offset, 0, bytes[block[k].class]);
            block[k] = block[--n];
        }
        if (step % 61 == 0)
            sound(&s);
    }
    struct sn_kvslab_use use;
    uint64_t used = 0;
    for (uint64_t i = 0; i < capacity; i++)
        used += owned[i];
    sn_kvslab_use(&s, &use);
    cr_assert_eq(use.used, used, "%llu bytes used; %llu", (unsigned long long)use.used,
                 (unsigned long long)used);
    while (n)
        sn_kvslab_free(&s, block[--n].offset);
    sound(&s);
    sn_kvslab_use(&s, &use);
    cr_assert(use.used == 0 && use.slots == 0 && use.tails == 0 && use.rounding == 0);
    cr_assert_eq(s.free_pages, s.slabs);
    sn_kvslab_close(&s);
    free(block);
    free(owned);
}

Test(kvslab, places)
{
    wander(10000, 1000, (const uint64_t[]){64}, 1, 6000);
    wander(30000, 2048, (const uint64_t[]){100, 600, 2048}, 3, 20000);
    wander(20011, 0, (const uint64_t[]){1000, 300, 1, 65}, 4, 20000);
    wander(4096, 4096, (const uint64_t[]){4096, 1}, 2, 3000);
}

/* No class keeps memory: each in turn can have all of it. */
Test(kvslab, memory_moves_between_classes)
{
    const uint64_t bytes[] = {128, 1024, 320};
    struct sn_kvslab s = slab_of(64 * 1024, 4096, bytes, 3);
    uint64_t *offset = calloc(1024, sizeof *offset);
    for (unsigned round = 0; round < 9; round++) {
        const unsigned c = round % 3;
        unsigned n = 0;
        while (sn_kvslab_alloc(&s, c, n, &offset[n]))
            n++;
        cr_assert_eq(n, 16 * (4096 / bytes[c]), "class %u: %u blocks", c, n);
        sound(&s);
        while (n)
            sn_kvslab_free(&s, offset[--n]);
    }
    free(offset);
    sn_kvslab_close(&s);
}

/* What is lost is what the three kinds of loss say, by hand: 100-byte blocks take 128; a slab of
 * 1,024 holds 8, or 3 of 320 with a tail of 64; 5,000 bytes are 4 slabs and 904. */
Test(kvslab, losses_are_counted)
{
    const uint64_t bytes[] = {100, 320};
    struct sn_kvslab s = slab_of(5000, 1024, bytes, 2);
    struct sn_kvslab_use use;
    uint64_t offset;
    for (unsigned i = 0; i < 9; i++)
        cr_assert(sn_kvslab_alloc(&s, 0, i, &offset));
    cr_assert(sn_kvslab_alloc(&s, 1, 9, &offset));
    sn_kvslab_use(&s, &use);
    cr_assert_eq(use.used, 9 * 100 + 320);
    cr_assert_eq(use.rounding, 9 * 28);
    cr_assert_eq(use.slots, 7 * 128 + 2 * 320);
    cr_assert_eq(use.tails, 64);
    cr_assert_eq(use.slabs, 1024);
    cr_assert_eq(use.rest, 904);
    sn_kvslab_close(&s);
}

/* The size that is chosen wastes at most 1/16 where the memory leaves a choice. */
Test(kvslab, chosen_slab)
{
    const uint64_t mla[] = {512ull * 70272, 512ull * 35136, 128ull * 70272}, odd[] = {1000, 700};
    struct sn_kvslab s = slab_of(64ull << 30, 0, mla, 3);
    for (unsigned c = 0; c < 3; c++)
        cr_assert_eq(s.slab_bytes % s.stride[c], 0);
    sn_kvslab_close(&s);
    s = slab_of(1 << 20, 0, odd, 2);
    for (unsigned c = 0; c < 2; c++)
        cr_assert_leq(s.slab_bytes % s.stride[c] * 16, s.slab_bytes);
    sn_kvslab_close(&s);
    s = slab_of(1024, 0, odd, 1); /* no more than one block fits */
    cr_assert_eq(s.slab_bytes, 1024);
    sn_kvslab_close(&s);
}

Test(kvslab, errors)
{
    struct sn_kvslab s;
    const uint64_t bytes[] = {4096, 64, 0};
    cr_assert_eq(sn_kvslab_open(&s, 1 << 20, 0, bytes, 0), SN_EINVAL);
    cr_assert_eq(sn_kvslab_open(&s, 1 << 20, 0, bytes, 17), SN_EINVAL);
    cr_assert_eq(sn_kvslab_open(&s, 1 << 20, 0, bytes, 3), SN_EINVAL);
    cr_assert_eq(sn_kvslab_open(&s, 4095, 0, bytes, 2), SN_EINVAL);
    cr_assert_eq(sn_kvslab_open(&s, 1 << 20, 4095, bytes, 2), SN_EINVAL);
    cr_assert(strstr(sn_status_message(), "4096 bytes in slabs of 4032"), "%s",
              sn_status_message());
    cr_assert_eq(sn_kvslab_open(&s, 1 << 20, 1 << 21, bytes, 2), SN_EINVAL);
    cr_assert_eq(sn_kvslab_open(&s, 1ull << 40, 1ull << 39, bytes, 2), SN_EINVAL);
    cr_assert_eq(sn_kvslab_open(&s, 1ull << 40, 64, bytes + 1, 1), SN_EINVAL);
    cr_assert_eq(sn_kvslab_open(&s, UINT64_MAX, 0, (const uint64_t[]){UINT64_MAX}, 1), SN_EINVAL);
}

/* Every kind of damage, and what the check says of it. */
Test(kvslab, check_finds_damage)
{
    const uint64_t bytes[] = {64, 256};
    uint64_t offset[12];
    for (unsigned kind = 0; kind < 10; kind++) {
        struct sn_kvslab s = slab_of(8192, 1024, bytes, 2);
        for (unsigned i = 0; i < 12; i++)
            cr_assert(sn_kvslab_alloc(&s, i % 2, i, &offset[i]));
        sn_kvslab_free(&s, offset[0]);
        sn_kvslab_free(&s, offset[2]);
        sound(&s);
        struct sn_kvslab_page *small = &s.page[offset[4] / 1024],
                              *large = &s.page[offset[3] / 1024];
        const struct sn_kvslab keep = s;
        const struct sn_kvslab_page keep_small = *small, keep_large = *large;
        const struct sn_kvslab_slot first = small->slot[small->freed];
        const char *says = NULL;
        switch (kind) {
        case 0:
            small->used++;
            says = "counts";
            break;
        case 1:
            small->freed = UINT32_MAX; /* freed slots lost */
            says = "freed of";
            break;
        case 2:
            small->slot[small->freed].next = small->freed; /* a ring */
            says = "list of free slots";
            break;
        case 3:
            small->freed = (uint32_t)(offset[4] % 1024 / 64); /* an allocated slot given again */
            says = "which is none";
            break;
        case 4:
            small->fresh = 17;
            says = "17 of 16";
            break;
        case 5:
            s.blocks[1]++;
            says = "class 1";
            break;
        case 6:
            s.partial[0] = UINT32_MAX;
            says = "class 0";
            break;
        case 7:
            s.free_pages--;
            says = "no class";
            break;
        case 8:
            s.free_page = (uint32_t)(large - s.page);
            says = "not free";
            break;
        default:
            s.capacity++; /* a byte that nobody owns: the rest takes it, so the size of a slab */
            s.slab_bytes++;
            says = "do not sum";
        }
        cr_assert_eq(sn_kvslab_check(&s), SN_EVERIFY, "damage %u was not found", kind);
        cr_assert(strstr(sn_status_message(), says), "damage %u: '%s' does not say '%s'", kind,
                  sn_status_message(), says);
        s = keep;
        *small = keep_small;
        *large = keep_large;
        small->slot[small->freed] = first;
        sound(&s);
        sn_kvslab_close(&s);
    }
}
