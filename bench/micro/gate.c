/* gate: router scores to experts and weights (struct sn_gate). The defaults are DeepSeek-R1's. */
#include <math.h>
#include <stddef.h>

#include "bench/benches.h"
#include "bench/micro/gate_check.h"
#include "bench/micro/kernel.h"
#include "bench/micro/kernel_values.h"

static const char *const scores_words[] = {"plain", "ties", "special", NULL};

static const struct sn_axis axes[] = {
    {.name = "t", .type = SN_AXIS_INT, .def = "128", .min = 0, .max = 1 << 20, .help = "tokens"},
    {.name = "e", .type = SN_AXIS_INT, .def = "256", .min = 1, .max = 4096, .help = "experts"},
    {.name = "groups",
     .type = SN_AXIS_INT,
     .def = "8",
     .min = 1,
     .max = 256,
     .help = "groups of experts, as many in each"},
    {.name = "kept",
     .type = SN_AXIS_INT,
     .def = "4",
     .min = 1,
     .max = 256,
     .help = "groups that remain"},
    {.name = "k",
     .type = SN_AXIS_INT,
     .def = "8",
     .min = 1,
     .max = 64,
     .help = "experts of a token"},
    {.name = "scores",
     .type = SN_AXIS_WORD,
     .def = "plain",
     .words = scores_words,
     .help = "ties: a few values alone, of scores and bias; special: also NaN, infinities, and "
             "scores whose exp over- or underflows"},
    SN_KERNEL_AXES(GATE, "hot"),
    {0},
};

static const struct sn_metric_doc docs[] = {SN_KERNEL_METRIC_DOCS, {0}};

static const char *refuse(const struct sn_case *c)
{
    int64_t e = sn_case_int(c, "e"), groups = sn_case_int(c, "groups"),
            kept = sn_case_int(c, "kept"), k = sn_case_int(c, "k");
    if (e % groups)
        return "the number of experts is no multiple of the groups";
    if (kept > groups)
        return "more groups to keep than there are";
    return k > kept * (e / groups) ? "more experts to choose than remain" : NULL;
}

static void shape(const struct sn_case *c, union sn_problem *p)
{
    struct sn_gate *g = &p->gate;
    *g = (struct sn_gate){.t = (size_t)sn_case_int(c, "t"),
                          .e = (size_t)sn_case_int(c, "e"),
                          .groups = (size_t)sn_case_int(c, "groups"),
                          .kept = (size_t)sn_case_int(c, "kept"),
                          .k = (size_t)sn_case_int(c, "k"),
                          .scale = 2.5f};
    g->lds = g->e;
}

static size_t arrays(const union sn_problem *p, struct sn_array *out)
{
    const struct sn_gate *g = &p->gate;
    const struct sn_array all[] = {
        {"score", SN_FIELD(gate, score), g->t * g->e * sizeof(float), SN_ARRAY_INPUT},
        {"bias", SN_FIELD(gate, bias), g->e * sizeof(float), SN_ARRAY_INPUT},
        {"expert", SN_FIELD(gate, expert), g->t * g->k * sizeof(uint32_t), SN_ARRAY_OUTPUT},
        {"weight", SN_FIELD(gate, weight), g->t * g->k * sizeof(float), SN_ARRAY_OUTPUT}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        out[i] = all[i];
    return sizeof all / sizeof *all;
}

static float special_score(float x, struct sn_rng *rng)
{
    static const float values[] = {NAN, INFINITY, -INFINITY, -87.5f, -88.2f, -88.8f, -200, 1e30f};
    uint64_t pick = sn_rng_below(rng, 32);
    return pick < 8 ? values[pick] : pick < 16 ? 25 * x : x;
}

/* Scores in +-4 (gaussian: sigma 1), bias in +-0.1. */
static void fill(const struct sn_case *c, union sn_problem *p)
{
    struct sn_gate *g = &p->gate;
    float *score = (float *)g->score, *bias = (float *)g->bias;
    unsigned how = sn_case_word(c, "scores");
    struct sn_rng rng = sn_rng_make(c->env->seed, 0x6a7e);
    sn_values_fill(score, SN_F32, g->t, g->e, g->lds, 4, sn_kernel_dist(c), &rng);
    sn_values_fill(bias, SN_F32, 1, g->e, g->e, 0.1, sn_kernel_dist(c), &rng);
    for (size_t e = 0; how && e < g->e; e++)
        bias[e] = rintf(bias[e] * 20) / 16;
    for (size_t i = 0; how && i < g->t * g->e; i++) {
        score[i] = rintf(score[i]);
        if (how == 2)
            score[i] = special_score(score[i], &rng);
    }
}

static void compare(const struct sn_kernel *by, const union sn_problem *got,
                    const union sn_problem *want, struct sn_check *k)
{
    k->what = "every choice and weight with scores and bias in double: a choice that b within 4e-7 "
              "of s, and its rounding, makes right; equal b by number; weights of the chosen";
    k->tolerance = sn_gate_weight_tolerance(&got->gate);
    sn_gate_check(&got->gate, k);
}

static int64_t draw(const char *axis, struct sn_rng *rng)
{
    switch (axis[0]) {
    case 't':
        return (int64_t)sn_rng_below(rng, 30);
    case 'e': /* so many divisors that most draws are problems */
        return (const int64_t[]){256, 64, 128, 96, 24, 12, 384, 8, 40, 1}[sn_rng_below(rng, 10)];
    case 'g':
        return (const int64_t[]){8, 1, 4, 2, 8, 12}[sn_rng_below(rng, 6)];
    case 's':
        return (int64_t)sn_rng_below(rng, 3);
    default: /* kept, k */
        return axis[1] == 'e' ? 1 + (int64_t)sn_rng_below(rng, 5)
                              : (const int64_t[]){8, 8, 1, 3, 6, 33, 64}[sn_rng_below(rng, 7)];
    }
}

static const struct sn_kernel_op gate = {.op = SN_OP_GATE,
                                         .refuse = refuse,
                                         .shape = shape,
                                         .arrays = arrays,
                                         .fill = fill,
                                         .compare = compare,
                                         .draw = draw};

const struct sn_bench sn_bench_gate = {
    .name = "gate",
    .brief = "router scores to the experts of a token, limited to groups, and their weights",
    .axes = axes,
    .metric_docs = docs,
    SN_KERNEL_HOOKS(gate),
};
