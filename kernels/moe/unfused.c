/* moe, each step a pass over memory: permute, gate and up, SwiGLU, quantise, down, weighted sums,
 * with the best gemm and quantize that kernels may use (sn_isa_most()), an expert at a time. */
#include <string.h>

#include "harness/base/isa.h"
#include "kernels/moe/unfused.h"

/* The products of one expert with m rows; pointers are NULL. */
static struct sn_gemm gate_up_of(const struct sn_moe_ffn *f, size_t m)
{
    return (struct sn_gemm){.m = m,
                            .n = 2 * f->i,
                            .k = f->h,
                            .a_type = SN_U8,
                            .c_type = SN_F32,
                            .lda = f->h,
                            .ldw = f->h,
                            .ldc = 2 * f->i};
}

static struct sn_gemm down_of(const struct sn_moe_ffn *f, size_t m)
{
    return (struct sn_gemm){.m = m,
                            .n = f->h,
                            .k = f->i,
                            .a_type = SN_U8,
                            .c_type = SN_F32,
                            .lda = f->i,
                            .ldw = f->i,
                            .ldc = f->h};
}

/* The best for the rows that an expert has on average, if it also does the most that one can get.
 */
static const struct sn_kernel *gemm_for(const struct sn_moe_ffn *f, struct sn_gemm g, unsigned n)
{
    union sn_problem all = {.gemm = g}, mean = all;
    all.gemm.m = f->copies;
    mean.gemm.m = (f->copies + f->experts - 1) / f->experts;
    const struct sn_kernel *k = sn_kernel_best(SN_OP_GEMM, &mean, n, sn_isa_most());
    if (!sn_kernel_unsupported(k, &all, n, sn_isa_most()))
        return k;
    return sn_kernel_best(SN_OP_GEMM, &all, n, sn_isa_most());
}

/* Both products: kernels, bytes of one expert's weights in their form. */
struct plan {
    const struct sn_kernel *gate_up, *down;
    size_t w1_bytes, w2_bytes, scratch;
};

static size_t round64(size_t x)
{
    return (x + 63) & ~(size_t)63;
}

static struct plan plan_of(const struct sn_moe_ffn *f, unsigned threads)
{
    union sn_problem g = {.gemm = gate_up_of(f, f->copies)}, d = {.gemm = down_of(f, f->copies)};
    struct plan p = {gemm_for(f, g.gemm, threads), gemm_for(f, d.gemm, threads), 0, 0, 0};
    p.w1_bytes = round64(sn_kernel_packed_bytes(p.gate_up, &g, threads));
    p.w2_bytes = round64(sn_kernel_packed_bytes(p.down, &d, threads));
    size_t a = sn_kernel_scratch_bytes(p.gate_up, &g, threads),
           b = sn_kernel_scratch_bytes(p.down, &d, threads);
    p.scratch = round64(a > b ? a : b);
    return p;
}

static size_t packed_bytes(const union sn_problem *p, unsigned threads)
{
    struct plan k = plan_of(&p->moe, threads);
    return p->moe.experts * (k.w1_bytes + k.w2_bytes);
}

static int prepare(const union sn_problem *p, unsigned threads, void *packed)
{
    const struct sn_moe_ffn *f = &p->moe;
    struct plan k = plan_of(f, threads);
    char *to = packed;
    int status = 0;
    for (size_t e = 0; e < f->experts && !status; e++) {
        union sn_problem g = {.gemm = gate_up_of(f, 0)}, d = {.gemm = down_of(f, 0)};
        g.gemm.w = f->w1 + e * 2 * f->i * f->h;
        d.gemm.w = f->w2 + e * f->h * f->i;
        status = k.gate_up->prepare(&g, threads, to);
        to += k.w1_bytes;
        if (!status)
            status = k.down->prepare(&d, threads, to);
        to += k.w2_bytes;
    }
    return status;
}

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    return sn_moe_arrays_bytes(&p->moe) + plan_of(&p->moe, threads).scratch;
}

/* The products of all experts: of gate and up with `gate_up`, else of down. */
static void multiply(const struct sn_moe_ffn *f, const struct sn_moe_arrays *a,
                     const struct plan *k, const char *packed, bool gate_up,
                     const struct sn_team *team)
{
    const struct sn_kernel *by = gate_up ? k->gate_up : k->down;
    for (size_t e = 0; e < f->experts; e++, packed += k->w1_bytes + k->w2_bytes) {
        size_t row = a->order.first[e], m = a->order.first[e + 1] - row;
        union sn_problem p = {.gemm = gate_up ? gate_up_of(f, m) : down_of(f, m)};
        p.gemm.a = gate_up ? a->x + row * f->h : a->q + row * f->i;
        p.gemm.sa = (gate_up ? a->sx : a->sq) + row;
        p.gemm.sb = gate_up ? f->s1 + e * 2 * f->i : f->s2 + e * f->h;
        p.gemm.c = gate_up ? a->g + row * 2 * f->i : a->y + row * f->h;
        if (m)
            by->run(&p, packed + (gate_up ? 0 : k->w1_bytes), a->rest, team);
        team->barrier(team);
    }
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_moe_ffn *f = &p->moe;
    const struct sn_moe_steps *steps = sn_moe_steps_best();
    struct plan k = plan_of(f, team->count);
    struct sn_moe_arrays a = sn_moe_arrays_at(f, scratch);
    sn_moe_permute(f, &a, team);
    multiply(f, &a, &k, packed, true, team);
    sn_moe_activate(f, &a, steps, team);
    multiply(f, &a, &k, packed, false, team);
    sn_moe_unpermute(f, &a, steps, team);
}

static int rank(const union sn_problem *p, unsigned threads)
{
    return 10;
}

const struct sn_kernel sn_moe_unfused = {.abi = SN_ABI_VERSION,
                                         .size = sizeof(struct sn_kernel),
                                         .op = "moe",
                                         .name = "unfused",
                                         .brief = "each step a pass over memory; the best gemm and "
                                                  "quantize, an expert at a time",
                                         .isa = "generic",
                                         .flags = SN_KERNEL_SAME_BITS,
                                         .rank = rank,
                                         .packed_bytes = packed_bytes,
                                         .prepare = prepare,
                                         .scratch_bytes = scratch_bytes,
                                         .run = run};
