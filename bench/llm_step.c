/* The kernels of a step: bench/llm_step.h. */
#include "bench/llm_step.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "harness/base/status.h"

static struct sn_llm_kernel *add(struct sn_llm_kernels *k, const char *what, enum sn_op op,
                                 unsigned count)
{
    k->all = sn_realloc(k->all, k->n + 1, sizeof *k->all);
    k->all[k->n] = (struct sn_llm_kernel){.what = what, .op = op, .count = count};
    return &k->all[k->n++];
}

/* The kernels from `first` on belong to an operation. */
static void mark(struct sn_llm_kernels *k, size_t first, enum sn_operation operation)
{
    for (size_t i = first; i < k->n; i++)
        k->all[i].operation = operation;
}

static void add_gemm(struct sn_llm_kernels *k, const char *what, unsigned count, size_t m, size_t n,
                     size_t width)
{
    add(k, what, SN_OP_GEMM, count)->p.gemm = (struct sn_gemm){.m = m,
                                                               .n = n,
                                                               .k = width,
                                                               .a_type = SN_U8,
                                                               .c_type = SN_F32,
                                                               .lda = width,
                                                               .ldw = width,
                                                               .ldc = n};
}

static void add_quantize(struct sn_llm_kernels *k, const char *what, unsigned count, size_t t,
                         size_t h)
{
    add(k, what, SN_OP_QUANTIZE, count)->p.quantize = (struct sn_quantize){
        .t = t, .h = h, .x_type = SN_BF16, .q_type = SN_U8, .ldx = h, .ldq = h};
}

/* Quantised input, gate and up, activation, down: of a dense layer, of shared experts. */
static void add_ffn(struct sn_llm_kernels *k, const char *const what[4], unsigned count, size_t t,
                    size_t h, size_t i)
{
    add_quantize(k, what[0], count, t, h);
    add_gemm(k, what[1], count, t, 2 * i, h);
    add_quantize(k, what[2], count, t, i);
    add_gemm(k, what[3], count, t, h, i);
}

/* Queries and cache of a decode step. Where queries are not compressed, the projections one by one;
 * `absorb` is then left out. */
static void add_prolog(struct sn_llm_kernels *k, const struct sn_llm *m, size_t t)
{
    if (m->q_rank) {
        add(k, "queries and cache", SN_OP_MLA_PROLOG, m->layers)->p.mla_prolog =
            (struct sn_mla_prolog){.t = t,
                                   .hidden = m->hidden,
                                   .q_rank = m->q_rank,
                                   .latent = m->latent,
                                   .rope = m->rope,
                                   .nope = m->nope,
                                   .heads = m->heads};
        return;
    }
    add_quantize(k, "attention input", m->layers, t, m->hidden);
    add_gemm(k, "queries", m->layers, t, m->heads * (m->nope + m->rope), m->hidden);
    add_gemm(k, "cache", m->layers, t, m->latent + m->rope, m->hidden);
}

/* `n` equal parts of `each` as offsets 0, each, 2 each, ... */
static uint32_t *offsets(size_t n, uint32_t each)
{
    uint32_t *first = sn_calloc(n + 1, sizeof *first);
    for (size_t i = 0; i <= n; i++)
        first[i] = (uint32_t)i * each;
    return first;
}

static void add_decode_attention(struct sn_llm_kernels *k, const struct sn_llm *m,
                                 const struct sn_llm_step *s, size_t t)
{
    enum { PAGE = 128 };
    add_prolog(k, m, t);
    mark(k, 0, SN_OPERATION_PROLOG);
    struct sn_llm_kernel *a = add(k, "attention", SN_OP_MLA, m->layers);
    a->index = sn_calloc(s->requests, sizeof *a->index);
    for (uint32_t r = 0; r < s->requests; r++)
        a->index[r] = s->ctx;
    a->p.mla = (struct sn_mla){.requests = s->requests,
                               .queries = s->queries,
                               .heads = m->heads,
                               .latent = m->latent,
                               .rope = m->rope,
                               .page = PAGE,
                               .pages_per_request = (s->ctx + PAGE - 1) / PAGE,
                               .kv_type = SN_BF16,
                               .length = a->index};
    a->operation = SN_OPERATION_ATTENTION;
    /* From latent to values, a matrix for each head. */
    struct sn_llm_kernel *v = add(k, "values", SN_OP_GROUPED_GEMM, m->layers);
    v->operation = SN_OPERATION_PROJECTION;
    v->index = offsets(m->heads, (uint32_t)t);
    v->p.grouped_gemm = (struct sn_grouped_gemm){.groups = m->heads,
                                                 .n = m->v,
                                                 .k = m->latent,
                                                 .first = v->index,
                                                 .a_type = SN_U8,
                                                 .c_type = SN_BF16,
                                                 .lda = m->latent,
                                                 .ldw = m->latent,
                                                 .ldc = m->v};
}

