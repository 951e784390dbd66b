/* Transports from plug-ins (struct sn_transport_plugin) as transports of ours.
 *
 * The plug-in moves bytes between the memories of ranks; endpoints, flags, counting and copies
 * within a rank are made here. A flag is a word of its own line of the receiver's memory, set by
 * signal(); wait() loads it and calls progress(). Where the plug-in has no send() and recv(),
 * transport_plugin_mail.c makes them.
 *
 * All ranks ask for memory of the same size, that of the fullest one; each aligns its own, and its
 * distance from the plug-in's address (skew) is known to all. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "comm/transport_plugin.h"
#include "harness/base/buf.h"
#include "harness/base/copy.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

static struct plugin_link *of(struct sn_link *l)
{
    return (struct plugin_link *)l;
}

int sn_plugin_failed(const struct plugin_link *s, const char *hook, const char *why)
{
    return SN_FAIL(SN_EENV, "transport %s: %s: %s", s->by->name, hook, why);
}

/* --- before there is a transport ------------------------------------------------------------- */

static const char *boot_allgather(const struct sn_bootstrap *b, const void *mine, size_t bytes,
                                  void *all)
{
    MPI_Comm *comm = b->own;
    if (bytes > INT_MAX)
        return "more than 2 GiB from each rank";
    return MPI_Allgather(mine, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, *comm)
               ? "MPI_Allgather failed"
               : NULL;
}

static const char *boot_barrier(const struct sn_bootstrap *b)
{
    MPI_Comm *comm = b->own;
    return MPI_Barrier(*comm) ? "MPI_Barrier failed" : NULL;
}

/* Collective. Numbers hosts by the first appearance of their lowest rank. */
static int number_hosts(MPI_Comm comm, int ranks, int *host)
{
    MPI_Comm shared;
    int rank, lowest, next = 0;
    SN_LINK_MPI(MPI_Comm_rank, comm, &rank);
    SN_LINK_MPI(MPI_Comm_split_type, comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &shared);
    int rc = MPI_Allreduce(&rank, &lowest, 1, MPI_INT, MPI_MIN, shared);
    MPI_Comm_free(&shared);
    if (rc != MPI_SUCCESS)
        return sn_link_mpi_error(rc, "MPI_Allreduce");
    int *first = sn_calloc((size_t)ranks, sizeof *first);
    rc = MPI_Allgather(&lowest, 1, MPI_INT, first, 1, MPI_INT, comm);
    for (int r = 0; r < ranks && rc == MPI_SUCCESS; r++)
        host[r] = first[r] == r ? next++ : host[first[r]];
    free(first);
    return rc == MPI_SUCCESS ? SN_OK : sn_link_mpi_error(rc, "MPI_Allgather");
}

static struct sn_bootstrap bootstrap(MPI_Comm *comm, int rank, int ranks, const int *host,
                                     bool yield)
{
    return (struct sn_bootstrap){.size = sizeof(struct sn_bootstrap),
                                 .rank = rank,
                                 .ranks = ranks,
                                 .host = host,
                                 .yield = yield,
                                 .allgather = boot_allgather,
                                 .barrier = boot_barrier,
                                 .own = comm};
}

/* Collective: the reason of the lowest rank that has one, the same on every rank. */
static const char *same_everywhere(MPI_Comm comm, int rank, int ranks, const char *reason)
{
    int first, mine = reason ? rank : ranks;
    MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, comm);
    if (first == ranks)
        return NULL;
    return reason ? reason : "another rank cannot use it";
}

static const char *plugin_unsupported(const struct sn_transport *t, MPI_Comm comm)
{
    const struct sn_transport_plugin *p = t->plugin;
    int rank, ranks;
    MPI_Comm_rank(comm, &rank);
    MPI_Comm_size(comm, &ranks);
    int *host = sn_calloc((size_t)ranks, sizeof *host);
    const char *reason = NULL;
    if (number_hosts(comm, ranks, host) != SN_OK)
        reason = "the hosts of the ranks are not known";
    for (int r = 0; r < ranks && !reason; r++)
        if (host[r] && (p->flags & SN_TRANSPORT_ONE_HOST || p->map))
            reason = "the ranks are on several hosts: it needs all of them on one";
    struct sn_bootstrap b = bootstrap(&comm, rank, ranks, host, false);
    reason = same_everywhere(comm, rank, ranks, reason);
    if (!reason && p->unsupported)
        reason = same_everywhere(comm, rank, ranks, p->unsupported(&b));
    free(host);
    return reason;
}

/* --- opening and closing --------------------------------------------------------------------- */

