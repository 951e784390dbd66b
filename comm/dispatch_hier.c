/* Dispatch by node: one record per (token, node), forwarded inside.
 *
 * 1. each token is encoded once; copies for dies of the source's own node go straight to them;
 * every other node with copies gets one record: payload, its hash, and for each copy its slot, its
 *    number and its place in the final region. It goes to the node's forwarder for that source, the
 *    die with the source's index in its node (modulo the node's size), so that forwarding is
 * spread;
 * 2. each forwarder waits for its sources, writes the copies with their own heads into the regions
 *    of the node's dies, and sets the source's flags there; 3. all dies wait as in put.
 * The received regions are those of put, bit by bit. Combine is put's: adding up inside a node
 * would change the order of the sum, and the result with it. Cost: 2 alpha + (records of a die)
 * beta between nodes + (copies) beta inside; the choice where the links between nodes are the slow
 * ones: with 256 experts, k = 8 and 16 dies a node at EP64, 3.6 records instead of 8 copies leave a
 * die.
 */
#include "comm/moe_window.h"

#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/copy.h"
#include "harness/base/hash.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

enum { LINE = 64 };

struct record_head { /* behind the payload of a node record; then n entries */
    uint32_t token;
    uint16_t src, n;
    uint64_t hash; /* of the payload, computed by the source */
};

struct record_entry {
    uint32_t place; /* in the region of (source, die of slot) */
    uint16_t slot, j;
};

struct hier {
    struct sn_moe_window w;
    unsigned nodes, node; /* dies per node */
    unsigned fan;         /* most sources of one forwarder */
    size_t record_bytes, record_stride;
    uint32_t *turn;    /* (dies, nodes) number of a source among those of its forwarder */
    uint32_t *records; /* (nodes) records sent by the current source */
    uint32_t *passed;  /* (dies) copies passed on for the current source */
    uint8_t *staged;   /* not mapped: (nodes, T) records; mapped: one */
};

static unsigned node_size(unsigned dies, unsigned per_node, unsigned node)
{
    unsigned rest = dies - node * per_node;
    return rest < per_node ? rest : per_node;
}

static unsigned forwarder(unsigned dies, unsigned per_node, unsigned src, unsigned node)
{
    return node * per_node + src % per_node % node_size(dies, per_node, node);
}

/* Fills turn (NULL: only counts) and returns the most sources of one forwarder. */
static unsigned take_turns(unsigned dies, unsigned per_node, uint32_t *turn)
{
    unsigned nodes = (dies + per_node - 1) / per_node, most = 0;
    uint32_t *next = sn_calloc(dies, sizeof *next);
    for (unsigned s = 0; s < dies; s++)
        for (unsigned node = 0; node < nodes; node++) {
            if (s / per_node == node)
                continue;
            uint32_t n = next[forwarder(dies, per_node, s, node)]++;
            if (turn)
                turn[(size_t)s * nodes + node] = n;
            most = n + 1 > most ? n + 1 : most;
        }
    free(next);
    return most;
}

static size_t record_bytes(const struct sn_moe_shape *s)
{
    unsigned k = s->topk + (s->shared > 0);
    return sn_codec_payload_bytes(s->dtype, s->hidden) + sizeof(struct record_head) +
           k * sizeof(struct record_entry);
}

static size_t record_stride(const struct sn_moe_shape *s, const struct sn_transport *t)
{
    return t->mapped ? sn_mem_round_up(record_bytes(s), LINE) : record_bytes(s);
}

/* Region of node records of a source at its forwarder: one line with their number, then they. */
static size_t records_at(const struct hier *h, unsigned src, unsigned node)
{
    const struct sn_moe *m = h->w.head.moe;
    size_t n = (size_t)(h->w.dispatches & 1) * h->fan + h->turn[(size_t)src * h->nodes + node];
    return h->w.nodes_at + n * (LINE + m->shape.tokens * h->record_stride);
}

/* Writes the tail of a record for `node` behind the payload; returns its number of copies. */
static unsigned write_tail(const struct hier *h, uint8_t *tail, size_t token, unsigned t,
                           unsigned die, unsigned node, uint64_t hash)
{
    const struct sn_moe *m = h->w.head.moe;
    struct record_head head = {.token = t, .src = (uint16_t)die, .hash = hash};
    for (unsigned j = 0; j < m->k; j++) {
        uint32_t slot = m->slot[token * m->k + j];
        if (m->placement.slot_die[slot] / h->node != node)
            continue;
        struct record_entry e = {h->w.place[token * m->k + j], (uint16_t)slot, (uint16_t)j};
        memcpy(tail + sizeof head + head.n++ * sizeof e, &e, sizeof e);
    }
    memset(tail + sizeof head + head.n * sizeof(struct record_entry), 0,
           (m->k - head.n) * sizeof(struct record_entry));
    memcpy(tail, &head, sizeof head);
    return head.n;
}

/* Where a copy for `die` of source `src` is written: the mapped region, or the staging area that
 * one put will take there. */
