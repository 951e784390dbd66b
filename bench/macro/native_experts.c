/* The feed-forward of a layer: gate, dispatch, experts, combine; or a dense one. */
#include <string.h>

#include "bench/macro/native.h"
#include "bench/macro/native_math.h"
#include "harness/base/status.h"

/* The norm of b->x: to `out` (T, hidden) in bf16, which what is dispatched and the shared experts
 * see, or in f32 to b.f. */
static void normed(struct sn_native *n, const struct sn_native_batch *b, const float *gain,
                   uint16_t *out)
{
    size_t h = n->shape.model.hidden;
    for (size_t t = 0; t < b->tokens; t++) {
        float *to = n->b.f + (out ? 0 : t * h);
        sn_native_norm_bf16(b->x + t * h, gain, h, to);
        if (out)
            sn_native_to_bf16(to, h, out + t * h);
    }
}

int sn_native_gate(struct sn_native *n, unsigned mb, unsigned layer)
{
    const struct sn_llm *m = &n->shape.model;
    const struct sn_native_layer *l = &n->layers[layer];
    const struct sn_native_batch *b = &n->batch[mb];
    struct sn_moe *moe = &n->moe;
    size_t h = m->hidden;
    moe->tokens = (unsigned)b->tokens;
    if (!b->tokens)
        return SN_OK;
    normed(n, b, l->g_ffn, moe->x);
    for (size_t t = 0; t < b->tokens; t++) {
        sn_native_to_f32(moe->x + t * h, h, n->b.f);
        sn_native_scores(n->b.f, l->router, m->routed, h, n->b.score + t * m->routed);
    }
    if (n->account)
        sn_native_account_plain(n, 2.0 * (double)b->tokens * m->routed * (double)h,
                                4.0 * m->routed * (double)h);
    union sn_problem p = n->gate.p;
    p.gate.t = b->tokens;
    p.gate.score = n->b.score;
    p.gate.bias = l->bias;
    p.gate.expert = n->b.expert;
    p.gate.weight = moe->weight;
    sn_native_call(n, &n->gate, &p);
    for (size_t c = 0; c < b->tokens * m->top_k; c++)
        moe->slot[c] = sn_placement_slot(&moe->placement, (uint16_t)n->b.expert[c], 0);
    return SN_OK;
}

int sn_native_dispatch(struct sn_native *n, unsigned mb, unsigned layer)
{
    const struct sn_moe *m = &n->moe;
    if (n->account)
        sn_native_account_dispatch(n, (double)n->batch[mb].tokens * m->k * (double)m->copy_bytes);
    return n->algorithm->dispatch(n->exchange);
}

int sn_native_run_shared(struct sn_native *n, unsigned mb, unsigned layer)
{
    const struct sn_native_batch *b = &n->batch[mb];
    size_t h = n->shape.model.hidden;
    if (!n->shape.model.shared)
        return SN_OK;
    sn_native_quantize(n, (struct sn_quantize){.t = b->tokens,
                                               .h = h,
                                               .x_type = SN_BF16,
                                               .q_type = SN_U8,
                                               .x = n->moe.x,
                                               .q = n->b.u8,
                                               .scale = n->b.scale,
                                               .ldx = h,
                                               .ldq = h});
    sn_native_feed(n, &n->layers[layer].shared, b->tokens, b->shared);
    return SN_OK;
}

/* --- routed experts --------------------------------------------------------------------------- */

/* h is a multiple of 8 (of 128, sn_codec_hidden_valid()). */
static void flip(uint8_t *to, const uint8_t *from, size_t h)
{
    for (size_t i = 0; i < h; i += 8) {
        uint64_t x;
        memcpy(&x, from + i, sizeof x);
        x ^= 0x8080808080808080u;
        memcpy(to + i, &x, sizeof x);
    }
}

/* Received codes are signed, the kernel's have a zero point of 128. Returns the number of copies.
 */
static size_t gather(struct sn_native *n)
{
    const struct sn_moe_exchange *x = n->exchange;
    const struct sn_moe *m = &n->moe;
    size_t h = m->shape.hidden, at = 0;
    for (unsigned src = 0; src < m->shape.dies; src++)
        for (uint32_t i = 0; i < x->count[src]; i++, at++) {
            const uint8_t *copy = x->received[src] + i * x->stride;
            struct sn_copy_head head;
            memcpy(&head, copy + m->copy_bytes - sizeof head, sizeof head);
            memcpy(&n->b.copy_scale[at], copy + h, sizeof *n->b.copy_scale);
            n->b.copy_expert[at] = head.slot - m->placement.slot_first[n->die];
            flip(n->b.copies + at * h, copy, h);
        }
    return at;
}

