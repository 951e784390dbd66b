/* The segment of a die, and combine over it (comm/moe_window.h). */
#include "comm/moe_window.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

enum { LINE = 64 };

/* Copies in mapped segments start on a cache line; elsewhere they are packed, so that a region goes
 * in one put without padding. */
static size_t stride_of(const struct sn_moe_shape *s, const struct sn_transport *t)
{
    size_t bytes = sn_codec_copy_bytes(s->dtype, s->hidden);
    return t->mapped ? sn_mem_round_up(bytes, LINE) : bytes;
}

struct layout {
    size_t counts_at, copies_at, nodes_at, answers_at, bytes;
};

static bool lay_out(struct layout *l, const struct sn_moe_shape *s, const struct sn_transport *t,
                    size_t nodes_bytes)
{
    size_t in = sn_moe_in_max(s), out = sn_moe_out_max(s), copies, answers;
    if (!sn_mem_mul(2 * in, stride_of(s, t), &copies) ||
        !sn_mem_mul(t->mapped ? in : 2 * out, 2 * (size_t)s->hidden, &answers))
        return false;
    l->counts_at = 0;
    l->copies_at = sn_mem_round_up(2 * (size_t)s->dies * LINE, 4096);
    l->nodes_at = sn_mem_round_up(l->copies_at + copies, 4096);
    l->answers_at = sn_mem_round_up(l->nodes_at + nodes_bytes, 4096);
    l->bytes = l->answers_at + answers;
    return true;
}

uint64_t sn_moe_window_memory(const struct sn_moe_shape *s, unsigned local,
                              const struct sn_transport *t, size_t nodes_bytes)
{
    struct layout l;
    if (!lay_out(&l, s, t, nodes_bytes))
        return UINT64_MAX;
    uint64_t private = (uint64_t)local * s->tokens * (s->topk + (s->shared > 0)) * 4;
    if (!t->mapped)
    private += sn_moe_out_max(s) * stride_of(s, t) + local * sn_moe_in_max(s) * 2 * s->hidden;
    return private + (uint64_t)local * l.bytes;
}

int sn_moe_window_open(struct sn_moe_window *w, struct sn_moe *m, const struct sn_moe_algorithm *a,
                       const struct sn_transport *t, bool yield, size_t nodes_bytes)
{
    struct layout l;
    size_t in = sn_moe_in_max(&m->shape), out = sn_moe_out_max(&m->shape);
    sn_moe_exchange_init(&w->head, a, m, yield);
    w->transport = t;
    w->mapped = t->mapped;
    w->head.stride = stride_of(&m->shape, t);
    if (!lay_out(&l, &m->shape, t, nodes_bytes))
        return SN_FAIL(SN_EINVAL, "%s: the segment of a die is larger than the address space",
                       a->name);
    w->counts_at = l.counts_at;
    w->copies_at = l.copies_at;
    w->nodes_at = l.nodes_at;
    w->answers_at = l.answers_at;
    w->place = sn_calloc((size_t)m->local * m->shape.tokens * m->k, sizeof *w->place);
    w->sent = sn_calloc((size_t)m->local * m->shape.dies, sizeof *w->sent);
    w->moved = sn_calloc(m->shape.dies, sizeof *w->moved);
    w->peer = sn_calloc(m->shape.dies, sizeof *w->peer);
    int status = t->open(t, &w->link, m->comm, m->endpoints, l.bytes, 3 * m->shape.dies, yield);
    if (status)
        return status;
    for (unsigned d = 0; w->mapped && d < m->shape.dies; d++)
        w->peer[d] = t->peer(w->link, d);
    status = sn_mem_alloc((void **)&w->scratch, (w->mapped ? 1 : out) * w->head.stride);
    if (!status && !w->mapped)
        status = sn_mem_alloc((void **)&w->y, m->local * in * m->answer_bytes);
    return status;
}

