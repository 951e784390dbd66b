/* Transport p2p: two-sided MPI messages; put, get and atomic are active messages.
 *
 * A request is a header, with up to INLINE bytes of payload in the same message; longer payload
 * follows in messages of its own, received straight into the segment. Requests to a rank arrive in
 * order (one communicator, one tag), which orders a notify behind the puts before it. A rank serves
 * requests inside wait, flush, poll and while its own calls wait. flush asks every rank that was
 * put to for an acknowledgement. send and recv are MPI_Send and MPI_Recv on a second communicator.
 *
 * No deadlock: a rank that owes payload or awaits a reply is always inside MPI, and whoever it
 * waits for has the matching call posted already. Cost: put one message, get and atomic two.
 */
#include <stdlib.h>
#include <string.h>

#include "comm/transport_impl.h"
#include "harness/base/buf.h"
#include "harness/base/copy.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

enum { INLINE = 4032 };
enum { TAG_REQUEST = 1, TAG_PAYLOAD, TAG_REPLY };
enum kind { PUT, GET, ATOMIC, NOTIFY, ACK };

struct request {
    uint32_t kind, to, flag, unused;
    uint64_t offset, bytes, value;
    char data[INLINE];
};
#define HEADER_BYTES offsetof(struct request, data)

struct p2p_link {
    struct sn_link link;
    struct sn_layout layout;
    MPI_Comm plain; /* of send and recv: tags are pairs of endpoints */
    void *memory;
    char *base;
    bool *dirty;         /* (ranks) requests sent since the last acknowledgement */
    MPI_Request pending; /* the receive of the next request, posted when first needed */
    struct request in, out;
};

static const char *p2p_unsupported(const struct sn_transport *t, MPI_Comm comm)
{
    (void)comm;
    return NULL;
}

static char *segment_of(struct p2p_link *s, unsigned die)
{
    assert(s->link.endpoints->rank_of[die] == s->link.rank);
    return s->base + sn_layout_segment(&s->layout, s->link.endpoints, die);
}

static uint64_t *flag_of(struct p2p_link *s, unsigned die, unsigned flag)
{
    assert(s->link.endpoints->rank_of[die] == s->link.rank && flag < s->link.flags);
    return (uint64_t *)(s->base +
                        sn_layout_flag(&s->layout, s->link.endpoints->slot_of[die], flag));
}

static int64_t add_word(struct p2p_link *s, unsigned die, uint64_t offset, int64_t add)
{
    int64_t *word = (int64_t *)(segment_of(s, die) + offset), old = *word;
    *word = (int64_t)((uint64_t)old + (uint64_t)add);
    return old;
}

/* Serves the request in s->in. What the partner must do for it to end is posted already. */
static int serve(struct p2p_link *s, int source)
{
    struct request *q = &s->in;
    MPI_Comm comm = s->link.comm;
    int64_t old;
    switch ((enum kind)q->kind) {
    case PUT:
        if (q->bytes <= INLINE)
            memcpy(segment_of(s, q->to) + q->offset, q->data, q->bytes);
        else
            SN_LINK_MPI(MPI_Recv, segment_of(s, q->to) + q->offset, (int)q->bytes, MPI_BYTE, source,
                        TAG_PAYLOAD, comm, MPI_STATUS_IGNORE);
        return SN_OK;
    case GET:
        SN_LINK_MPI(MPI_Send, segment_of(s, q->to) + q->offset, (int)q->bytes, MPI_BYTE, source,
                    TAG_REPLY, comm);
        return SN_OK;
    case ATOMIC:
        old = add_word(s, q->to, q->offset, (int64_t)q->value);
        SN_LINK_MPI(MPI_Send, &old, sizeof old, MPI_BYTE, source, TAG_REPLY, comm);
        return SN_OK;
    case NOTIFY:
        *flag_of(s, q->to, q->flag) = q->value;
        return SN_OK;
    case ACK:
        SN_LINK_MPI(MPI_Send, NULL, 0, MPI_BYTE, source, TAG_REPLY, comm);
        return SN_OK;
    }
    return SN_FAIL(SN_EENV, "rank %d sent a request of unknown kind %u", source, q->kind);
}

