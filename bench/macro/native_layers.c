/* The weights of a native run: made, packed and forgotten, layer by layer. */
#include <math.h>
#include <stdlib.h>

#include "bench/macro/native.h"
#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

/* The codes are gone once they are packed, the scales stay. */
static void forget(struct sn_native_matrix *m)
{
    sn_mem_free(m->w);
    m->w = NULL;
}

static int pack_gemm(struct sn_native *n, struct sn_native_packed *k, size_t rows,
                     const struct sn_native_matrix *m, enum sn_type out)
{
    union sn_problem p = {.gemm = {.m = rows,
                                   .n = m->rows,
                                   .k = m->cols,
                                   .a_type = SN_U8,
                                   .c_type = out,
                                   .w = m->w,
                                   .lda = m->cols,
                                   .ldw = m->cols,
                                   .ldc = m->rows}};
    int status = sn_native_pack(n, k, SN_OP_GEMM, &p);
    k->p.gemm.w = NULL;
    return status;
}

static int pack_values(struct sn_native *n, struct sn_native_layer *l)
{
    const struct sn_llm *m = &n->shape.model;
    size_t tokens = sn_native_tokens_max(&n->shape);
    uint32_t *first = sn_calloc(m->heads + 1, sizeof *first);
    for (size_t h = 0; h <= m->heads; h++)
        first[h] = (uint32_t)(h * tokens);
    union sn_problem p = {.grouped_gemm = {.groups = m->heads,
                                           .m = m->heads * tokens,
                                           .n = m->v,
                                           .k = m->latent,
                                           .first = first,
                                           .a_type = SN_U8,
                                           .c_type = SN_BF16,
                                           .w = l->attention.wuv.w,
                                           .lda = m->latent,
                                           .ldw = m->latent,
                                           .ldc = m->v}};
    int status = sn_native_pack(n, &l->values, SN_OP_GROUPED_GEMM, &p);
    l->values.p.grouped_gemm.w = NULL;
    l->values.p.grouped_gemm.first = NULL;
    free(first);
    return status;
}

/* Prepared for the very number of tokens of each microbatch: the kernel keeps it. */
static int pack_prolog(struct sn_native *n, struct sn_native_layer *l, unsigned mb)
{
    const struct sn_llm *m = &n->shape.model;
    const struct sn_native_attention *a = &l->attention;
    uint16_t *wuk;
    if (!n->batch[mb].tokens || (mb && n->batch[mb].tokens == n->batch[0].tokens))
        return SN_OK;
    int status = sn_mem_alloc((void **)&wuk, a->wuk.rows * a->wuk.cols * sizeof *wuk);
    if (status != SN_OK)
        return status;
    sn_native_absorbed(&a->wuk, wuk);
    union sn_problem p = {.mla_prolog = {.t = n->batch[mb].tokens,
                                         .hidden = m->hidden,
                                         .q_rank = m->q_rank,
                                         .latent = m->latent,
                                         .rope = m->rope,
                                         .nope = m->nope,
                                         .heads = m->heads,
                                         .g_x = a->g_x,
                                         .g_q = a->g_q,
                                         .g_kv = a->g_kv,
                                         .wdq = a->wdq.w,
                                         .wuq = a->wuq.w,
                                         .wdkv = a->wdkv.w,
                                         .sdq = a->wdq.s,
                                         .suq = a->wuq.s,
                                         .sdkv = a->wdkv.s,
                                         .wuk = wuk}};
    status = sn_native_pack(n, &l->prolog[mb], SN_OP_MLA_PROLOG, &p);
    struct sn_mla_prolog *k = &l->prolog[mb].p.mla_prolog;
    k->wdq = k->wuq = k->wdkv = NULL;
    k->wuk = NULL;
    sn_mem_free(wuk);
    return status;
}

static int open_attention(struct sn_native *n, struct sn_native_layer *l, unsigned layer)
{
    struct sn_native_attention *a = &l->attention;
    size_t tokens = sn_native_tokens_max(&n->shape);
    int status = sn_native_attention_open(a, &n->shape, layer);
    if (status == SN_OK)
        status = pack_gemm(n, &l->output, tokens, &a->wo, SN_F32);
    for (unsigned mb = 0; mb < n->shape.microbatches && !n->shape.prefill && status == SN_OK; mb++)
        status = pack_prolog(n, l, mb);
    if (status == SN_OK && !n->shape.prefill)
        status = pack_values(n, l);
    const struct {
        struct sn_native_packed *k;
        const struct sn_native_matrix *m;
        enum sn_type out;
    } prompt[] = {{&l->down_q, &a->wdq, SN_F32},
                  {&l->up_q, &a->wuq, SN_F32},
                  {&l->down_kv, &a->wdkv, SN_F32},
                  {&l->keys, &a->wuk, SN_BF16},
                  {&l->values, &a->wuv, SN_BF16}};
    for (size_t i = 0; i < sizeof prompt / sizeof *prompt && n->shape.prefill && status == SN_OK;
         i++)
        status = pack_gemm(n, prompt[i].k, tokens, prompt[i].m, prompt[i].out);
    struct sn_native_matrix *all[] = {&a->wdq, &a->wuq, &a->wdkv, &a->wuk, &a->wuv, &a->wo};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        forget(all[i]);
    return status;
}