static void add_prefill_attention(struct sn_llm_kernels *k, const struct sn_llm *m,
                                  const struct sn_llm_step *s, size_t t)
{
    size_t qk = m->nope + m->rope;
    add_quantize(k, "attention input", m->layers, t, m->hidden);
    if (m->q_rank) {
        add_gemm(k, "queries down", m->layers, t, m->q_rank, m->hidden);
        add_quantize(k, "compressed queries", m->layers, t, m->q_rank);
    }
    add_gemm(k, "queries", m->layers, t, m->heads * qk, m->q_rank ? m->q_rank : m->hidden);
    add_gemm(k, "cache", m->layers, t, m->latent + m->rope, m->hidden);
    add_quantize(k, "latents", m->layers, t, m->latent);
    add_gemm(k, "keys and values", m->layers, t, m->heads * (m->nope + m->v), m->latent);
    mark(k, 0, SN_OPERATION_PROLOG);
    struct sn_llm_kernel *a = add(k, "attention", SN_OP_MLA_PREFILL, m->layers);
    a->operation = SN_OPERATION_ATTENTION;
    a->index = offsets(s->requests, s->ctx);
    a->p.mla_prefill = (struct sn_mla_prefill){
        .prompts = s->requests, .heads = m->heads, .qk = qk, .v_dim = m->v, .first = a->index};
}

double sn_llm_reach(uint64_t slots, uint64_t here, uint32_t k)
{
    double none = 1;
    for (uint32_t i = 0; i < k; i++)
        none *= here + i < slots ? (double)(slots - here - i) / (double)(slots - i) : 0;
    return 1 - none;
}

static void add_experts(struct sn_llm_kernels *k, const struct sn_llm *m,
                        const struct sn_llm_step *s, size_t t)
{
    static const char *const shared[] = {"shared expert input", "shared expert gate and up",
                                         "shared expert activation", "shared expert down"};
    unsigned layers = m->layers - m->dense_layers;
    uint64_t holders = s->dies - s->shared_dies, slots = s->slots ? s->slots : m->routed,
             copies = ((uint64_t)s->dies * t * m->top_k + holders - 1) / holders,
             experts = (slots + holders - 1) / holders;
    size_t tokens =
        (size_t)ceil((double)s->dies * (double)t * sn_llm_reach(slots, experts, m->top_k));
    size_t first = k->n;
    add(k, "gate", SN_OP_GATE, layers)->p.gate = (struct sn_gate){.t = t,
                                                                  .e = m->routed,
                                                                  .groups = m->groups,
                                                                  .kept = m->kept,
                                                                  .k = m->top_k,
                                                                  .lds = m->routed};
    mark(k, first, SN_OPERATION_GATE);
    add_quantize(k, "dispatched tokens", layers, t, m->hidden);
    mark(k, k->n - 1, SN_OPERATION_DISPATCH);
    add(k, "experts", SN_OP_MOE, layers)->p.moe = (struct sn_moe_ffn){
        .t = tokens, .h = m->hidden, .i = m->intermediate, .experts = experts, .copies = copies};
    mark(k, k->n - 1, SN_OPERATION_EXPERTS);
    first = k->n;
    if (m->shared && !s->shared_dies) {
        add_gemm(k, shared[1], layers, t, 2 * (size_t)m->intermediate * m->shared, m->hidden);
        add_quantize(k, shared[2], layers, t, (size_t)m->intermediate * m->shared);
        add_gemm(k, shared[3], layers, t, m->hidden, (size_t)m->intermediate * m->shared);
    }
    mark(k, first, SN_OPERATION_SHARED);
}

static int check(const struct sn_llm *m, const struct sn_llm_step *s)
{
    uint32_t slots = s->slots ? s->slots : m->routed;
    if (!s->requests || !s->ctx || !s->dies || (!s->prefill && !s->queries))
        return SN_FAIL(SN_EINVAL, "requests, queries, ctx and dies must be at least 1");
    if (!s->prefill && s->queries > s->ctx)
        return SN_FAIL(SN_EINVAL, "queries=%u: more than the %u tokens of ctx, which has them",
                       s->queries, s->ctx);
    if (s->shared_dies >= s->dies)
        return SN_FAIL(SN_EINVAL, "shared_dies=%u: no die of %u is left for routed experts",
                       s->shared_dies, s->dies);
    if (slots < m->routed)
        return SN_FAIL(SN_EINVAL, "slots=%u: %s has %u routed experts", slots, m->name, m->routed);
    if (s->dies - s->shared_dies > slots)
        return SN_FAIL(SN_EINVAL,
                       "%u dies for %u routed experts: some would have none; give slots=%u "
                       "with redundant ones, or fewer dies",
                       s->dies - s->shared_dies, slots, s->dies - s->shared_dies);
    if ((uint64_t)s->requests * (s->prefill ? s->ctx : s->queries) > 1 << 20)
        return SN_FAIL(SN_EINVAL, "more than %d tokens a die and step", 1 << 20);
    return SN_OK;
}