/* The link without the plug-in: hosts, layout, arrays. */
static int prepare(struct plugin_link *s)
{
    struct sn_link *l = &s->link;
    size_t ranks = (size_t)l->endpoints->ranks;
    s->host = sn_calloc(ranks, sizeof *s->host);
    s->skew = sn_calloc(ranks, sizeof *s->skew);
    s->peer = sn_calloc(ranks, sizeof *s->peer);
    if (!s->by->send)
        sn_plugin_mail_open(s);
    int status =
        sn_layout_make(&s->layout, l, s->by->send ? 0 : sn_plugin_mail_bytes(l->endpoints->ranks));
    if (status == SN_OK)
        status = number_hosts(l->comm, l->endpoints->ranks, s->host);
    s->boot = bootstrap(&l->comm, l->rank, l->endpoints->ranks, s->host, l->yield);
    return status;
}

static size_t fullest_bytes(const struct plugin_link *s)
{
    const struct sn_endpoints *e = s->link.endpoints;
    unsigned slots = 0;
    for (int r = 0; r < e->ranks; r++)
        if (sn_endpoints_count(e, r) > slots)
            slots = sn_endpoints_count(e, r);
    return sn_layout_bytes(&s->layout, slots);
}

/* Memory of this rank: aligned and cleared. */
static int attach(struct plugin_link *s)
{
    size_t bytes = fullest_bytes(s);
    void *memory = NULL;
    const char *why = s->by->open(&s->boot, bytes + s->layout.align, &s->state, &memory);
    if (why)
        return sn_plugin_failed(s, "open", why);
    s->open = true;
    if (!memory || (uintptr_t)memory % SN_LINE)
        return sn_plugin_failed(s, "open", "its memory is not aligned to 64 bytes");
    s->base = (char *)sn_mem_round_up((uintptr_t)memory, s->layout.align);
    s->skew[s->link.rank] = (uint64_t)(s->base - (char *)memory);
    memset(s->base, 0, bytes);
    return SN_OK;
}

static int map_peers(struct plugin_link *s)
{
    int ranks = s->link.endpoints->ranks;
    uint64_t own = s->skew[s->link.rank];
    SN_LINK_MPI(MPI_Allgather, &own, 1, MPI_UINT64_T, s->skew, 1, MPI_UINT64_T, s->link.comm);
    for (int r = 0; s->by->map && r < ranks; r++) {
        char *at = r == s->link.rank ? s->base - own : s->by->map(s->state, r);
        if (!at)
            return sn_plugin_failed(s, "map", "gives no address for a rank");
        s->peer[r] = at + s->skew[r];
    }
    return SN_OK;
}

static void release(struct plugin_link *s)
{
    if (s->open)
        s->by->close(s->state);
    free(s->host);
    free(s->skew);
    free(s->peer);
    sn_plugin_mail_close(s);
    sn_link_fini(&s->link);
    free(s);
}

static int plugin_open(const struct sn_transport *t, struct sn_link **out, MPI_Comm comm,
                       const struct sn_endpoints *e, size_t segment_bytes, unsigned flags,
                       bool yield)
{
    struct plugin_link *s = sn_calloc(1, sizeof *s);
    s->by = t->plugin;
    int status = sn_link_init(&s->link, t, comm, e, segment_bytes, flags, yield);
    if (status == SN_OK)
        status = prepare(s);
    status = sn_link_agree(comm, status);
    if (status == SN_OK)
        status = sn_link_agree(comm, attach(s));
    if (status == SN_OK)
        status = sn_link_agree(comm, map_peers(s)); /* also: all memories are cleared */
    if (status != SN_OK) {
        release(s);
        return status;
    }
    *out = &s->link;
    return SN_OK;
}

static int progress(struct plugin_link *s)
{
    const char *why = s->by->progress ? s->by->progress(s->state) : NULL;
    return why ? sn_plugin_failed(s, "progress", why) : SN_OK;
}

static int plugin_flush(struct sn_link *l, unsigned me)
{
    const char *why = of(l)->by->flush(of(l)->state);
    (void)me;
    return why ? sn_plugin_failed(of(l), "flush", why) : SN_OK;
}