/* Damages the first answers that came, before they go back: of the lowest rank that has enough. */
static int mutate(struct sn_native *n)
{
    const struct sn_moe_exchange *x = n->exchange;
    size_t bytes = n->moe.answer_bytes;
    unsigned dies = n->moe.shape.dies, one = 0;
    while (one < dies && x->count[one] < (n->mutate == SN_MUTATE_SWAP ? 2u : 1u))
        one++;
    unsigned other = one + 1;
    while (other < dies && !x->count[other])
        other++;
    bool able = one < dies && (n->mutate != SN_MUTATE_WRONG_RANK || other < dies);
    int mine = able ? n->env->world->rank : n->env->world->size, first;
    MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, n->env->world->comm);
    if (first == n->env->world->size)
        return SN_FAIL(SN_EINVAL, "--mutate: no die has the copies that it takes");
    if (first != n->env->world->rank)
        return SN_OK;
    uint8_t *a = x->answer[one];
    if (n->mutate == SN_MUTATE_BITFLIP)
        a[bytes / 2 | 1] ^= 0x40; /* of an exponent */
    else if (n->mutate == SN_MUTATE_DROP)
        memset(a, 0, bytes);
    else if (n->mutate == SN_MUTATE_WRONG_RANK)
        memcpy(a, x->answer[other], bytes);
    else
        for (size_t i = 0; i < bytes; i++) {
            uint8_t byte = a[i];
            a[i] = a[bytes + i];
            a[bytes + i] = byte;
        }
    return SN_OK;
}

int sn_native_run_experts(struct sn_native *n, unsigned mb, unsigned layer)
{
    const struct sn_native_ffn *f = &n->layers[layer].routed;
    const struct sn_moe_exchange *x = n->exchange;
    size_t copies = gather(n), bytes = n->moe.answer_bytes, at = 0;
    if (n->account)
        n->copies += copies;
    if (copies) {
        union sn_problem p = f->moe.p;
        p.moe.t = p.moe.copies = copies;
        p.moe.x = n->b.copies;
        p.moe.sx = n->b.copy_scale;
        p.moe.token = n->b.index;
        p.moe.expert = n->b.copy_expert;
        p.moe.weight = n->b.weight;
        p.moe.s1 = f->up.s;
        p.moe.s2 = f->down.s;
        p.moe.out = n->b.answers;
        sn_native_call(n, &f->moe, &p);
    }
    for (unsigned src = 0; src < n->moe.shape.dies; at += x->count[src++])
        if (x->count[src])
            memcpy(x->answer[src], (uint8_t *)n->b.answers + at * bytes, x->count[src] * bytes);
    if (n->mutate == SN_MUTATE_NONE)
        return SN_OK;
    int status = mutate(n);
    n->mutate = SN_MUTATE_NONE;
    return status;
}

int sn_native_combine(struct sn_native *n, unsigned mb, unsigned layer)
{
    const struct sn_native_batch *b = &n->batch[mb];
    size_t h = n->shape.model.hidden;
    if (n->account)
        sn_native_account_plain(n, 0, (double)b->tokens * n->moe.k * (double)n->moe.answer_bytes);
    int status = n->algorithm->combine(n->exchange);
    for (size_t t = 0; t < b->tokens && status == SN_OK; t++)
        sn_native_add_bf16(b->x + t * h, n->moe.out + t * h,
                           n->shape.model.shared ? b->shared + t * h : NULL, h);
    return status;
}

int sn_native_run_dense(struct sn_native *n, unsigned mb, unsigned layer)
{
    const struct sn_native_layer *l = &n->layers[layer];
    const struct sn_native_batch *b = &n->batch[mb];
    size_t h = n->shape.model.hidden;
    normed(n, b, l->g_ffn, NULL);
    sn_native_quantize(n, (struct sn_quantize){.t = b->tokens,
                                               .h = h,
                                               .x_type = SN_F32,
                                               .q_type = SN_U8,
                                               .x = n->b.f,
                                               .q = n->b.u8,
                                               .scale = n->b.scale,
                                               .ldx = h,
                                               .ldq = h});
    sn_native_feed(n, &l->dense, b->tokens, b->shared);
    for (size_t t = 0; t < b->tokens; t++)
        sn_native_add_bf16(b->x + t * h, b->shared + t * h, NULL, h);
    return SN_OK;
}
