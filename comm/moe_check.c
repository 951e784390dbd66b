/* Checks of a dispatch and a combine (comm/moe_check.h). Plain code throughout: nothing here is
 * shared with the algorithms but the formats' scalars and the routing. */
#include "comm/moe_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/hash.h"
#include "harness/base/status.h"

__attribute__((format(printf, 2, 3))) static void fail(struct sn_moe_verdict *v, const char *fmt,
                                                       ...)
{
    if (!v->errors++) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(v->first, sizeof v->first, fmt, ap);
        va_end(ap);
    }
}

/* "token 17 of die 0 (copy 3, expert 5 on die 1)" */
static const char *name_copy(char *buf, size_t size, const struct sn_moe *m, unsigned src,
                             uint32_t copy, uint32_t slot)
{
    uint16_t expert = m->placement.slot_expert[slot];
    int n = snprintf(buf, size, "token %u of die %u (copy %u, ", copy / m->k, src, copy % m->k);
    if (expert == SN_EXPERT_SHARED)
        snprintf(buf + n, size - (size_t)n, "shared expert on die %u)",
                 m->placement.slot_die[slot]);
    else
        snprintf(buf + n, size - (size_t)n, "expert %u on die %u)", expert,
                 m->placement.slot_die[slot]);
    return buf;
}

static struct sn_copy_head head_of(const struct sn_moe_exchange *x, size_t pair, uint32_t n)
{
    struct sn_copy_head h;
    memcpy(&h, x->received[pair] + n * x->stride + x->moe->copy_bytes - sizeof h, sizeof h);
    return h;
}

/* --- mutations -------------------------------------------------------------------------------- */

/* A copy that belongs to another die than `die`, written whole at `to`. */
static bool plant_foreign(const struct sn_moe *m, unsigned die, uint8_t *to)
{
    uint32_t slot[SN_MOE_COPIES_MAX];
    float weight[SN_MOE_COPIES_MAX];
    uint16_t *x = sn_calloc(m->shape.hidden, sizeof *x);
    bool done = false;
    for (unsigned c = 0; c < m->shape.dies * m->shape.tokens && !done; c++) {
        unsigned src = c / m->shape.tokens, t = c % m->shape.tokens;
        sn_moe_route(m, src, t, slot, weight);
        for (unsigned j = 0; j < m->k && !done; j++) {
            if (m->placement.slot_die[slot[j]] == die)
                continue;
            sn_moe_input(m, src, t, x);
            sn_codec_encode(sn_codecs[0], m->shape.dtype, m->shape.hidden, x, to);
            size_t payload = m->copy_bytes - sizeof(struct sn_copy_head);
            sn_moe_put_head(m, to + m->copy_bytes, t * m->k + j, src, slot[j],
                            sn_hash_payload(to, payload));
            done = true;
        }
    }
    free(x);
    return done;
}

static bool swap_payloads(uint8_t *a, uint8_t *b, size_t bytes)
{
    if (!memcmp(a, b, bytes))
        return false;
    for (size_t i = 0; i < bytes; i++) {
        uint8_t c = a[i];
        a[i] = b[i];
        b[i] = c;
    }
    return true;
}

/* Applies the mutation to one (die, source) pair; false when it cannot. */
static bool mutate_pair(struct sn_moe_exchange *x, size_t pair, enum sn_moe_mutation mutation)
{
    const struct sn_moe *m = x->moe;
    size_t payload = m->copy_bytes - sizeof(struct sn_copy_head);
    uint32_t n = x->count[pair], mid = n / 2;
    if (!n)
        return false;
    uint8_t *copy = x->received[pair] + mid * x->stride;
    unsigned die = sn_endpoints_at(m->endpoints, m->rank, (unsigned)(pair / m->shape.dies));
    switch (mutation) {
    case SN_MOE_BITFLIP:
        copy[m->shape.hidden / 3] ^= 0x10;
        return true;
    case SN_MOE_SWAP:
        for (uint32_t i = 0; i < n; i++)
            if (swap_payloads(copy, x->received[pair] + i * x->stride, payload))
                return true;
        return false;
    case SN_MOE_DROP:
        memmove(copy, copy + x->stride, (n - 1 - mid) * x->stride);
        x->count[pair]--;
        return true;
    default:
        return plant_foreign(m, die, copy);
    }
}

