/* What a pool consists of. Included by comm/kvpool*.c and their tests only, which damage it. */
#ifndef SN_COMM_KVPOOL_IMPL_H
#define SN_COMM_KVPOOL_IMPL_H

#include "comm/kvindex.h"
#include "comm/kvpool.h"
#include "comm/kvring.h"
#include "comm/kvslab.h"

#define SN_KVPOOL_NONE UINT32_MAX

struct sn_kvpool_entry { /* a block */
    uint64_t key, generation, offset;
    uint32_t older, younger; /* neighbours in the order of use of its member */
    uint32_t member, class;
};

struct sn_kvpool_member {
    uint32_t oldest, youngest; /* entries */
    uint64_t blocks, bytes;
    struct sn_kvslab memory; /* all zero when unbounded */
};

struct sn_kvpool {
    unsigned members, classes;
    bool bounded;
    uint64_t class_bytes[SN_KVSLAB_CLASSES];
    struct sn_kvring ring;
    struct sn_kvindex index; /* key -> entry */
    struct sn_kvpool_entry *entry;
    uint32_t entries, cap; /* ever used; allocated */
    uint32_t free;         /* list of unused ones through `older` */
    struct sn_kvpool_member *member;
    uint32_t *tags; /* (most slots of a slab) room for an eviction */
    uint64_t generation;
    struct sn_kvpool_stats stats;
};

#endif
