/* Transport rma: MPI one-sided operations under a passive-target epoch, nothing else.
 *
 * put = MPI_Put + MPI_Win_flush_local, get = MPI_Get + MPI_Win_flush, atomic = MPI_Fetch_and_op; a
 * flag is set by MPI_Win_flush (the puts before it) and an MPI_Accumulate that replaces, and waited
 * for by loads between MPI_Win_sync (the unified memory model), with MPI_Iprobe for progress. send
 * puts pieces into the receiver's mailbox and then a flag. Memory of other ranks is never loaded or
 * stored directly. Cost of a flag: two flushes.
 */
#include <stdlib.h>
#include <string.h>

#include "comm/transport_impl.h"
#include "harness/base/buf.h"
#include "harness/base/copy.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

/* A way between two ranks has MAIL_SLOTS cells; all the cells of a rank take MAIL_BUDGET bytes. */
enum { MAIL_SLOTS = 4, MAIL_CELL_MIN = 1024, MAIL_CELL_MAX = 64 << 10, MAIL_BUDGET = 16 << 20 };

struct rma_link {
    struct sn_link link;
    struct sn_layout layout;
    MPI_Win win;
    char *base;     /* this rank's memory */
    uint64_t *skew; /* (ranks) where the aligned memory of each rank begins in its window */
    bool *dirty;    /* (ranks) puts that are not known to be visible there */
    size_t cell;
    uint64_t *sent, *received; /* (ranks) pieces so far */
};

static const char *rma_unsupported(const struct sn_transport *t, MPI_Comm comm)
{
    (void)comm;
    return NULL;
}

/* The mail of a rank: (ranks) lines `arrived`, how many pieces each sender has put here; (ranks)
 * lines `taken`, how many of the pieces sent from here each receiver has taken; then the cells. */
static size_t mail_arrived(int from)
{
    return (size_t)from * SN_LINE;
}

static size_t mail_taken(const struct rma_link *s, int to)
{
    return ((size_t)s->link.endpoints->ranks + (size_t)to) * SN_LINE;
}

static size_t mail_cell(const struct rma_link *s, int from, uint64_t piece)
{
    return 2 * (size_t)s->link.endpoints->ranks * SN_LINE +
           ((size_t)from * MAIL_SLOTS + piece % MAIL_SLOTS) * s->cell;
}

static MPI_Aint window_at(const struct rma_link *s, int rank, size_t at)
{
    return (MPI_Aint)(s->skew[rank] + at);
}

static MPI_Aint segment_at(const struct rma_link *s, unsigned die, size_t offset)
{
    const struct sn_endpoints *e = s->link.endpoints;
    return window_at(s, e->rank_of[die], sn_layout_segment(&s->layout, e, die) + offset);
}

static int rma_allocate(struct rma_link *s)
{
    struct sn_link *l = &s->link;
    size_t ranks = (size_t)l->endpoints->ranks;
    size_t cell = MAIL_BUDGET / MAIL_SLOTS / ranks & ~(size_t)(SN_LINE - 1);
    s->cell = cell < MAIL_CELL_MIN ? MAIL_CELL_MIN : cell > MAIL_CELL_MAX ? MAIL_CELL_MAX : cell;
    int status = sn_layout_make(&s->layout, l, ranks * (2 * SN_LINE + MAIL_SLOTS * s->cell));
    if (status != SN_OK)
        return status; /* the same on every rank */
    size_t bytes = sn_layout_bytes(&s->layout, sn_endpoints_count(l->endpoints, l->rank));
    size_t slack = s->layout.align, heads = 2 * ranks * SN_LINE;
    status = sn_link_check_shm(l, bytes + slack);
    if (status != SN_OK)
        return status;
    char *mine;
    int rc = MPI_Win_allocate((MPI_Aint)(bytes + slack), 1, MPI_INFO_NULL, l->comm, &mine, &s->win);
    if (rc != MPI_SUCCESS) {
        s->win = MPI_WIN_NULL;
        sn_link_mpi_error(rc, "MPI_Win_allocate");
        status = SN_FAIL(SN_ENOMEM, "a window of %zu bytes: %s", bytes, sn_status_message());
    }
    status = sn_link_agree(l->comm, status);
    if (status != SN_OK) {
        s->win = MPI_WIN_NULL; /* not freed: that is collective, and a rank has none */
        return status;
    }
    MPI_Win_set_errhandler(s->win, MPI_ERRORS_RETURN);
    s->base = (char *)sn_mem_round_up((uintptr_t)mine, slack);
    uint64_t skew = (uint64_t)(s->base - mine);
    memset(s->base, 0, heads); /* the cells behind stay untouched: most pairs never send */
    memset(s->base + s->layout.mail, 0, bytes - s->layout.mail);
    SN_LINK_MPI(MPI_Allgather, &skew, 1, MPI_UINT64_T, s->skew, 1, MPI_UINT64_T, l->comm);
    return SN_OK;
}

