/* Operations and bytes of every operation: kernels/cost.h. */
#include "kernels/cost.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"

static double bytes_of(enum sn_type t)
{
    return t == SN_BF16 ? 2 : t == SN_U8 || t == SN_S8 ? 1 : 4;
}

static void add(struct sn_cost *c, struct sn_cost_part part)
{
    assert(c->n_parts < SN_COST_PARTS);
    c->parts[c->n_parts++] = part;
    c->ops += part.ops;
    c->weight_bytes += part.weight_bytes;
    c->activation_bytes += part.activation_bytes;
    c->output_bytes += part.output_bytes;
}

static void shape(struct sn_cost *c, const char *name, double value)
{
    assert(c->n_shapes < SN_COST_SHAPES);
    c->shapes[c->n_shapes].name = name;
    c->shapes[c->n_shapes++].value = value;
}

double sn_cost_part_bytes(const struct sn_cost_part *p)
{
    return p->weight_bytes + p->activation_bytes + p->output_bytes + p->inner_bytes;
}

double sn_cost_active_experts(double here, double all, double k, double n)
{
    return here * (1 - pow(1 - k / all, n));
}

static double larger_of_1(double x)
{
    return x > 1 ? x : 1;
}

/* int8 weights (n, k) of `groups` matrices with a scale a row. */
static double int8_weights(double groups, double n, double k)
{
    return groups * (n * k + 4 * n);
}

static void gemm(const union sn_problem *p, struct sn_cost *c)
{
    const struct sn_gemm *g = &p->gemm;
    double m = (double)g->m, n = (double)g->n, k = (double)g->k;
    double weights = m > 0 ? int8_weights(1, n, k) : 0; /* without rows nothing is touched */
    add(c, (struct sn_cost_part){.name = "multiply",
                                 .ops = 2 * m * n * k,
                                 .peak = SN_PEAK_INT8,
                                 .weight_bytes = weights,
                                 .activation_bytes = m * k + 4 * m,
                                 .output_bytes = m * n * bytes_of(g->c_type),
                                 .fixed_bytes = weights,
                                 .grids = 1,
                                 .rows = m,
                                 .cols = n});
    shape(c, "m", m);
    shape(c, "n", n);
    shape(c, "k", k);
}

static void grouped_gemm(const union sn_problem *p, struct sn_cost *c)
{
    const struct sn_grouped_gemm *g = &p->grouped_gemm;
    double active = 0, n = (double)g->n, k = (double)g->k, m = g->first[g->groups];
    for (size_t i = 0; i < g->groups; i++)
        active += g->first[i + 1] > g->first[i];
    double weights = int8_weights(active, n, k), mean = m / larger_of_1(active);
    add(c, (struct sn_cost_part){.name = "multiply",
                                 .ops = 2 * m * n * k,
                                 .peak = SN_PEAK_INT8,
                                 .weight_bytes = weights,
                                 .activation_bytes = m * k + 4 * m + 4 * (double)(g->groups + 1),
                                 .output_bytes = m * n * bytes_of(g->c_type),
                                 .fixed_bytes = weights + 4 * (double)(g->groups + 1),
                                 .grids = active,
                                 .rows = mean,
                                 .cols = n});
    shape(c, "m", mean);
    shape(c, "n", n);
    shape(c, "k", k);
    shape(c, "groups", (double)g->groups);
}

/* Of each element: compared with the largest, multiplied. */
static void quantize(const union sn_problem *p, struct sn_cost *c)
{
    const struct sn_quantize *q = &p->quantize;
    double t = (double)q->t, h = (double)q->h;
    add(c, (struct sn_cost_part){.name = "quantize",
                                 .ops = 2 * t * h,
                                 .peak = SN_PEAK_F32,
                                 .activation_bytes = t * h * bytes_of(q->x_type),
                                 .output_bytes = t * h * bytes_of(q->q_type) + 4 * t});
    c->copies = true;
    shape(c, "t", t);
    shape(c, "h", h);
}

/* Of each score: exp, +, /, + bias, and a comparison with the largest of its group. */
static void gate(const union sn_problem *p, struct sn_cost *c)
{
    const struct sn_gate *g = &p->gate;
    double t = (double)g->t, e = (double)g->e, k = (double)g->k;
    double bias = t > 0 ? 4 * e : 0;
    add(c, (struct sn_cost_part){.name = "gate",
                                 .ops = 5 * t * e,
                                 .peak = SN_PEAK_F32,
                                 .activation_bytes = 4 * t * e + bias,
                                 .output_bytes = 8 * t * k,
                                 .fixed_bytes = bias});
    shape(c, "t", t);
    shape(c, "e", e);
    shape(c, "k", k);
}

