/* kvread with real blocks: the timed reads of the wall clock, and the verifications of both.
 *
 * A verification writes every block anew, in a new generation, and then does what is timed: all
 * readers read, and every byte of every block is compared with what its key and generation say. A
 * trace on the model clock is replayed as a whole: each request reads what it finds and writes what
 * it does not, in the order of the trace as far as it matters. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/kvread.h"
#include "comm/kvindex.h"
#include "comm/kvslab.h"
#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

static bool mine(const struct sn_kvread *s, unsigned reader)
{
    return sn_fabric_mine(&s->fabric, s->reader_at[reader]);
}

static char *slot_of(const struct sn_kvread *s, unsigned reader, unsigned i)
{
    return s->own[reader] + sn_kv_slots_bytes(s->payload, i);
}

/* --- the timed part -------------------------------------------------------------------------- */

/* One straight copy per block, each to a place of its own. */
static int read_all(struct sn_kvread *s, unsigned reader, double *log_s)
{
    struct sn_link *l = s->fabric.link;
    const unsigned me = s->reader_at[reader];
    const size_t first = (size_t)reader * s->reads;
    int64_t before = sn_clock_ns();
    for (unsigned i = 0; i < s->reads; i++) {
        const struct sn_kv_place *p = &s->place[first + i];
        int status =
            sn_kv_get(l, me, s->member_at[p->member], p->offset, slot_of(s, reader, i), s->payload);
        if (status != SN_OK)
            return status;
        const int64_t now = sn_clock_ns();
        if (log_s)
            log_s[i] = (double)(now - before) * 1e-9;
        before = now;
    }
    return SN_OK;
}

/* Two-sided transports: who has read all says so, and all serve until everyone has. */
static int close_reads(struct sn_kvread *s)
{
    const struct sn_transport *t = s->fabric.transport;
    struct sn_link *l = s->fabric.link;
    int status = SN_OK;
    s->closed++;
    for (unsigned r = 0; r < s->readers && status == SN_OK; r++)
        for (unsigned e = 0; mine(s, r) && e < s->fabric.endpoints.n && status == SN_OK; e++)
            status = t->notify(l, s->reader_at[r], e, r, s->closed);
    for (unsigned e = 0; e < s->fabric.endpoints.n && status == SN_OK; e++)
        for (unsigned r = 0; sn_fabric_mine(&s->fabric, e) && r < s->readers; r++)
            if ((status = t->wait(l, e, r, s->closed)) != SN_OK)
                break;
    return status;
}

static int run_logged(struct sn_kvread *s, double *log_s)
{
    int status = SN_OK;
    for (unsigned r = 0; r < s->readers && status == SN_OK; r++)
        if (mine(s, r))
            status = read_all(s, r, log_s ? log_s + (size_t)r * s->reads : NULL);
    if (status == SN_OK && s->fabric.transport->needs_target && !s->model)
        status = close_reads(s);
    return status;
}

int sn_kvread_run(struct sn_kvread *s)
{
    const bool room = s->logged < s->log_cap; /* made before the repetition */
    return run_logged(s, room ? s->log_s + s->logged++ * s->logs : NULL);
}

/* --- blocks read by pattern ------------------------------------------------------------------ */

static int store_all(struct sn_kvread *s)
{
    int status = SN_OK;
    for (size_t b = 0; b < s->blocks; b++)
        sn_kvpool_remove(s->pool, s->key[b]);
    for (size_t b = 0; b < s->blocks; b++) {
        struct sn_kv_place place;
        sn_kvpool_insert(s->pool, s->key[b], 0, SN_KV_ANY, &place);
        if (status == SN_OK)
            status = sn_kv_mover_store(&s->mover, s->reader_at[b % s->readers], s->key[b], &place);
    }
    return sn_kv_mover_settle(&s->mover, status);
}