static void rma_close(struct sn_link *l)
{
    struct rma_link *s = (struct rma_link *)l;
    if (s->win != MPI_WIN_NULL) {
        MPI_Win_unlock_all(s->win);
        MPI_Win_free(&s->win);
    }
    free(s->skew);
    free(s->dirty);
    free(s->sent);
    free(s->received);
    sn_link_fini(l);
    free(s);
}

/* Loads see what others put only in the unified memory model, which every MPI on cache-coherent
 * machines has. */
static int check_model(const struct rma_link *s)
{
    int *model, found;
    SN_LINK_MPI(MPI_Win_get_attr, s->win, MPI_WIN_MODEL, &model, &found);
    if (!found || *model != MPI_WIN_UNIFIED)
        return SN_FAIL(SN_EENV, "the MPI library's windows have separate public and private "
                                "copies; rma needs the unified memory model");
    return SN_OK;
}

static int rma_open(const struct sn_transport *t, struct sn_link **out, MPI_Comm comm,
                    const struct sn_endpoints *e, size_t segment_bytes, unsigned flags, bool yield)
{
    size_t ranks = (size_t)e->ranks;
    struct rma_link *s = sn_calloc(1, sizeof *s);
    s->win = MPI_WIN_NULL;
    s->skew = sn_calloc(ranks, sizeof *s->skew);
    s->dirty = sn_calloc(ranks, sizeof *s->dirty);
    s->sent = sn_calloc(ranks, sizeof *s->sent);
    s->received = sn_calloc(ranks, sizeof *s->received);
    int status = sn_link_init(&s->link, t, comm, e, segment_bytes, flags, yield);
    status = sn_link_agree(comm, status);
    if (status == SN_OK)
        status = rma_allocate(s);
    if (s->win != MPI_WIN_NULL)
        MPI_Win_lock_all(MPI_MODE_NOCHECK, s->win);
    if (status == SN_OK)
        status = check_model(s);
    status = sn_link_agree(comm, status);
    if (status != SN_OK) {
        rma_close(&s->link);
        return status;
    }
    MPI_Win_sync(s->win);
    MPI_Barrier(s->link.comm);
    *out = &s->link;
    return SN_OK;
}

static void *rma_local(struct sn_link *l, unsigned endpoint)
{
    struct rma_link *s = (struct rma_link *)l;
    assert(l->endpoints->rank_of[endpoint] == l->rank);
    return s->base + sn_layout_segment(&s->layout, l->endpoints, endpoint);
}

static void *rma_peer(struct sn_link *l, unsigned endpoint)
{
    (void)l, (void)endpoint;
    return NULL;
}

static int put_window(struct rma_link *s, int rank, MPI_Aint at, const void *src, size_t bytes)
{
    const char *from = src;
    while (bytes) {
        size_t n = bytes < s->link.chunk_bytes ? bytes : s->link.chunk_bytes;
        SN_LINK_MPI(MPI_Put, from, (int)n, MPI_BYTE, rank, at, (int)n, MPI_BYTE, s->win);
        from += n;
        at += (MPI_Aint)n;
        bytes -= n;
    }
    SN_LINK_MPI(MPI_Win_flush_local, rank, s->win);
    s->dirty[rank] = true;
    return SN_OK;
}

