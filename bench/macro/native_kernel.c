/* Kernels of a native run: chosen, prepared and called. */
#include <string.h>

#include "bench/macro/native.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"

static int prepare(struct sn_native *n, struct sn_native_packed *k, const union sn_problem *p)
{
    unsigned threads = n->shape.threads;
    k->packed_bytes = sn_kernel_packed_bytes(k->kernel, p, threads);
    size_t scratch = sn_kernel_scratch_bytes(k->kernel, p, threads);
    n->scratch_bytes = scratch > n->scratch_bytes ? scratch : n->scratch_bytes;
    k->p = *p;
    if (!k->kernel->prepare)
        return SN_OK;
    int status = sn_mem_alloc(&k->packed, sn_mem_round_up(k->packed_bytes, 64));
    if (status != SN_OK)
        return status;
    if (k->kernel->prepare(p, threads, k->packed))
        return SN_FAIL(SN_EENV, "%s %s: prepare() failed", k->kernel->op, k->kernel->name);
    k->prepared = true;
    return SN_OK;
}

/* NULL: the best one. */
static const struct sn_kernel *fixed(const struct sn_native_shape *s, enum sn_op op)
{
    return op == SN_OP_MLA || op == SN_OP_MLA_PREFILL || op == SN_OP_GATE
               ? sn_native_kernel_of_one(s, op)
               : NULL;
}

/* Feed-forwards must keep the order of the definition: the reference does, if nothing else. */
static const struct sn_kernel *same_bits(const union sn_problem *p, unsigned threads,
                                         enum sn_isa isa)
{
    const struct sn_kernel *k = sn_kernel_best(SN_OP_MOE, p, threads, isa);
    return k->flags & SN_KERNEL_SAME_BITS ? k : sn_kernel_at(SN_OP_MOE, 0);
}

int sn_native_pack(struct sn_native *n, struct sn_native_packed *k, enum sn_op op,
                   const union sn_problem *p)
{
    const struct sn_native_shape *s = &n->shape;
    *k = (struct sn_native_packed){.op = op, .kernel = fixed(s, op)};
    if (op == SN_OP_MOE)
        k->kernel = same_bits(p, s->threads, s->isa);
    else if (!k->kernel)
        k->kernel = sn_kernel_best(op, p, s->threads, s->isa);
    return prepare(n, k, p);
}

void sn_native_unpack(struct sn_native_packed *k)
{
    if (k->prepared && k->kernel->release)
        k->kernel->release(&k->p, k->packed);
    sn_mem_free(k->packed);
    *k = (struct sn_native_packed){0};
}

void sn_native_call(struct sn_native *n, const struct sn_native_packed *k,
                    const union sn_problem *p)
{
    if (n->account)
        sn_native_account(n, k->op, p);
    sn_kernel_run(k->kernel, p, k->packed, n->scratch, n->shape.threads);
}

const struct sn_kernel *sn_native_kernel_of_one(const struct sn_native_shape *s, enum sn_op op)
{
    const struct sn_llm *m = &s->model;
    union sn_problem p = {0};
    if (op == SN_OP_GATE)
        p.gate = (struct sn_gate){.t = 1,
                                  .e = m->routed,
                                  .groups = m->groups,
                                  .kept = m->kept,
                                  .k = m->top_k,
                                  .scale = 1,
                                  .lds = m->routed};
    else if (op == SN_OP_MLA)
        p.mla = (struct sn_mla){.requests = 1,
                                .queries = 1,
                                .heads = m->heads,
                                .latent = m->latent,
                                .rope = m->rope,
                                .page = SN_NATIVE_PAGE,
                                .pages_per_request = 1,
                                .pages = 1,
                                .kv_type = SN_BF16};
    else
        p.mla_prefill = (struct sn_mla_prefill){.prompts = 1,
                                                .heads = m->heads,
                                                .qk = m->nope + m->rope,
                                                .v_dim = m->v,
                                                .rows = 1,
                                                .longest = 1};
    return sn_kernel_best(op, &p, s->threads, s->isa);
}

void sn_native_quantize(struct sn_native *n, struct sn_quantize q)
{
    if (q.t)
        sn_native_call(n, &n->quantize, &(union sn_problem){.quantize = q});
}

void sn_native_product(struct sn_native *n, const struct sn_native_packed *k, size_t t,
                       const uint8_t *a, const float *sa, const float *sb, void *c)
{
    union sn_problem p = k->p;
    p.gemm.m = t;
    p.gemm.a = a;
    p.gemm.sa = sa;
    p.gemm.sb = sb;
    p.gemm.c = c;
    if (t)
        sn_native_call(n, k, &p);
}

void sn_native_feed(struct sn_native *n, const struct sn_native_ffn *f, size_t t, uint16_t *out)
{
    union sn_problem p = f->moe.p;
    memset(n->b.copy_expert, 0, t * sizeof *n->b.copy_expert);
    p.moe.t = p.moe.copies = t;
    p.moe.x = n->b.u8;
    p.moe.sx = n->b.scale;
    p.moe.token = n->b.index;
    p.moe.expert = n->b.copy_expert;
    p.moe.weight = n->b.weight;
    p.moe.s1 = f->up.s;
    p.moe.s2 = f->down.s;
    p.moe.out = out;
    if (t)
        sn_native_call(n, &f->moe, &p);
}