static uint8_t *copy_to(const struct hier *h, unsigned src, unsigned die, uint32_t place)
{
    const struct sn_moe_window *w = &h->w;
    return w->mapped ? w->peer[die] + sn_moe_window_copies(w, die, src) + place * w->head.stride
                     : w->scratch + (sn_moe_out(w->head.moe, src, die) + place) * w->head.stride;
}

/* Hands over the n copies of `src` to `die`, which lie where copy_to() said. */
static int hand_over(struct hier *h, unsigned me, unsigned die, unsigned src, uint32_t n)
{
    struct sn_moe_window *w = &h->w;
    int status = SN_OK;
    if (!w->mapped && n)
        status = w->transport->put(w->link, me, die, sn_moe_window_copies(w, die, src),
                                   copy_to(h, src, die, 0), n * w->head.moe->copy_bytes);
    return status ? status : sn_moe_window_announce(w, me, die, src, n);
}

/* Encodes the tokens of one die: copies inside the node, one record for every other node. */
static void spread_tokens(struct hier *h, unsigned i)
{
    struct sn_moe_window *w = &h->w;
    const struct sn_moe *m = w->head.moe;
    unsigned die = sn_endpoints_at(m->endpoints, m->rank, i), home = die / h->node;
    size_t payload = m->copy_bytes - sizeof(struct sn_copy_head), hidden = m->shape.hidden;
    memset(h->records, 0, h->nodes * sizeof *h->records);
    for (unsigned t = 0; t < m->tokens; t++) {
        size_t token = (size_t)i * m->shape.tokens + t;
        bool done[SN_MOE_COPIES_MAX] = {false};
        /* The last line of `staged` is the scratch: payload, then the tail of each record. */
        uint8_t *scratch =
            h->staged + (w->mapped ? 0 : (size_t)h->nodes * m->shape.tokens) * h->record_stride;
        sn_codec_encode(m->codec, m->shape.dtype, hidden, m->x + token * hidden, scratch);
        uint64_t hash = sn_hash_payload(scratch, payload);
        for (unsigned j = 0; j < m->k; j++) {
            uint32_t slot = m->slot[token * m->k + j];
            unsigned to = m->placement.slot_die[slot], node = to / h->node;
            if (node == home) {
                uint8_t *copy = copy_to(h, die, to, w->place[token * m->k + j]);
                sn_copy(copy, scratch, payload);
                sn_moe_put_head(m, copy + m->copy_bytes, t * m->k + j, die, slot, hash);
                w->moved[to]++;
                continue;
            }
            if (done[j])
                continue;
            for (unsigned q = j; q < m->k; q++)
                done[q] |= m->placement.slot_die[m->slot[token * m->k + q]] / h->node == node;
            write_tail(h, scratch + payload, token, t, die, node, hash);
            size_t n = h->records[node]++;
            uint8_t *record =
                w->mapped ? w->peer[forwarder(m->shape.dies, h->node, die, node)] +
                                records_at(h, die, node) + LINE + n * h->record_stride
                          : h->staged + (node * (size_t)m->shape.tokens + n) * h->record_stride;
            sn_copy(record, scratch, h->record_bytes);
        }
    }
}

static int send_out(struct hier *h, unsigned i)
{
    struct sn_moe_window *w = &h->w;
    const struct sn_moe *m = w->head.moe;
    unsigned dies = m->shape.dies, die = sn_endpoints_at(m->endpoints, m->rank, i);
    unsigned home = die / h->node, size = node_size(dies, h->node, home);
    for (unsigned step = 1; step < h->nodes; step++) {
        unsigned node = (home + step) % h->nodes, to = forwarder(dies, h->node, die, node);
        size_t n = h->records[node], at = records_at(h, die, node);
        int status = SN_OK;
        if (w->mapped) {
            sn_moe_window_note(w, die, to, at, n);
            w->transport->stored(w->link, die, to, n * h->record_bytes, (unsigned)n);
        } else {
            if (n)
                status =
                    w->transport->put(w->link, die, to, at + LINE,
                                      h->staged + (size_t)node * m->shape.tokens * h->record_stride,
                                      n * h->record_bytes);
            status = status ? status : sn_moe_window_note(w, die, to, at, n);
        }
        if (!status)
            status = w->transport->notify(w->link, die, to, 2 * dies + die, w->dispatches);
        if (status)
            return status;
        w->head.wire_copies += n;
    }
    for (unsigned step = 1; step <= size; step++) {
        unsigned to = home * h->node + (die - home * h->node + step) % size;
        int status = hand_over(h, die, to, die, w->sent[(size_t)i * dies + to]);
        if (status)
            return status;
    }
    return SN_OK;
}