static void plugin_close(struct sn_link *l)
{
    struct plugin_link *s = of(l);
    MPI_Request barrier;
    int done = 0;
    (void)plugin_flush(l, 0);
    if (MPI_Ibarrier(l->comm, &barrier) == MPI_SUCCESS)
        while (!done && MPI_Test(&barrier, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS) {
            (void)progress(s);
            sn_link_pause(l);
        }
    release(s);
}

/* --- memory ---------------------------------------------------------------------------------- */

static int rank_of(const struct sn_link *l, unsigned die)
{
    return l->endpoints->rank_of[die];
}

/* Where an endpoint's segment begins in the aligned memory of its rank. */
static size_t segment_at(const struct plugin_link *s, unsigned die)
{
    return sn_layout_segment(&s->layout, s->link.endpoints, die);
}

static size_t flag_at(const struct plugin_link *s, unsigned die, unsigned flag)
{
    assert(flag < s->link.flags);
    return sn_layout_flag(&s->layout, s->link.endpoints->slot_of[die], flag);
}

static void *plugin_local(struct sn_link *l, unsigned endpoint)
{
    assert(rank_of(l, endpoint) == l->rank);
    return of(l)->base + segment_at(of(l), endpoint);
}

static void *plugin_peer(struct sn_link *l, unsigned endpoint)
{
    char *base = of(l)->peer[rank_of(l, endpoint)];
    return base ? base + segment_at(of(l), endpoint) : NULL;
}

static int plugin_put(struct sn_link *l, unsigned me, unsigned to, size_t offset, const void *src,
                      size_t bytes)
{
    struct plugin_link *s = of(l);
    int rank = rank_of(l, to);
    assert(sn_link_inside(l, offset, bytes));
    sn_link_count(l, me, to, bytes, 1);
    if (rank == l->rank)
        sn_copy(s->base + segment_at(s, to) + offset, src, bytes);
    else if (bytes)
        HOOK(s, put, rank, s->skew[rank] + segment_at(s, to) + offset, src, bytes);
    return SN_OK;
}

static int plugin_get(struct sn_link *l, unsigned me, unsigned from, size_t offset, void *dst,
                      size_t bytes)
{
    struct plugin_link *s = of(l);
    int rank = rank_of(l, from);
    assert(sn_link_inside(l, offset, bytes));
    sn_link_count(l, me, from, bytes, 1);
    if (rank == l->rank)
        sn_copy(dst, s->base + segment_at(s, from) + offset, bytes);
    else if (bytes)
        HOOK(s, get, rank, s->skew[rank] + segment_at(s, from) + offset, dst, bytes);
    return SN_OK;
}

static int plugin_atomic_add(struct sn_link *l, unsigned me, unsigned at, size_t offset,
                             int64_t add, int64_t *old)
{
    struct plugin_link *s = of(l);
    int rank = rank_of(l, at);
    (void)me;
    assert(sn_link_inside(l, offset, sizeof *old) && offset % sizeof *old == 0);
    HOOK(s, add, rank, s->skew[rank] + segment_at(s, at) + offset, add, old);
    return SN_OK;
}

static int plugin_notify(struct sn_link *l, unsigned me, unsigned to, unsigned flag, uint64_t value)
{
    struct plugin_link *s = of(l);
    int rank = rank_of(l, to);
    size_t at = flag_at(s, to, flag);
    (void)me;
    if (rank == l->rank)
        __atomic_store_n((uint64_t *)(s->base + at), value, __ATOMIC_RELEASE);
    else
        HOOK(s, signal, rank, s->skew[rank] + at, value);
    return SN_OK;
}

int sn_plugin_await(struct plugin_link *s, const uint64_t *word, uint64_t value)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) < value) {
        int status = progress(s);
        if (status != SN_OK)
            return status;
        sn_link_pause(&s->link);
    }
    return SN_OK;
}

static int plugin_wait(struct sn_link *l, unsigned me, unsigned flag, uint64_t value)
{
    assert(rank_of(l, me) == l->rank);
    return sn_plugin_await(of(l), (uint64_t *)(of(l)->base + flag_at(of(l), me, flag)), value);
}

static void plugin_poll(struct sn_link *l)
{
    (void)progress(of(l));
    sn_link_pause(l);
}

static void plugin_stored(struct sn_link *l, unsigned me, unsigned to, size_t bytes,
                          unsigned messages)
{
    assert(l->transport->mapped);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    sn_link_count(l, me, to, bytes, messages);
}

static int plugin_send(struct sn_link *l, unsigned me, unsigned to, const void *src, size_t bytes)
{
    struct plugin_link *s = of(l);
    int rank = rank_of(l, to);
    assert(rank != l->rank);
    sn_link_count(l, me, to, bytes, 1);
    if (!s->by->send)
        return sn_plugin_mail_send(s, rank, me, to, src, bytes);
    HOOK(s, send, rank, src, bytes);
    return SN_OK;
}

static int plugin_recv(struct sn_link *l, unsigned me, unsigned from, void *dst, size_t bytes)
{
    struct plugin_link *s = of(l);
    int rank = rank_of(l, from);
    assert(rank != l->rank);
    if (!s->by->recv)
        return sn_plugin_mail_recv(s, rank, me, from, dst, bytes);
    HOOK(s, recv, rank, dst, bytes);
    return SN_OK;
}

/* A plug-in's transport but for name, brief, what it is and what it brought (sn_transport_add). */
const struct sn_transport sn_transport_of_plugin = {
    .unsupported = plugin_unsupported,
    .open = plugin_open,
    .close = plugin_close,
    .local = plugin_local,
    .peer = plugin_peer,
    .put = plugin_put,
    .get = plugin_get,
    .atomic_add = plugin_atomic_add,
    .notify = plugin_notify,
    .wait = plugin_wait,
    .flush = plugin_flush,
    .send = plugin_send,
    .recv = plugin_recv,
    .poll = plugin_poll,
    .stored = plugin_stored,
};
