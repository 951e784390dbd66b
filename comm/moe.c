/* The dispatch problem: inputs, routing, placement; the stand-in experts; the list of algorithms.
 *
 * Inputs: 16 random bits a value: sign, 7 bits of mantissa, and the number of trailing zeros of the
 * other 8 as the exponent's distance from the top, which makes |x| nearly uniform in its range (so
 * int8 codes fill -127..127); a power of two per token makes the scales differ.
 */
#include "comm/moe.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

enum { STREAM_INPUT = 0x6d6f6531, STREAM_CHOICE = 0x6d6f6532 };

#define SN_ALGORITHM(symbol, word) extern const struct sn_moe_algorithm symbol;
#include "comm/algorithms.def"
#undef SN_ALGORITHM

const struct sn_moe_algorithm *const sn_moe_algorithms[] = {
#define SN_ALGORITHM(symbol, word) &symbol,
#include "comm/algorithms.def"
#undef SN_ALGORITHM
    NULL};

const char *const sn_moe_algorithm_words[] = {
#define SN_ALGORITHM(symbol, word) word,
#include "comm/algorithms.def"
#undef SN_ALGORITHM
    NULL};

void sn_moe_algorithm_list(void (*emit)(void *out, const char *name, const char *brief,
                                        const char *unavailable),
                           void *out)
{
    for (size_t i = 0; sn_moe_algorithms[i]; i++)
        emit(out, sn_moe_algorithms[i]->name, sn_moe_algorithms[i]->brief, NULL);
}

const char *sn_moe_unsupported(const struct sn_moe_shape *s)
{
    if (s->topk > s->experts)
        return "topk is larger than experts";
    if (s->topk + (s->shared > 0) > SN_MOE_COPIES_MAX)
        return "more than 64 copies of a token (topk + shared)";
    if (s->dies > UINT16_MAX)
        return "more than 65,535 dies: a copy names its source in 16 bits";
    if ((uint64_t)s->experts + s->redundant + s->shared > UINT16_MAX)
        return "more than 65,535 expert slots: a copy names its slot in 16 bits";
    if (!sn_codec_hidden_valid(s->dtype, s->hidden))
        return "hidden must be a multiple of 128, at most 16384";
    if ((uint64_t)s->tokens * SN_MOE_COPIES_MAX > UINT32_MAX)
        return "too many tokens per die: a copy's number has 32 bits";
    return NULL;
}

unsigned sn_moe_pair_max(const struct sn_moe_shape *s)
{
    unsigned k = s->topk + (s->shared > 0), slots = s->experts + s->redundant + s->shared;
    unsigned per_die = (slots + s->dies - 1) / s->dies;
    return s->tokens * (k < per_die ? k : per_die);
}

uint64_t sn_moe_in_max(const struct sn_moe_shape *s)
{
    return s->fit ? s->fit : (uint64_t)s->dies * sn_moe_pair_max(s);
}

uint64_t sn_moe_out_max(const struct sn_moe_shape *s)
{
    return s->fit ? (uint64_t)s->tokens * (s->topk + (s->shared > 0))
                  : (uint64_t)s->dies * sn_moe_pair_max(s);
}

uint64_t sn_moe_memory(const struct sn_moe_shape *s, unsigned local)
{
    uint64_t tokens = (uint64_t)local * s->tokens, k = s->topk + (s->shared > 0);
    uint64_t places = s->fit ? 2ull * s->dies * s->dies * sizeof(uint32_t) : 0;
    return tokens * (4ull * s->hidden + 8 * k) + places;
}

float sn_moe_factor(uint16_t expert)
{
    static const float factor[] = {0.25f, 0.5f, 1, 2, 4};
    return expert == SN_EXPERT_SHARED ? 0.5f : factor[expert % 5];
}

void sn_moe_input(const struct sn_moe *m, unsigned die, unsigned t, uint16_t *x)
{
    uint64_t token = (uint64_t)die * m->shape.tokens + t;
    struct sn_rng r = sn_rng_make(m->seed ^ STREAM_INPUT, token);
    unsigned top = 122 + (unsigned)sn_rng_below(&r, 9); /* exponent of the largest: 2^-5 .. 2^3 */
    for (unsigned h = 0; h < m->shape.hidden; h += 4) {
        uint64_t bits = sn_rng_next(&r);
        for (unsigned i = 0; i < 4; i++, bits >>= 16) {
            unsigned down = (unsigned)__builtin_ctz((unsigned)(bits & 0xff) | 0x100);
            x[h + i] = (uint16_t)((bits & 0x8000) | (top - down) << 7 | (bits >> 8 & 0x7f));
        }
    }
}

void sn_moe_route(const struct sn_moe *m, unsigned die, unsigned t, uint32_t *slot, float *weight)
{
    uint16_t expert[SN_MOE_COPIES_MAX];
    uint64_t token = (uint64_t)die * m->shape.tokens + t;
    unsigned topk = m->shape.topk;
    sn_routing_token(m->routing, m->draw, token, expert, weight);
    if (m->shape.shared) {
        expert[topk] = SN_EXPERT_SHARED;
        if (weight)
            weight[topk] = 1;
    }
    for (unsigned j = 0; j < m->k; j++) {
        uint64_t at = token * SN_MOE_COPIES_MAX + j;
        bool choice = sn_placement_replicas(&m->placement, expert[j]) > 1;
        slot[j] = sn_placement_slot(&m->placement, expert[j],
                                    choice ? sn_rng_at(m->seed ^ STREAM_CHOICE, m->draw, at) : 0);
    }
}