static int post(struct p2p_link *s)
{
    SN_LINK_MPI(MPI_Irecv, &s->in, sizeof s->in, MPI_BYTE, MPI_ANY_SOURCE, TAG_REQUEST,
                s->link.comm, &s->pending);
    return SN_OK;
}

/* Serves what has arrived; *served tells whether anything had. */
static int progress(struct p2p_link *s, bool *served)
{
    *served = false;
    if (s->pending == MPI_REQUEST_NULL) {
        int status = post(s);
        if (status != SN_OK)
            return status;
    }
    for (;;) {
        int done;
        MPI_Status from;
        SN_LINK_MPI(MPI_Test, &s->pending, &done, &from);
        if (!done)
            return SN_OK;
        *served = true;
        int status = serve(s, from.MPI_SOURCE);
        if (status == SN_OK)
            status = post(s);
        if (status != SN_OK)
            return status;
    }
}

enum { REQUESTS_MAX = 3 };

/* Serves others until n requests of this rank are complete. */
static int complete(struct p2p_link *s, int n, MPI_Request *requests)
{
    MPI_Status statuses[REQUESTS_MAX];
    for (;;) {
        int done;
        bool served;
        SN_LINK_MPI(MPI_Testall, n, requests, &done, statuses);
        if (done)
            return SN_OK;
        int status = progress(s, &served);
        if (status != SN_OK)
            return status;
        if (!served)
            sn_link_pause(&s->link);
    }
}

/* Sends a request, with `payload` behind it unless it fits inside; both may be reused on return.
 * With `reply` not NULL also awaits a reply of reply_bytes. */
static int request(struct p2p_link *s, int rank, const struct request *head, const void *payload,
                   void *reply, size_t reply_bytes)
{
    MPI_Comm comm = s->link.comm;
    MPI_Request r[REQUESTS_MAX];
    int n = 0;
    size_t inside = payload && head->bytes <= INLINE ? head->bytes : 0;
    memcpy(&s->out, head, HEADER_BYTES);
    if (inside)
        memcpy(s->out.data, payload, inside);
    if (reply)
        SN_LINK_MPI(MPI_Irecv, reply, (int)reply_bytes, MPI_BYTE, rank, TAG_REPLY, comm, &r[n++]);
    SN_LINK_MPI(MPI_Isend, &s->out, (int)(HEADER_BYTES + inside), MPI_BYTE, rank, TAG_REQUEST, comm,
                &r[n++]);
    if (payload && !inside && head->bytes)
        SN_LINK_MPI(MPI_Isend, payload, (int)head->bytes, MPI_BYTE, rank, TAG_PAYLOAD, comm,
                    &r[n++]);
    return complete(s, n, r);
}

static int p2p_put(struct sn_link *l, unsigned me, unsigned to, size_t offset, const void *src,
                   size_t bytes)
{
    struct p2p_link *s = (struct p2p_link *)l;
    int rank = l->endpoints->rank_of[to];
    assert(sn_link_inside(l, offset, bytes));
    sn_link_count(l, me, to, bytes, 1);
    if (rank == l->rank) {
        sn_copy(segment_of(s, to) + offset, src, bytes);
        return SN_OK;
    }
    s->dirty[rank] = true;
    for (const char *from = src; bytes;) {
        size_t n = bytes < l->chunk_bytes ? bytes : l->chunk_bytes;
        struct request q = {.kind = PUT, .to = to, .offset = offset, .bytes = n};
        int status = request(s, rank, &q, from, NULL, 0);
        if (status != SN_OK)
            return status;
        from += n;
        offset += n;
        bytes -= n;
    }
    return SN_OK;
}

static int p2p_get(struct sn_link *l, unsigned me, unsigned from, size_t offset, void *dst,
                   size_t bytes)
{
    struct p2p_link *s = (struct p2p_link *)l;
    int rank = l->endpoints->rank_of[from];
    assert(sn_link_inside(l, offset, bytes));
    sn_link_count(l, me, from, bytes, 1);
    if (rank == l->rank) {
        sn_copy(dst, segment_of(s, from) + offset, bytes);
        return SN_OK;
    }
    for (char *to = dst; bytes;) {
        size_t n = bytes < l->chunk_bytes ? bytes : l->chunk_bytes;
        struct request q = {.kind = GET, .to = from, .offset = offset, .bytes = n};
        int status = request(s, rank, &q, NULL, to, n);
        if (status != SN_OK)
            return status;
        to += n;
        offset += n;
        bytes -= n;
    }
    return SN_OK;
}

