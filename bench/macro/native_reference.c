#include "bench/macro/native_reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/macro/native.h"
#include "bench/macro/native_math.h"
#include "bench/macro/native_plain.h"
#include "harness/base/bf16.h"
#include "harness/base/buf.h"
#include "harness/base/hash.h"
#include "harness/base/status.h"

/* --- feed-forward ------------------------------------------------------------------------------
 */

/* y = the feed-forward of the codes r->u8. */
static void feed(struct sn_plain *r, const struct sn_plain_feed *f, uint16_t *y)
{
    static const uint32_t zero = 0;
    static const float one = 1;
    union sn_problem p = {.moe = {.t = 1,
                                  .h = r->s->model.hidden,
                                  .i = f->inner,
                                  .experts = 1,
                                  .copies = 1,
                                  .x = r->u8,
                                  .sx = r->scale,
                                  .token = &zero,
                                  .expert = &zero,
                                  .weight = &one,
                                  .s1 = f->up.s,
                                  .s2 = f->down.s,
                                  .out = y}};
    sn_plain_call(r, SN_OP_MOE, NULL, &p, f->packed);
}

/* x += shared(xn) + sum over the chosen experts, in the order of the gate, of weight expert(xn). */
static void experts(struct sn_plain *r, const struct sn_plain_layer *l, uint16_t *x)
{
    const struct sn_llm *m = &r->s->model;
    size_t h = m->hidden;
    uint16_t *xn = sn_calloc(3 * h, sizeof *xn), *y = xn + h, *shared = y + h;
    float *sum = sn_calloc(h + m->routed + m->top_k, sizeof *sum), *score = sum + h,
          *weight = score + m->routed;
    uint32_t *expert = sn_calloc(m->top_k, sizeof *expert);
    sn_native_norm_bf16(x, l->g_ffn, h, r->f);
    for (size_t i = 0; i < h; i++) {
        xn[i] = sn_bf16_from_f32(r->f[i]);
        r->f[i] = sn_bf16_to_f32(xn[i]);
    }
    sn_native_scores(r->f, l->router, m->routed, h, score);
    union sn_problem p = {.gate = {.t = 1,
                                   .e = m->routed,
                                   .groups = m->groups,
                                   .kept = m->kept,
                                   .k = m->top_k,
                                   .scale = 1,
                                   .score = score,
                                   .bias = l->bias,
                                   .expert = expert,
                                   .weight = weight,
                                   .lds = m->routed}};
    sn_plain_call(r, SN_OP_GATE, sn_native_kernel_of_one(r->s, SN_OP_GATE), &p, NULL);
    sn_plain_quantize(r, SN_BF16, xn, h, 0);
    for (size_t k = 0; k < m->top_k; k++) {
        feed(r, &l->routed[expert[k]], y);
        for (size_t i = 0; i < h; i++) {
            float part = weight[k] * sn_bf16_to_f32(y[i]);
            sum[i] = k ? sum[i] + part : part;
        }
    }
    if (m->shared)
        feed(r, &l->shared, shared);
    for (size_t i = 0; i < h; i++)
        y[i] = sn_bf16_from_f32(sum[i]);
    sn_native_add_bf16(x, y, m->shared ? shared : NULL, h);
    free(xn);
    free(sum);
    free(expert);
}

static void feed_forward(struct sn_plain *r, unsigned layer, uint16_t *x)
{
    const struct sn_plain_layer *l = &r->layers[layer];
    size_t h = r->s->model.hidden;
    if (layer >= r->s->model.dense_layers) {
        experts(r, l, x);
        return;
    }
    uint16_t *y = sn_calloc(h, sizeof *y);
    sn_native_norm_bf16(x, l->g_ffn, h, r->f);
    sn_plain_quantize(r, SN_F32, r->f, h, 0);
    feed(r, &l->dense, y);
    sn_native_add_bf16(x, y, NULL, h);
    free(y);
}

/* --- attention ---------------------------------------------------------------------------------
 */

/* x += the output projection of values (heads, v). */
static void project(struct sn_plain *r, const struct sn_plain_layer *l, const uint16_t *values,
                    uint16_t *x)
{
    const struct sn_llm *m = &r->s->model;
    sn_plain_quantize(r, SN_BF16, values, (size_t)m->heads * m->v, 0);
    sn_plain_multiply(r, &l->output, SN_F32, r->f);
    sn_native_add(x, r->f, m->hidden);
}

