/* Transport shm: the segments of all ranks of one host in an MPI shared-memory window.
 *
 * put and get are one copy by the caller's core; a flag is a 64-bit word on its own cache line, set
 * by a release store and waited for by acquire loads. send goes through a ring of cells in the
 * receiver's memory (a message of up to 28 bytes in the line of its header, up to 8 KiB in a cell);
 * a longer message from a segment is copied once, by the receiver, and a longer one from elsewhere
 * twice, cell by cell. Cost of n bytes: a copy of n bytes; of a flag: one line passed on.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "comm/transport_impl.h"
#include "harness/base/buf.h"
#include "harness/base/copy.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

enum { MAIL_SLOTS = 8, MAIL_CELL = 8192, MAIL_INLINE = 28 };

/* A message, or a piece of one, on its way: written by the sender, `seq` last. */
struct mail_slot {
    uint64_t seq; /* 1 + number of the piece that is in this slot */
    uint64_t bytes;
    uint64_t at; /* of a message left in place: its offset in the sender's memory */
    uint32_t from, to, kind;
    char data[MAIL_INLINE];
} __attribute__((aligned(SN_LINE)));
_Static_assert(sizeof(struct mail_slot) == SN_LINE, "a short message is one cache line");

enum { MAIL_LINE, MAIL_IN_CELL, MAIL_IN_PLACE };

/* From one rank to another, in the receiver's memory. */
struct mailbox {
    uint64_t taken __attribute__((aligned(SN_LINE))); /* pieces received; written by the receiver */
    struct mail_slot slot[MAIL_SLOTS];
};

struct shm_link {
    struct sn_link link;
    struct sn_layout layout;
    MPI_Win win;
    char **base;               /* (ranks) the memory of each rank in this process */
    uint64_t *sent, *received; /* (ranks) pieces so far */
};

static const char *shm_unsupported(const struct sn_transport *t, MPI_Comm comm)
{
    MPI_Comm host;
    int all, here;
    MPI_Comm_size(comm, &all);
    MPI_Comm_split_type(comm, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &host);
    MPI_Comm_size(host, &here);
    MPI_Comm_free(&host);
    MPI_Allreduce(MPI_IN_PLACE, &here, 1, MPI_INT, MPI_MIN, comm);
    return here == all ? NULL : "the ranks are on several hosts: shm needs all of them on one";
}

static struct mailbox *mailbox_of(struct shm_link *s, int from, int to)
{
    return (struct mailbox *)s->base[to] + from;
}

static char *cell_of(struct shm_link *s, int from, int to, unsigned slot)
{
    char *cells = s->base[to] + (size_t)s->link.endpoints->ranks * sizeof(struct mailbox);
    return cells + ((size_t)from * MAIL_SLOTS + slot) * MAIL_CELL;
}

static void *segment_of(struct shm_link *s, unsigned die)
{
    const struct sn_endpoints *e = s->link.endpoints;
    return s->base[e->rank_of[die]] + sn_layout_segment(&s->layout, e, die);
}

static uint64_t *flag_of(struct shm_link *s, unsigned die, unsigned flag)
{
    const struct sn_endpoints *e = s->link.endpoints;
    assert(flag < s->link.flags);
    return (uint64_t *)(s->base[e->rank_of[die]] +
                        sn_layout_flag(&s->layout, e->slot_of[die], flag));
}

/* Maps every rank's memory; each rank aligns its own. */
static void map_ranks(struct shm_link *s, size_t slack)
{
    int ranks = s->link.endpoints->ranks, unit;
    MPI_Aint size;
    char *mine;
    uint64_t *skew = sn_calloc((size_t)ranks, sizeof *skew);
    MPI_Win_shared_query(s->win, s->link.rank, &size, &unit, &mine);
    uint64_t own = sn_mem_round_up((uintptr_t)mine, slack) - (uintptr_t)mine;
    MPI_Allgather(&own, 1, MPI_UINT64_T, skew, 1, MPI_UINT64_T, s->link.comm);
    for (int r = 0; r < ranks; r++) {
        MPI_Win_shared_query(s->win, r, &size, &unit, &s->base[r]);
        s->base[r] += skew[r];
    }
    free(skew);
}