static double active_experts(const struct sn_moe_ffn *f)
{
    double experts = (double)f->experts, active = 0;
    if (!f->expert)
        return sn_cost_active_experts(experts, experts, 1, (double)f->copies);
    bool *seen = sn_calloc(f->experts + 1, sizeof *seen);
    for (size_t i = 0; i < f->copies; i++)
        if (f->expert[i] < f->experts && !seen[f->expert[i]]) {
            seen[f->expert[i]] = true;
            active++;
        }
    free(seen);
    return active;
}

/* gate-up reads the tokens and w1; activation: SwiGLU (exp, +, /, *) and quantisation (2) of f32,
 * whose int8 result is written and read again; down reads w2; combine adds the weighted copies. */
static void moe(const union sn_problem *p, struct sn_cost *c)
{
    const struct sn_moe_ffn *f = &p->moe;
    double t = (double)f->t, h = (double)f->h, i = (double)f->i, n = (double)f->copies;
    double active = active_experts(f), mean = n / larger_of_1(active);
    double w1 = int8_weights(active, 2 * i, h), w2 = int8_weights(active, h, i);
    add(c, (struct sn_cost_part){.name = "gate-up",
                                 .ops = 4 * n * i * h,
                                 .peak = SN_PEAK_INT8,
                                 .weight_bytes = w1,
                                 .activation_bytes = t * h + 4 * t + 12 * n,
                                 .fixed_bytes = w1,
                                 .grids = active,
                                 .rows = mean,
                                 .cols = 2 * i});
    add(c, (struct sn_cost_part){.name = "activation",
                                 .ops = 6 * n * i,
                                 .peak = SN_PEAK_F32,
                                 .inner_bytes = 2 * (n * i + 4 * n)});
    add(c, (struct sn_cost_part){.name = "down",
                                 .ops = 2 * n * h * i,
                                 .peak = SN_PEAK_INT8,
                                 .weight_bytes = w2,
                                 .fixed_bytes = w2,
                                 .grids = active,
                                 .rows = mean,
                                 .cols = h});
    add(c,
        (struct sn_cost_part){
            .name = "combine", .ops = 2 * n * h, .peak = SN_PEAK_F32, .output_bytes = 2 * t * h});
    shape(c, "m", mean);
    shape(c, "h", h);
    shape(c, "i", i);
    shape(c, "experts", (double)f->experts);
}

static void mla(const union sn_problem *p, struct sn_cost *c)
{
    const struct sn_mla *a = &p->mla;
    double requests = (double)a->requests, q = (double)a->queries, heads = (double)a->heads,
           latent = (double)a->latent, width = (double)(a->latent + a->rope), cached = 0, seen = 0;
    for (size_t r = 0; r < a->requests; r++) {
        double n = a->length[r];
        cached += n;
        seen += q * n - q * (q - 1) / 2;
    }
    double kv = cached * (width * bytes_of(a->kv_type) + (a->kv_type == SN_S8 ? 4 : 0));
    double index = 4 * cached / (double)(a->page ? a->page : 1); /* of the pages that are read */
    double in = requests * (q * heads * width * 2 + 4), out = requests * q * heads * latent * 2;
    add(c, (struct sn_cost_part){.name = "attention",
                                 .ops = 2 * heads * (width + latent) * seen,
                                 .peak = SN_PEAK_BF16,
                                 .activation_bytes = kv + index + in,
                                 .output_bytes = out,
                                 .fixed_bytes = in + out,
                                 .grids = requests,
                                 .rows = q * heads,
                                 .cols = 1});
    shape(c, "ctx", requests > 0 && q > 0 ? seen / (requests * q) : 0);
    shape(c, "rows", q * heads);
    shape(c, "requests", requests);
}

/* norm reads x, writes it as int8, which q-down and kv-down read; q-down's result is normed and
 * quantised for q-up, whose heads absorb takes in bf16. */
