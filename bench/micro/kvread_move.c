/* Real blocks through pool and transport (bench/micro/kvread_move.h). */
#include "bench/micro/kvread_move.h"

#include <inttypes.h>
#include <string.h>

#include "bench/micro/pattern.h"
#include "comm/kvslab.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

const char *const sn_kv_payload_words[] = {"auto", "header", "full", NULL};

uint64_t sn_kv_payload_bytes(enum sn_kv_payload how, uint64_t bytes, uint64_t moves)
{
    const bool all =
        how == SN_KV_PAYLOAD_FULL ||
        (how == SN_KV_PAYLOAD_AUTO && (moves == 0 || bytes <= SN_KV_PAYLOAD_LIMIT / moves));
    return all || bytes < SN_KV_LEAST_BYTES ? bytes : SN_KV_LEAST_BYTES;
}

uint64_t sn_kv_slots_bytes(uint64_t bytes, uint64_t slots)
{
    return slots * sn_mem_round_up(bytes, SN_KVSLAB_ALIGN);
}

int sn_kv_pool_of_slots(struct sn_kvpool **out, unsigned members, uint64_t seed, uint64_t bytes,
                        uint64_t slots)
{
    const struct sn_kvpool_options o = {.members = members,
                                        .vnodes = SN_KV_VNODES,
                                        .seed = seed,
                                        .capacity = sn_kv_slots_bytes(bytes, slots),
                                        .slab_bytes = sn_kv_slots_bytes(bytes, 1),
                                        .class_bytes = &bytes,
                                        .classes = 1};
    return sn_kvpool_open(out, &o);
}

int sn_kv_mover_open(struct sn_kv_mover *m, struct sn_fabric *f, const uint32_t *member_at,
                     uint64_t bytes)
{
    *m = (struct sn_kv_mover){.fabric = f, .member_at = member_at, .bytes = bytes};
    return sn_mem_alloc(&m->own, bytes);
}

void sn_kv_mover_close(struct sn_kv_mover *m)
{
    sn_mem_free(m->own);
    *m = (struct sn_kv_mover){0};
}

static void expect(struct sn_kv_mover *m, unsigned me, unsigned host)
{
    m->expected[sn_endpoints_tier(&m->fabric->endpoints, me, host)] += m->bytes;
}

int sn_kv_mover_store(struct sn_kv_mover *m, unsigned from, uint64_t key,
                      const struct sn_kv_place *place)
{
    const unsigned host = m->member_at[place->member];
    expect(m, from, host);
    if (!sn_fabric_mine(m->fabric, from))
        return SN_OK;
    sn_kv_fill(m->own, m->bytes, key, place->generation);
    return sn_kv_put(m->fabric->link, from, host, place->offset, m->own, m->bytes);
}

int sn_kv_mover_load(struct sn_kv_mover *m, unsigned to, const struct sn_kv_place *place, void *dst)
{
    const unsigned host = m->member_at[place->member];
    expect(m, to, host);
    if (!sn_fabric_mine(m->fabric, to))
        return SN_OK;
    return sn_kv_get(m->fabric->link, to, host, place->offset, dst, m->bytes);
}

/* As sn_pattern_mutate(), but wrong-rank is a sound block of another key. */
static void damage(struct sn_kv_mover *m, uint64_t key, const struct sn_kv_place *place, void *dst)
{
    const enum sn_mutation how = m->fabric->env->mutate;
    if (m->mutated || how == SN_MUTATE_NONE)
        return;
    m->mutated = true;
    if (how == SN_MUTATE_WRONG_RANK)
        sn_kv_fill(dst, m->bytes, ~key, place->generation);
    else
        sn_pattern_mutate(how, dst, m->bytes, key);
}

void sn_kv_mover_check(struct sn_kv_mover *m, struct sn_check *k, unsigned to, uint64_t key,
                       const struct sn_kv_place *place, void *dst)
{
    uint64_t at;
    if (!sn_fabric_mine(m->fabric, to))
        return;
    damage(m, key, place, dst);
    const enum sn_kv_fault f = sn_kv_verify(dst, m->bytes, key, place->generation, &at);
    k->compared += m->bytes;
    if (f != SN_KV_GOOD)
        sn_check_fail(k,
                      "endpoint %u, block %" PRIu64 " of member %u at %" PRIu64
                      ": %s (byte %" PRIu64 " of %" PRIu64 ")",
                      to, key, place->member, place->offset, sn_kv_fault_name(f), at, m->bytes);
}

int sn_kv_mover_settle(struct sn_kv_mover *m, int status)
{
    const struct sn_fabric *f = m->fabric;
    const struct sn_endpoints *e = &f->endpoints;
    const int rank = f->env->world->rank;
    for (unsigned i = 0; i < sn_endpoints_count(e, rank) && status == SN_OK; i++)
        status = f->transport->flush(f->link, sn_endpoints_at(e, rank, i));
    sn_fabric_barrier(m->fabric);
    return status;
}

void sn_kv_check_replicas(const struct sn_kvpool *pool, const struct sn_fabric *f,
                          struct sn_check *k)
{
    const uint64_t digest = sn_kvpool_digest(pool);
    uint64_t ends[2] = {digest, ~digest}; /* largest, and the complement of the smallest */
    MPI_Allreduce(MPI_IN_PLACE, ends, 2, MPI_UINT64_T, MPI_MAX, f->env->world->comm);
    if (f->env->world->rank)
        return;
    k->compared++;
    if (ends[0] != ~ends[1])
        sn_check_fail(k, "the ranks' pools differ: digests from %016" PRIx64 " to %016" PRIx64,
                      ~ends[1], ends[0]);
}
