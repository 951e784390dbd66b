#include "bench/macro/native_plain.h"

#include <stdlib.h>

#include "harness/base/buf.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

/* --- kernels -----------------------------------------------------------------------------------
 */

/* Scratch grows as needed. */
void sn_plain_call(struct sn_plain *r, enum sn_op op, const struct sn_kernel *by,
                   const union sn_problem *p, const void *packed)
{
    const struct sn_kernel *k = by ? by : sn_kernel_at(op, 0);
    unsigned threads = by ? r->s->threads : 1;
    size_t bytes = sn_mem_round_up(sn_kernel_scratch_bytes(k, p, threads), 64);
    if (bytes > r->scratch_bytes) {
        sn_mem_free(r->scratch);
        r->scratch = NULL;
        r->scratch_bytes = sn_mem_alloc(&r->scratch, bytes) == SN_OK ? bytes : 0;
        if (!r->scratch)
            abort(); /* a few MiB, beside hundreds of weights */
    }
    sn_kernel_run(k, p, packed, r->scratch, threads);
}

static int pack(enum sn_op op, const union sn_problem *p, void **packed)
{
    const struct sn_kernel *k = sn_kernel_at(op, 0);
    int status = sn_mem_alloc(packed, sn_mem_round_up(sn_kernel_packed_bytes(k, p, 1), 64));
    if (status == SN_OK && k->prepare && k->prepare(p, 1, *packed))
        status = SN_FAIL(SN_EENV, "%s %s: prepare() failed", k->op, k->name);
    return status;
}

void sn_plain_quantize(struct sn_plain *r, enum sn_type type, const void *x, size_t h, size_t at)
{
    union sn_problem p = {.quantize = {.t = 1,
                                       .h = h,
                                       .x_type = type,
                                       .q_type = SN_U8,
                                       .x = x,
                                       .q = r->u8 + at * h,
                                       .scale = r->scale + at,
                                       .ldx = h,
                                       .ldq = h}};
    sn_plain_call(r, SN_OP_QUANTIZE, NULL, &p, NULL);
}

static union sn_problem problem_of(const struct sn_plain_product *m, const uint32_t *first,
                                   enum sn_type out)
{
    size_t k = m->m.cols, n = m->m.rows / m->groups;
    return (union sn_problem){.grouped_gemm = {.groups = m->groups,
                                               .m = m->groups,
                                               .n = n,
                                               .k = k,
                                               .first = first,
                                               .a_type = SN_U8,
                                               .c_type = out,
                                               .w = m->m.w,
                                               .sb = m->m.s,
                                               .lda = k,
                                               .ldw = k,
                                               .ldc = n}};
}

static uint32_t *one_each(size_t groups)
{
    uint32_t *first = sn_calloc(groups + 1, sizeof *first);
    for (size_t g = 0; g <= groups; g++)
        first[g] = (uint32_t)g;
    return first;
}

void sn_plain_multiply(struct sn_plain *r, const struct sn_plain_product *m, enum sn_type type,
                       void *out)
{
    uint32_t *first = one_each(m->groups);
    union sn_problem p = problem_of(m, first, type);
    p.grouped_gemm.w = NULL;
    p.grouped_gemm.a = r->u8;
    p.grouped_gemm.sa = r->scale;
    p.grouped_gemm.c = out;
    sn_plain_call(r, SN_OP_GROUPED_GEMM, NULL, &p, m->packed);
    free(first);
}

/* Takes over the matrix, whose codes are packed and gone. */
static int take(struct sn_plain_product *to, struct sn_native_matrix *from, size_t groups)
{
    *to = (struct sn_plain_product){.m = *from, .groups = groups};
    *from = (struct sn_native_matrix){0};
    uint32_t *first = one_each(groups);
    union sn_problem p = problem_of(to, first, SN_F32);
    int status = pack(SN_OP_GROUPED_GEMM, &p, &to->packed);
    free(first);
    sn_mem_free(to->m.w);
    to->m.w = NULL;
    return status;
}