static int p2p_atomic_add(struct sn_link *l, unsigned me, unsigned at, size_t offset, int64_t add,
                          int64_t *old)
{
    (void)me;
    struct p2p_link *s = (struct p2p_link *)l;
    int rank = l->endpoints->rank_of[at];
    assert(sn_link_inside(l, offset, sizeof *old) && offset % sizeof *old == 0);
    if (rank == l->rank) {
        *old = add_word(s, at, offset, add);
        return SN_OK;
    }
    struct request q = {.kind = ATOMIC, .to = at, .offset = offset, .value = (uint64_t)add};
    return request(s, rank, &q, NULL, old, sizeof *old);
}

static int p2p_notify(struct sn_link *l, unsigned me, unsigned to, unsigned flag, uint64_t value)
{
    (void)me;
    struct p2p_link *s = (struct p2p_link *)l;
    int rank = l->endpoints->rank_of[to];
    if (rank == l->rank) {
        *flag_of(s, to, flag) = value;
        return SN_OK;
    }
    s->dirty[rank] = true;
    struct request q = {.kind = NOTIFY, .to = to, .flag = flag, .value = value};
    return request(s, rank, &q, NULL, NULL, 0);
}

static int p2p_wait(struct sn_link *l, unsigned me, unsigned flag, uint64_t value)
{
    struct p2p_link *s = (struct p2p_link *)l;
    const uint64_t *word = flag_of(s, me, flag);
    while (*word < value) {
        bool served;
        int status = progress(s, &served);
        if (status != SN_OK)
            return status;
        if (!served)
            sn_link_pause(l);
    }
    return SN_OK;
}

static int p2p_flush(struct sn_link *l, unsigned me)
{
    (void)me;
    struct p2p_link *s = (struct p2p_link *)l;
    char nothing;
    for (int r = 0; r < l->endpoints->ranks; r++) {
        if (!s->dirty[r])
            continue;
        struct request q = {.kind = ACK};
        int status = request(s, r, &q, NULL, &nothing, 0);
        if (status != SN_OK)
            return status;
        s->dirty[r] = false;
    }
    return SN_OK;
}

static void p2p_poll(struct sn_link *l)
{
    bool served;
    (void)progress((struct p2p_link *)l, &served);
}

/* The tag of a message between two endpoints: their slots on their ranks. */
static int tag_of(const struct sn_endpoints *e, unsigned from, unsigned to)
{
    unsigned slots = sn_endpoints_count(e, e->rank_of[to]);
    return (int)(e->slot_of[from] * slots + e->slot_of[to]);
}

static int p2p_send(struct sn_link *l, unsigned me, unsigned to, const void *src, size_t bytes)
{
    struct p2p_link *s = (struct p2p_link *)l;
    int rank = l->endpoints->rank_of[to], tag = tag_of(l->endpoints, me, to);
    assert(rank != l->rank);
    sn_link_count(l, me, to, bytes, 1);
    const char *from = src;
    do {
        size_t n = bytes < l->chunk_bytes ? bytes : l->chunk_bytes;
        SN_LINK_MPI(MPI_Send, from, (int)n, MPI_BYTE, rank, tag, s->plain);
        from += n;
        bytes -= n;
    } while (bytes);
    return SN_OK;
}

static int p2p_recv(struct sn_link *l, unsigned me, unsigned from, void *dst, size_t bytes)
{
    struct p2p_link *s = (struct p2p_link *)l;
    int rank = l->endpoints->rank_of[from], tag = tag_of(l->endpoints, from, me);
    assert(rank != l->rank);
    char *to = dst;
    do {
        size_t n = bytes < l->chunk_bytes ? bytes : l->chunk_bytes;
        SN_LINK_MPI(MPI_Recv, to, (int)n, MPI_BYTE, rank, tag, s->plain, MPI_STATUS_IGNORE);
        to += n;
        bytes -= n;
    } while (bytes);
    return SN_OK;
}