/* A token of decode at `position`. */
static void attend(struct sn_plain *r, const struct sn_plain_layer *l, uint32_t position,
                   uint16_t *x)
{
    const struct sn_native_shape *s = r->s;
    const struct sn_llm *m = &s->model;
    uint32_t page = 0, length = position + 1;
    union sn_problem p = {.mla_prolog = {.t = 1,
                                         .hidden = m->hidden,
                                         .q_rank = m->q_rank,
                                         .latent = m->latent,
                                         .rope = m->rope,
                                         .nope = m->nope,
                                         .heads = m->heads,
                                         .x = x,
                                         .g_x = l->a.g_x,
                                         .g_q = l->a.g_q,
                                         .g_kv = l->a.g_kv,
                                         .sdq = l->a.wdq.s,
                                         .suq = l->a.wuq.s,
                                         .sdkv = l->a.wdkv.s,
                                         .pos = &position,
                                         .q = r->q,
                                         .kv = l->kv + position * (size_t)(m->latent + m->rope)}};
    sn_plain_call(r, SN_OP_MLA_PROLOG, NULL, &p, l->prolog);
    union sn_problem a = {.mla = {.requests = 1,
                                  .queries = 1,
                                  .heads = m->heads,
                                  .latent = m->latent,
                                  .rope = m->rope,
                                  .page = sn_native_room(s),
                                  .pages_per_request = 1,
                                  .pages = 1,
                                  .scale = 1 / sqrtf((float)(m->nope + m->rope)),
                                  .kv_type = SN_BF16,
                                  .q = r->q,
                                  .kv = l->kv,
                                  .table = &page,
                                  .length = &length,
                                  .out = r->o}};
    sn_plain_call(r, SN_OP_MLA, sn_native_kernel_of_one(s, SN_OP_MLA), &a, NULL);
    for (size_t h = 0; h < m->heads; h++)
        sn_plain_quantize(r, SN_BF16, r->o + h * m->latent, m->latent, h);
    sn_plain_multiply(r, &l->values, SN_BF16, r->v);
    project(r, l, r->v, x);
}

/* Queries, key and value of token i of a prompt, and its cache entry. */
static void prepare_token(struct sn_plain *r, const struct sn_plain_layer *l, uint32_t i)
{
    const struct sn_llm *m = &r->s->model;
    size_t qk = m->nope + m->rope, d = m->latent + m->rope;
    float *angle = sn_calloc(m->rope + 1, sizeof *angle);
    uint16_t *kv = l->kv + i * d, *q = r->q + i * m->heads * qk, *k = r->k + i * m->heads * qk;
    sn_native_norm_bf16(r->x + i * (size_t)m->hidden, l->a.g_x, m->hidden, r->f);
    sn_plain_quantize(r, SN_F32, r->f, m->hidden, 0);
    sn_plain_multiply(r, &l->down_kv, SN_F32, r->f);
    sn_native_norm(r->f, l->a.g_kv, m->latent, r->f);
    for (size_t c = 0; c < m->latent; c++)
        kv[c] = sn_bf16_from_f32(r->f[c]);
    sn_native_angles(i, m->rope, angle);
    sn_native_rope(r->f + m->latent, angle, m->rope, kv + m->latent);
    sn_plain_multiply(r, &l->down_q, SN_F32, r->f);
    sn_native_norm(r->f, l->a.g_q, m->q_rank, r->f);
    sn_plain_quantize(r, SN_F32, r->f, m->q_rank, 0);
    sn_plain_multiply(r, &l->up_q, SN_F32, r->f);
    for (size_t h = 0; h < m->heads; h++) {
        for (size_t c = 0; c < m->nope; c++)
            q[h * qk + c] = sn_bf16_from_f32(r->f[h * qk + c]);
        sn_native_rope(r->f + h * qk + m->nope, angle, m->rope, q + h * qk + m->nope);
    }
    sn_plain_quantize(r, SN_BF16, kv, m->latent, 0);
    sn_plain_multiply(r, &l->keys, SN_BF16, r->o);
    sn_plain_multiply(r, &l->values, SN_BF16, r->v + i * (size_t)m->heads * m->v);
    for (size_t h = 0; h < m->heads; h++) {
        memcpy(k + h * qk, r->o + h * m->nope, m->nope * sizeof *k);
        memcpy(k + h * qk + m->nope, kv + m->latent, m->rope * sizeof *k);
    }
    free(angle);
}

static void attend_prompt(struct sn_plain *r, const struct sn_plain_layer *l)
{
    const struct sn_llm *m = &r->s->model;
    uint32_t tokens = r->s->context, first[] = {0, tokens};
    for (uint32_t i = 0; i < tokens; i++)
        prepare_token(r, l, i);
    union sn_problem p = {.mla_prefill = {.prompts = 1,
                                          .heads = m->heads,
                                          .qk = m->nope + m->rope,
                                          .v_dim = m->v,
                                          .rows = tokens,
                                          .longest = tokens,
                                          .scale = 1 / sqrtf((float)(m->nope + m->rope)),
                                          .first = first,
                                          .q = r->q,
                                          .k = r->k,
                                          .v = r->v,
                                          .out = r->o}};
    sn_plain_call(r, SN_OP_MLA_PREFILL, sn_native_kernel_of_one(r->s, SN_OP_MLA_PREFILL), &p, NULL);
    for (uint32_t i = 0; i < tokens; i++)
        project(r, l, r->o + i * (size_t)m->heads * m->v, r->x + i * (size_t)m->hidden);
}

/* --- requests ----------------------------------------------------------------------------------
 */