static const char *const mutation_name[] = {"none", "bitflip", "swap", "drop", "wrong-rank"};

int sn_moe_mutate(struct sn_moe_exchange *x, enum sn_moe_mutation mutation)
{
    struct sn_moe *m = x->moe;
    size_t pairs = (size_t)m->local * m->shape.dies;
    if (mutation == SN_MOE_INTACT)
        return SN_OK;
    /* One rank after the other tries; the first that can is the only one. */
    int done = 0;
    for (int r = 0; r < m->endpoints->ranks && !done; r++) {
        for (size_t p = 0; r == m->rank && p < pairs && !done; p++)
            done = mutate_pair(x, p, mutation);
        MPI_Bcast(&done, 1, MPI_INT, r, m->comm);
    }
    if (!done)
        return SN_FAIL(SN_EINVAL, "mutation %s: no die holds copies it could be done to",
                       mutation_name[mutation]);
    return SN_OK;
}

/* --- received ----------------------------------------------------------------------------------*/

/* Working memory for the copies of one source at this rank's dies. */
struct source {
    unsigned die;
    uint32_t *slot;    /* (T, K) where its copies must go */
    uint32_t *at;      /* (T, K) 1 + place where a copy was found */
    uint8_t *payload;  /* of one token */
    uint16_t *x;       /* (H) */
    uint16_t *y, *sum; /* (K, H), (H) for combine */
};

static void source_init(struct source *s, const struct sn_moe *m)
{
    size_t copies = (size_t)m->shape.tokens * m->k, hidden = m->shape.hidden;
    s->slot = sn_calloc(copies, sizeof *s->slot);
    s->at = sn_calloc(copies, sizeof *s->at);
    s->payload = sn_calloc(m->copy_bytes, 1);
    s->x = sn_calloc(hidden, sizeof *s->x);
    s->y = sn_calloc(m->k * hidden, sizeof *s->y);
    s->sum = sn_calloc(hidden, sizeof *s->sum);
}

static void source_free(struct source *s)
{
    free(s->slot);
    free(s->at);
    free(s->payload);
    free(s->x);
    free(s->y);
    free(s->sum);
}

static bool hosted(const struct sn_moe *m, uint32_t slot)
{
    return m->endpoints->rank_of[m->placement.slot_die[slot]] == m->rank;
}

/* Reads the heads in the region of (own die i, source) and notes where each copy lies. */
static void find_copies(const struct sn_moe_exchange *x, struct source *s, unsigned i,
                        struct sn_moe_verdict *v)
{
    const struct sn_moe *m = x->moe;
    size_t pair = (size_t)i * m->shape.dies + s->die;
    unsigned die = sn_endpoints_at(m->endpoints, m->rank, i);
    char what[96];
    for (uint32_t n = 0; n < x->count[pair]; n++) {
        struct sn_copy_head h = head_of(x, pair, n);
        if (h.src != s->die || h.copy >= m->shape.tokens * m->k) {
            /* A copy of another source that is whole can still be named. */
            if (h.src < m->shape.dies && h.slot < m->placement.slots &&
                h.copy < m->shape.tokens * m->k)
                fail(v, "%s: lies among the copies of die %u on die %u",
                     name_copy(what, sizeof what, m, h.src, h.copy, h.slot), s->die, die);
            else
                fail(v, "copy %u of die %u on die %u: its head names no token (source %u, copy %u)",
                     n, s->die, die, h.src, h.copy);
            continue;
        }
        uint32_t slot = s->slot[h.copy], to = m->placement.slot_die[slot];
        if (h.slot == slot && to == die && !s->at[h.copy]) {
            s->at[h.copy] = n + 1;
            continue;
        }
        name_copy(what, sizeof what, m, s->die, h.copy, slot);
        if (h.slot != slot)
            fail(v, "%s: its head names slot %u, not %u", what, h.slot, slot);
        if (to != die)
            fail(v, "%s: came to die %u", what, die);
        else if (s->at[h.copy])
            fail(v, "%s: came twice", what);
        else
            s->at[h.copy] = n + 1;
    }
}

