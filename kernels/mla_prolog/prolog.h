/* mla-prolog: norms, projections by the kernels of quantize and gemm, rope; the absorption is the
 * variant's:
 *     absorb(a, head, q, wuk)   q (T, heads (nope + rope)) f32; what pack_wuk() made of Wuk
 *     pack_wuk(a, out), wuk_bytes(a)
 *     SUB(op, p, threads)       which kernel computes a part
 * Steps, with a barrier behind each: norm of x; quantize; two products; norm of cq, kv; quantize;
 * product; absorption and rope by heads. */
#ifndef SN_KERNELS_MLA_PROLOG_PROLOG_H
#define SN_KERNELS_MLA_PROLOG_PROLOG_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "harness/base/bf16.h"
#include "kernels/kernel.h"

enum part { QUANTIZE_X, DOWN_Q, DOWN_KV, QUANTIZE_Q, UP_Q, PARTS };

/* What a thread needs to know; the same for all. The first part lies in packed, where prepare()
 * leaves it. */
struct plan {
    const struct sn_kernel *kernel[PARTS];
    union sn_problem p[PARTS];
    size_t packed[PARTS], wuk, turn; /* offsets in packed: weights, Wuk, f64 (rope / 2) */
    size_t packed_bytes;
    size_t xn, xq, sx, cq, cqq, sc, ckv, q, angle, sub; /* offsets in scratch */
    size_t scratch_bytes;
};

static size_t take(size_t *at, size_t bytes)
{
    size_t here = *at;
    *at += (bytes + 63) / 64 * 64;
    return here;
}

static void describe(const struct sn_mla_prolog *a, struct plan *s)
{
    size_t up = a->heads * (a->nope + a->rope), kv = a->latent + a->rope;
    const struct sn_quantize q = {.t = a->t, .x_type = SN_F32, .q_type = SN_U8};
    const struct sn_gemm g = {.m = a->t, .a_type = SN_U8, .c_type = SN_F32};
    s->p[QUANTIZE_X].quantize = s->p[QUANTIZE_Q].quantize = q;
    s->p[DOWN_Q].gemm = s->p[DOWN_KV].gemm = s->p[UP_Q].gemm = g;
    const struct {
        enum part part;
        size_t n, k;
        const int8_t *w;
        const float *sb;
    } products[] = {{DOWN_Q, a->q_rank, a->hidden, a->wdq, a->sdq},
                    {DOWN_KV, kv, a->hidden, a->wdkv, a->sdkv},
                    {UP_Q, up, a->q_rank, a->wuq, a->suq}};
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        struct sn_gemm *m = &s->p[products[i].part].gemm;
        m->n = m->ldc = products[i].n;
        m->k = m->lda = m->ldw = products[i].k;
        m->w = products[i].w;
        m->sb = products[i].sb;
    }
    struct sn_quantize *x = &s->p[QUANTIZE_X].quantize, *c = &s->p[QUANTIZE_Q].quantize;
    x->h = x->ldx = x->ldq = a->hidden;
    c->h = c->ldx = c->ldq = a->q_rank;
}

static void plan(const struct sn_mla_prolog *a, unsigned threads, struct plan *s)
{
    static const enum sn_op ops[] = {[QUANTIZE_X] = SN_OP_QUANTIZE,
                                     [DOWN_Q] = SN_OP_GEMM,
                                     [DOWN_KV] = SN_OP_GEMM,
                                     [QUANTIZE_Q] = SN_OP_QUANTIZE,
                                     [UP_Q] = SN_OP_GEMM};
    size_t at = 0, most = 0;
    memset(s, 0, sizeof *s);
    describe(a, s);
    take(&at, sizeof *s);
    for (int i = 0; i < PARTS; i++) {
        s->kernel[i] = SUB(ops[i], &s->p[i], threads);
        s->packed[i] = take(&at, sn_kernel_packed_bytes(s->kernel[i], &s->p[i], threads));
        size_t scratch = sn_kernel_scratch_bytes(s->kernel[i], &s->p[i], threads);
        most = scratch > most ? scratch : most;
    }
    s->wuk = take(&at, wuk_bytes(a));
    s->turn = take(&at, a->rope / 2 * sizeof(double));
    s->packed_bytes = at;
    at = 0;
    s->xn = take(&at, a->t * a->hidden * 4);
    s->xq = take(&at, a->t * a->hidden);
    s->sx = take(&at, a->t * 4);
    s->cq = take(&at, a->t * a->q_rank * 4);
    s->cqq = take(&at, a->t * a->q_rank);
    s->sc = take(&at, a->t * 4);
    s->ckv = take(&at, a->t * (a->latent + a->rope) * 4);
    s->q = take(&at, a->t * a->heads * (a->nope + a->rope) * 4);
    s->angle = take(&at, a->t * a->rope * 4);
    s->sub = take(&at, most);
    s->scratch_bytes = at;
}

