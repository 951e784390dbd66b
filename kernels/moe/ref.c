/* moe, plainly: each step for all copies, as snbench.h writes it. Operands are widened to 16 bits
 * first, so that the compiler finds multiply-adds for the sums: 1,024 copies of DeepSeek-R1's
 * experts take seconds. The weights are copied by prepare(), since run() does not see them.
 *
 * For the check it also writes slack[c]: by how much, in units of s2, an output of copy c may be
 * off where exp and the roundings of gate, up and a are others than here. Below, d is such an error
 * of a (relative 5 * 2^-22, and g 2^-22 more through exp(-g)), rho that of the scale. A q whose
 * place between two integers is within the errors of a tie may be one off, which moves a sum by at
 * most 128. The rest is relative: rho of the scale and 2^-18, which covers 32 additions. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/bf16.h"
#include "kernels/exp.h"
#include "kernels/moe/order.h"
#include "kernels/quantize/row.h"

static size_t packed_bytes(const union sn_problem *p, unsigned threads)
{
    return p->moe.experts * 3 * p->moe.i * p->moe.h;
}

static int prepare(const union sn_problem *p, unsigned threads, void *packed)
{
    const struct sn_moe_ffn *f = &p->moe;
    size_t n = f->experts * f->i * f->h;
    memcpy(packed, f->w1, 2 * n);
    memcpy((int8_t *)packed + 2 * n, f->w2, n);
    return 0;
}

struct work {
    struct sn_moe_order order;
    float *g;    /* (copies, 2 I): gate, up; then a, d */
    float *y;    /* (copies, H) */
    float *sq;   /* (copies) */
    int16_t *x;  /* (T, H) */
    int16_t *q;  /* (copies, I) */
    int16_t *w;  /* (threads, max(H, I)): a row of weights */
    int8_t *own; /* (threads, I): a row of q */
};

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    const struct sn_moe_ffn *f = &p->moe;
    size_t floats = f->copies * (2 * f->i + f->h + 1),
           words = f->t * f->h + f->copies * f->i + threads * larger(f->h, f->i);
    return sn_moe_order_bytes(f) + 4 * floats + 2 * words + threads * f->i;
}

static struct work work_at(const struct sn_moe_ffn *f, char *at, unsigned threads)
{
    struct work w = {.order = sn_moe_order_at(f, at)};
    w.g = (float *)(at + sn_moe_order_bytes(f));
    w.y = w.g + f->copies * 2 * f->i;
    w.sq = w.y + f->copies * f->h;
    w.x = (int16_t *)(w.sq + f->copies);
    w.q = w.x + f->t * f->h;
    w.w = w.q + f->copies * f->i;
    w.own = (int8_t *)(w.w + threads * larger(f->h, f->i));
    return w;
}

static int32_t dot(const int16_t *a, const int16_t *b, size_t n)
{
    int32_t sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += a[k] * b[k];
    return sum;
}

static const int16_t *widened(int16_t *to, const int8_t *from, size_t n)
{
    for (size_t i = 0; i < n; i++)
        to[i] = from[i];
    return to;
}

static void gate_up(const struct sn_moe_ffn *f, const struct work *k, const int8_t *w1,
                    const struct sn_team *team)
{
    int16_t *own = k->w + team->id * larger(f->h, f->i);
    for (size_t n = team->id; n < f->experts * 2 * f->i; n += team->count) {
        size_t e = n / (2 * f->i);
        const int16_t *w = widened(own, w1 + n * f->h, f->h);
        for (size_t r = k->order.first[e]; r < k->order.first[e + 1]; r++) {
            size_t t = f->token[k->order.copy[r]];
            int32_t sum = dot(k->x + t * f->h, w, f->h);
            k->g[r * 2 * f->i + n % (2 * f->i)] = (float)sum * (f->sx[t] * f->s1[n]);
        }
    }
}

/* Gate and up in place to a and, in the second half, its possible error. */
static void swiglu(float *g, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        float e = sn_exp1(-g[i]), a = g[i] / (1 + e) * g[n + i];
        float other = isinf(e) ? 1 : e / (1 + e);
        g[n + i] = fabsf(a) * (5 + fabsf(g[i]) * other) * 0x1p-22f;
        g[i] = a;
    }
}

