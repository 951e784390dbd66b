/* Opening a native run: the exchange, buffers and the cache; weights are native_layers.c's. */
#include <stdlib.h>
#include <string.h>

#include "bench/macro/native.h"
#include "bench/macro/native_math.h"
#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* --- buffers -----------------------------------------------------------------------------------
 */

struct wanted {
    void **at;
    size_t n, size;
};

static int allocate(const struct wanted *w, size_t n)
{
    int status = SN_OK;
    for (size_t i = 0; i < n && status == SN_OK; i++) {
        size_t bytes;
        if (!sn_mem_mul(w[i].n + 1, w[i].size, &bytes))
            return SN_FAIL(SN_ENOMEM, "buffers larger than the address space");
        status = sn_mem_alloc(w[i].at, bytes);
    }
    return status;
}

#define WANTED(pointer, count)                                                                     \
    {                                                                                              \
        (void **)&(pointer), (count), sizeof *(pointer)                                            \
    }

static int open_buffers(struct sn_native *n)
{
    const struct sn_native_shape *s = &n->shape;
    const struct sn_llm *m = &s->model;
    struct sn_native_buffers *b = &n->b;
    size_t t = sn_native_tokens_max(s), h = m->hidden, qk = m->nope + m->rope, heads = m->heads,
           d = m->latent + m->rope, copies = sn_moe_in_max(&n->moe.shape),
           wide = larger(larger(h, m->q_rank), heads * larger(m->v, larger(qk, m->latent))),
           index = larger(larger(copies, t), larger(heads, sn_native_part_max(s)) + 1);
    const struct wanted all[] = {
        WANTED(b->f, t * wide),
        WANTED(b->g, t * larger(d, heads * qk)),
        WANTED(b->u8, t * wide),
        WANTED(b->scale, t * heads),
        WANTED(b->q, t * heads * larger(qk, d)),
        WANTED(b->kv, t * d),
        WANTED(b->o, t * heads * m->latent),
        WANTED(b->k, s->prefill ? t * heads * qk : 0),
        WANTED(b->v, t * heads * m->v),
        WANTED(b->t, t * heads * larger(m->nope, m->v)),
        WANTED(b->position, t),
        WANTED(b->index, index),
        WANTED(b->weight, index),
        WANTED(b->score, t * m->routed),
        WANTED(b->expert, t * m->top_k),
        WANTED(b->logits, (s->prefill ? sn_native_part_max(s) : t) * (size_t)m->vocabulary),
        WANTED(b->copies, copies * h),
        WANTED(b->copy_scale, copies),
        WANTED(b->copy_token, index),
        WANTED(b->copy_expert, index),
        WANTED(b->answers, copies * h),
        WANTED(n->angle, s->prefill ? (size_t)s->context * m->rope : 0),
        WANTED(n->table, n->pages),
        WANTED(n->length, n->requests),
        WANTED(n->cached, n->requests),
        WANTED(n->input, (size_t)n->requests * s->queries),
        WANTED(n->n_new, n->requests),
        WANTED(n->token, (size_t)n->requests * n->new_max),
        WANTED(n->hidden, (size_t)n->requests * n->new_max * h)};
    int status = allocate(all, sizeof all / sizeof *all);
    for (unsigned mb = 0; mb < s->microbatches && status == SN_OK; mb++) {
        const struct wanted own[] = {WANTED(n->batch[mb].x, n->batch[mb].tokens * h),
                                     WANTED(n->batch[mb].shared, n->batch[mb].tokens * h)};
        status = allocate(own, 2);
    }
    for (unsigned i = 0; i < s->context && s->prefill && status == SN_OK; i++)
        sn_native_angles(i, m->rope, n->angle + i * m->rope);
    for (size_t i = 0; i < index && status == SN_OK; i++) {
        b->index[i] = (uint32_t)i;
        b->weight[i] = 1;
    }
    return status;
}

