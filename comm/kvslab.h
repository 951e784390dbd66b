/* Memory of a pool member: blocks of a few fixed sizes in slabs.
 *
 * The capacity is cut into slabs of one size. A slab belongs to a size class while it holds a block
 * of it, and goes back to all when its last block is freed; so memory moves between classes and
 * nothing but three countable things is lost: rounding of a block to 64 bytes, the tail of a slab
 * that holds no further block, the rest of the capacity that is no slab. alloc and free are O(1).
 * The allocator holds no memory of blocks itself: it hands out offsets.
 */
#ifndef SN_COMM_KVSLAB_H
#define SN_COMM_KVSLAB_H

#include <stdbool.h>
#include <stdint.h>

enum { SN_KVSLAB_ALIGN = 64, SN_KVSLAB_CLASSES = 16 };

struct sn_kvslab_slot {
    uint32_t tag;  /* of an allocated block */
    uint32_t next; /* of a freed one: the next freed one, or none */
};

struct sn_kvslab_page {          /* a slab */
    struct sn_kvslab_slot *slot; /* (slots of the class) NULL without a class */
    uint32_t used;               /* allocated */
    uint32_t fresh;              /* slots from here on were never used */
    uint32_t freed;              /* list of freed slots */
    uint32_t prev, next;         /* slabs of the class with room; next: slabs without a class */
    uint8_t class;
};

struct sn_kvslab {
    uint64_t capacity, slab_bytes;
    unsigned slabs, classes;
    uint64_t bytes[SN_KVSLAB_CLASSES];   /* asked size of a block of each class */
    uint64_t stride[SN_KVSLAB_CLASSES];  /* rounded to SN_KVSLAB_ALIGN */
    uint32_t slots[SN_KVSLAB_CLASSES];   /* blocks of a slab */
    uint64_t blocks[SN_KVSLAB_CLASSES];  /* allocated now */
    uint32_t taken[SN_KVSLAB_CLASSES];   /* slabs that a class has now */
    struct sn_kvslab_page *page;         /* (slabs) */
    uint32_t partial[SN_KVSLAB_CLASSES]; /* a slab of the class with room, or none */
    uint32_t free_page;                  /* a slab without a class, or none */
    uint32_t free_pages;
};

/* class_bytes (classes): sizes of blocks, each at least 1. slab_bytes 0: the smallest multiple of
 * the largest class that wastes at most 1/16 for every class, as far as the capacity holds a slab
 * for every class. SN_EINVAL: no class, more than SN_KVSLAB_CLASSES, a class larger than a slab, a
 * slab larger than the capacity, more than 2^31 slabs or blocks of a slab. */
int sn_kvslab_open(struct sn_kvslab *out, uint64_t capacity, uint64_t slab_bytes,
                   const uint64_t *class_bytes, unsigned classes);
void sn_kvslab_close(struct sn_kvslab *s);

/* An offset for a block of class c, with the caller's word `tag` kept beside it. False: no room for
 * this class; nothing changed. */
bool sn_kvslab_alloc(struct sn_kvslab *s, unsigned c, uint32_t tag, uint64_t *offset);
/* The offset must be an allocated one: else an assertion fails. */
void sn_kvslab_free(struct sn_kvslab *s, uint64_t offset);

/* The tags of the blocks in the slab that holds `offset`, in order of their place: tags (slots of
 * its class). Returns how many. */
uint32_t sn_kvslab_tags(const struct sn_kvslab *s, uint64_t offset, uint32_t *tags);

/* What is at an offset: false when no block begins there. */
bool sn_kvslab_at(const struct sn_kvslab *s, uint64_t offset, unsigned *class, uint32_t *tag);

struct sn_kvslab_use { /* bytes; the parts sum to `capacity` */
    uint64_t used;     /* asked for by allocated blocks */
    uint64_t rounding; /* of allocated blocks to SN_KVSLAB_ALIGN */
    uint64_t slots;    /* free room for blocks in slabs that have a class */
    uint64_t tails;    /* ends of slabs that have a class */
    uint64_t slabs;    /* slabs without a class */
    uint64_t rest;     /* of the capacity, less than a slab */
};
void sn_kvslab_use(const struct sn_kvslab *s, struct sn_kvslab_use *out);

/* Walks everything: every slot is owned once, lists and counts agree. SN_EVERIFY says what does
 * not. */
int sn_kvslab_check(const struct sn_kvslab *s);

#endif