static float slack(const float *a, const float *d, const int8_t *q, size_t n, float scale)
{
    double amax = 0, dmax = 0, sum = 0, off = 0;
    for (size_t i = 0; i < n; i++) {
        amax = fmax(amax, fabs(a[i]));
        dmax = fmax(dmax, d[i]);
    }
    if (!(amax > 0))
        return 0;
    double rho = dmax / amax + 0x1p-22;
    for (size_t i = 0; i < n; i++) {
        double at = fabs(a[i]) * 127 / amax, away = fabs(at - floor(at) - 0.5);
        off += away <= d[i] * 127 / amax + at * (rho + 0x1p-22);
        sum += abs(q[i]);
    }
    return (float)(scale * 128 * (off + sum * (rho + 0x1p-18)));
}

static void activate(const struct sn_moe_ffn *f, const struct work *k, const struct sn_team *team)
{
    int8_t *q = k->own + team->id * f->i;
    for (size_t r = team->id; r < f->copies; r += team->count) {
        float *a = k->g + r * 2 * f->i;
        swiglu(a, f->i);
        struct sn_quantize row = {.t = 1,
                                  .h = f->i,
                                  .x_type = SN_F32,
                                  .q_type = SN_S8,
                                  .x = a,
                                  .q = q,
                                  .scale = k->sq + r};
        sn_quantize_row(&row, 0);
        widened(k->q + r * f->i, q, f->i);
        if (f->slack)
            f->slack[k->order.copy[r]] = slack(a, a + f->i, q, f->i, k->sq[r]);
    }
}

static void down(const struct sn_moe_ffn *f, const struct work *k, const int8_t *w2,
                 const struct sn_team *team)
{
    int16_t *own = k->w + team->id * larger(f->h, f->i);
    for (size_t n = team->id; n < f->experts * f->h; n += team->count) {
        size_t e = n / f->h;
        const int16_t *w = widened(own, w2 + n * f->i, f->i);
        for (size_t r = k->order.first[e]; r < k->order.first[e + 1]; r++)
            k->y[r * f->h + n % f->h] =
                (float)dot(k->q + r * f->i, w, f->i) * (k->sq[r] * f->s2[n]);
    }
}

static void combine(const struct sn_moe_ffn *f, const struct work *k, const struct sn_team *team)
{
    for (size_t t = team->id; t < f->t; t += team->count)
        for (size_t h = 0; h < f->h; h++) {
            float sum = 0;
            for (size_t i = k->order.begin[t]; i < k->order.begin[t + 1]; i++) {
                size_t r = k->order.row[i];
                sum += f->weight[k->order.copy[r]] * k->y[r * f->h + h];
            }
            f->out[t * f->h + h] = sn_bf16_from_f32(sum);
        }
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_moe_ffn *f = &p->moe;
    struct work k = work_at(f, scratch, team->count);
    if (team->id == 0)
        sn_moe_order_fill(f, &k.order);
    for (size_t t = team->id; t < f->t; t += team->count)
        for (size_t h = 0; h < f->h; h++)
            k.x[t * f->h + h] = (int16_t)(f->x[t * f->h + h] - 128);
    team->barrier(team);
    gate_up(f, &k, packed, team);
    team->barrier(team);
    activate(f, &k, team);
    team->barrier(team);
    down(f, &k, (const int8_t *)packed + 2 * f->experts * f->i * f->h, team);
    team->barrier(team);
    combine(f, &k, team);
}

const struct sn_kernel sn_moe_ref = {.abi = SN_ABI_VERSION,
                                     .size = sizeof(struct sn_kernel),
                                     .op = "moe",
                                     .name = "ref",
                                     .brief = "step by step, one sum after the other",
                                     .isa = "generic",
                                     .flags = SN_KERNEL_SAME_BITS,
                                     .packed_bytes = packed_bytes,
                                     .prepare = prepare,
                                     .scratch_bytes = scratch_bytes,
                                     .run = run};