static void close_buffers(struct sn_native *n)
{
    struct sn_native_buffers *b = &n->b;
    void *all[] = {b->f,        b->g,      b->u8,         b->scale,      b->q,
                   b->kv,       b->o,      b->k,          b->v,          b->t,
                   b->position, b->index,  b->weight,     b->score,      b->expert,
                   b->logits,   b->copies, b->copy_scale, b->copy_token, b->copy_expert,
                   b->answers,  n->table,  n->length,     n->cached,     n->input,
                   n->n_new,    n->token,  n->hidden,     n->embedding,  n->angle,
                   n->scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sn_mem_free(all[i]);
    for (unsigned mb = 0; mb < SN_NATIVE_MICROBATCHES; mb++) {
        sn_mem_free(n->batch[mb].x);
        sn_mem_free(n->batch[mb].shared);
    }
}

/* --- the cache ---------------------------------------------------------------------------------
 */

/* Pages in random order, and what decode finds in them. */
static void fill_cache(struct sn_native *n)
{
    const struct sn_native_shape *s = &n->shape;
    struct sn_rng rng = sn_rng_make(s->seed ^ 0x6e7000, n->die);
    for (size_t i = 0; i < n->pages; i++) {
        size_t j = sn_rng_below(&rng, i + 1);
        n->table[i] = n->table[j];
        n->table[j] = (uint32_t)i;
    }
    for (unsigned l = 0; l < s->model.layers && !s->prefill; l++)
        for (unsigned r = 0; r < n->requests; r++)
            for (unsigned t = 0; t < s->context; t++)
                sn_native_cached(s, l, n->first + r, t, sn_native_slot(n, l, r, t));
}

/* Bytes that every step walks through. */
static double working_set(const struct sn_native *n)
{
    const struct sn_llm *m = &n->shape.model;
    double sum = (double)n->head.packed_bytes;
    for (unsigned i = 0; i < m->layers; i++) {
        const struct sn_native_layer *l = &n->layers[i];
        const struct sn_native_packed *all[] = {
            &l->prolog[0], &l->prolog[1], &l->down_q,     &l->up_q,       &l->down_kv,  &l->keys,
            &l->values,    &l->output,    &l->routed.moe, &l->shared.moe, &l->dense.moe};
        for (size_t k = 0; k < sizeof all / sizeof *all; k++)
            sum += (double)all[k]->packed_bytes;
        sum += n->shape.prefill
                   ? 0
                   : 2.0 * (double)n->requests * n->shape.context * (m->latent + m->rope);
    }
    return sum;
}

/* --- all of it ---------------------------------------------------------------------------------
 */

static int open_exchange(struct sn_native *n, const struct sn_case *c)
{
    const struct sn_world *w = c->env->world;
    struct sn_moe_shape shape = sn_native_moe_shape(&n->shape);
    int status = sn_native_endpoints(c, &n->endpoints);
    n->endpoints_open = status == SN_OK;
    status = sn_world_agree(w, status);
    if (status != SN_OK)
        return status;
    n->moe_open = true;
    status = sn_moe_open(&n->moe, &shape, "uniform", c->env->seed, &n->endpoints, w->comm);
    status = sn_world_agree(w, status);
    if (status != SN_OK)
        return status;
    n->algorithm = sn_moe_algorithms[sn_case_word(c, "algorithm")];
    status = n->algorithm->open(&n->exchange, &n->moe, sn_transports[sn_case_word(c, "transport")],
                                w->oversubscribed);
    return sn_world_agree(w, status);
}

static void spread(struct sn_native *n)
{
    const struct sn_native_shape *s = &n->shape;
    n->die = sn_endpoints_at(&n->endpoints, n->env->world->rank, 0);
    n->first = sn_native_first(s, n->die);
    n->requests = sn_native_first(s, n->die + 1) - n->first;
    for (unsigned mb = 0; mb < s->microbatches; mb++) {
        struct sn_native_batch *b = &n->batch[mb];
        b->first = sn_native_part(s, n->requests, mb);
        b->requests = sn_native_part(s, n->requests, mb + 1) - b->first;
        b->tokens = (size_t)b->requests * s->queries;
    }
    n->new_max = sn_native_new_max(s);
    n->pages_each = (sn_native_room(s) + SN_NATIVE_PAGE - 1) / SN_NATIVE_PAGE;
    n->pages = n->pages_each * n->requests;
}

int sn_native_open(struct sn_native *n, const struct sn_case *c, bool prefill,
                   const uint32_t *right, size_t right_each)
{
    *n = (struct sn_native){.env = c->env, .right = (uint32_t *)right, .right_each = right_each};
    int status = sn_native_shape_open(c, prefill, &n->shape);
    status = sn_world_agree(c->env->world, status);
    if (status == SN_OK)
        status = open_exchange(n, c);
    if (status != SN_OK)
        return status;
    spread(n);
    n->layers = sn_calloc(n->shape.model.layers, sizeof *n->layers);
    status = open_buffers(n);
    for (unsigned l = 0; l < n->shape.model.layers && status == SN_OK; l++)
        status = sn_native_open_layer(n, l);
    if (status == SN_OK)
        status = sn_native_open_rest(n);
    if (status == SN_OK)
        status = sn_mem_alloc(&n->scratch, sn_mem_round_up(n->scratch_bytes, 64));
    status = sn_world_agree(c->env->world, status);
    if (status != SN_OK)
        return status;
    fill_cache(n);
    n->working_set = working_set(n);
    return SN_OK;
}

void sn_native_close(struct sn_native *n)
{
    if (n->exchange)
        n->algorithm->close(n->exchange);
    for (unsigned l = 0; n->layers && l < n->shape.model.layers; l++)
        sn_native_close_layer(&n->layers[l]);
    free(n->layers);
    struct sn_native_packed *all[] = {&n->quantize, &n->gate, &n->mla, &n->causal, &n->head};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sn_native_unpack(all[i]);
    sn_native_matrix_close(&n->head_scales);
    free(n->g_head);
    close_buffers(n);
    if (n->moe_open)
        sn_moe_close(&n->moe);
    if (n->endpoints_open)
        sn_endpoints_close(&n->endpoints);
    sn_native_shape_close(&n->shape);
}
