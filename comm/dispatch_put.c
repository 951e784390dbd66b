/* Dispatch by put: the supernode way (fused dispatch, arXiv 2506.12708).
 *
 * 1. places of all copies in the receivers' pre-allocated regions, from the routing alone;
 * 2. each token is encoded once and written straight into the regions of all its K copies;
 * 3. one count and one flag per (source, destination); 4. every die waits for the flags of all
 * sources. No barrier, no request for room: comm/moe_window.h proves that two parities suffice.
 * Mapped transports: encoded into a scratch copy that stays in the first-level cache, then stored K
 * times. Else: encoded into a staging region per destination, one put each.
 * Combine: sn_moe_window_combine().
 * Cost: alpha + the copies of a die x beta + D flags; every byte is written once.
 *
 * Stores are plain, not streaming: on a 2-core virtual machine (AVX-512, H 7168, int8, 128 tokens
 * of 8 copies a core) plain stores gave 19 GB/s a core, streaming ones 17.7, one fence a copy 12.3,
 * the K destinations interleaved line by line 17.5. Prefetching the destinations while the token is
 * encoded gave nothing for one copy ahead and cost 10 % for all.
 */
#include "comm/moe_window.h"

#include <stdlib.h>

#include "harness/base/buf.h"
#include "harness/base/copy.h"
#include "harness/base/hash.h"
#include "harness/base/status.h"

static void store_tokens(struct sn_moe_window *w, unsigned i)
{
    const struct sn_moe *m = w->head.moe;
    unsigned die = sn_endpoints_at(m->endpoints, m->rank, i);
    size_t payload = m->copy_bytes - sizeof(struct sn_copy_head), hidden = m->shape.hidden;
    for (unsigned t = 0; t < m->tokens; t++) {
        size_t token = (size_t)i * m->shape.tokens + t;
        sn_codec_encode(m->codec, m->shape.dtype, hidden, m->x + token * hidden, w->scratch);
        uint64_t hash = sn_hash_payload(w->scratch, payload);
        for (unsigned j = 0; j < m->k; j++) {
            uint32_t slot = m->slot[token * m->k + j];
            unsigned die_to = m->placement.slot_die[slot];
            uint8_t *to = w->peer[die_to] + sn_moe_window_copies(w, die_to, die) +
                          w->place[token * m->k + j] * w->head.stride;
            sn_moe_put_head(m, w->scratch + m->copy_bytes, t * m->k + j, die, slot, hash);
            sn_copy(to, w->scratch, m->copy_bytes);
            w->moved[die_to]++;
        }
    }
}

static void stage_tokens(struct sn_moe_window *w, unsigned i)
{
    const struct sn_moe *m = w->head.moe;
    unsigned die = sn_endpoints_at(m->endpoints, m->rank, i);
    size_t payload = m->copy_bytes - sizeof(struct sn_copy_head), hidden = m->shape.hidden;
    for (unsigned t = 0; t < m->tokens; t++) {
        size_t token = (size_t)i * m->shape.tokens + t;
        const uint8_t *first = NULL;
        uint64_t hash = 0;
        for (unsigned j = 0; j < m->k; j++) {
            uint32_t slot = m->slot[token * m->k + j];
            unsigned die_to = m->placement.slot_die[slot];
            size_t to = sn_moe_out(m, die, die_to);
            uint8_t *copy = w->scratch + (to + w->place[token * m->k + j]) * w->head.stride;
            if (first) {
                sn_copy(copy, first, payload);
            } else {
                sn_codec_encode(m->codec, m->shape.dtype, hidden, m->x + token * hidden, copy);
                hash = sn_hash_payload(copy, payload);
                first = copy;
            }
            sn_moe_put_head(m, copy + m->copy_bytes, t * m->k + j, die, slot, hash);
            w->moved[die_to]++;
        }
    }
}

static int dispatch(struct sn_moe_exchange *head)
{
    struct sn_moe_window *w = (struct sn_moe_window *)head;
    const struct sn_moe *m = head->moe;
    unsigned dies = m->shape.dies;
    sn_moe_window_begin(w);
    for (unsigned i = 0; i < m->local; i++) {
        unsigned die = sn_endpoints_at(m->endpoints, m->rank, i);
        if (w->mapped)
            store_tokens(w, i);
        else
            stage_tokens(w, i);
        for (unsigned step = 1; step <= dies; step++) {
            unsigned to = (die + step) % dies;
            uint32_t n = w->sent[(size_t)i * dies + to];
            int status = SN_OK;
            if (!w->mapped && n)
                status = w->transport->put(w->link, die, to, sn_moe_window_copies(w, to, die),
                                           w->scratch + sn_moe_out(m, die, to) * head->stride,
                                           n * m->copy_bytes);
            if (!status)
                status = sn_moe_window_announce(w, die, to, die, n);
            if (status)
                return status;
        }
    }
    return sn_moe_window_end(w);
}

static uint64_t memory(const struct sn_moe_shape *s, unsigned dies_per_node, unsigned local,
                       const struct sn_transport *t)
{
    return sn_moe_window_memory(s, local, t, 0);
}

static int open_put(struct sn_moe_exchange **out, struct sn_moe *m, const struct sn_transport *t,
                    bool yield);

const struct sn_moe_algorithm sn_moe_put = {
    .name = "put",
    .brief = "encoded straight into the receiver's buffer, flags instead of barriers",
    .transport = true,
    .schedule = SN_MOE_COPIES,
    .memory = memory,
    .open = open_put,
    .close = sn_moe_window_close,
    .dispatch = dispatch,
    .combine = sn_moe_window_combine,
};

static int open_put(struct sn_moe_exchange **out, struct sn_moe *m, const struct sn_transport *t,
                    bool yield)
{
    struct sn_moe_window *w = sn_calloc(1, sizeof *w);
    *out = &w->head;
    return sn_moe_window_open(w, m, &sn_moe_put, t, yield, 0);
}