static void drop(struct sn_plain_product *m)
{
    sn_native_matrix_close(&m->m);
    sn_mem_free(m->packed);
}

/* --- feed-forward ------------------------------------------------------------------------------
 */

static int open_feed(struct sn_plain_feed *f, const struct sn_native_shape *s, unsigned layer,
                     unsigned index, size_t inner)
{
    size_t h = s->model.hidden;
    *f = (struct sn_plain_feed){.inner = inner};
    int status = sn_native_matrix_open(&f->up, s, layer, SN_NATIVE_UP, index, 1, 2 * inner, h);
    if (status == SN_OK)
        status = sn_native_matrix_open(&f->down, s, layer, SN_NATIVE_DOWN, index, 1, h, inner);
    union sn_problem p = {
        .moe = {.h = h, .i = inner, .experts = 1, .w1 = f->up.w, .w2 = f->down.w}};
    if (status == SN_OK)
        status = pack(SN_OP_MOE, &p, &f->packed);
    sn_mem_free(f->up.w);
    sn_mem_free(f->down.w);
    f->up.w = f->down.w = NULL;
    return status;
}

static void close_feed(struct sn_plain_feed *f)
{
    sn_native_matrix_close(&f->up);
    sn_native_matrix_close(&f->down);
    sn_mem_free(f->packed);
}

/* --- all of it ---------------------------------------------------------------------------------
 */

static int open_prolog(struct sn_plain_layer *l, const struct sn_llm *m)
{
    const struct sn_native_attention *a = &l->a;
    uint16_t *wuk;
    int status = sn_mem_alloc((void **)&wuk, a->wuk.rows * a->wuk.cols * sizeof *wuk);
    if (status != SN_OK)
        return status;
    sn_native_absorbed(&a->wuk, wuk);
    union sn_problem p = {.mla_prolog = {.t = 1,
                                         .hidden = m->hidden,
                                         .q_rank = m->q_rank,
                                         .latent = m->latent,
                                         .rope = m->rope,
                                         .nope = m->nope,
                                         .heads = m->heads,
                                         .wdq = a->wdq.w,
                                         .wuq = a->wuq.w,
                                         .wdkv = a->wdkv.w,
                                         .sdq = a->wdq.s,
                                         .suq = a->wuq.s,
                                         .sdkv = a->wdkv.s,
                                         .wuk = wuk}};
    status = pack(SN_OP_MLA_PROLOG, &p, &l->prolog);
    sn_mem_free(wuk);
    return status;
}

static int open_attention(struct sn_plain_layer *l, const struct sn_native_shape *s, unsigned layer)
{
    const struct sn_llm *m = &s->model;
    struct sn_native_attention *a = &l->a;
    int status = sn_native_attention_open(a, s, layer);
    if (status == SN_OK && !s->prefill)
        status = open_prolog(l, m);
    const struct {
        struct sn_plain_product *to;
        struct sn_native_matrix *from;
        size_t groups;
        bool prompts; /* of prefill alone */
    } all[] = {{&l->down_q, &a->wdq, 1, true},
               {&l->up_q, &a->wuq, 1, true},
               {&l->down_kv, &a->wdkv, 1, true},
               {&l->keys, &a->wuk, 1, true},
               {&l->values, &a->wuv, s->prefill ? 1 : m->heads, false},
               {&l->output, &a->wo, 1, false}};
    for (size_t i = 0; i < sizeof all / sizeof *all && status == SN_OK; i++)
        if (s->prefill || !all[i].prompts)
            status = take(all[i].to, all[i].from, all[i].groups);
    return status;
}