static int rma_put(struct sn_link *l, unsigned me, unsigned to, size_t offset, const void *src,
                   size_t bytes)
{
    struct rma_link *s = (struct rma_link *)l;
    int rank = l->endpoints->rank_of[to];
    assert(sn_link_inside(l, offset, bytes));
    sn_link_count(l, me, to, bytes, 1);
    if (rank != l->rank)
        return put_window(s, rank, segment_at(s, to, offset), src, bytes);
    sn_copy((char *)rma_local(l, to) + offset, src, bytes);
    return SN_OK;
}

static int rma_get(struct sn_link *l, unsigned me, unsigned from, size_t offset, void *dst,
                   size_t bytes)
{
    struct rma_link *s = (struct rma_link *)l;
    int rank = l->endpoints->rank_of[from];
    assert(sn_link_inside(l, offset, bytes));
    sn_link_count(l, me, from, bytes, 1);
    if (rank == l->rank) {
        sn_copy(dst, (char *)rma_local(l, from) + offset, bytes);
        return SN_OK;
    }
    MPI_Aint at = segment_at(s, from, offset);
    char *to = dst;
    while (bytes) {
        size_t n = bytes < l->chunk_bytes ? bytes : l->chunk_bytes;
        SN_LINK_MPI(MPI_Get, to, (int)n, MPI_BYTE, rank, at, (int)n, MPI_BYTE, s->win);
        to += n;
        at += (MPI_Aint)n;
        bytes -= n;
    }
    SN_LINK_MPI(MPI_Win_flush, rank, s->win);
    return SN_OK;
}

/* Words of this rank go through MPI as well: only then are they atomic against other ranks. */
static int rma_atomic_add(struct sn_link *l, unsigned me, unsigned at, size_t offset, int64_t add,
                          int64_t *old)
{
    (void)me;
    struct rma_link *s = (struct rma_link *)l;
    int rank = l->endpoints->rank_of[at];
    assert(sn_link_inside(l, offset, sizeof *old) && offset % sizeof *old == 0);
    SN_LINK_MPI(MPI_Fetch_and_op, &add, old, MPI_INT64_T, rank, segment_at(s, at, offset), MPI_SUM,
                s->win);
    SN_LINK_MPI(MPI_Win_flush, rank, s->win);
    return SN_OK;
}

/* Makes the puts to a rank visible there. */
static int flush_rank(struct rma_link *s, int rank)
{
    if (!s->dirty[rank])
        return SN_OK;
    SN_LINK_MPI(MPI_Win_flush, rank, s->win);
    s->dirty[rank] = false;
    return SN_OK;
}

/* Sets a 64-bit word of a rank's window; visible there on return. */
static int set_word(struct rma_link *s, int rank, size_t at, uint64_t value)
{
    int status = flush_rank(s, rank);
    if (status != SN_OK)
        return status;
    SN_LINK_MPI(MPI_Accumulate, &value, 1, MPI_UINT64_T, rank, window_at(s, rank, at), 1,
                MPI_UINT64_T, MPI_REPLACE, s->win);
    SN_LINK_MPI(MPI_Win_flush, rank, s->win);
    return SN_OK;
}

static int rma_notify(struct sn_link *l, unsigned me, unsigned to, unsigned flag, uint64_t value)
{
    (void)me;
    struct rma_link *s = (struct rma_link *)l;
    assert(flag < l->flags);
    return set_word(s, l->endpoints->rank_of[to],
                    sn_layout_flag(&s->layout, l->endpoints->slot_of[to], flag), value);
}

static int progress(struct rma_link *s)
{
    int arrived;
    SN_LINK_MPI(MPI_Iprobe, MPI_ANY_SOURCE, MPI_ANY_TAG, s->link.comm, &arrived, MPI_STATUS_IGNORE);
    return SN_OK;
}