void sn_moe_set_draw(struct sn_moe *m, uint64_t draw)
{
    m->draw = draw;
    for (unsigned i = 0; i < m->local; i++) {
        unsigned die = sn_endpoints_at(m->endpoints, m->rank, i);
        for (unsigned t = 0; t < m->shape.tokens; t++) {
            size_t at = ((size_t)i * m->shape.tokens + t) * m->k;
            sn_moe_route(m, die, t, m->slot + at, m->weight + at);
        }
    }
}

static int place(struct sn_moe *m)
{
    const struct sn_moe_shape *s = &m->shape;
    double *share = s->redundant ? sn_calloc(s->experts, sizeof *share) : NULL;
    if (share)
        sn_routing_shares(m->routing, share);
    int status =
        sn_placement_open(&m->placement, s->dies, s->experts, s->redundant, s->shared, share);
    free(share);
    return status;
}

int sn_moe_open_routing(struct sn_moe *m, const struct sn_moe_shape *shape, const char *routing,
                        uint64_t seed)
{
    const char *why = sn_moe_unsupported(shape);
    *m = (struct sn_moe){.shape = *shape, .seed = seed, .comm = MPI_COMM_NULL};
    if (why)
        return SN_FAIL(SN_EINVAL, "dispatch: %s", why);
    m->k = shape->topk + (shape->shared > 0);
    m->tokens = shape->tokens;
    m->pair_max = sn_moe_pair_max(shape);
    m->copy_bytes = sn_codec_copy_bytes(shape->dtype, shape->hidden);
    m->answer_bytes = 2 * (size_t)shape->hidden;
    m->codec = sn_codec_for(shape->hidden);
    int status = sn_routing_open(&m->routing, routing, shape->experts, shape->topk, seed);
    return status ? status : place(m);
}

int sn_moe_open(struct sn_moe *m, const struct sn_moe_shape *shape, const char *routing,
                uint64_t seed, const struct sn_endpoints *e, MPI_Comm comm)
{
    int status = sn_moe_open_routing(m, shape, routing, seed);
    MPI_Comm_dup(comm, &m->comm);
    MPI_Comm_rank(m->comm, &m->rank);
    m->endpoints = e;
    m->local = sn_endpoints_count(e, m->rank);
    size_t tokens = (size_t)m->local * shape->tokens;
    if (!status)
        status = sn_mem_alloc((void **)&m->x, tokens * m->answer_bytes);
    if (!status)
        status = sn_mem_alloc((void **)&m->out, tokens * m->answer_bytes);
    if (!status)
        status = sn_mem_alloc((void **)&m->slot, tokens * m->k * sizeof *m->slot);
    if (!status)
        status = sn_mem_alloc((void **)&m->weight, tokens * m->k * sizeof *m->weight);
    if (status)
        return status;
    for (unsigned i = 0; i < m->local; i++)
        for (unsigned t = 0; t < shape->tokens; t++)
            sn_moe_input(m, sn_endpoints_at(e, m->rank, i), t,
                         m->x + ((size_t)i * shape->tokens + t) * shape->hidden);
    sn_moe_set_draw(m, 0);
    return SN_OK;
}

void sn_moe_fit(struct sn_moe *m, const uint32_t *count)
{
    size_t dies = m->shape.dies;
    m->in_first = sn_calloc(2 * dies * dies, sizeof *m->in_first);
    m->out_first = m->in_first + dies * dies;
    uint32_t *got = sn_calloc(dies, sizeof *got);
    for (size_t s = 0; s < dies; s++) {
        uint32_t sent = 0;
        for (size_t d = 0; d < dies; d++) {
            m->in_first[d * dies + s] = got[d];
            m->out_first[s * dies + d] = sent;
            got[d] += count[s * dies + d];
            sent += count[s * dies + d];
        }
    }
    for (size_t d = 0; d < dies; d++)
        assert(got[d] <= m->shape.fit);
    free(got);
}

void sn_moe_close(struct sn_moe *m)
{
    free(m->in_first);
    sn_mem_free(m->x);
    sn_mem_free(m->out);
    sn_mem_free(m->slot);
    sn_mem_free(m->weight);
    sn_placement_close(&m->placement);
    sn_routing_close(m->routing);
    if (m->comm != MPI_COMM_NULL)
        MPI_Comm_free(&m->comm);
    *m = (struct sn_moe){.comm = MPI_COMM_NULL};
}

void sn_moe_experts(struct sn_moe_exchange *x)
{
    const struct sn_moe *m = x->moe;
    for (size_t pair = 0; pair < (size_t)m->local * m->shape.dies; pair++) {
        for (uint32_t n = 0; n < x->count[pair]; n++) {
            const uint8_t *copy = x->received[pair] + n * x->stride;
            struct sn_copy_head h;
            memcpy(&h, copy + m->copy_bytes - sizeof h, sizeof h);
            uint16_t expert = h.slot < m->placement.slots ? m->placement.slot_expert[h.slot] : 0;
            sn_codec_decode(m->shape.dtype, m->shape.hidden, copy, sn_moe_factor(expert),
                            (uint16_t *)(x->answer[pair] + n * m->answer_bytes));
        }
    }
}

int sn_moe_exchange_init(struct sn_moe_exchange *x, const struct sn_moe_algorithm *a,
                         struct sn_moe *m, bool yield)
{
    size_t pairs = (size_t)m->local * m->shape.dies;
    x->algorithm = a;
    x->moe = m;
    x->yield = yield;
    x->count = sn_calloc(pairs, sizeof *x->count);
    x->received = sn_calloc(pairs, sizeof *x->received);
    x->answer = sn_calloc(pairs, sizeof *x->answer);
    return SN_OK;
}

void sn_moe_exchange_free(struct sn_moe_exchange *x)
{
    free(x->count);
    free(x->received);
    free(x->answer);
}