static int shm_allocate(struct shm_link *s)
{
    struct sn_link *l = &s->link;
    size_t ranks = (size_t)l->endpoints->ranks;
    unsigned slots = sn_endpoints_count(l->endpoints, l->rank);
    int status =
        sn_layout_make(&s->layout, l, ranks * (sizeof(struct mailbox) + MAIL_SLOTS * MAIL_CELL));
    if (status != SN_OK)
        return status; /* the same on every rank */
    size_t bytes = sn_layout_bytes(&s->layout, slots), slack = s->layout.align;
    status = sn_link_check_shm(l, bytes + slack);
    if (status != SN_OK)
        return status;
    MPI_Info info;
    void *mine;
    MPI_Info_create(&info);
    MPI_Info_set(info, "alloc_shared_noncontig", "true");
    int rc = MPI_Win_allocate_shared((MPI_Aint)(bytes + slack), 1, info, l->comm, &mine, &s->win);
    MPI_Info_free(&info);
    if (rc != MPI_SUCCESS) {
        s->win = MPI_WIN_NULL;
        sn_link_mpi_error(rc, "MPI_Win_allocate_shared");
        status = SN_FAIL(SN_ENOMEM, "a shared window of %zu bytes: %s", bytes, sn_status_message());
    }
    status = sn_link_agree(l->comm, status);
    if (status != SN_OK) {
        s->win = MPI_WIN_NULL; /* not freed: that is collective, and a rank has none */
        return status;
    }
    MPI_Win_lock_all(MPI_MODE_NOCHECK, s->win); /* MPI asks for an epoch around loads and stores */
    map_ranks(s, slack);
    char *base = s->base[l->rank];
    size_t cells = ranks * sizeof(struct mailbox), flags = s->layout.mail;
    memset(base, 0, cells); /* the cells behind stay untouched: most pairs never send */
    if (slots) {
        size_t first =
            sn_layout_segment(&s->layout, l->endpoints, sn_endpoints_at(l->endpoints, l->rank, 0));
        if (s->layout.align == SN_HUGE_BYTES) /* advice only: many systems give shm none */
            (void)madvise(base + first, bytes - first, MADV_HUGEPAGE);
        memset(base + flags, 0, bytes - flags);
    }
    return SN_OK;
}

static void shm_link_close(struct sn_link *l)
{
    struct shm_link *s = (struct shm_link *)l;
    if (s->win != MPI_WIN_NULL) {
        MPI_Win_unlock_all(s->win);
        MPI_Win_free(&s->win);
    }
    free(s->base);
    free(s->sent);
    free(s->received);
    sn_link_fini(l);
    free(s);
}

static int shm_link_open(const struct sn_transport *t, struct sn_link **out, MPI_Comm comm,
                         const struct sn_endpoints *e, size_t segment_bytes, unsigned flags,
                         bool yield)
{
    size_t ranks = (size_t)e->ranks;
    struct shm_link *s = sn_calloc(1, sizeof *s);
    s->win = MPI_WIN_NULL;
    s->base = sn_calloc(ranks, sizeof *s->base);
    s->sent = sn_calloc(ranks, sizeof *s->sent);
    s->received = sn_calloc(ranks, sizeof *s->received);
    int status = sn_link_init(&s->link, t, comm, e, segment_bytes, flags, yield);
    status = sn_link_agree(comm, status);
    if (status == SN_OK)
        status = shm_allocate(s); /* agreed */
    if (status != SN_OK) {
        shm_link_close(&s->link);
        return status;
    }
    MPI_Barrier(s->link.comm);
    *out = &s->link;
    return SN_OK;
}

static void *shm_local(struct sn_link *l, unsigned endpoint)
{
    assert(l->endpoints->rank_of[endpoint] == l->rank);
    return segment_of((struct shm_link *)l, endpoint);
}

static void *shm_peer(struct sn_link *l, unsigned endpoint)
{
    return segment_of((struct shm_link *)l, endpoint);
}

static int shm_put(struct sn_link *l, unsigned me, unsigned to, size_t offset, const void *src,
                   size_t bytes)
{
    assert(sn_link_inside(l, offset, bytes));
    sn_copy((char *)segment_of((struct shm_link *)l, to) + offset, src, bytes);
    sn_link_count(l, me, to, bytes, 1);
    return SN_OK;
}

static int shm_get(struct sn_link *l, unsigned me, unsigned from, size_t offset, void *dst,
                   size_t bytes)
{
    assert(sn_link_inside(l, offset, bytes));
    const char *src = (char *)segment_of((struct shm_link *)l, from) + offset;
    if (l->stream)
        sn_copy_stream(dst, src, bytes);
    else
        sn_copy(dst, src, bytes);
    sn_link_count(l, me, from, bytes, 1);
    return SN_OK;
}

static int shm_atomic_add(struct sn_link *l, unsigned me, unsigned at, size_t offset, int64_t add,
                          int64_t *old)
{
    (void)me;
    assert(sn_link_inside(l, offset, sizeof *old) && offset % sizeof *old == 0);
    int64_t *word = (int64_t *)((char *)segment_of((struct shm_link *)l, at) + offset);
    *old = __atomic_fetch_add(word, add, __ATOMIC_ACQ_REL);
    return SN_OK;
}

static int shm_notify(struct sn_link *l, unsigned me, unsigned to, unsigned flag, uint64_t value)
{
    (void)me;
    __atomic_store_n(flag_of((struct shm_link *)l, to, flag), value, __ATOMIC_RELEASE);
    return SN_OK;
}

/* Waits until *word >= value. */
static void await(const struct sn_link *l, const uint64_t *word, uint64_t value)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) < value)
        sn_link_pause(l);
}

static int shm_wait(struct sn_link *l, unsigned me, unsigned flag, uint64_t value)
{
    assert(l->endpoints->rank_of[me] == l->rank);
    await(l, flag_of((struct shm_link *)l, me, flag), value);
    return SN_OK;
}