/* Passes on what source `src` sent to this rank's die `die` for its node. */
static int forward(struct hier *h, unsigned die, unsigned src)
{
    struct sn_moe_window *w = &h->w;
    const struct sn_moe *m = w->head.moe;
    unsigned home = die / h->node, first = home * h->node;
    unsigned size = node_size(m->shape.dies, h->node, home);
    size_t payload = m->copy_bytes - sizeof(struct sn_copy_head);
    int status = w->transport->wait(w->link, die, 2 * m->shape.dies + src, w->dispatches);
    if (status)
        return status;
    const uint8_t *line = (uint8_t *)w->transport->local(w->link, die) + records_at(h, src, home);
    uint64_t n;
    memcpy(&n, line, sizeof n);
    memset(h->passed, 0, size * sizeof *h->passed);
    for (size_t r = 0; r < n; r++) {
        const uint8_t *record = line + LINE + r * h->record_stride;
        struct record_head head;
        memcpy(&head, record + payload, sizeof head);
        for (unsigned q = 0; q < head.n; q++) {
            struct record_entry e;
            memcpy(&e, record + payload + sizeof head + q * sizeof e, sizeof e);
            unsigned to = m->placement.slot_die[e.slot];
            uint8_t *copy = copy_to(h, src, to, e.place);
            sn_copy(copy, record, payload);
            sn_moe_put_head(m, copy + m->copy_bytes, head.token * m->k + e.j, src, e.slot,
                            head.hash);
            h->passed[to - first]++;
            w->moved[to]++;
        }
    }
    for (unsigned q = 0; q < size && !status; q++)
        status = hand_over(h, die, first + q, src, h->passed[q]);
    return status;
}

static int dispatch(struct sn_moe_exchange *x)
{
    struct hier *h = (struct hier *)x;
    const struct sn_moe *m = x->moe;
    unsigned dies = m->shape.dies;
    sn_moe_window_begin(&h->w);
    for (unsigned i = 0; i < m->local; i++) {
        spread_tokens(h, i);
        int status = send_out(h, i);
        if (status)
            return status;
    }
    for (unsigned i = 0; i < m->local; i++) {
        unsigned die = sn_endpoints_at(m->endpoints, m->rank, i), home = die / h->node;
        for (unsigned step = 1; step < dies; step++) {
            unsigned src = (die + dies - step) % dies;
            if (src / h->node == home || forwarder(dies, h->node, src, home) != die)
                continue;
            int status = forward(h, die, src);
            if (status)
                return status;
        }
    }
    return sn_moe_window_end(&h->w);
}

static size_t nodes_bytes(const struct sn_moe_shape *s, unsigned fan, const struct sn_transport *t)
{
    return 2 * (size_t)fan * (LINE + s->tokens * record_stride(s, t));
}

static uint64_t memory(const struct sn_moe_shape *s, unsigned dies_per_node, unsigned local,
                       const struct sn_transport *t)
{
    unsigned nodes = (s->dies + dies_per_node - 1) / dies_per_node;
    uint64_t staged = (t->mapped ? 1 : (uint64_t)nodes * s->tokens + 1) * record_stride(s, t);
    return staged + sn_moe_window_memory(
                        s, local, t, nodes_bytes(s, take_turns(s->dies, dies_per_node, NULL), t));
}

static const char *unsupported(const struct sn_moe_shape *s, unsigned dies_per_node, unsigned local)
{
    return s->dies <= dies_per_node ? "hier needs more than one node: ep > node" : NULL;
}

static void close_hier(struct sn_moe_exchange *x)
{
    struct hier *h = (struct hier *)x;
    if (!h)
        return;
    sn_mem_free(h->staged);
    free(h->turn);
    free(h->records);
    free(h->passed);
    sn_moe_window_close(x);
}

static int open_hier(struct sn_moe_exchange **out, struct sn_moe *m, const struct sn_transport *t,
                     bool yield);

const struct sn_moe_algorithm sn_moe_hier = {
    .name = "hier",
    .brief = "one record per (token, node), forwarded inside the node",
    .transport = true,
    .by_node = true,
    .schedule = SN_MOE_NODES,
    .unsupported = unsupported,
    .memory = memory,
    .open = open_hier,
    .close = close_hier,
    .dispatch = dispatch,
    .combine = sn_moe_window_combine,
};

static int open_hier(struct sn_moe_exchange **out, struct sn_moe *m, const struct sn_transport *t,
                     bool yield)
{
    struct hier *h = sn_calloc(1, sizeof *h);
    unsigned dies = m->shape.dies;
    *out = &h->w.head;
    h->node = m->endpoints->dies_per_node;
    h->nodes = (dies + h->node - 1) / h->node;
    h->turn = sn_calloc((size_t)dies * h->nodes, sizeof *h->turn);
    h->records = sn_calloc(h->nodes, sizeof *h->records);
    h->passed = sn_calloc(h->node, sizeof *h->passed);
    h->fan = take_turns(dies, h->node, h->turn);
    h->record_bytes = record_bytes(&m->shape);
    h->record_stride = record_stride(&m->shape, t);
    int status =
        sn_moe_window_open(&h->w, m, &sn_moe_hier, t, yield, nodes_bytes(&m->shape, h->fan, t));
    size_t records = t->mapped ? 1 : (size_t)h->nodes * m->shape.tokens + 1;
    return status ? status : sn_mem_alloc((void **)&h->staged, records * h->record_stride);
}
