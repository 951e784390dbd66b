/* Attention of prompts, heads not absorbed: the latents go to the pages of the cache, and are
 * multiplied out to keys and values of all heads for the prompt's own rows. */
#include <string.h>

#include "bench/macro/native.h"
#include "bench/macro/native_math.h"

/* Codes of b.f (T, width) to b.u8, scales to b.scale. */
static void quantize_floats(struct sn_native *n, size_t tokens, size_t width)
{
    sn_native_quantize(n, (struct sn_quantize){.t = tokens,
                                               .h = width,
                                               .x_type = SN_F32,
                                               .q_type = SN_U8,
                                               .x = n->b.f,
                                               .q = n->b.u8,
                                               .scale = n->b.scale,
                                               .ldx = width,
                                               .ldq = width});
}

/* b.g (T, latent + rope) to cache entries b.kv. */
static void entries(struct sn_native *n, const float *gain, size_t tokens)
{
    const struct sn_llm *m = &n->shape.model;
    size_t d = m->latent + m->rope;
    for (size_t t = 0; t < tokens; t++) {
        float *in = n->b.g + t * d;
        uint16_t *out = n->b.kv + t * d;
        sn_native_norm(in, gain, m->latent, in);
        sn_native_to_bf16(in, m->latent, out);
        sn_native_rope(in + m->latent, n->angle + n->b.position[t] * m->rope, m->rope,
                       out + m->latent);
    }
}

/* b.g (T, heads, nope + rope) to queries b.q. */
static void queries(struct sn_native *n, size_t tokens)
{
    const struct sn_llm *m = &n->shape.model;
    size_t qk = m->nope + m->rope;
    for (size_t row = 0; row < tokens * m->heads; row++) {
        const float *in = n->b.g + row * qk;
        uint16_t *out = n->b.q + row * qk;
        sn_native_to_bf16(in, m->nope, out);
        sn_native_rope(in + m->nope, n->angle + n->b.position[row / m->heads] * m->rope, m->rope,
                       out + m->nope);
    }
}

int sn_native_prompt_prolog(struct sn_native *n, unsigned mb, unsigned layer)
{
    const struct sn_llm *m = &n->shape.model;
    const struct sn_native_layer *l = &n->layers[layer];
    const struct sn_native_attention *a = &l->attention;
    const struct sn_native_batch *b = &n->batch[mb];
    size_t tokens = b->tokens;
    if (!tokens)
        return 0;
    for (size_t t = 0; t < tokens; t++) {
        n->b.position[t] = (uint32_t)(t % n->shape.queries);
        sn_native_norm_bf16(b->x + t * m->hidden, a->g_x, m->hidden, n->b.f + t * m->hidden);
    }
    quantize_floats(n, tokens, m->hidden);
    sn_native_product(n, &l->down_kv, tokens, n->b.u8, n->b.scale, a->wdkv.s, n->b.g);
    entries(n, a->g_kv, tokens);
    sn_native_append(n, mb, layer);
    sn_native_product(n, &l->down_q, tokens, n->b.u8, n->b.scale, a->wdq.s, n->b.f);
    for (size_t t = 0; t < tokens; t++)
        sn_native_norm(n->b.f + t * m->q_rank, a->g_q, m->q_rank, n->b.f + t * m->q_rank);
    quantize_floats(n, tokens, m->q_rank);
    sn_native_product(n, &l->up_q, tokens, n->b.u8, n->b.scale, a->wuq.s, n->b.g);
    queries(n, tokens);
    return 0;
}

/* b.t (T, heads, nope) and the turned parts of b.kv, which all heads share, to keys b.k. */
static void keys(struct sn_native *n, size_t tokens)
{
    const struct sn_llm *m = &n->shape.model;
    size_t qk = m->nope + m->rope, d = m->latent + m->rope;
    for (size_t row = 0; row < tokens * m->heads; row++) {
        uint16_t *out = n->b.k + row * qk;
        memcpy(out, n->b.t + row * m->nope, m->nope * sizeof *out);
        memcpy(out + m->nope, n->b.kv + row / m->heads * d + m->latent, m->rope * sizeof *out);
    }
}

int sn_native_prompt_attend(struct sn_native *n, unsigned mb, unsigned layer)
{
    const struct sn_llm *m = &n->shape.model;
    const struct sn_native_layer *l = &n->layers[layer];
    const struct sn_native_batch *b = &n->batch[mb];
    if (!b->tokens)
        return 0;
    sn_native_quantize(n, (struct sn_quantize){.t = b->tokens,
                                               .h = m->latent,
                                               .x_type = SN_BF16,
                                               .q_type = SN_U8,
                                               .x = n->b.kv,
                                               .q = n->b.u8,
                                               .scale = n->b.scale,
                                               .ldx = m->latent + m->rope,
                                               .ldq = m->latent});
    sn_native_product(n, &l->keys, b->tokens, n->b.u8, n->b.scale, l->attention.wuk.s, n->b.t);
    sn_native_product(n, &l->values, b->tokens, n->b.u8, n->b.scale, l->attention.wuv.s, n->b.v);
    keys(n, b->tokens);
    for (unsigned r = 0; r <= b->requests; r++)
        n->b.copy_token[r] = r * n->shape.queries;
    union sn_problem p = n->causal.p;
    p.mla_prefill.prompts = b->requests;
    p.mla_prefill.rows = b->tokens;
    p.mla_prefill.first = n->b.copy_token;
    p.mla_prefill.q = n->b.q;
    p.mla_prefill.k = n->b.k;
    p.mla_prefill.v = n->b.v;
    p.mla_prefill.out = n->b.t;
    sn_native_call(n, &n->causal, &p);
    return 0;
}