/* What the draw moves: for the check, and (wall clock) for the row. */
static void count_reads(struct sn_kvread *s)
{
    struct sn_kvread_figures *f = &s->figures;
    f->read_bytes = f->wire_bytes = f->local_bytes = 0;
    for (size_t i = 0; i < (size_t)s->readers * s->reads; i++) {
        const unsigned me = s->reader_at[i / s->reads], host = s->member_at[s->place[i].member];
        s->mover.expected[sn_endpoints_tier(&s->fabric.endpoints, me, host)] += s->payload;
        *(me == host ? &f->local_bytes : &f->wire_bytes) += s->block;
        f->read_bytes += s->block;
    }
}

static int verify_pattern(struct sn_kvread *s, uint64_t rep, struct sn_check *k)
{
    int status = store_all(s);
    sn_kvread_draw(s, rep);
    count_reads(s);
    for (unsigned r = 0; r < s->readers; r++)
        if (mine(s, r))
            memset(s->own[r], 0, s->own_bytes);
    if (status == SN_OK)
        status = run_logged(s, NULL);
    sn_fabric_barrier(&s->fabric);
    for (unsigned r = 0; r < s->readers && status == SN_OK; r++)
        for (unsigned i = 0; mine(s, r) && i < s->reads; i++) {
            const size_t at = (size_t)r * s->reads + i;
            sn_kv_mover_check(&s->mover, k, s->reader_at[r], s->read_key[at], &s->place[at],
                              slot_of(s, r, i));
        }
    return status;
}

/* --- a whole trace --------------------------------------------------------------------------- */

struct move {
    unsigned reader;
    uint64_t key;
    struct sn_kv_place place;
};
struct moves {
    struct move *x;
    size_t n, cap;
};

static void add_move(struct moves *m, unsigned reader, uint64_t key,
                     const struct sn_kv_place *place)
{
    if (m->n == m->cap) {
        m->cap = m->cap ? 2 * m->cap : 1024;
        m->x = sn_realloc(m->x, m->cap, sizeof *m->x);
    }
    m->x[m->n++] = (struct move){reader, key, *place};
}

/* Requests that may go together: no one reads, or writes, what another of them has written. All
 * reads come before all writes. */
struct together {
    struct moves reads, writes;
    struct sn_kvindex written; /* places */
};

static uint64_t place_key(const struct sn_kvread *s, const struct sn_kv_place *p)
{
    return (uint64_t)p->member * s->slots + p->offset / sn_kv_slots_bytes(s->payload, 1);
}

static bool written(const struct sn_kvread *s, const struct together *t, const struct moves *m)
{
    for (size_t i = 0; i < m->n; i++)
        if (sn_kvindex_get(&t->written, place_key(s, &m->x[i].place)) != SN_KVINDEX_NONE)
            return true;
    return false;
}

static void join(struct moves *all, const struct moves *some)
{
    for (size_t i = 0; i < some->n; i++)
        add_move(all, some->x[i].reader, some->x[i].key, &some->x[i].place);
}

static int do_together(struct sn_kvread *s, struct together *t, int status, struct sn_check *k)
{
    for (size_t i = 0; i < t->reads.n && status == SN_OK; i++) {
        const struct move *m = &t->reads.x[i];
        const unsigned me = s->reader_at[m->reader];
        if (mine(s, m->reader))
            memset(s->own[m->reader], 0, s->payload);
        status = sn_kv_mover_load(&s->mover, me, &m->place, s->own[m->reader]);
        if (status == SN_OK)
            sn_kv_mover_check(&s->mover, k, me, m->key, &m->place, s->own[m->reader]);
    }
    sn_fabric_barrier(&s->fabric);
    for (size_t i = 0; i < t->writes.n && status == SN_OK; i++) {
        const struct move *m = &t->writes.x[i];
        status = sn_kv_mover_store(&s->mover, s->reader_at[m->reader], m->key, &m->place);
    }
    t->reads.n = t->writes.n = 0;
    sn_kvindex_close(&t->written);
    return sn_kv_mover_settle(&s->mover, status);
}