/* Compares the copy found at place n of a pair with the token's payload. */
static void compare_copy(const struct sn_moe_exchange *x, const struct source *s, size_t pair,
                         uint32_t copy, uint64_t hash, struct sn_moe_verdict *v)
{
    const struct sn_moe *m = x->moe;
    size_t payload = m->copy_bytes - sizeof(struct sn_copy_head);
    const uint8_t *got = x->received[pair] + (s->at[copy] - 1) * x->stride;
    struct sn_copy_head h = head_of(x, pair, s->at[copy] - 1);
    char what[96];
    bool same = !memcmp(got, s->payload, payload);
    if (same && h.sum == sn_codec_sum(hash, &h))
        return;
    name_copy(what, sizeof what, m, s->die, copy, s->slot[copy]);
    if (!same) {
        size_t at = 0;
        while (got[at] == s->payload[at])
            at++;
        fail(v, "%s: payload byte %zu is 0x%02x, not 0x%02x", what, at, got[at], s->payload[at]);
    } else {
        fail(v, "%s: checksum %016llx, not %016llx", what, (unsigned long long)h.sum,
             (unsigned long long)sn_codec_sum(hash, &h));
    }
}

static void check_token(const struct sn_moe_exchange *x, struct source *s, unsigned t,
                        struct sn_moe_verdict *v)
{
    const struct sn_moe *m = x->moe;
    size_t payload = m->copy_bytes - sizeof(struct sn_copy_head);
    uint64_t hash = 0;
    bool encoded = false;
    for (uint32_t copy = t * m->k; copy < (t + 1) * m->k; copy++) {
        char what[96];
        if (!hosted(m, s->slot[copy]))
            continue;
        v->compared++;
        if (!s->at[copy]) {
            fail(v, "%s: missing", name_copy(what, sizeof what, m, s->die, copy, s->slot[copy]));
            continue;
        }
        if (!encoded) {
            sn_moe_input(m, s->die, t, s->x);
            sn_codec_encode(sn_codecs[0], m->shape.dtype, m->shape.hidden, s->x, s->payload);
            hash = sn_hash_payload(s->payload, payload);
            encoded = true;
        }
        unsigned i = m->endpoints->slot_of[m->placement.slot_die[s->slot[copy]]];
        compare_copy(x, s, (size_t)i * m->shape.dies + s->die, copy, hash, v);
    }
}

void sn_moe_check_received(const struct sn_moe_exchange *x, struct sn_moe_verdict *v)
{
    const struct sn_moe *m = x->moe;
    float weight[SN_MOE_COPIES_MAX];
    struct source s;
    if (!m->local)
        return;
    source_init(&s, m);
    for (s.die = 0; s.die < m->shape.dies; s.die++) {
        for (unsigned t = 0; t < m->shape.tokens; t++)
            sn_moe_route(m, s.die, t, s.slot + (size_t)t * m->k, weight);
        memset(s.at, 0, (size_t)m->shape.tokens * m->k * sizeof *s.at);
        for (unsigned i = 0; i < m->local; i++)
            find_copies(x, &s, i, v);
        for (unsigned t = 0; t < m->shape.tokens; t++)
            check_token(x, &s, t, v);
    }
    source_free(&s);
}

/* --- combined ---------------------------------------------------------------------------------*/