static uint32_t next_token(struct sn_plain *r, const uint16_t *x)
{
    const struct sn_llm *m = &r->s->model;
    float *logits = sn_calloc(m->vocabulary, sizeof *logits);
    sn_native_norm_bf16(x, r->g_head, m->hidden, r->f);
    sn_plain_quantize(r, SN_F32, r->f, m->hidden, 0);
    sn_plain_multiply(r, &r->head, SN_F32, logits);
    uint32_t next = sn_native_largest(logits, m->vocabulary);
    free(logits);
    return next;
}

static uint32_t keep(struct sn_plain *r, unsigned request, unsigned i, const uint16_t *x)
{
    size_t h = r->s->model.hidden, at = (size_t)request * r->out->new_max + i;
    r->out->token[at] = next_token(r, x);
    memcpy(r->out->hidden + at * h, x, h * sizeof *x);
    return r->out->token[at];
}

/* Entries from, ..., to - 1 of all layers. */
static uint64_t hash_cache(const struct sn_plain *r, size_t from, size_t to)
{
    size_t d = r->s->model.latent + r->s->model.rope;
    uint64_t hash = SN_HASH_START;
    for (unsigned l = 0; l < r->s->model.layers; l++)
        for (size_t t = from; t < to; t++)
            hash = sn_native_chain(hash, r->layers[l].kv + t * d, d);
    return hash;
}

static void decode(struct sn_plain *r, unsigned request)
{
    const struct sn_native_shape *s = r->s;
    size_t d = s->model.latent + s->model.rope;
    uint64_t *cache = r->out->cache + request * (r->out->new_max + 1);
    for (unsigned l = 0; l < s->model.layers; l++)
        for (unsigned t = 0; t < s->context; t++)
            sn_native_cached(s, l, request, t, r->layers[l].kv + t * d);
    uint32_t token = sn_native_token(s, request, s->context);
    cache[0] = hash_cache(r, s->context, s->context);
    for (unsigned i = 0; i < r->out->new_max; i++) {
        sn_native_embedding(s, token, r->x);
        for (unsigned l = 0; l < s->model.layers; l++) {
            attend(r, &r->layers[l], s->context + i, r->x);
            feed_forward(r, l, r->x);
        }
        token = keep(r, request, i, r->x);
        cache[i + 1] = hash_cache(r, s->context, s->context + i + 1);
    }
}

static void prefill(struct sn_plain *r, unsigned request)
{
    const struct sn_native_shape *s = r->s;
    size_t h = s->model.hidden;
    for (unsigned t = 0; t < s->context; t++)
        sn_native_embedding(s, sn_native_token(s, request, t), r->x + t * h);
    for (unsigned l = 0; l < s->model.layers; l++) {
        attend_prompt(r, &r->layers[l]);
        for (unsigned t = 0; t < s->context; t++)
            feed_forward(r, l, r->x + t * h);
    }
    keep(r, request, 0, r->x + (s->context - 1) * h);
    uint64_t hash = hash_cache(r, 0, s->context);
    for (unsigned t = 0; t < s->context; t++)
        hash = sn_native_chain(hash, r->x + t * h, h);
    r->out->cache[request * 2 + 1] = hash;
}

/* --- all of them -------------------------------------------------------------------------------
 */

void sn_native_expected_free(void *expected)
{
    struct sn_native_expected *e = expected;
    if (!e)
        return;
    free(e->token);
    free(e->hidden);
    free(e->cache);
    free(e);
}

int sn_native_reference(const struct sn_native_shape *s, struct sn_native_expected **out)
{
    struct sn_plain r;
    int status = sn_plain_open(&r, s);
    if (status == SN_OK) {
        struct sn_native_expected *e = r.out = sn_calloc(1, sizeof *e);
        size_t each = sn_native_new_max(s), n = s->requests * each;
        e->new_max = (unsigned)each;
        e->token = sn_calloc(n, sizeof *e->token);
        e->hidden = sn_calloc(n * s->model.hidden, sizeof *e->hidden);
        e->cache = sn_calloc(n + s->requests, sizeof *e->cache);
        for (unsigned i = 0; i < s->requests; i++)
            (s->prefill ? prefill : decode)(&r, i);
        *out = e;
    }
    sn_plain_close(&r);
    return status;
}

uint64_t sn_native_chain(uint64_t hash, const uint16_t *row, size_t n)
{
    uint64_t x = sn_hash_payload(row, n * sizeof *row);
    return sn_hash_bytes(hash, &x, sizeof x);
}

uint64_t sn_native_checksum(const struct sn_native_shape *s, unsigned new_max,
                            const uint32_t *n_new, const uint32_t *token, const uint16_t *hidden,
                            const uint64_t *cache)
{
    uint64_t hash = SN_HASH_START;
    size_t h = s->model.hidden;
    for (size_t r = 0; r < s->requests; r++) {
        hash = sn_hash_bytes(hash, &n_new[r], sizeof n_new[r]);
        hash = sn_hash_bytes(hash, token + r * new_max, n_new[r] * sizeof *token);
        for (size_t i = r * new_max; i < r * new_max + n_new[r]; i++)
            hash = sn_native_chain(hash, hidden + i * h, h);
        hash = sn_hash_bytes(hash, &cache[r], sizeof cache[r]);
    }
    return hash;
}
