/* moe: the experts of one die, tokens in, tokens out (struct sn_moe_ffn). */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/kernel_values.h"
#include "bench/micro/moe_check.h"
#include "harness/base/buf.h"
#include "harness/roof.h"

enum load { LOAD_EVEN, LOAD_ZIPF, LOAD_EMPTY };
static const char *const load_words[] = {"even", "zipf", "empty", NULL};

static const struct sn_axis axes[] = {
    {.name = "experts",
     .type = SN_AXIS_INT,
     .def = "1",
     .min = 1,
     .max = 256,
     .help = "experts on the die"},
    {.name = "tokens",
     .type = SN_AXIS_INT,
     .def = "16",
     .min = 0,
     .max = 65536,
     .help = "copies per expert on average: experts * tokens in all"},
    {.name = "load",
     .type = SN_AXIS_WORD,
     .def = "even",
     .words = load_words,
     .help = "copies of the experts: even; zipf: as 1, 1/2, 1/3, ..., in random order; empty: a "
             "random one has none, the others the same"},
    {.name = "topk",
     .type = SN_AXIS_INT,
     .def = "1",
     .min = 1,
     .max = 64,
     .help = "copies of each token on this die; the last token may have fewer"},
    {.name = "idle",
     .type = SN_AXIS_INT,
     .def = "0",
     .min = 0,
     .max = 65536,
     .help = "tokens without a copy"},
    {.name = "hidden",
     .type = SN_AXIS_INT,
     .def = "7168",
     .min = 1,
     .max = 65792,
     .help = "elements of a token"},
    {.name = "intermediate",
     .type = SN_AXIS_INT,
     .def = "2048",
     .min = 1,
     .max = 65792,
     .help = "elements between up and down projection"},
    SN_KERNEL_AXES(MOE, "cold-weights"),
    {0},
};

static const struct sn_metric_doc docs[] = {
    SN_KERNEL_METRIC_DOCS,
    {"fusion_bytes", "B", false,
     "what steps apart write and read again and one pass does not: copies * (2 H permuted u8 + "
     "16 I gate, up f32 + 8 I activations f32 + 2 I quantised + 8 H results f32)"},
    {"unfused_limit", "s", false,
     "sum over permute, gate-up, SwiGLU, quantise, down, combine of the larger of operations / "
     "peak and bytes / roof (weights: past the caches unless cache=hot; the rest: read roof of a "
     "working set of its size)"},
    {"fused_limit", "s", false, "the same of one step that reads weights and tokens, writes out"},
    {"fusion_gain_limit", "x", true, "unfused_limit / fused_limit: no more can fusion gain"},
    {0}};

static const char *refuse(const struct sn_case *c)
{
    if (sn_case_word(c, "load") == LOAD_EMPTY && sn_case_int(c, "experts") < 2)
        return "load=empty: needs experts=2 at least";
    return NULL;
}

static void shape(const struct sn_case *c, union sn_problem *p)
{
    size_t copies = (size_t)(sn_case_int(c, "experts") * sn_case_int(c, "tokens")),
           topk = (size_t)sn_case_int(c, "topk");
    p->moe = (struct sn_moe_ffn){.t = (copies + topk - 1) / topk + (size_t)sn_case_int(c, "idle"),
                                 .h = (size_t)sn_case_int(c, "hidden"),
                                 .i = (size_t)sn_case_int(c, "intermediate"),
                                 .experts = (size_t)sn_case_int(c, "experts"),
                                 .copies = copies};
}