/* The combined token t of die s->die in s->sum. */
static void expect_combined(const struct sn_moe *m, struct source *s, unsigned t)
{
    size_t hidden = m->shape.hidden;
    uint32_t slot[SN_MOE_COPIES_MAX];
    float weight[SN_MOE_COPIES_MAX];
    const uint16_t *y[SN_MOE_COPIES_MAX];
    sn_moe_route(m, s->die, t, slot, weight);
    sn_moe_input(m, s->die, t, s->x);
    sn_codec_encode(sn_codecs[0], m->shape.dtype, hidden, s->x, s->payload);
    for (unsigned j = 0; j < m->k; j++) {
        sn_codec_decode(m->shape.dtype, hidden, s->payload,
                        sn_moe_factor(m->placement.slot_expert[slot[j]]), s->y + j * hidden);
        y[j] = s->y + j * hidden;
    }
    sn_codecs[0]->sum(y, weight, m->k, hidden, s->sum);
}

/* A combined token of another rank's die, different from what is there, written at `to`. */
static bool plant_foreign_token(const struct sn_moe *m, uint16_t *to)
{
    struct source s;
    bool done = false;
    source_init(&s, m);
    for (s.die = 0; s.die < m->shape.dies && !done; s.die++) {
        if (m->endpoints->rank_of[s.die] == m->rank)
            continue;
        expect_combined(m, &s, 0);
        done = memcmp(to, s.sum, m->answer_bytes) != 0;
        if (done)
            memcpy(to, s.sum, m->answer_bytes);
    }
    source_free(&s);
    return done;
}

static bool mutate_out(struct sn_moe *m, enum sn_moe_mutation mutation)
{
    size_t hidden = m->shape.hidden, tokens = (size_t)m->local * m->shape.tokens;
    uint16_t *token = m->out + tokens / 2 * hidden;
    if (!tokens)
        return false;
    switch (mutation) {
    case SN_MOE_BITFLIP:
        token[hidden / 3] ^= 0x10;
        return true;
    case SN_MOE_SWAP:
        for (size_t t = 0; t < tokens; t++)
            if (swap_payloads((uint8_t *)token, (uint8_t *)(m->out + t * hidden), m->answer_bytes))
                return true;
        return false;
    case SN_MOE_DROP:
        memset(token, 0, m->answer_bytes);
        return true;
    default:
        return plant_foreign_token(m, token);
    }
}

int sn_moe_mutate_combined(struct sn_moe_exchange *x, enum sn_moe_mutation mutation)
{
    struct sn_moe *m = x->moe;
    int done = mutation == SN_MOE_INTACT;
    for (int r = 0; r < m->endpoints->ranks && !done; r++) {
        if (r == m->rank)
            done = mutate_out(m, mutation);
        MPI_Bcast(&done, 1, MPI_INT, r, m->comm);
    }
    if (!done)
        return SN_FAIL(SN_EINVAL, "mutation %s: no die holds combined tokens it could be done to",
                       mutation_name[mutation]);
    return SN_OK;
}

void sn_moe_check_combined(const struct sn_moe_exchange *x, struct sn_moe_verdict *v)
{
    const struct sn_moe *m = x->moe;
    size_t hidden = m->shape.hidden;
    struct source s;
    source_init(&s, m);
    for (unsigned i = 0; i < m->local; i++) {
        s.die = sn_endpoints_at(m->endpoints, m->rank, i);
        for (unsigned t = 0; t < m->shape.tokens; t++) {
            const uint16_t *out = m->out + ((size_t)i * m->shape.tokens + t) * hidden;
            expect_combined(m, &s, t);
            v->compared++;
            if (!memcmp(out, s.sum, m->answer_bytes))
                continue;
            size_t h = 0;
            while (out[h] == s.sum[h])
                h++;
            fail(v, "token %u of die %u: combined value %zu is %g (0x%04x), not %g (0x%04x)", t,
                 s.die, h, sn_bf16_to_f32(out[h]), out[h], sn_bf16_to_f32(s.sum[h]), s.sum[h]);
        }
    }
    source_free(&s);
}

/* --- conservation and traffic ------------------------------------------------------------------*/

