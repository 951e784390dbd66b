/* Rehearsals: see rehearsal.h. An endpoint's segment holds what it gets, a block of every endpoint;
 * of all-to-all with forwarding also what it passes on, in two halves used in turn. */
#include "bench/micro/rehearsal.h"

#include <stdlib.h>
#include <string.h>

#include "bench/micro/modelled.h"
#include "bench/micro/pattern.h"
#include "harness/base/buf.h"
#include "harness/base/copy.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

static bool transits(const struct sn_collective *a)
{
    return a->kind == SN_ALLTOALL && a->forwards;
}

/* Blocks of an endpoint: in the segment, and in private memory. */
static unsigned held(const struct sn_collective *a, unsigned p)
{
    return transits(a) ? 3 * p : p;
}
static unsigned owned(const struct sn_collective *a, unsigned p)
{
    return a->kind == SN_ALLTOALL ? p : 0;
}

static size_t slice_of(const struct sn_collective *a, unsigned p, size_t whole)
{
    size_t all = (size_t)p * (held(a, p) + owned(a, p));
    size_t most = SN_VERIFY_BUDGET / all & ~(size_t)63;
    most = most < 64 ? 64 : most;
    return whole < most ? whole : most;
}

uint64_t sn_rehearsal_memory(const struct sn_case *c, const struct sn_collective *a, unsigned p)
{
    uint64_t ranks = (uint64_t)c->env->world->size, mine = (p + ranks - 1) / ranks;
    return mine * (held(a, p) + owned(a, p)) * slice_of(a, p, SIZE_MAX) + (16 << 20);
}

uint64_t sn_rehearsal_blocks(const struct sn_collective *a, unsigned p)
{
    uint64_t blocks = 0;
    for (unsigned s = 0; s < a->steps(p); s++)
        blocks += (uint64_t)p * a->part(p, s, 0).count;
    return blocks;
}

int sn_rehearsal_open(struct sn_rehearsal *r, const struct sn_case *c,
                      const struct sn_collective *a, unsigned p, const uint32_t *orders,
                      uint64_t block)
{
    uint64_t blocks = sn_rehearsal_blocks(a, p);
    bool fits = !blocks || block <= UINT64_MAX / blocks;
    *r = (struct sn_rehearsal){.a = a, .p = p, .orders = orders};
    r->whole = sn_payload_bytes(c, block, fits ? block * blocks : UINT64_MAX);
    r->slice = slice_of(a, p, r->whole);
    int status = sn_fabric_open(&r->fabric, c, p, held(a, p) * r->slice, 1);
    if (status != SN_OK)
        return status;
    r->mine = sn_endpoints_count(&r->fabric.endpoints, c->env->world->rank);
    r->out = sn_calloc(r->mine, sizeof *r->out);
    for (unsigned i = 0; i < r->mine && owned(a, p) && status == SN_OK; i++)
        status = sn_mem_alloc((void **)&r->out[i], p * r->slice);
    return status;
}

void sn_rehearsal_close(struct sn_rehearsal *r)
{
    sn_fabric_close(&r->fabric);
    for (unsigned i = 0; r->out && i < r->mine; i++)
        sn_mem_free(r->out[i]);
    free(r->out);
    *r = (struct sn_rehearsal){0};
}

static unsigned endpoint(const struct sn_rehearsal *r, unsigned i)
{
    return sn_endpoints_at(&r->fabric.endpoints, r->fabric.env->world->rank, i);
}

static char *segment(const struct sn_rehearsal *r, unsigned i)
{
    return r->fabric.transport->local(r->fabric.link, endpoint(r, i));
}

/* Where the half for step s begins in a segment. */
static size_t transit_of(const struct sn_rehearsal *r, unsigned s)
{
    return (1 + s % 2) * r->p * r->slice;
}

static int put(const struct sn_rehearsal *r, unsigned me, unsigned to, size_t at, const char *from,
               size_t blocks, size_t bytes)
{
    return r->fabric.transport->put(r->fabric.link, me, to, at, from, blocks * bytes);
}

/* Blocks are `bytes` apart, so that those that follow each other go at once, and those beyond the
 * last in a second put. */
static int send_part(const struct sn_rehearsal *r, unsigned i, unsigned s, size_t bytes)
{
    unsigned me = endpoint(r, i);
    struct sn_collective_part part = sn_collective_part_of(r->a, r->p, r->orders, s, me);
    if (r->a->kind == SN_ALLTOALL && !r->a->forwards)
        return put(r, me, part.to, me * bytes, r->out[i] + part.to * bytes, 1, bytes);
    const char *from = segment(r, i);
    size_t at = 0;
    if (r->a->kind == SN_ALLTOALL) {
        from = s ? from + transit_of(r, s - 1) : r->out[i];
        at = transit_of(r, s);
    }
    unsigned rest = r->p - part.first, straight = part.count < rest ? part.count : rest;
    int status =
        put(r, me, part.to, at + part.first * bytes, from + part.first * bytes, straight, bytes);
    if (status == SN_OK && part.count > straight)
        status = put(r, me, part.to, at, from, part.count - straight, bytes);
    return status;
}