static size_t arrays(const union sn_problem *p, struct sn_array *out)
{
    const struct sn_moe_ffn *f = &p->moe;
    const struct sn_array all[] = {
        {"x", SN_FIELD(moe, x), f->t * f->h, SN_ARRAY_INPUT},
        {"sx", SN_FIELD(moe, sx), f->t * sizeof(float), SN_ARRAY_INPUT},
        {"token", SN_FIELD(moe, token), f->copies * sizeof(uint32_t), SN_ARRAY_INPUT},
        {"expert", SN_FIELD(moe, expert), f->copies * sizeof(uint32_t), SN_ARRAY_INPUT},
        {"weight", SN_FIELD(moe, weight), f->copies * sizeof(float), SN_ARRAY_INPUT},
        {"w1", SN_FIELD(moe, w1), f->experts * 2 * f->i * f->h, SN_ARRAY_WEIGHT},
        {"w2", SN_FIELD(moe, w2), f->experts * f->h * f->i, SN_ARRAY_WEIGHT},
        {"s1", SN_FIELD(moe, s1), f->experts * 2 * f->i * sizeof(float), SN_ARRAY_INPUT},
        {"s2", SN_FIELD(moe, s2), f->experts * f->h * sizeof(float), SN_ARRAY_INPUT},
        {"out", SN_FIELD(moe, out), f->t * f->h * sizeof(uint16_t), SN_ARRAY_OUTPUT},
        {"slack", SN_FIELD(moe, slack), f->copies * sizeof(float), SN_ARRAY_OUTPUT}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        out[i] = all[i];
    return sizeof all / sizeof *all;
}

/* --- values ---------------------------------------------------------------------------------- */

static void shuffle(uint32_t *a, size_t n, struct sn_rng *rng)
{
    for (size_t i = n; i > 1; i--) {
        size_t j = sn_rng_below(rng, i);
        uint32_t x = a[i - 1];
        a[i - 1] = a[j];
        a[j] = x;
    }
}

static double share(enum load how, size_t rank)
{
    return how == LOAD_ZIPF ? 1 / (double)(rank + 1) : how == LOAD_EMPTY && rank == 0 ? 0 : 1;
}

/* Expert number k of a random order gets the copies between the rounded sums of shares before and
 * after it. */
static void fill_experts(const struct sn_moe_ffn *f, enum load how, uint32_t *expert,
                         struct sn_rng *rng)
{
    uint32_t *order = sn_calloc(f->experts, sizeof *order);
    double all = 0, sum = 0;
    for (size_t k = 0; k < f->experts; k++) {
        order[k] = (uint32_t)k;
        all += share(how, k);
    }
    shuffle(order, f->experts, rng);
    size_t c = 0;
    for (size_t k = 0; k < f->experts; k++) {
        sum += share(how, k);
        size_t end = k + 1 == f->experts ? f->copies : (size_t)lrint(sum / all * (double)f->copies);
        while (c < end)
            expert[c++] = order[k];
    }
    shuffle(expert, f->copies, rng);
    free(order);
}

/* Copies come shuffled; so do tokens with them and without. */
static void fill_tokens(const struct sn_moe_ffn *f, size_t topk, uint32_t *token,
                        struct sn_rng *rng)
{
    uint32_t *order = sn_calloc(f->t + 1, sizeof *order);
    for (size_t t = 0; t < f->t; t++)
        order[t] = (uint32_t)t;
    shuffle(order, f->t, rng);
    for (size_t c = 0; c < f->copies; c++)
        token[c] = order[c / topk];
    shuffle(token, f->copies, rng);
    free(order);
}

/* What the work depends on, from random numbers of its own. */
static void fill_index(const struct sn_case *c, union sn_problem *p)
{
    struct sn_moe_ffn *f = &p->moe;
    struct sn_rng rng = sn_rng_make(c->env->seed, 0x30f);
    fill_experts(f, (enum load)sn_case_word(c, "load"), (uint32_t *)f->expert, &rng);
    fill_tokens(f, (size_t)sn_case_int(c, "topk"), (uint32_t *)f->token, &rng);
}

/* Scales that make gate some units large, so that exp is neither 0 nor 1; weights as a router's. */
static void fill(const struct sn_case *c, union sn_problem *p)
{
    struct sn_moe_ffn *f = &p->moe;
    struct sn_rng rng = sn_rng_make(c->env->seed, 0x30e);
    enum sn_value_dist dist = sn_kernel_dist(c);
    double grow = sqrt(7168 / (double)f->h);
    sn_values_fill((void *)f->x, SN_U8, f->t, f->h, f->h, 1, dist, &rng);
    sn_values_fill((void *)f->w1, SN_S8, f->experts * 2 * f->i, f->h, f->h, 1, dist, &rng);
    sn_values_fill((void *)f->w2, SN_S8, f->experts * f->h, f->i, f->i, 1, dist, &rng);
    sn_values_scales((float *)f->sx, f->t, 3e-3, 3e-2, &rng);
    sn_values_scales((float *)f->s1, f->experts * 2 * f->i, 3e-4 * grow, 3e-3 * grow, &rng);
    sn_values_scales((float *)f->s2, f->experts * f->h, 1e-4, 1e-2, &rng);
    sn_values_scales((float *)f->weight, f->copies, 0.05, 1, &rng);
    fill_index(c, p);
}

static int64_t draw(const char *axis, struct sn_rng *rng)
{
    if (!strcmp(axis, "experts"))
        return 1 + (int64_t)sn_rng_below(rng, 5);
    if (!strcmp(axis, "tokens"))
        return (int64_t)sn_rng_below(rng, sn_rng_below(rng, 16) ? 9 : 120);
    if (!strcmp(axis, "load"))
        return (int64_t)sn_rng_below(rng, 3);
    if (!strcmp(axis, "topk"))
        return 1 + (int64_t)sn_rng_below(rng, 4);
    if (!strcmp(axis, "idle"))
        return (int64_t)sn_rng_below(rng, 3);
    return 1 + (int64_t)(sn_rng_below(rng, 16) ? sn_rng_below(rng, 140) : sn_rng_below(rng, 1500));
}

/* --- figures --------------------------------------------------------------------------------- */

struct roofs {
    const struct sn_roofs *r;
    unsigned threads;
    bool hot;
};

/* Seconds for bytes that a cache holds which is large enough for them. */
static double cached(const struct roofs *k, double bytes)
{
    return bytes > 0 ? bytes / sn_roof_read_bytes(k->r, (uint64_t)bytes, k->threads) : 0;
}

static double step(const struct roofs *k, double ops, double weights, double rest)
{
    double rate = sn_roof_read_bytes(k->r, k->hot ? (uint64_t)weights : UINT64_MAX, k->threads),
           memory = (weights > 0 ? weights / rate : 0) + cached(k, rest);
    return fmax(ops / sn_roof_peak(k->r, SN_PEAK_INT8, k->threads), memory);
}

static void metrics(const struct sn_case *c, const union sn_problem *p, struct sn_row *row)
{
    const struct sn_moe_ffn *f = &p->moe;
    const struct roofs k = {.r = c->env->roofs,
                            .threads = (unsigned)sn_case_int(c, "threads"),
                            .hot = sn_case_word(c, "cache") == SN_CACHE_HOT};
    struct sn_cost all;
    sn_cost_of(SN_OP_MOE, p, &all);
    double t = (double)f->t, h = (double)f->h, i = (double)f->i, n = (double)f->copies,
           w1 = all.parts[0].weight_bytes, w2 = all.parts[2].weight_bytes;
    double fused =
        step(&k, 6 * n * h * i, all.weight_bytes, all.activation_bytes + all.output_bytes);
    double unfused = cached(&k, 2 * n * h) + step(&k, 4 * n * h * i, w1, n * (h + 8 * i)) +
                     cached(&k, 12 * n * i) + cached(&k, 5 * n * i) +
                     step(&k, 2 * n * h * i, w2, n * (i + 4 * h)) +
                     cached(&k, 4 * n * h + 2 * t * h);
    sn_row_add_metric(row, docs, "fusion_bytes", n * (10 * h + 26 * i));
    sn_row_add_metric(row, docs, "unfused_limit", unfused);
    sn_row_add_metric(row, docs, "fused_limit", fused);
    sn_row_add_metric(row, docs, "fusion_gain_limit", fused > 0 ? unfused / fused : NAN);
}

static const struct sn_kernel_op moe = {.op = SN_OP_MOE,
                                        .refuse = refuse,
                                        .shape = shape,
                                        .arrays = arrays,
                                        .fill = fill,
                                        .index = fill_index,
                                        .compare = sn_moe_compare,
                                        .metrics = metrics,
                                        .draw = draw};

const struct sn_bench sn_bench_moe = {
    .name = "moe",
    .brief = "the experts of one die: gate, up, SwiGLU, down, weighted sum",
    .axes = axes,
    .metric_docs = docs,
    SN_KERNEL_HOOKS(moe),
};
