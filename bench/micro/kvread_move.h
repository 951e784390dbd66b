/* Real blocks through a pool and a transport, with their contents checked: what the verifications
 * of kvread and modelload are made of.
 *
 * A pool is a replica on every rank (comm/kvpool.h): all ranks call these functions for all blocks,
 * in the same order, and the rank that holds the endpoint moves the bytes. */
#ifndef SN_BENCH_MICRO_KVREAD_MOVE_H
#define SN_BENCH_MICRO_KVREAD_MOVE_H

#include "bench/micro/fabric.h"
#include "comm/kvblock.h"
#include "comm/kvpool.h"

enum { SN_KV_LEAST_BYTES = 64 }; /* of a block that moves: its head and as much of its pattern */

/* What of a block really moves: the axis `payload`. */
enum sn_kv_payload { SN_KV_PAYLOAD_AUTO, SN_KV_PAYLOAD_HEADER, SN_KV_PAYLOAD_FULL };
extern const char *const sn_kv_payload_words[]; /* "auto", "header", "full", NULL */
/* auto: full as long as the bytes of all moves together are at most this. */
#define SN_KV_PAYLOAD_LIMIT (2ull << 30)
#define SN_KV_PAYLOAD_AXIS                                                                         \
    {                                                                                              \
        .name = "payload", .type = SN_AXIS_WORD, .def = "auto", .words = sn_kv_payload_words,      \
        .clocks = SN_CLOCK_MODEL,                                                                  \
        .help = "what the verification moves of a block: its first 64 bytes, all of it, or auto: " \
                "all where that is at most 2 GiB"                                                  \
    }
/* Bytes that move of a block of `bytes` when `moves` blocks are moved in all. */
uint64_t sn_kv_payload_bytes(enum sn_kv_payload how, uint64_t bytes, uint64_t moves);

struct sn_kv_mover {
    struct sn_fabric *fabric;
    const uint32_t
        *member_at; /* (members of the pool) the endpoint that has its memory; borrowed */
    uint64_t bytes; /* of a block */
    void *own;      /* a block on its way out */
    uint64_t expected[SN_TIERS]; /* bytes that all ranks together have moved, by the calls */
    bool mutated;
};

/* SN_ENOMEM. */
int sn_kv_mover_open(struct sn_kv_mover *m, struct sn_fabric *f, const uint32_t *member_at,
                     uint64_t bytes);
void sn_kv_mover_close(struct sn_kv_mover *m);

/* Endpoint `from` writes the block of a key to its place. Visible after sn_kv_mover_settle(). */
int sn_kv_mover_store(struct sn_kv_mover *m, unsigned from, uint64_t key,
                      const struct sn_kv_place *place);
/* Endpoint `to` reads a block into dst (bytes, on its rank). */
int sn_kv_mover_load(struct sn_kv_mover *m, unsigned to, const struct sn_kv_place *place,
                     void *dst);
/* Compares what endpoint `to` read, on its rank, and damages the first block before, as --mutate
 * asks. */
void sn_kv_mover_check(struct sn_kv_mover *m, struct sn_check *k, unsigned to, uint64_t key,
                       const struct sn_kv_place *place, void *dst);
/* Collective: all blocks stored so far are in place. */
int sn_kv_mover_settle(struct sn_kv_mover *m, int status);

/* Collective: rank 0 counts an error unless the pools of all ranks are equal. */
void sn_kv_check_replicas(const struct sn_kvpool *pool, const struct sn_fabric *f,
                          struct sn_check *k);

/* A pool of blocks of one size with room for `slots` of them on every member. */
int sn_kv_pool_of_slots(struct sn_kvpool **out, unsigned members, uint64_t seed, uint64_t bytes,
                        uint64_t slots);
/* Bytes of a member's memory for `slots` blocks. */
uint64_t sn_kv_slots_bytes(uint64_t bytes, uint64_t slots);

enum { SN_KV_VNODES = 128 }; /* points of a member on the ring: shares spread by 9 % */

#endif
