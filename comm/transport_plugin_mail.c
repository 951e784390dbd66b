/* Messages over the puts and signals of a plug-in: a ring of cells for each pair of ranks, in the
 * receiver's memory. A piece of up to CELL_BYTES is a put of header and data (two puts where the
 * data are not worth a copy) and a signal; a signal back gives half of the ring free. */
#include <stdlib.h>
#include <string.h>

#include "comm/transport_plugin.h"
#include "harness/base/buf.h"
#include "harness/base/copy.h"
#include "harness/base/status.h"

enum { CELLS = 8, CELL_BYTES = 8192, STAGED_BYTES = 1024 };

/* One piece of a message in the receiver's memory; `seq` is signalled after the rest was put. */
struct cell {
    uint64_t seq; /* 1 + number of the piece that is here */
    uint64_t bytes;
    uint32_t from, to;
    char data[CELL_BYTES - 24];
};
_Static_assert(sizeof(struct cell) == CELL_BYTES, "cells follow each other");

/* What a rank's memory begins with, once for each other rank. */
struct mailbox {
    uint64_t taken __attribute__((aligned(SN_LINE))); /* own pieces that the other has received */
    struct cell cell[CELLS] __attribute__((aligned(SN_LINE)));
};

size_t sn_plugin_mail_bytes(int ranks)
{
    return (size_t)ranks * sizeof(struct mailbox);
}

void sn_plugin_mail_open(struct plugin_link *s)
{
    size_t ranks = (size_t)s->link.endpoints->ranks;
    s->sent = sn_calloc(ranks, sizeof *s->sent);
    s->received = sn_calloc(ranks, sizeof *s->received);
    s->staged = sn_calloc(1, sizeof *s->staged);
}

void sn_plugin_mail_close(struct plugin_link *s)
{
    free(s->sent);
    free(s->received);
    free(s->staged);
}

/* Where the mailbox for what `from` sends begins in a rank's aligned memory. */
static size_t mailbox_at(int from)
{
    return (size_t)from * sizeof(struct mailbox);
}

static int send_piece(struct plugin_link *s, int rank, struct cell *head, const void *data)
{
    struct mailbox *own = (struct mailbox *)(s->base + mailbox_at(rank));
    uint64_t seq = ++s->sent[rank];
    int status = seq > CELLS ? sn_plugin_await(s, &own->taken, seq - CELLS) : SN_OK;
    if (status != SN_OK)
        return status;
    size_t at = s->skew[rank] + mailbox_at(s->link.rank) + offsetof(struct mailbox, cell) +
                (seq - 1) % CELLS * sizeof(struct cell),
           fields = at + offsetof(struct cell, bytes),
           fields_bytes = offsetof(struct cell, data) - offsetof(struct cell, bytes);
    if (head->bytes <= STAGED_BYTES) {
        memcpy(head->data, data, head->bytes);
        HOOK(s, put, rank, fields, &head->bytes, fields_bytes + head->bytes);
    } else {
        HOOK(s, put, rank, fields, &head->bytes, fields_bytes);
        HOOK(s, put, rank, at + offsetof(struct cell, data), data, head->bytes);
    }
    HOOK(s, signal, rank, at, seq);
    return SN_OK;
}

int sn_plugin_mail_send(struct plugin_link *s, int rank, unsigned me, unsigned to, const void *src,
                        size_t bytes)
{
    const char *from = src;
    do {
        struct cell *c = s->staged;
        c->from = me;
        c->to = to;
        c->bytes = bytes < sizeof c->data ? bytes : sizeof c->data;
        int status = send_piece(s, rank, c, from);
        if (status != SN_OK)
            return status;
        from += c->bytes;
        bytes -= c->bytes;
    } while (bytes);
    return SN_OK;
}

static int recv_piece(struct plugin_link *s, int rank, unsigned me, unsigned from, char *to,
                      size_t left, size_t *got)
{
    struct mailbox *box = (struct mailbox *)(s->base + mailbox_at(rank));
    uint64_t seq = ++s->received[rank];
    const struct cell *c = &box->cell[(seq - 1) % CELLS];
    int status = sn_plugin_await(s, &c->seq, seq);
    if (status != SN_OK)
        return status;
    if (c->from != from || c->to != me || c->bytes > left)
        return SN_FAIL(SN_EINVAL,
                       "endpoint %u expects %zu bytes from %u, got %llu from %u for %u; right: "
                       "receive what was sent, in order",
                       me, left, from, (unsigned long long)c->bytes, c->from, c->to);
    sn_copy(to, c->data, c->bytes);
    *got = c->bytes;
    if (seq % (CELLS / 2) == 0)
        HOOK(s, signal, rank,
             s->skew[rank] + mailbox_at(s->link.rank) + offsetof(struct mailbox, taken), seq);
    return SN_OK;
}

int sn_plugin_mail_recv(struct plugin_link *s, int rank, unsigned me, unsigned from, void *dst,
                        size_t bytes)
{
    size_t got = 0;
    char *to = dst;
    do {
        int status = recv_piece(s, rank, me, from, to, bytes, &got);
        if (status != SN_OK)
            return status;
        to += got;
        bytes -= got;
    } while (bytes);
    return SN_OK;
}