void sn_moe_check_conserved(const struct sn_moe_exchange *x, struct sn_moe_verdict *v)
{
    const struct sn_moe *m = x->moe;
    unsigned slots = m->placement.slots;
    uint32_t *sent = sn_calloc(2 * (size_t)slots, sizeof *sent), *got = sent + slots;
    for (size_t c = 0; c < (size_t)m->local * m->shape.tokens * m->k; c++)
        sent[m->slot[c]]++;
    for (size_t pair = 0; pair < (size_t)m->local * m->shape.dies; pair++)
        for (uint32_t n = 0; n < x->count[pair]; n++) {
            uint16_t slot = head_of(x, pair, n).slot;
            if (slot < slots)
                got[slot]++;
        }
    MPI_Allreduce(MPI_IN_PLACE, sent, (int)(2 * slots), MPI_UINT32_T, MPI_SUM, m->comm);
    for (uint32_t slot = 0; slot < slots; slot++) {
        if (!hosted(m, slot))
            continue;
        v->compared++;
        if (sent[slot] != got[slot])
            fail(v, "slot %u (expert %u on die %u): %u copies were sent, %u received", slot,
                 m->placement.slot_expert[slot], m->placement.slot_die[slot], sent[slot],
                 got[slot]);
    }
    free(sent);
}

size_t sn_moe_record_bytes(const struct sn_moe_shape *s)
{
    return sn_codec_payload_bytes(s->dtype, s->hidden) + 16 +
           8 * (size_t)(s->topk + (s->shared > 0));
}

static void move(struct sn_moe_traffic *t, unsigned from, unsigned to, size_t bytes)
{
    *(from == to ? &t->local : &t->wire) += bytes;
    t->wire_copies += from != to;
}

static void route(struct sn_moe_traffic *t, unsigned from, unsigned to, size_t bytes)
{
    if (!t->sent)
        return;
    if (from == to) {
        t->own[from] += bytes;
    } else {
        t->sent[from] += bytes;
        t->received[to] += bytes;
    }
}

void sn_moe_expected_dispatch(const struct sn_moe_exchange *x, struct sn_moe_traffic *t)
{
    const struct sn_moe *m = x->moe;
    const struct sn_endpoints *e = m->endpoints;
    t->wire = t->local = t->wire_copies = 0;
    for (size_t token = 0; token < (size_t)m->local * m->shape.tokens; token++) {
        unsigned src = sn_endpoints_at(e, m->rank, (unsigned)(token / m->shape.tokens));
        const uint32_t *slot = m->slot + token * m->k;
        for (unsigned j = 0; j < m->k; j++) {
            unsigned to = m->placement.slot_die[slot[j]], node = sn_endpoints_node(e, to);
            route(t, src, to, m->copy_bytes);
            if (!x->algorithm->by_node || node == sn_endpoints_node(e, src)) {
                move(t, src, to, m->copy_bytes);
                continue;
            }
            /* Passed on by the die with the source's index in the node, modulo the node's size. */
            unsigned per = e->dies_per_node, left = m->shape.dies - node * per;
            unsigned by = node * per + src % per % (left < per ? left : per);
            bool first = true;
            for (unsigned q = 0; q < j; q++)
                first &= sn_endpoints_node(e, m->placement.slot_die[slot[q]]) != node;
            if (first)
                move(t, src, by, sn_moe_record_bytes(&m->shape));
            move(t, by, to, m->copy_bytes);
        }
    }
}

void sn_moe_expected_combine(const struct sn_moe_exchange *x, struct sn_moe_traffic *t)
{
    const struct sn_moe *m = x->moe;
    t->wire = t->local = t->wire_copies = 0;
    for (size_t c = 0; c < (size_t)m->local * m->shape.tokens * m->k; c++) {
        unsigned from = m->placement.slot_die[m->slot[c]];
        unsigned to =
            sn_endpoints_at(m->endpoints, m->rank, (unsigned)(c / m->k / m->shape.tokens));
        route(t, from, to, m->answer_bytes);
        move(t, from, to, m->answer_bytes);
    }
}
