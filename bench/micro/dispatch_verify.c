/* The verification of a dispatch case (bench/micro/dispatch_verify.h). */
#include "bench/micro/dispatch_verify.h"

#include <string.h>

#include "comm/moe_check.h"
#include "harness/base/status.h"

const char sn_dispatch_verified[] =
    "every copy (source, number, slot, payload, checksum), every combined value, copies per slot "
    "and bytes moved, with what (seed, draw, token) gives";

/* The bytes and copies that all ranks moved in a leg against the routing; rank 0 reports. */
static void check_traffic(const struct sn_moe_exchange *x, const char *leg,
                          const uint64_t before[3], const struct sn_moe_traffic *t, bool copies,
                          struct sn_check *k)
{
    static const char *const what[] = {"wire bytes", "local bytes", "copies between dies"};
    uint64_t v[6] = {x->wire_bytes - before[0],
                     x->local_bytes - before[1],
                     copies ? x->wire_copies - before[2] : 0,
                     t->wire,
                     t->local,
                     copies ? t->wire_copies : 0};
    MPI_Allreduce(MPI_IN_PLACE, v, 6, MPI_UINT64_T, MPI_SUM, x->moe->comm);
    for (unsigned i = 0; i < 3 && x->moe->rank == 0; i++) {
        k->compared++;
        if (v[i] != v[3 + i])
            sn_check_fail(k, "%s: %llu %s counted, %llu in the routing", leg,
                          (unsigned long long)v[i], what[i], (unsigned long long)v[3 + i]);
    }
}

static void add_verdict(struct sn_check *k, const struct sn_moe_verdict *v)
{
    k->compared += v->compared;
    if (!v->errors)
        return;
    sn_check_fail(k, "%s", v->first);
    k->errors += v->errors - 1;
}

int sn_dispatch_verify(const struct sn_case *c, struct sn_moe_exchange *x,
                       enum sn_dispatch_phase phase, struct sn_check *k)
{
    const struct sn_world *w = c->env->world;
    const struct sn_moe *m = x->moe;
    struct sn_moe_traffic there = {0}, back = {0};
    struct sn_moe_verdict received = {0}, combined = {0}, conserved = {0};
    k->what = sn_dispatch_verified;
    memset(m->out, 0xff, (size_t)m->local * m->shape.tokens * m->answer_bytes);

    uint64_t before[] = {x->wire_bytes, x->local_bytes, x->wire_copies};
    int status = sn_world_agree(w, x->algorithm->dispatch(x));
    if (status != SN_OK)
        return status;
    sn_moe_expected_dispatch(x, &there);
    check_traffic(x, "dispatch", before, &there, true, k);
    sn_moe_experts(x);

    uint64_t between[] = {x->wire_bytes, x->local_bytes, x->wire_copies};
    status = sn_world_agree(w, x->algorithm->combine(x));
    if (status != SN_OK)
        return status;
    sn_moe_expected_combine(x, &back);
    check_traffic(x, "combine", between, &back, false, k);

    /* env's and moe's mutations are the same words in the same order. */
    _Static_assert((int)SN_MUTATE_WRONG_RANK == (int)SN_MOE_WRONG_RANK &&
                       (int)SN_MUTATE_BITFLIP == (int)SN_MOE_BITFLIP &&
                       (int)SN_MUTATE_SWAP == (int)SN_MOE_SWAP &&
                       (int)SN_MUTATE_DROP == (int)SN_MOE_DROP,
                   "mutations");
    enum sn_moe_mutation mutation = (enum sn_moe_mutation)c->env->mutate;
    if (phase != SN_COMBINE_ONLY)
        status = sn_moe_mutate(x, mutation);
    if (phase != SN_DISPATCH_ONLY && status == SN_OK)
        status = sn_moe_mutate_combined(x, mutation);
    if (status != SN_OK)
        return status;
    sn_moe_check_received(x, &received);
    sn_moe_check_combined(x, &combined);
    sn_moe_check_conserved(x, &conserved);
    add_verdict(k, &received);
    add_verdict(k, &combined);
    add_verdict(k, &conserved);
    return SN_OK;
}