static void mla_prolog(const union sn_problem *p, struct sn_cost *c)
{
    const struct sn_mla_prolog *a = &p->mla_prolog;
    double t = (double)a->t, x = (double)a->hidden, q = (double)a->q_rank, l = (double)a->latent,
           r = (double)a->rope, n = (double)a->nope, heads = (double)a->heads;
    double any = t > 0, g = any * 4 * (x + q + l), wdq = any * int8_weights(1, q, x),
           wuq = any * int8_weights(1, heads * (n + r), q), wdkv = any * int8_weights(1, l + r, x),
           wuk = any * heads * n * l * 2;
    add(c, (struct sn_cost_part){.name = "norm",
                                 .ops = 6 * t * x, /* square, +; * rms, * g; quantised: 2 */
                                 .peak = SN_PEAK_F32,
                                 .weight_bytes = g,
                                 .activation_bytes = 2 * t * x + 4 * t,
                                 .inner_bytes = 3 * t * x, /* written once, read twice */
                                 .fixed_bytes = g});
    add(c, (struct sn_cost_part){.name = "q-down",
                                 .ops = 2 * t * x * q,
                                 .peak = SN_PEAK_INT8,
                                 .weight_bytes = wdq,
                                 .inner_bytes = 2 * t * q,
                                 .fixed_bytes = wdq,
                                 .grids = 1,
                                 .rows = t,
                                 .cols = q});
    add(c, (struct sn_cost_part){.name = "q-up",
                                 .ops = 2 * t * q * heads * (n + r),
                                 .peak = SN_PEAK_INT8,
                                 .weight_bytes = wuq,
                                 .inner_bytes = 4 * t * heads * n,
                                 .fixed_bytes = wuq,
                                 .grids = 1,
                                 .rows = t,
                                 .cols = heads * (n + r)});
    add(c, (struct sn_cost_part){.name = "absorb",
                                 .ops = 2 * t * heads * n * l,
                                 .peak = SN_PEAK_BF16,
                                 .weight_bytes = wuk,
                                 .output_bytes = 2 * t * heads * (l + r),
                                 .fixed_bytes = wuk,
                                 .grids = heads,
                                 .rows = t,
                                 .cols = l});
    add(c, (struct sn_cost_part){.name = "kv-down",
                                 .ops = 2 * t * x * (l + r),
                                 .peak = SN_PEAK_INT8,
                                 .weight_bytes = wdkv,
                                 .output_bytes = 2 * t * (l + r),
                                 .fixed_bytes = wdkv,
                                 .grids = 1,
                                 .rows = t,
                                 .cols = l + r});
    shape(c, "t", t);
    shape(c, "hidden", x);
    shape(c, "heads", heads);
}

/* The principal shape is what a row sees in the mean: at a given number of rows operations grow
 * with it and bytes do not. */
static void mla_prefill(const union sn_problem *p, struct sn_cost *c)
{
    const struct sn_mla_prefill *a = &p->mla_prefill;
    double heads = (double)a->heads, qk = (double)a->qk, v = (double)a->v_dim, seen = 0,
           rows = a->first[a->prompts];
    for (size_t i = 0; i < a->prompts; i++) {
        double n = (double)a->first[i + 1] - a->first[i];
        seen += n * (n + 1) / 2;
    }
    double index = 4 * (double)(a->prompts + 1), in = 2 * rows * heads * (2 * qk + v) + index,
           out = 2 * rows * heads * v;
    add(c, (struct sn_cost_part){.name = "attention",
                                 .ops = 2 * heads * (qk + v) * seen,
                                 .peak = SN_PEAK_BF16,
                                 .activation_bytes = in,
                                 .output_bytes = out,
                                 .fixed_bytes = in + out,
                                 .grids = heads,
                                 .rows = rows,
                                 .cols = 1});
    shape(c, "ctx", rows > 0 ? seen / rows : 0);
    shape(c, "rows", rows);
    shape(c, "heads", heads);
}

static void stream(const union sn_problem *p, struct sn_cost *c)
{
    const struct sn_memory *s = &p->memory;
    double n = (double)s->n;
    add(c, (struct sn_cost_part){.name = "stream",
                                 .ops = s->kind == SN_MEMORY_TRIAD ? 2 * n : 0,
                                 .peak = SN_PEAK_F32,
                                 .activation_bytes = s->kind == SN_MEMORY_TRIAD ? 8 * n : 4 * n,
                                 .output_bytes = s->kind == SN_MEMORY_READ ? 0 : 4 * n});
    c->copies = s->kind != SN_MEMORY_READ;
    shape(c, "n", n);
}

static const struct {
    void (*of)(const union sn_problem *, struct sn_cost *);
    const char *shapes[SN_COST_SHAPES + 1];
} costs[SN_OPS] = {
    [SN_OP_GEMM] = {gemm, {"m", "n", "k"}},
    [SN_OP_GROUPED_GEMM] = {grouped_gemm, {"m", "n", "k", "groups"}},
    [SN_OP_QUANTIZE] = {quantize, {"t", "h"}},
    [SN_OP_GATE] = {gate, {"t", "e", "k"}},
    [SN_OP_MOE] = {moe, {"m", "h", "i", "experts"}},
    [SN_OP_MLA] = {mla, {"ctx", "rows", "requests"}},
    [SN_OP_MLA_PROLOG] = {mla_prolog, {"t", "hidden", "heads"}},
    [SN_OP_MLA_PREFILL] = {mla_prefill, {"ctx", "rows", "heads"}},
    [SN_OP_STREAM] = {stream, {"n"}},
};

void sn_cost_of(enum sn_op op, const union sn_problem *p, struct sn_cost *out)
{
    *out = (struct sn_cost){0};
    costs[op].of(p, out);
    for (unsigned i = 0; i < out->n_shapes; i++)
        assert(!strcmp(out->shapes[i].name, costs[op].shapes[i]));
}

const char *const *sn_cost_shapes(enum sn_op op)
{
    return costs[op].shapes;
}
