/* The pool on the wall clock: a trace is replayed by all ranks; blocks are written to and read from
 * the segments of their owners through every transport, and each is checked byte by byte.
 *
 * Every rank has the whole index (comm/kvpool.h) and no place is ever sent. A step is: replicas
 * agree; readers read what was found, at the places from before the insertions; all have come here;
 * writers write what was put in; all have come here. */
#include <sched.h>
#include <stdlib.h>

#include "comm/kvblock.h"
#include "comm/kvtrace.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "tests/mpi/mpitest.h"

#define TRACE "bench/traces/small.jsonl"

/* bf16 and int8 blocks of a small model: 2 tokens, 3 layers; neither a multiple of 64 bytes. */
enum { CLASSES = 2, MOST_BYTES = 2 * 3 * SN_KV_MLA_VALUES * 2 };
static const struct sn_kv_geometry geometry[CLASSES] = {{2, 3, SN_KV_MLA_VALUES, SN_KV_BF16},
                                                        {1, 3, SN_KV_MLA_VALUES - 5, SN_KV_INT8}};

struct world {
    const struct sn_transport *t;
    struct sn_endpoints e;
    struct sn_link *l;
    struct sn_kvpool *p;
    int rank;
    uint64_t moved; /* bytes that this rank's endpoints put and got */
};

static bool open_world(struct world *w, const struct sn_transport *t, unsigned n, uint64_t capacity)
{
    int size;
    uint64_t bytes[CLASSES];
    *w = (struct world){.t = t};
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    MPI_Comm_rank(MPI_COMM_WORLD, &w->rank);
    for (unsigned c = 0; c < CLASSES; c++)
        CHECK(sn_kv_geometry_bytes(&geometry[c], &bytes[c]) == SN_OK, "%s", sn_status_message());
    const struct sn_kvpool_options o = {.members = n,
                                        .vnodes = 32,
                                        .seed = 9,
                                        .capacity = capacity,
                                        .class_bytes = bytes,
                                        .classes = CLASSES};
    int status = sn_kvpool_open(&w->p, &o);
    if (status == SN_OK)
        status = sn_endpoints_open(&w->e, n, size, 4, NULL);
    if (status == SN_OK)
        status = t->open(t, &w->l, MPI_COMM_WORLD, &w->e, capacity, 1, true);
    CHECK(status == SN_OK, "%s: %s", t->name, sn_status_message());
    return status == SN_OK;
}

static void close_world(struct world *w)
{
    w->t->close(w->l);
    sn_endpoints_close(&w->e);
    sn_kvpool_close(w->p);
}

static bool mine(const struct world *w, unsigned endpoint)
{
    return w->e.rank_of[endpoint] == w->rank;
}

/* All ranks have come here and their puts have arrived; transports are served meanwhile. */
static void gather(struct world *w)
{
    for (unsigned i = 0; i < sn_endpoints_count(&w->e, w->rank); i++)
        CHECK(w->t->flush(w->l, sn_endpoints_at(&w->e, w->rank, i)) == SN_OK, "%s",
              sn_status_message());
    MPI_Request r;
    int done = 0;
    MPI_Ibarrier(MPI_COMM_WORLD, &r);
    while (!done) {
        w->t->poll(w->l);
        MPI_Test(&r, &done, MPI_STATUS_IGNORE);
        sched_yield();
    }
}

/* Are the pools of all ranks equal? Collective. */
static bool agree(const struct world *w)
{
    uint64_t mine_and_not[2] = {sn_kvpool_digest(w->p)}, most[2];
    mine_and_not[1] = ~mine_and_not[0];
    MPI_Allreduce(mine_and_not, most, 2, MPI_UINT64_T, MPI_MAX, MPI_COMM_WORLD);
    return most[0] == ~most[1];
}

static void write_block(struct world *w, unsigned me, uint64_t key, unsigned char *buf)
{
    struct sn_kv_place at;
    if (!mine(w, me) || !sn_kvpool_find(w->p, key, &at))
        return;
    sn_kv_fill(buf, at.bytes, key, at.generation);
    CHECK(sn_kv_put(w->l, me, at.member, at.offset, buf, at.bytes) == SN_OK, "%s",
          sn_status_message());
    w->moved += at.bytes;
}

static enum sn_kv_fault read_block(struct world *w, unsigned me, uint64_t key,
                                   const struct sn_kv_place *at, unsigned char *buf,
                                   uint64_t *wrong)
{
    memset(buf, 0, at->bytes);
    CHECK(sn_kv_get(w->l, me, at->member, at->offset, buf, at->bytes) == SN_OK, "%s",
          sn_status_message());
    w->moved += at->bytes;
    return sn_kv_verify(buf, at->bytes, key, at->generation, wrong);
}

