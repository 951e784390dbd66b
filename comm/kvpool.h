/* A disaggregated pool of KV-cache blocks over the memory of many members (nodes): the index.
 *
 * key -> place (member, offset, generation). Consistent hashing names the member (kvring.h), a slab
 * allocator the offset (kvslab.h), and where a member is full its least recently used block goes.
 * All operations O(1). The pool moves no bytes: kvblock.h does, by the places it gives. Metadata is
 * replicated: every rank applies the same operations in the same order and so knows every place
 * without asking, which keeps the timed part of a benchmark to the reads; sn_kvpool_digest() proves
 * that the replicas agree. One thread per pool.
 *
 * Eviction: of the member's blocks the one used longest ago. Where that block is of another size
 * class, its whole slab is emptied and changes class, so no class starves. A request's blocks are
 * touched and inserted last to first: a prefix outlives what continues it.
 */
#ifndef SN_COMM_KVPOOL_H
#define SN_COMM_KVPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sn_kvpool;

struct sn_kvpool_options {
    unsigned members;            /* pool nodes */
    const uint32_t *ids;         /* (members) names on the ring; NULL: 0..members-1 */
    unsigned vnodes;             /* points of a member on the ring */
    uint64_t seed;               /* of the ring */
    uint64_t capacity;           /* bytes of each member; 0: unbounded, places have no offset */
    uint64_t slab_bytes;         /* 0: chosen by sn_kvslab_open() */
    const uint64_t *class_bytes; /* (classes) sizes of blocks */
    unsigned classes;
};

#define SN_KV_ANY UINT32_MAX /* member: the one that the ring names */

struct sn_kv_place {
    uint32_t member; /* whose memory; SN_KV_ANY: the block is not in the pool */
    uint32_t class;
    uint64_t offset; /* in the member's memory; 0 when unbounded */
    uint64_t bytes;
    uint64_t generation; /* grows with every insertion: two blocks never share it */
};

struct sn_kvpool_stats {
    uint64_t requests;                /* calls of sn_kvpool_lookup() */
    uint64_t lookups, hits;           /* blocks asked for, found */
    uint64_t prefix_hits;             /* found in the leading run of their request */
    uint64_t hit_bytes, prefix_bytes; /* of those */
    uint64_t inserted, evicted, removed;
    uint64_t inserted_bytes, evicted_bytes;
    uint64_t blocks, bytes; /* in the pool now */
    uint64_t peak_bytes;
};

/* SN_EINVAL: what sn_kvring_open() and sn_kvslab_open() refuse. *out is released with
 * sn_kvpool_close(). */
int sn_kvpool_open(struct sn_kvpool **out, const struct sn_kvpool_options *o);
void sn_kvpool_close(struct sn_kvpool *p);

/* The member that the ring names for a key. */
unsigned sn_kvpool_owner(const struct sn_kvpool *p, uint64_t key);

/* Where a block is; false, and member SN_KV_ANY, when it is not here. Counts and touches nothing.
 */
bool sn_kvpool_find(const struct sn_kvpool *p, uint64_t key, struct sn_kv_place *at);

/* The blocks of one request: place (n, may be NULL) as sn_kvpool_find(); touches and counts what
 * was found. Returns the length of the leading run. */
size_t sn_kvpool_lookup(struct sn_kvpool *p, const uint64_t *key, size_t n,
                        struct sn_kv_place *place);

/* Puts a block in, evicting where there is no room; *at (may be NULL) is its place until the next
 * insertion. member: SN_KV_ANY, or where to put it. A key that is here with this class (and on this
 * member, if one is named) is only touched: then false; it is placed anew where those differ. */
bool sn_kvpool_insert(struct sn_kvpool *p, uint64_t key, unsigned class, uint32_t member,
                      struct sn_kv_place *at);

/* Takes a block out; false when it is not here. */
bool sn_kvpool_remove(struct sn_kvpool *p, uint64_t key);

void sn_kvpool_stats(const struct sn_kvpool *p, struct sn_kvpool_stats *out);
/* Blocks and bytes of a member now. */
void sn_kvpool_member(const struct sn_kvpool *p, unsigned member, uint64_t *blocks,
                      uint64_t *bytes);
struct sn_kvslab; /* the memory of a member, or NULL when unbounded */
const struct sn_kvslab *sn_kvpool_memory(const struct sn_kvpool *p, unsigned member);

/* The key used longest ago on a member, then the next younger, ...: key (at most `most`); returns
 * how many. For tests and dumps. */
size_t sn_kvpool_oldest(const struct sn_kvpool *p, unsigned member, uint64_t *key, size_t most);

/* A hash of every key, place and order of use: equal on ranks whose pools are equal. O(blocks). */
uint64_t sn_kvpool_digest(const struct sn_kvpool *p);

/* Walks everything: index, order of use and memory agree, every allocated byte is owned by one
 * block. SN_EVERIFY says what is wrong. */
int sn_kvpool_check(const struct sn_kvpool *p);

#endif