int sn_llm_step(const struct sn_llm *m, const struct sn_llm_step *s, struct sn_llm_kernels *out)
{
    static const char *const dense[] = {"dense input", "dense gate and up", "dense activation",
                                        "dense down"};
    int status = check(m, s);
    if (status != SN_OK)
        return status;
    size_t t = (size_t)s->requests * (s->prefill ? s->ctx : s->queries),
           values = (size_t)m->heads * m->v;
    struct sn_llm_kernels k = {0};
    if (s->prefill)
        add_prefill_attention(&k, m, s, t);
    else
        add_decode_attention(&k, m, s, t);
    size_t first = k.n;
    add_quantize(&k, "attention result", m->layers, t, values);
    add_gemm(&k, "attention output", m->layers, t, m->hidden, values);
    mark(&k, first, SN_OPERATION_PROJECTION);
    first = k.n;
    if (m->dense_layers)
        add_ffn(&k, dense, m->dense_layers, t, m->hidden, m->dense_intermediate);
    mark(&k, first, SN_OPERATION_DENSE);
    if (m->layers > m->dense_layers)
        add_experts(&k, m, s, t);
    add_gemm(&k, "head", 1, s->prefill ? s->requests : t, m->vocabulary, m->hidden);
    mark(&k, k.n - 1, SN_OPERATION_HEAD);
    *out = k;
    return SN_OK;
}

void sn_llm_kernels_free(struct sn_llm_kernels *k)
{
    for (size_t i = 0; i < k->n; i++)
        free(k->all[i].index);
    free(k->all);
    *k = (struct sn_llm_kernels){0};
}

void sn_llm_axes(const struct sn_llm_kernel *k, struct sn_buf *out)
{
    const union sn_problem *p = &k->p;
    switch (k->op) {
    case SN_OP_GEMM:
        sn_buf_addf(out, "m=%zu n=%zu k=%zu", p->gemm.m, p->gemm.n, p->gemm.k);
        break;
    case SN_OP_GROUPED_GEMM:
        sn_buf_addf(out, "groups=%zu m=%" PRIu32 " n=%zu k=%zu", p->grouped_gemm.groups,
                    p->grouped_gemm.first[p->grouped_gemm.groups], p->grouped_gemm.n,
                    p->grouped_gemm.k);
        break;
    case SN_OP_QUANTIZE:
        sn_buf_addf(out, "t=%zu h=%zu", p->quantize.t, p->quantize.h);
        break;
    case SN_OP_GATE:
        sn_buf_addf(out, "t=%zu e=%zu groups=%zu kept=%zu k=%zu", p->gate.t, p->gate.e,
                    p->gate.groups, p->gate.kept, p->gate.k);
        break;
    case SN_OP_MOE:
        sn_buf_addf(out, "experts=%zu tokens=%zu hidden=%zu intermediate=%zu", p->moe.experts,
                    (p->moe.copies + p->moe.experts - 1) / p->moe.experts, p->moe.h, p->moe.i);
        break;
    case SN_OP_MLA:
        sn_buf_addf(out, "batch=%zu queries=%zu heads=%zu latent=%zu rope=%zu ctx=%" PRIu32,
                    p->mla.requests, p->mla.queries, p->mla.heads, p->mla.latent, p->mla.rope,
                    p->mla.length[0]);
        break;
    case SN_OP_MLA_PROLOG:
        sn_buf_addf(out, "t=%zu hidden=%zu q_rank=%zu latent=%zu rope=%zu nope=%zu heads=%zu",
                    p->mla_prolog.t, p->mla_prolog.hidden, p->mla_prolog.q_rank,
                    p->mla_prolog.latent, p->mla_prolog.rope, p->mla_prolog.nope,
                    p->mla_prolog.heads);
        break;
    case SN_OP_MLA_PREFILL:
        sn_buf_addf(out, "prompts=%zu tokens=%zu heads=%zu qk=%zu v=%zu", p->mla_prefill.prompts,
                    p->mla_prefill.first[p->mla_prefill.prompts] / p->mla_prefill.prompts,
                    p->mla_prefill.heads, p->mla_prefill.qk, p->mla_prefill.v_dim);
        break;
    default:
        break;
    }
}