/* What one request reads (the leading run: what a server can use) and writes. */
static void moves_of(const struct sn_kvread *s, const struct sn_kv_step *step, uint64_t before,
                     struct moves *reads, struct moves *writes)
{
    const unsigned reader = sn_kvread_reader_of(s, step->request);
    reads->n = writes->n = 0;
    for (size_t i = 0; i < step->prefix; i++)
        add_move(reads, reader, step->key[i], &step->place[i]);
    for (size_t i = 0; i < step->blocks; i++) {
        struct sn_kv_place place; /* a small pool may have dropped it again */
        if (sn_kvpool_find(s->pool, step->key[i], &place) && place.generation > before)
            add_move(writes, reader, step->key[i], &place);
    }
}

static void check_reuse(const struct sn_kvread *s, struct sn_check *k)
{
    struct sn_kvpool_stats got;
    const struct sn_kvpool_stats *want = &s->reuse;
    sn_kvpool_stats(s->pool, &got);
    if (s->env->world->rank)
        return;
    k->compared += 5;
    if (got.lookups != want->lookups || got.hits != want->hits ||
        got.prefix_hits != want->prefix_hits || got.inserted != want->inserted ||
        got.evicted != want->evicted)
        sn_check_fail(k,
                      "the pool of moved blocks found %" PRIu64 " of %" PRIu64
                      " blocks and dropped "
                      "%" PRIu64 "; that of whole blocks %" PRIu64 " of %" PRIu64 ", %" PRIu64,
                      got.hits, got.lookups, got.evicted, want->hits, want->lookups, want->evicted);
}

static int verify_trace(struct sn_kvread *s, struct sn_check *k)
{
    struct together t = {0};
    struct moves reads = {0}, writes = {0};
    struct sn_kv_replay replay;
    struct sn_kv_step step;
    uint64_t generation = 0;  /* of the insertion before this request's; counts from 1 */
    sn_kvpool_close(s->pool); /* every replay begins with an empty pool */
    s->pool = NULL;
    int status = sn_kv_pool_of_slots(&s->pool, s->members, s->env->seed, s->payload, s->slots);
    if (status != SN_OK)
        return status; /* the same on every rank */
    sn_kv_replay_open(&replay, &s->trace, s->pool, 0);
    while (sn_kv_replay_step(&replay, &step)) {
        moves_of(s, &step, generation, &reads, &writes);
        generation += step.inserted;
        if (written(s, &t, &reads) || written(s, &t, &writes))
            status = do_together(s, &t, status, k);
        join(&t.reads, &reads);
        join(&t.writes, &writes);
        for (size_t i = 0; i < writes.n; i++)
            sn_kvindex_put(&t.written, place_key(s, &writes.x[i].place), 1);
    }
    status = do_together(s, &t, status, k);
    sn_kv_replay_close(&replay);
    if (status == SN_OK)
        check_reuse(s, k);
    free(t.reads.x);
    free(t.writes.x);
    free(reads.x);
    free(writes.x);
    return status;
}

/* --- both ------------------------------------------------------------------------------------ */

static void check_pool(const struct sn_kvread *s, struct sn_check *k)
{
    k->compared += s->env->world->rank == 0; /* the row is the same whatever the ranks */
    if (sn_kvpool_check(s->pool) != SN_OK)
        sn_check_fail(k, "%s", sn_status_message());
    sn_kv_check_replicas(s->pool, &s->fabric, k);
}

int sn_kvread_verify(struct sn_kvread *s, const struct sn_case *c, struct sn_check *k)
{
    int status;
    k->what = "every byte read with what key and generation of its block give; bytes moved per "
              "tier with the places; the ranks' pools with each other";
    memset(s->mover.expected, 0, sizeof s->mover.expected);
    s->mover.mutated = false;
    sn_kvread_gather(s);
    sn_fabric_barrier(&s->fabric);
    sn_fabric_count_begin(&s->fabric);
    if (s->trace_replay)
        status = verify_trace(s, k);
    else
        status = verify_pattern(s, c->rep, k);
    /* As in the harness: nobody goes on while another still compares. */
    status = sn_fabric_agree(s->env, status);
    sn_fabric_count_check(&s->fabric, k, status, s->mover.expected);
    if (status == SN_OK)
        check_pool(s, k);
    return status;
}