static size_t packed_bytes(const union sn_problem *p, unsigned threads)
{
    struct plan s;
    plan(&p->mla_prolog, threads, &s);
    return s.packed_bytes;
}

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    struct plan s;
    plan(&p->mla_prolog, threads, &s);
    return s.scratch_bytes;
}

static void release(const union sn_problem *p, void *packed)
{
    const struct plan *s = packed;
    for (int i = 0; i < PARTS; i++)
        if (s->kernel[i]->release)
            s->kernel[i]->release(&s->p[i], (char *)packed + s->packed[i]);
}

static int prepare(const union sn_problem *p, unsigned threads, void *packed)
{
    const struct sn_mla_prolog *a = &p->mla_prolog;
    struct plan *s = packed;
    plan(a, threads, s);
    for (int i = 0; i < PARTS; i++)
        if (s->kernel[i]->prepare &&
            s->kernel[i]->prepare(&s->p[i], threads, (char *)packed + s->packed[i])) {
            while (i-- > 0)
                if (s->kernel[i]->release)
                    s->kernel[i]->release(&s->p[i], (char *)packed + s->packed[i]);
            return -1;
        }
    pack_wuk(a, (uint16_t *)((char *)packed + s->wuk));
    double *turn = (double *)((char *)packed + s->turn);
    for (size_t d = 0; d < a->rope / 2; d++)
        turn[d] = pow(10000, -2 * (double)d / (double)a->rope);
    return 0;
}

/* --- the small steps -------------------------------------------------------------------------- */

/* x (n) becomes rmsnorm(x) g. The order of the sum is free: eight at a time. */
static void norm(float *x, const float *g, size_t n)
{
    double s[8] = {0}, sum = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8)
        for (size_t j = 0; j < 8; j++)
            s[j] += (double)x[i + j] * x[i + j];
    for (; i < n; i++)
        s[0] += (double)x[i] * x[i];
    for (size_t j = 0; j < 8; j++)
        sum += s[j];
    float r = 1 / sqrtf((float)(sum / (double)n) + 1e-6f);
    for (i = 0; i < n; i++)
        x[i] = x[i] * r * g[i];
}

static void angles(const struct sn_mla_prolog *a, size_t t, const double *turn, float *out)
{
    for (size_t d = 0; d < a->rope / 2; d++) {
        out[2 * d] = (float)cos(a->pos[t] * turn[d]);
        out[2 * d + 1] = (float)sin(a->pos[t] * turn[d]);
    }
}

/* Two loops: in one, GCC 12 makes VFMADDSUB of it, -ffp-contract=off or not (its bug 106902). */
static void rotate(const float *x, const float *angle, size_t n, uint16_t *out)
{
    for (size_t d = 0; d + 1 < n; d += 2)
        out[d] = sn_bf16_from_f32(x[d] * angle[d] - x[d + 1] * angle[d + 1]);
    for (size_t d = 0; d + 1 < n; d += 2)
        out[d + 1] = sn_bf16_from_f32(x[d] * angle[d + 1] + x[d + 1] * angle[d]);
}

