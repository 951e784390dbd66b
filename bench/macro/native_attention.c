/* Attention of a decode step, absorbed, over the pages of the cache; and the output projection,
 * which prefill shares. */
#include <string.h>

#include "bench/macro/native.h"
#include "bench/macro/native_math.h"

void sn_native_append(struct sn_native *n, unsigned mb, unsigned layer)
{
    const struct sn_native_batch *b = &n->batch[mb];
    unsigned queries = n->shape.queries;
    size_t d = n->shape.model.latent + n->shape.model.rope;
    for (size_t t = 0; t < b->tokens; t++)
        memcpy(sn_native_slot(n, layer, b->first + (unsigned)(t / queries), n->b.position[t]),
               n->b.kv + t * d, d * sizeof *n->b.kv);
}

int sn_native_prolog(struct sn_native *n, unsigned mb, unsigned layer)
{
    const struct sn_native_layer *l = &n->layers[layer];
    const struct sn_native_batch *b = &n->batch[mb];
    if (!b->tokens)
        return 0;
    for (size_t t = 0; t < b->tokens; t++)
        n->b.position[t] =
            n->cached[b->first + t / n->shape.queries] + (uint32_t)(t % n->shape.queries);
    const struct sn_native_packed *k = &l->prolog[b->tokens == n->batch[0].tokens ? 0 : mb];
    union sn_problem p = k->p;
    p.mla_prolog.x = b->x;
    p.mla_prolog.pos = n->b.position;
    p.mla_prolog.q = n->b.q;
    p.mla_prolog.kv = n->b.kv;
    sn_native_call(n, k, &p);
    sn_native_append(n, mb, layer);
    return 0;
}

int sn_native_attend(struct sn_native *n, unsigned mb, unsigned layer)
{
    const struct sn_native_batch *b = &n->batch[mb];
    union sn_problem p = n->mla.p;
    p.mla.requests = b->requests;
    p.mla.q = n->b.q;
    p.mla.kv = n->layers[layer].kv;
    p.mla.table = n->table + b->first * n->pages_each;
    p.mla.length = n->length + b->first;
    p.mla.out = n->b.o;
    if (b->tokens)
        sn_native_call(n, &n->mla, &p);
    return 0;
}

/* b.o (T, heads, latent) to b.t (T, heads, v): quantised by heads, a product for each. */
static void values(struct sn_native *n, const struct sn_native_layer *l, size_t tokens)
{
    const struct sn_llm *m = &n->shape.model;
    for (size_t h = 0; h < m->heads; h++)
        sn_native_quantize(n, (struct sn_quantize){.t = tokens,
                                                   .h = m->latent,
                                                   .x_type = SN_BF16,
                                                   .q_type = SN_U8,
                                                   .x = n->b.o + h * m->latent,
                                                   .q = n->b.u8 + h * tokens * m->latent,
                                                   .scale = n->b.scale + h * tokens,
                                                   .ldx = (size_t)m->heads * m->latent,
                                                   .ldq = m->latent});
    for (size_t h = 0; h <= m->heads; h++)
        n->b.copy_token[h] = (uint32_t)(h * tokens);
    union sn_problem p = l->values.p;
    p.grouped_gemm.m = m->heads * tokens;
    p.grouped_gemm.first = n->b.copy_token;
    p.grouped_gemm.a = n->b.u8;
    p.grouped_gemm.sa = n->b.scale;
    p.grouped_gemm.sb = l->attention.wuv.s;
    p.grouped_gemm.c = n->b.v;
    sn_native_call(n, &l->values, &p);
    for (size_t t = 0; t < tokens; t++)
        for (size_t h = 0; h < m->heads; h++)
            memcpy(n->b.t + (t * m->heads + h) * m->v, n->b.v + (h * tokens + t) * m->v,
                   m->v * sizeof *n->b.t);
}

int sn_native_project(struct sn_native *n, unsigned mb, unsigned layer)
{
    const struct sn_llm *m = &n->shape.model;
    const struct sn_native_layer *l = &n->layers[layer];
    const struct sn_native_batch *b = &n->batch[mb];
    size_t width = (size_t)m->heads * m->v;
    if (!b->tokens)
        return 0;
    if (!n->shape.prefill)
        values(n, l, b->tokens);
    sn_native_quantize(n, (struct sn_quantize){.t = b->tokens,
                                               .h = width,
                                               .x_type = SN_BF16,
                                               .q_type = SN_U8,
                                               .x = n->b.t,
                                               .q = n->b.u8,
                                               .scale = n->b.scale,
                                               .ldx = width,
                                               .ldq = width});
    sn_native_product(n, &l->output, b->tokens, n->b.u8, n->b.scale, l->attention.wo.s, n->b.f);
    for (size_t t = 0; t < b->tokens; t++)
        sn_native_add(b->x + t * m->hidden, n->b.f + t * m->hidden, m->hidden);
    return 0;
}