static int shm_flush(struct sn_link *l, unsigned me)
{
    (void)l, (void)me;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return SN_OK;
}

static void shm_poll(struct sn_link *l)
{
    sn_link_pause(l);
}

static void shm_stored(struct sn_link *l, unsigned me, unsigned to, size_t bytes, unsigned messages)
{
    __atomic_thread_fence(__ATOMIC_RELEASE);
    sn_link_count(l, me, to, bytes, messages);
}

/* The next free slot of the way to a rank. */
static struct mail_slot *next_slot(struct shm_link *s, int to, uint64_t *seq)
{
    struct mailbox *box = mailbox_of(s, s->link.rank, to);
    *seq = ++s->sent[to];
    if (*seq > MAIL_SLOTS)
        await(&s->link, &box->taken, *seq - MAIL_SLOTS);
    return &box->slot[(*seq - 1) % MAIL_SLOTS];
}

/* The offset of src in this rank's memory if others can read it there. */
static bool in_place(struct shm_link *s, const void *src, size_t bytes, uint64_t *at)
{
    const struct sn_link *l = &s->link;
    uintptr_t base = (uintptr_t)s->base[l->rank], p = (uintptr_t)src;
    size_t all = sn_layout_bytes(&s->layout, sn_endpoints_count(l->endpoints, l->rank));
    if (p < base || p - base > all || bytes > all - (p - base))
        return false;
    *at = p - base;
    return true;
}

static int shm_send(struct sn_link *l, unsigned me, unsigned to, const void *src, size_t bytes)
{
    struct shm_link *s = (struct shm_link *)l;
    int peer = l->endpoints->rank_of[to];
    const char *from = src;
    size_t left = bytes;
    uint64_t seq, at;
    assert(peer != l->rank);
    do {
        struct mail_slot *slot = next_slot(s, peer, &seq);
        slot->from = me;
        slot->to = to;
        if (left <= MAIL_INLINE) {
            slot->kind = MAIL_LINE;
            slot->bytes = left;
            memcpy(slot->data, from, left);
        } else if (left > MAIL_CELL && in_place(s, from, left, &at)) {
            slot->kind = MAIL_IN_PLACE;
            slot->bytes = left;
            slot->at = at;
        } else {
            slot->kind = MAIL_IN_CELL;
            slot->bytes = left < MAIL_CELL ? left : MAIL_CELL;
            sn_copy(cell_of(s, l->rank, peer, (unsigned)((seq - 1) % MAIL_SLOTS)), from,
                    slot->bytes);
        }
        from += slot->bytes;
        left -= slot->bytes;
        bool wait_for_it = slot->kind == MAIL_IN_PLACE;
        __atomic_store_n(&slot->seq, seq, __ATOMIC_RELEASE);
        if (wait_for_it)
            await(l, &mailbox_of(s, l->rank, peer)->taken, seq);
    } while (left);
    sn_link_count(l, me, to, bytes, 1);
    return SN_OK;
}

static int shm_recv(struct sn_link *l, unsigned me, unsigned from, void *dst, size_t bytes)
{
    struct shm_link *s = (struct shm_link *)l;
    int peer = l->endpoints->rank_of[from];
    struct mailbox *box = mailbox_of(s, peer, l->rank);
    char *to = dst;
    size_t left = bytes;
    assert(peer != l->rank);
    do {
        uint64_t seq = ++s->received[peer];
        unsigned i = (unsigned)((seq - 1) % MAIL_SLOTS);
        const struct mail_slot *slot = &box->slot[i];
        await(l, &slot->seq, seq);
        if (slot->from != from || slot->to != me || slot->bytes > left)
            return SN_FAIL(SN_EINVAL,
                           "endpoint %u expects %zu bytes from %u, got %llu from %u for %u; right: "
                           "receive what was sent, in order",
                           me, left, from, (unsigned long long)slot->bytes, slot->from, slot->to);
        if (slot->kind == MAIL_LINE)
            memcpy(to, slot->data, slot->bytes);
        else
            sn_copy(to,
                    slot->kind == MAIL_IN_CELL ? cell_of(s, peer, l->rank, i)
                                               : s->base[peer] + slot->at,
                    slot->bytes);
        to += slot->bytes;
        left -= slot->bytes;
        __atomic_store_n(&box->taken, seq, __ATOMIC_RELEASE);
    } while (left);
    return SN_OK;
}

const struct sn_transport sn_transport_shm = {
    .name = "shm",
    .brief = "shared-memory window of one host: load and store, one copy",
    .needs_target = false,
    .mapped = true,
    .unsupported = shm_unsupported,
    .open = shm_link_open,
    .close = shm_link_close,
    .local = shm_local,
    .peer = shm_peer,
    .put = shm_put,
    .get = shm_get,
    .atomic_add = shm_atomic_add,
    .notify = shm_notify,
    .wait = shm_wait,
    .flush = shm_flush,
    .send = shm_send,
    .recv = shm_recv,
    .poll = shm_poll,
    .stored = shm_stored,
};