static void write_kv(const struct sn_mla_prolog *a, size_t t, float *ckv, const float *angle)
{
    uint16_t *out = a->kv + t * (a->latent + a->rope);
    norm(ckv, a->g_kv, a->latent);
    for (size_t i = 0; i < a->latent; i++)
        out[i] = sn_bf16_from_f32(ckv[i]);
    rotate(ckv + a->latent, angle, a->rope, out + a->latent);
}

/* --- run ---------------------------------------------------------------------------------------
 */

struct call {
    const struct plan *s;
    const char *packed;
    char *scratch;
    const struct sn_team *team;
};

static void quantized(const struct call *c, enum part part, size_t x, size_t q, size_t scale)
{
    union sn_problem p = c->s->p[part];
    p.quantize.x = c->scratch + x;
    p.quantize.q = c->scratch + q;
    p.quantize.scale = (float *)(c->scratch + scale);
    const struct sn_kernel *k = c->s->kernel[part];
    if (!(k->flags & SN_KERNEL_OWN_THREADS) || c->team->id == 0)
        k->run(&p, c->packed + c->s->packed[part], c->scratch + c->s->sub, c->team);
    c->team->barrier(c->team);
}

static void product(const struct call *c, enum part part, size_t a, size_t scale, const float *sb,
                    size_t out)
{
    union sn_problem p = c->s->p[part];
    p.gemm.a = c->scratch + a;
    p.gemm.w = NULL;
    p.gemm.sa = (const float *)(c->scratch + scale);
    p.gemm.sb = sb;
    p.gemm.c = c->scratch + out;
    const struct sn_kernel *k = c->s->kernel[part];
    if (!(k->flags & SN_KERNEL_OWN_THREADS) || c->team->id == 0)
        k->run(&p, c->packed + c->s->packed[part], c->scratch + c->s->sub, c->team);
    c->team->barrier(c->team);
}

static void run(const union sn_problem *problem, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_mla_prolog *a = &problem->mla_prolog;
    const struct plan *s = packed;
    const struct call c = {s, packed, scratch, team};
    float *xn = (float *)(c.scratch + s->xn), *cq = (float *)(c.scratch + s->cq),
          *ckv = (float *)(c.scratch + s->ckv), *q = (float *)(c.scratch + s->q),
          *angle = (float *)(c.scratch + s->angle);
    size_t row = a->nope + a->rope, kv = a->latent + a->rope;
    for (size_t t = team->id; t < a->t; t += team->count) {
        for (size_t i = 0; i < a->hidden; i++)
            xn[t * a->hidden + i] = sn_bf16_to_f32(a->x[t * a->hidden + i]);
        norm(xn + t * a->hidden, a->g_x, a->hidden);
        angles(a, t, (const double *)(c.packed + s->turn), angle + t * a->rope);
    }
    team->barrier(team);
    quantized(&c, QUANTIZE_X, s->xn, s->xq, s->sx);
    product(&c, DOWN_Q, s->xq, s->sx, a->sdq, s->cq);
    product(&c, DOWN_KV, s->xq, s->sx, a->sdkv, s->ckv);
    for (size_t t = team->id; t < a->t; t += team->count) {
        norm(cq + t * a->q_rank, a->g_q, a->q_rank);
        write_kv(a, t, ckv + t * kv, angle + t * a->rope);
    }
    team->barrier(team);
    quantized(&c, QUANTIZE_Q, s->cq, s->cqq, s->sc);
    product(&c, UP_Q, s->cqq, s->sc, a->suq, s->q);
    size_t h0 = a->heads * team->id / team->count, h1 = a->heads * (team->id + 1) / team->count;
    for (size_t h = h0; h < h1; h++) {
        absorb(a, h, q, (const uint16_t *)(c.packed + s->wuk));
        for (size_t t = 0; t < a->t; t++)
            rotate(q + (t * a->heads + h) * row + a->nope, angle + t * a->rope, a->rope,
                   a->q + (t * a->heads + h) * kv + a->latent);
    }
}

#endif