static int open_layer(struct sn_plain_layer *l, const struct sn_native_shape *s, unsigned layer)
{
    const struct sn_llm *m = &s->model;
    int status = open_attention(l, s, layer);
    l->g_ffn = sn_native_gains(s, layer, SN_NATIVE_GAIN_FFN, m->hidden);
    if (status == SN_OK)
        status = sn_mem_alloc((void **)&l->kv, sn_native_room(s) * (m->latent + m->rope) * 2);
    if (status == SN_OK && layer < m->dense_layers)
        return open_feed(&l->dense, s, layer, SN_NATIVE_DENSE, m->dense_intermediate);
    l->router = sn_native_router(s, layer);
    l->bias = sn_native_bias(s, layer);
    l->routed = sn_calloc(m->routed, sizeof *l->routed);
    for (unsigned e = 0; e < m->routed && status == SN_OK; e++)
        status = open_feed(&l->routed[e], s, layer, e, m->intermediate);
    if (status == SN_OK && m->shared)
        status =
            open_feed(&l->shared, s, layer, SN_NATIVE_SHARED, (size_t)m->shared * m->intermediate);
    return status;
}

/* Rows of the request in hand. */
static int open_rows(struct sn_plain *r)
{
    const struct sn_llm *m = &r->s->model;
    size_t rows = r->s->prefill ? r->s->context : 1, qk = m->nope + m->rope, heads = m->heads,
           wide = heads * (qk + m->latent + m->v + m->rope) + m->hidden + m->q_rank;
    int status = sn_mem_alloc((void **)&r->x, rows * m->hidden * sizeof *r->x);
    uint16_t **each[] = {&r->q, &r->k, &r->v, &r->o};
    for (size_t i = 0; i < sizeof each / sizeof *each && status == SN_OK; i++)
        status = sn_mem_alloc((void **)each[i], rows * wide * sizeof **each[i]);
    if (status == SN_OK)
        status = sn_mem_alloc((void **)&r->u8, wide);
    if (status == SN_OK)
        status = sn_mem_alloc((void **)&r->f, wide * sizeof *r->f);
    if (status == SN_OK)
        status = sn_mem_alloc((void **)&r->scale, heads * sizeof *r->scale);
    return status;
}

int sn_plain_open(struct sn_plain *r, const struct sn_native_shape *s)
{
    const struct sn_llm *m = &s->model;
    *r = (struct sn_plain){.s = s, .layers = sn_calloc(m->layers, sizeof *r->layers)};
    struct sn_native_matrix head = {0};
    r->g_head = sn_native_gains(s, 0, SN_NATIVE_GAIN_HEAD, m->hidden);
    int status = open_rows(r);
    for (unsigned l = 0; l < m->layers && status == SN_OK; l++)
        status = open_layer(&r->layers[l], s, l);
    if (status == SN_OK)
        status = sn_native_matrix_open(&head, s, 0, SN_NATIVE_HEAD, 0, 1, m->vocabulary, m->hidden);
    return status == SN_OK ? take(&r->head, &head, 1) : status;
}

static void close_layer(struct sn_plain_layer *l, unsigned routed)
{
    struct sn_plain_product *all[] = {&l->down_q, &l->up_q,   &l->down_kv,
                                      &l->keys,   &l->values, &l->output};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        drop(all[i]);
    for (unsigned e = 0; l->routed && e < routed; e++)
        close_feed(&l->routed[e]);
    close_feed(&l->shared);
    close_feed(&l->dense);
    sn_native_attention_close(&l->a);
    free(l->routed);
    free(l->g_ffn);
    free(l->router);
    free(l->bias);
    sn_mem_free(l->prolog);
    sn_mem_free(l->kv);
}

void sn_plain_close(struct sn_plain *r)
{
    for (unsigned l = 0; l < r->s->model.layers; l++)
        close_layer(&r->layers[l], r->s->model.routed);
    free(r->layers);
    drop(&r->head);
    free(r->g_head);
    void *all[] = {r->x, r->q, r->k, r->v, r->o, r->u8, r->f, r->scale, r->scratch};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sn_mem_free(all[i]);
}