static int check_tags(const struct p2p_link *s)
{
    const struct sn_endpoints *e = s->link.endpoints;
    int *limit, found;
    uint64_t most = 0;
    for (int r = 0; r < e->ranks; r++)
        if (sn_endpoints_count(e, r) > most)
            most = sn_endpoints_count(e, r);
    SN_LINK_MPI(MPI_Comm_get_attr, s->plain, MPI_TAG_UB, &limit, &found);
    if (found && most * most > (uint64_t)*limit)
        return SN_FAIL(SN_EENV, "%llu endpoints on a rank need more message tags than MPI's %d",
                       (unsigned long long)most, *limit);
    return SN_OK;
}

/* Everything sent is acknowledged and everybody knows it: no request is left behind. */
static int quiesce(struct p2p_link *s)
{
    MPI_Request barrier;
    int status = p2p_flush(&s->link, 0);
    SN_LINK_MPI(MPI_Ibarrier, s->link.comm, &barrier);
    if (status == SN_OK)
        status = complete(s, 1, &barrier);
    if (s->pending != MPI_REQUEST_NULL) {
        MPI_Cancel(&s->pending);
        MPI_Wait(&s->pending, MPI_STATUS_IGNORE);
    }
    return status;
}

static void p2p_release(struct p2p_link *s)
{
    if (s->plain != MPI_COMM_NULL)
        MPI_Comm_free(&s->plain);
    sn_mem_free(s->memory);
    free(s->dirty);
    sn_link_fini(&s->link);
    free(s);
}

static void p2p_close(struct sn_link *l)
{
    struct p2p_link *s = (struct p2p_link *)l;
    (void)quiesce(s);
    p2p_release(s);
}

static int p2p_allocate(struct p2p_link *s)
{
    struct sn_link *l = &s->link;
    SN_LINK_MPI(MPI_Comm_dup, l->comm, &s->plain);
    int status = check_tags(s);
    if (status == SN_OK)
        status = sn_layout_make(&s->layout, l, 0);
    if (status != SN_OK)
        return status;
    size_t bytes = sn_layout_bytes(&s->layout, sn_endpoints_count(l->endpoints, l->rank));
    status = sn_mem_alloc(&s->memory, bytes + s->layout.align);
    if (status == SN_OK)
        s->base = (char *)sn_mem_round_up((uintptr_t)s->memory, s->layout.align);
    return status;
}

static int p2p_open(const struct sn_transport *t, struct sn_link **out, MPI_Comm comm,
                    const struct sn_endpoints *e, size_t segment_bytes, unsigned flags, bool yield)
{
    struct p2p_link *s = sn_calloc(1, sizeof *s);
    s->plain = MPI_COMM_NULL;
    s->pending = MPI_REQUEST_NULL;
    s->dirty = sn_calloc((size_t)e->ranks, sizeof *s->dirty);
    int status = sn_link_init(&s->link, t, comm, e, segment_bytes, flags, yield);
    if (status == SN_OK)
        status = p2p_allocate(s);
    status = sn_link_agree(comm, status);
    if (status != SN_OK) {
        p2p_release(s);
        return status;
    }
    *out = &s->link;
    return SN_OK;
}

static void *p2p_local(struct sn_link *l, unsigned endpoint)
{
    return segment_of((struct p2p_link *)l, endpoint);
}

static void *p2p_peer(struct sn_link *l, unsigned endpoint)
{
    (void)l, (void)endpoint;
    return NULL;
}

static void p2p_stored(struct sn_link *l, unsigned me, unsigned to, size_t bytes, unsigned messages)
{
    (void)l, (void)me, (void)to, (void)bytes, (void)messages;
    assert(!"stores need a mapped transport");
}

const struct sn_transport sn_transport_p2p = {
    .name = "p2p",
    .brief = "two-sided MPI messages: put, get and atomics served by the target's rank",
    .needs_target = true,
    .mapped = false,
    .unsupported = p2p_unsupported,
    .open = p2p_open,
    .close = p2p_close,
    .local = p2p_local,
    .peer = p2p_peer,
    .put = p2p_put,
    .get = p2p_get,
    .atomic_add = p2p_atomic_add,
    .notify = p2p_notify,
    .wait = p2p_wait,
    .flush = p2p_flush,
    .send = p2p_send,
    .recv = p2p_recv,
    .poll = p2p_poll,
    .stored = p2p_stored,
};