/* `count` experts from `first` on, for at most so many copies. */
static int open_ffn(struct sn_native *n, struct sn_native_ffn *f, unsigned layer, unsigned first,
                    size_t count, size_t inner, size_t copies)
{
    size_t h = n->shape.model.hidden;
    if (!count)
        return SN_OK;
    int status =
        sn_native_matrix_open(&f->up, &n->shape, layer, SN_NATIVE_UP, first, count, 2 * inner, h);
    if (status == SN_OK)
        status = sn_native_matrix_open(&f->down, &n->shape, layer, SN_NATIVE_DOWN, first, count, h,
                                       inner);
    if (status != SN_OK)
        return status;
    union sn_problem p = {.moe = {.t = copies,
                                  .h = h,
                                  .i = inner,
                                  .experts = count,
                                  .copies = copies,
                                  .w1 = f->up.w,
                                  .w2 = f->down.w,
                                  .s1 = f->up.s,
                                  .s2 = f->down.s}};
    status = sn_native_pack(n, &f->moe, SN_OP_MOE, &p);
    f->moe.p.moe.w1 = f->moe.p.moe.w2 = NULL;
    forget(&f->up);
    forget(&f->down);
    return status;
}

int sn_native_open_layer(struct sn_native *n, unsigned layer)
{
    const struct sn_llm *m = &n->shape.model;
    struct sn_native_layer *l = &n->layers[layer];
    size_t tokens = sn_native_tokens_max(&n->shape);
    int status = open_attention(n, l, layer);
    l->g_ffn = sn_native_gains(&n->shape, layer, SN_NATIVE_GAIN_FFN, m->hidden);
    if (status == SN_OK)
        status = sn_mem_alloc((void **)&l->kv,
                              n->pages * SN_NATIVE_PAGE * (m->latent + m->rope) * sizeof *l->kv);
    if (status != SN_OK)
        return status;
    if (layer < m->dense_layers)
        return open_ffn(n, &l->dense, layer, SN_NATIVE_DENSE, 1, m->dense_intermediate, tokens);
    const uint32_t *slots = n->moe.placement.slot_first;
    l->router = sn_native_router(&n->shape, layer);
    l->bias = sn_native_bias(&n->shape, layer);
    status = open_ffn(n, &l->routed, layer, slots[n->die], slots[n->die + 1] - slots[n->die],
                      m->intermediate, sn_moe_in_max(&n->moe.shape));
    if (status == SN_OK && m->shared)
        status = open_ffn(n, &l->shared, layer, SN_NATIVE_SHARED, 1,
                          (size_t)m->shared * m->intermediate, tokens);
    return status;
}

int sn_native_open_rest(struct sn_native *n)
{
    const struct sn_native_shape *s = &n->shape;
    const struct sn_llm *m = &s->model;
    size_t t = sn_native_tokens_max(s), h = m->hidden, parts = sn_native_part_max(s);
    float scale = 1 / sqrtf((float)(m->nope + m->rope));
    union sn_problem quantize = {.quantize = {.t = t, .h = h, .x_type = SN_BF16, .q_type = SN_U8}};
    union sn_problem gate = {.gate = {.t = t,
                                      .e = m->routed,
                                      .groups = m->groups,
                                      .kept = m->kept,
                                      .k = m->top_k,
                                      .scale = 1,
                                      .lds = m->routed}};
    union sn_problem mla = {.mla = {.requests = parts,
                                    .queries = s->queries,
                                    .heads = m->heads,
                                    .latent = m->latent,
                                    .rope = m->rope,
                                    .page = SN_NATIVE_PAGE,
                                    .pages_per_request = n->pages_each,
                                    .pages = n->pages,
                                    .scale = scale,
                                    .kv_type = SN_BF16}};
    union sn_problem causal = {.mla_prefill = {.prompts = parts,
                                               .heads = m->heads,
                                               .qk = m->nope + m->rope,
                                               .v_dim = m->v,
                                               .rows = t,
                                               .longest = s->queries,
                                               .scale = scale}};
    int status = sn_native_pack(n, &n->quantize, SN_OP_QUANTIZE, &quantize);
    if (status == SN_OK)
        status = sn_native_pack(n, &n->gate, SN_OP_GATE, &gate);
    if (status == SN_OK)
        status = s->prefill ? sn_native_pack(n, &n->causal, SN_OP_MLA_PREFILL, &causal)
                            : sn_native_pack(n, &n->mla, SN_OP_MLA, &mla);
    if (status == SN_OK)
        status =
            sn_native_matrix_open(&n->head_scales, s, 0, SN_NATIVE_HEAD, 0, 1, m->vocabulary, h);
    if (status == SN_OK)
        status = pack_gemm(n, &n->head, s->prefill ? parts : t, &n->head_scales, SN_F32);
    forget(&n->head_scales);
    n->g_head = sn_native_gains(s, 0, SN_NATIVE_GAIN_HEAD, h);
    if (status == SN_OK)
        status = sn_mem_alloc((void **)&n->embedding, m->vocabulary * h * sizeof *n->embedding);
    for (uint32_t w = 0; w < m->vocabulary && status == SN_OK; w++)
        sn_native_embedding(s, w, n->embedding + w * h);
    return status;
}

static void close_ffn(struct sn_native_ffn *f)
{
    sn_native_unpack(&f->moe);
    sn_native_matrix_close(&f->up);
    sn_native_matrix_close(&f->down);
}

void sn_native_close_layer(struct sn_native_layer *l)
{
    struct sn_native_packed *all[] = {&l->prolog[0], &l->prolog[1], &l->down_q, &l->up_q,
                                      &l->down_kv,   &l->keys,      &l->values, &l->output};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sn_native_unpack(all[i]);
    close_ffn(&l->routed);
    close_ffn(&l->shared);
    close_ffn(&l->dense);
    sn_native_attention_close(&l->attention);
    free(l->g_ffn);
    free(l->router);
    free(l->bias);
    sn_mem_free(l->kv);
}