/* The trace with half of its conversations in the other class, on n endpoints with a memory that
 * holds a part. */
static void replay(const struct sn_transport *t, unsigned n, size_t requests)
{
    struct world w;
    struct sn_kvtrace trace;
    /* a slab for each class at least, 16 in all where that is more: blocks have to go */
    const uint64_t slabs = n < 8 ? 16 / n : CLASSES, capacity = slabs * MOST_BYTES;
    int status = sn_kvtrace_open(&trace, TRACE);
    CHECK(status == SN_OK, "%s", sn_status_message());
    if (status || !open_world(&w, t, n, capacity))
        return;
    struct sn_kv_place *place = malloc(trace.most_blocks * sizeof *place);
    bool *fresh = malloc(trace.most_blocks);
    unsigned char *buf = malloc(MOST_BYTES);
    uint64_t read = 0, total = 0, counted = 0;
    for (size_t q = 0; q < requests && q < trace.n; q++) {
        const uint64_t *key = trace.id + trace.request[q].first;
        const uint32_t blocks = trace.request[q].blocks < 12 ? trace.request[q].blocks : 12;
        const unsigned me = (unsigned)(sn_rng_mix64(q) % n);
        sn_kvpool_lookup(w.p, key, blocks, place);
        for (uint32_t i = 0; i < blocks; i++) {
            if (place[i].member == SN_KV_ANY || !mine(&w, me))
                continue;
            uint64_t wrong;
            const enum sn_kv_fault f = read_block(&w, me, key[i], &place[i], buf, &wrong);
            CHECK(f == SN_KV_GOOD, "%s, %u endpoints, request %zu, block %u at %u: %s at byte %llu",
                  t->name, n, q, i, place[i].member, sn_kv_fault_name(f),
                  (unsigned long long)wrong);
            read++;
        }
        gather(&w); /* nobody reads any more what is written over now */
        for (uint32_t i = blocks; i-- > 0;)
            fresh[i] = sn_kvpool_insert(w.p, key[i], key[i] % CLASSES, SN_KV_ANY, NULL);
        for (uint32_t i = 0; i < blocks; i++)
            if (fresh[i])
                write_block(&w, (me + i) % n, key[i], buf);
        gather(&w);
        if (q % 8 == 0)
            CHECK(agree(&w), "request %zu: the replicas differ", q);
    }
    CHECK(agree(&w), "the replicas differ at the end");
    CHECK(sn_kvpool_check(w.p) == SN_OK, "%s", sn_status_message());
    struct sn_kvpool_stats s;
    sn_kvpool_stats(w.p, &s);
    MPI_Allreduce(&read, &total, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    CHECK(total == s.hits && s.hits > requests && s.evicted > requests / 2,
          "%llu blocks read, %llu hits, %llu evicted", (unsigned long long)total,
          (unsigned long long)s.hits, (unsigned long long)s.evicted);
    for (int k = 0; k < SN_TIERS; k++)
        counted += w.l->bytes[k];
    CHECK(counted == w.moved, "%s counted %llu bytes; %llu were moved", t->name,
          (unsigned long long)counted, (unsigned long long)w.moved);
    free(buf);
    free(fresh);
    free(place);
    close_world(&w);
    sn_kvtrace_close(&trace);
}

/* A pool of a few blocks, written; then everything that can be wrong with a read. */
static void damage(const struct sn_transport *t, unsigned n)
{
    enum { KEYS = 40, VICTIM = 17 };
    struct world w;
    if (!open_world(&w, t, n, (uint64_t)MOST_BYTES * KEYS))
        return;
    unsigned char *buf = malloc(MOST_BYTES);
    struct sn_kv_place at, old;
    uint64_t wrong = 0;
    for (uint64_t key = 0; key < KEYS; key++) {
        CHECK(sn_kvpool_insert(w.p, key, key % CLASSES, SN_KV_ANY, NULL), "new");
        write_block(&w, (unsigned)key % n, key, buf);
    }
    gather(&w);
    sn_kvpool_find(w.p, VICTIM, &at);

    /* one bit of it flips where it lies: every reader sees which byte, and only in this block */
    const uint64_t byte = at.bytes - 3;
    if (mine(&w, at.member))
        ((unsigned char *)t->local(w.l, at.member))[at.offset + byte] ^= 0x10;
    gather(&w);
    for (unsigned me = 0; me < n; me++)
        for (uint64_t key = 0; mine(&w, me) && key < KEYS; key++) {
            struct sn_kv_place here;
            sn_kvpool_find(w.p, key, &here);
            const enum sn_kv_fault f = read_block(&w, me, key, &here, buf, &wrong);
            CHECK(f == (key == VICTIM ? SN_KV_DAMAGED : SN_KV_GOOD), "%s: block %llu: %s", t->name,
                  (unsigned long long)key, sn_kv_fault_name(f));
            CHECK(key != VICTIM || wrong == byte, "%s: byte %llu", t->name,
                  (unsigned long long)wrong);
        }
    gather(&w);

    /* the block is put in anew and written: the new place is good, the old one stale */
    old = at;
    sn_kvpool_remove(w.p, VICTIM);
    sn_kvpool_insert(w.p, VICTIM, VICTIM % CLASSES, SN_KV_ANY, &at);
    CHECK(at.offset == old.offset && at.generation > old.generation, "the place is used again");
    for (unsigned me = 0; me < n; me++) /* not written yet: what lies there is the old one */
        if (mine(&w, me))
            CHECK(read_block(&w, me, VICTIM, &at, buf, &wrong) == SN_KV_STALE, "%s", t->name);
    gather(&w);
    write_block(&w, 0, VICTIM, buf);
    gather(&w);
    for (unsigned me = 0; me < n; me++)
        if (mine(&w, me)) {
            CHECK(read_block(&w, me, VICTIM, &at, buf, &wrong) == SN_KV_GOOD, "%s", t->name);
            CHECK(read_block(&w, me, VICTIM, &old, buf, &wrong) == SN_KV_STALE, "%s", t->name);
            CHECK(read_block(&w, me, VICTIM + 1, &at, buf, &wrong) == SN_KV_OTHER_KEY, "%s",
                  t->name);
            /* behind all blocks nothing was ever written; past the segment is refused */
            struct sn_kv_place empty = at;
            empty.offset = w.l->segment_bytes - at.bytes;
            CHECK(read_block(&w, me, VICTIM, &empty, buf, &wrong) == SN_KV_NO_BLOCK, "%s", t->name);
            CHECK(sn_kv_get(w.l, me, at.member, empty.offset + 1, buf, at.bytes) == SN_EINVAL &&
                      sn_kv_put(w.l, me, n, 0, buf, at.bytes) == SN_EINVAL &&
                      sn_kv_get(w.l, me, 0, UINT64_MAX - 1, buf, 8) == SN_EINVAL,
                  "%s: outside", t->name);
        }
    gather(&w);
    free(buf);
    close_world(&w);
}

/* A replica that did one operation more is found. */
MPI_TEST(replicas_that_differ)
{
    struct world w;
    if (!open_world(&w, &sn_transport_p2p, (unsigned)size, (uint64_t)MOST_BYTES * 8))
        return;
    for (uint64_t key = 0; key < 30; key++)
        sn_kvpool_insert(w.p, key, key % CLASSES, SN_KV_ANY, NULL);
    CHECK(agree(&w), "equal histories");
    if (rank == size - 1) {
        const uint64_t key = 28;
        sn_kvpool_lookup(w.p, &key, 1, NULL);
    }
    CHECK(agree(&w) == (size == 1), "a touch more on one rank");
    close_world(&w);
}

/* As many endpoints as ranks, more (and one over), fewer; fewer requests where ranks share cores,
 * as each step waits for all. */
#define KVPOOL_TESTS(T)                                                                            \
    MPI_TEST(T##_replay)                                                                           \
    {                                                                                              \
        replay(&sn_transport_##T, (unsigned)size, size > 2 ? 24 : 60);                             \
        replay(&sn_transport_##T, 2 * (unsigned)size + 1, size > 2 ? 24 : 60);                     \
        replay(&sn_transport_##T, ((unsigned)size + 1) / 2, size > 2 ? 24 : 60);                   \
    }                                                                                              \
    MPI_TEST(T##_damage)                                                                           \
    {                                                                                              \
        damage(&sn_transport_##T, (unsigned)size);                                                 \
        damage(&sn_transport_##T, 2 * (unsigned)size + 1);                                         \
    }

KVPOOL_TESTS(shm)
KVPOOL_TESTS(rma)
KVPOOL_TESTS(p2p)

#define TESTS(T) TEST(T##_replay), TEST(T##_damage)

int main(int argc, char **argv)
{
    return mpitest_main(argc, argv,
                        (const struct mpitest[]){
                            TEST(replicas_that_differ), TESTS(shm), TESTS(rma), TESTS(p2p), {0}});
}