void sn_moe_window_close(struct sn_moe_exchange *x)
{
    struct sn_moe_window *w = (struct sn_moe_window *)x;
    if (!w)
        return;
    if (w->link)
        w->transport->close(w->link);
    sn_mem_free(w->scratch);
    sn_mem_free(w->y);
    free(w->place);
    free(w->sent);
    free(w->moved);
    free(w->peer);
    sn_moe_exchange_free(&w->head);
    free(w);
}

size_t sn_moe_window_copies(const struct sn_moe_window *w, unsigned die, unsigned src)
{
    const struct sn_moe *m = w->head.moe;
    size_t at = (w->dispatches & 1) * sn_moe_in_max(&m->shape) + sn_moe_in(m, die, src);
    return w->copies_at + at * w->head.stride;
}

size_t sn_moe_window_count(const struct sn_moe_window *w, unsigned src)
{
    return w->counts_at + ((w->dispatches & 1) * w->head.moe->shape.dies + src) * LINE;
}

/* Where the answers between die `expert` and source die `src` lie in the segment of `expert`
 * (mapped) or of `src` (else). */
static size_t answers(const struct sn_moe_window *w, unsigned expert, unsigned src)
{
    const struct sn_moe *m = w->head.moe;
    size_t at = w->mapped
                    ? sn_moe_in(m, expert, src)
                    : (w->combines & 1) * sn_moe_out_max(&m->shape) + sn_moe_out(m, src, expert);
    return w->answers_at + at * m->answer_bytes;
}

void sn_moe_window_begin(struct sn_moe_window *w)
{
    const struct sn_moe *m = w->head.moe;
    const uint32_t *slot_die = m->placement.slot_die;
    size_t per_die = (size_t)m->shape.tokens * m->k, routed = (size_t)m->tokens * m->k;
    w->dispatches++;
    memset(w->sent, 0, (size_t)m->local * m->shape.dies * sizeof *w->sent);
    for (unsigned i = 0; i < m->local; i++) {
        uint32_t *sent = w->sent + (size_t)i * m->shape.dies;
        for (size_t c = 0; c < routed; c++)
            w->place[i * per_die + c] = sent[slot_die[m->slot[i * per_die + c]]]++;
    }
}

int sn_moe_window_note(struct sn_moe_window *w, unsigned me, unsigned to, size_t offset,
                       uint64_t value)
{
    if (w->mapped) {
        memcpy(w->peer[to] + offset, &value, sizeof value);
        return SN_OK;
    }
    *(me == to ? &w->seen_self : &w->seen_other) += sizeof value;
    return w->transport->put(w->link, me, to, offset, &value, sizeof value);
}

int sn_moe_window_announce(struct sn_moe_window *w, unsigned me, unsigned to, unsigned src,
                           uint32_t n)
{
    int status = sn_moe_window_note(w, me, to, sn_moe_window_count(w, src), n);
    uint32_t moved = w->moved[to];
    if (status)
        return status;
    w->moved[to] = 0;
    w->head.wire_copies += me == to ? 0 : moved;
    if (w->mapped)
        w->transport->stored(w->link, me, to, moved * w->head.moe->copy_bytes, moved);
    return w->transport->notify(w->link, me, to, src, w->dispatches);
}

/* What the link counted since the last time, without the counts of copies. */
static void take_bytes(struct sn_moe_window *w)
{
    uint64_t self = w->link->bytes[SN_TIER_SELF], other = 0;
    for (unsigned t = SN_TIER_SELF + 1; t < SN_TIERS; t++)
        other += w->link->bytes[t];
    w->head.local_bytes += self - w->seen_self;
    w->head.wire_bytes += other - w->seen_other;
    w->seen_self = self;
    w->seen_other = other;
}