/* Waits until a word of this rank's own window is >= value. */
static int await(struct rma_link *s, size_t at, uint64_t value)
{
    const uint64_t *word = (const uint64_t *)(s->base + at);
    for (;;) {
        SN_LINK_MPI(MPI_Win_sync, s->win);
        if (__atomic_load_n(word, __ATOMIC_ACQUIRE) >= value)
            return SN_OK;
        int status = progress(s);
        if (status != SN_OK)
            return status;
        sn_link_pause(&s->link);
    }
}

static int rma_wait(struct sn_link *l, unsigned me, unsigned flag, uint64_t value)
{
    struct rma_link *s = (struct rma_link *)l;
    assert(l->endpoints->rank_of[me] == l->rank && flag < l->flags);
    return await(s, sn_layout_flag(&s->layout, l->endpoints->slot_of[me], flag), value);
}

static int rma_flush(struct sn_link *l, unsigned me)
{
    (void)me;
    int status = SN_OK;
    for (int r = 0; r < l->endpoints->ranks && status == SN_OK; r++)
        status = flush_rank((struct rma_link *)l, r);
    return status;
}

static void rma_poll(struct sn_link *l)
{
    struct rma_link *s = (struct rma_link *)l;
    (void)progress(s);
    MPI_Win_sync(s->win);
}

static int rma_send(struct sn_link *l, unsigned me, unsigned to, const void *src, size_t bytes)
{
    struct rma_link *s = (struct rma_link *)l;
    int rank = l->endpoints->rank_of[to], status = SN_OK;
    const char *from = src;
    size_t left = bytes;
    assert(rank != l->rank);
    do {
        size_t n = left < s->cell ? left : s->cell;
        uint64_t piece = s->sent[rank]++;
        if (piece >= MAIL_SLOTS)
            status = await(s, mail_taken(s, rank), piece + 1 - MAIL_SLOTS);
        if (status == SN_OK)
            status = put_window(s, rank, window_at(s, rank, mail_cell(s, l->rank, piece)), from, n);
        if (status == SN_OK)
            status = set_word(s, rank, mail_arrived(l->rank), piece + 1);
        from += n;
        left -= n;
    } while (left && status == SN_OK);
    sn_link_count(l, me, to, bytes, 1);
    return status;
}

/* The pieces of a message follow from its length, which both sides know. */
static int rma_recv(struct sn_link *l, unsigned me, unsigned from, void *dst, size_t bytes)
{
    (void)me;
    struct rma_link *s = (struct rma_link *)l;
    int rank = l->endpoints->rank_of[from], status;
    char *to = dst;
    size_t left = bytes;
    assert(rank != l->rank);
    do {
        size_t n = left < s->cell ? left : s->cell;
        uint64_t piece = s->received[rank]++;
        status = await(s, mail_arrived(rank), piece + 1);
        if (status == SN_OK) {
            sn_copy(to, s->base + mail_cell(s, rank, piece), n);
            /* Told every half ring: a word costs as much as a small message. */
            if ((piece + 1) % (MAIL_SLOTS / 2) == 0)
                status = set_word(s, rank, mail_taken(s, l->rank), piece + 1);
        }
        to += n;
        left -= n;
    } while (left && status == SN_OK);
    return status;
}

static void rma_stored(struct sn_link *l, unsigned me, unsigned to, size_t bytes, unsigned messages)
{
    (void)l, (void)me, (void)to, (void)bytes, (void)messages;
    assert(!"stores need a mapped transport");
}

const struct sn_transport sn_transport_rma = {
    .name = "rma",
    .brief = "MPI one-sided: MPI_Put, MPI_Get and flush in a passive-target epoch",
    .needs_target = false, /* any MPI call of the target's rank makes what progress is needed */
    .mapped = false,
    .unsupported = rma_unsupported,
    .open = rma_open,
    .close = rma_close,
    .local = rma_local,
    .peer = rma_peer,
    .put = rma_put,
    .get = rma_get,
    .atomic_add = rma_atomic_add,
    .notify = rma_notify,
    .wait = rma_wait,
    .flush = rma_flush,
    .send = rma_send,
    .recv = rma_recv,
    .poll = rma_poll,
    .stored = rma_stored,
};