/* What came for this rank's endpoints themselves in step s is taken out of the transit. */
static void take_own(const struct sn_rehearsal *r, unsigned s, size_t bytes)
{
    for (unsigned i = 0; i < r->mine; i++) {
        unsigned me = endpoint(r, i), from = r->a->part(r->p, s, me).from;
        unsigned origin = r->a->part(r->p, s, from).origin;
        sn_copy(segment(r, i) + origin * bytes, segment(r, i) + transit_of(r, s) + me * bytes,
                bytes);
    }
}

static int flush(const struct sn_rehearsal *r)
{
    int status = SN_OK;
    for (unsigned i = 0; i < r->mine && status == SN_OK; i++)
        status = r->fabric.transport->flush(r->fabric.link, endpoint(r, i));
    return status;
}

/* All messages. Steps that pass on what came wait for everyone. */
static int move(struct sn_rehearsal *r, size_t bytes)
{
    unsigned steps = r->a->steps(r->p);
    int status = SN_OK;
    for (unsigned s = 0; s < steps; s++) {
        for (unsigned i = 0; i < r->mine && status == SN_OK; i++)
            status = send_part(r, i, s, bytes);
        if (!r->a->forwards)
            continue;
        if (status == SN_OK)
            status = flush(r);
        sn_fabric_barrier(&r->fabric); /* also after a failure: the others wait */
        if (transits(r->a) && status == SN_OK)
            take_own(r, s, bytes);
    }
    return status == SN_OK ? flush(r) : status;
}

/* --- verification ---------------------------------------------------------------------------- */

/* An all-gathered block is the same for all: its destination is not part of the pattern. */
static uint64_t key_of(const struct sn_rehearsal *r, unsigned from, unsigned to)
{
    struct sn_message m = {.from = from, .to = r->a->kind == SN_ALLTOALL ? to : 0};
    return sn_pattern_key(r->fabric.env->seed, r->fabric.round, &m);
}

static void fill_and_clear(const struct sn_rehearsal *r, size_t bytes)
{
    for (unsigned i = 0; i < r->mine; i++) {
        unsigned me = endpoint(r, i);
        char *in = segment(r, i);
        memset(in, 0, held(r->a, r->p) * r->slice);
        for (unsigned to = 0; to < owned(r->a, r->p); to++)
            sn_pattern_fill(r->out[i] + to * bytes, bytes, key_of(r, me, to));
        sn_pattern_fill(in + me * bytes, bytes, key_of(r, me, me)); /* its own stays */
    }
}

/* Damages the block that the rank's first endpoint has of the next endpoint. */
static void mutate(const struct sn_rehearsal *r, size_t bytes)
{
    unsigned me = endpoint(r, 0), from = (me + 1) % r->p;
    unsigned other = r->p > 2 ? (from + 1) % r->p : r->p; /* of two: one that does not exist */
    if (other == me)
        other = r->p;
    sn_pattern_mutate(r->fabric.env->mutate, segment(r, 0) + from * bytes, bytes,
                      key_of(r, other, me));
}

static void count_check(struct sn_rehearsal *r, struct sn_check *k, int status, size_t bytes)
{
    uint64_t expected[SN_TIERS] = {0};
    for (unsigned s = 0; s < r->a->steps(r->p) && r->fabric.env->world->rank == 0; s++)
        for (unsigned me = 0; me < r->p; me++) {
            struct sn_collective_part part = sn_collective_part_of(r->a, r->p, r->orders, s, me);
            expected[sn_endpoints_tier(&r->fabric.endpoints, me, part.to)] += part.count * bytes;
        }
    sn_fabric_count_check(&r->fabric, k, status, expected);
}

static int verify_slice(struct sn_rehearsal *r, struct sn_check *k, size_t bytes)
{
    r->fabric.round++;
    fill_and_clear(r, bytes);
    sn_fabric_barrier(&r->fabric);
    sn_fabric_count_begin(&r->fabric);
    int status = move(r, bytes);
    sn_fabric_barrier(&r->fabric);
    count_check(r, k, status, bytes);
    if (status != SN_OK)
        return status;
    if (r->mine)
        mutate(r, bytes);
    for (unsigned i = 0; i < r->mine; i++)
        for (unsigned from = 0; from < r->p; from++) {
            struct sn_message m = {.from = from, .to = endpoint(r, i)};
            sn_pattern_check(k, segment(r, i) + from * bytes, bytes, key_of(r, from, m.to), &m);
        }
    return SN_OK;
}

int sn_rehearsal_verify(struct sn_rehearsal *r, struct sn_check *k)
{
    k->what = "every byte of every block with the pattern of its source, destination and round; "
              "bytes put per tier with the blocks of the algorithm's messages";
    int status = SN_OK;
    for (size_t at = 0; at < r->whole && status == SN_OK; at += r->slice) {
        size_t rest = r->whole - at;
        status = verify_slice(r, k, r->slice < rest ? r->slice : rest);
    }
    return status;
}