int sn_moe_window_end(struct sn_moe_window *w)
{
    const struct sn_moe *m = w->head.moe;
    for (unsigned i = 0; i < m->local; i++) {
        unsigned die = sn_endpoints_at(m->endpoints, m->rank, i);
        uint8_t *segment = w->transport->local(w->link, die);
        for (unsigned s = 0; s < m->shape.dies; s++) {
            size_t pair = (size_t)i * m->shape.dies + s;
            uint64_t count;
            int status = w->transport->wait(w->link, die, s, w->dispatches);
            if (status)
                return status;
            memcpy(&count, segment + sn_moe_window_count(w, s), sizeof count);
            w->head.count[pair] = (uint32_t)count;
            w->head.received[pair] = segment + sn_moe_window_copies(w, die, s);
            size_t y = i * sn_moe_in_max(&m->shape) + sn_moe_in(m, die, s);
            w->head.answer[pair] =
                w->mapped ? segment + answers(w, die, s) : w->y + y * m->answer_bytes;
        }
    }
    /* No flush: every put is followed by a flag that its receiver waits for. */
    take_bytes(w);
    return SN_OK;
}

/* Brings die `die`'s answers to all sources, or tells them that they may come for them. */
static int give_answers(struct sn_moe_window *w, unsigned i)
{
    const struct sn_moe *m = w->head.moe;
    unsigned dies = m->shape.dies, die = sn_endpoints_at(m->endpoints, m->rank, i);
    for (unsigned step = 1; step <= dies; step++) {
        unsigned s = (die + step) % dies;
        size_t pair = (size_t)i * dies + s, bytes = w->head.count[pair] * m->answer_bytes;
        int status = SN_OK;
        if (w->mapped) /* orders what the experts wrote before the flag; counts nothing */
            w->transport->stored(w->link, die, s, 0, 0);
        else if (bytes)
            status =
                w->transport->put(w->link, die, s, answers(w, die, s), w->head.answer[pair], bytes);
        if (!status)
            status = w->transport->notify(w->link, die, s, dies + die, w->combines);
        if (status)
            return status;
    }
    return SN_OK;
}

static int sum(struct sn_moe_window *w, unsigned i)
{
    const struct sn_moe *m = w->head.moe;
    unsigned die = sn_endpoints_at(m->endpoints, m->rank, i);
    uint8_t *mine = w->transport->local(w->link, die);
    for (unsigned d = 0; d < m->shape.dies; d++) {
        int status = w->transport->wait(w->link, die, m->shape.dies + d, w->combines);
        if (status)
            return status;
    }
    for (unsigned t = 0; t < m->tokens; t++) {
        size_t token = (size_t)i * m->shape.tokens + t;
        const uint16_t *y[SN_MOE_COPIES_MAX];
        for (unsigned j = 0; j < m->k; j++) {
            unsigned d = m->placement.slot_die[m->slot[token * m->k + j]];
            uint8_t *from = w->mapped ? w->peer[d] : mine;
            w->moved[d]++;
            y[j] = (const uint16_t *)(from + answers(w, d, die) +
                                      w->place[token * m->k + j] * m->answer_bytes);
        }
        m->codec->sum(y, m->weight + token * m->k, m->k, m->shape.hidden,
                      m->out + token * m->shape.hidden);
    }
    for (unsigned d = 0; d < m->shape.dies; d++) {
        if (w->mapped) /* these bytes were loads; the call is here for its count */
            w->transport->stored(w->link, die, d, w->moved[d] * m->answer_bytes, w->moved[d]);
        w->moved[d] = 0;
    }
    return SN_OK;
}

int sn_moe_window_combine(struct sn_moe_exchange *x)
{
    struct sn_moe_window *w = (struct sn_moe_window *)x;
    const struct sn_moe *m = x->moe;
    int status = SN_OK;
    w->combines++;
    for (unsigned i = 0; i < m->local && !status; i++)
        status = give_answers(w, i);
    for (unsigned i = 0; i < m->local && !status; i++)
        status = sum(w, i);
    take_bytes(w);
    return status;
}
