/* mla-prolog: from hidden states to absorbed queries and the latent KV (struct sn_mla_prolog). */
#include <stddef.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/kernel_compare.h"
#include "bench/micro/kernel_values.h"

static const struct sn_axis axes[] = {
    {.name = "t", .type = SN_AXIS_INT, .def = "16", .min = 0, .max = 1 << 20, .help = "tokens"},
    {.name = "hidden",
     .type = SN_AXIS_INT,
     .def = "7168",
     .min = 1,
     .max = 65792,
     .help = "hidden size"},
    {.name = "q_rank",
     .type = SN_AXIS_INT,
     .def = "1536",
     .min = 1,
     .max = 65792,
     .help = "elements of the compressed query"},
    {.name = "heads", .type = SN_AXIS_INT, .def = "128", .min = 1, .max = 1024, .help = "heads"},
    {.name = "nope",
     .type = SN_AXIS_INT,
     .def = "128",
     .min = 1,
     .max = 4096,
     .help = "elements of a head without position, absorbed into latent"},
    {.name = "latent",
     .type = SN_AXIS_INT,
     .def = "512",
     .min = 1,
     .max = 4096,
     .help = "elements of the compressed KV"},
    {.name = "rope",
     .type = SN_AXIS_INT,
     .def = "64",
     .min = 0,
     .max = 1024,
     .help = "elements with a position: even"},
    SN_KERNEL_AXES(MLA_PROLOG, "cold-weights"),
    {0},
};

static const struct sn_metric_doc docs[] = {SN_KERNEL_METRIC_DOCS, {0}};

static const char *refuse(const struct sn_case *c)
{
    return sn_case_int(c, "rope") % 2 ? "rope: rotates pairs, must be even" : NULL;
}

static void shape(const struct sn_case *c, union sn_problem *p)
{
    p->mla_prolog = (struct sn_mla_prolog){.t = (size_t)sn_case_int(c, "t"),
                                           .hidden = (size_t)sn_case_int(c, "hidden"),
                                           .q_rank = (size_t)sn_case_int(c, "q_rank"),
                                           .latent = (size_t)sn_case_int(c, "latent"),
                                           .rope = (size_t)sn_case_int(c, "rope"),
                                           .nope = (size_t)sn_case_int(c, "nope"),
                                           .heads = (size_t)sn_case_int(c, "heads")};
}

static size_t arrays(const union sn_problem *p, struct sn_array *out)
{
    const struct sn_mla_prolog *a = &p->mla_prolog;
    size_t up = a->heads * (a->nope + a->rope), kv = a->latent + a->rope;
    const struct sn_array all[] = {
        {"q", SN_FIELD(mla_prolog, q), a->t * a->heads * kv * 2, SN_ARRAY_OUTPUT},
        {"kv", SN_FIELD(mla_prolog, kv), a->t * kv * 2, SN_ARRAY_OUTPUT},
        {"x", SN_FIELD(mla_prolog, x), a->t * a->hidden * 2, SN_ARRAY_INPUT},
        {"g_x", SN_FIELD(mla_prolog, g_x), a->hidden * 4, SN_ARRAY_INPUT},
        {"g_q", SN_FIELD(mla_prolog, g_q), a->q_rank * 4, SN_ARRAY_INPUT},
        {"g_kv", SN_FIELD(mla_prolog, g_kv), a->latent * 4, SN_ARRAY_INPUT},
        {"wdq", SN_FIELD(mla_prolog, wdq), a->q_rank * a->hidden, SN_ARRAY_WEIGHT},
        {"wuq", SN_FIELD(mla_prolog, wuq), up * a->q_rank, SN_ARRAY_WEIGHT},
        {"wdkv", SN_FIELD(mla_prolog, wdkv), kv * a->hidden, SN_ARRAY_WEIGHT},
        {"sdq", SN_FIELD(mla_prolog, sdq), a->q_rank * 4, SN_ARRAY_INPUT},
        {"suq", SN_FIELD(mla_prolog, suq), up * 4, SN_ARRAY_INPUT},
        {"sdkv", SN_FIELD(mla_prolog, sdkv), kv * 4, SN_ARRAY_INPUT},
        {"wuk", SN_FIELD(mla_prolog, wuk), a->heads * a->nope * a->latent * 2, SN_ARRAY_WEIGHT},
        {"pos", SN_FIELD(mla_prolog, pos), a->t * 4, SN_ARRAY_INPUT}};
    memcpy(out, all, sizeof all);
    return sizeof all / sizeof *all;
}

static void fill(const struct sn_case *c, union sn_problem *p)
{
    struct sn_mla_prolog *a = &p->mla_prolog;
    struct sn_rng rng = sn_rng_make(c->env->seed, 0x970);
    enum sn_value_dist dist = sn_kernel_dist(c);
    size_t up = a->heads * (a->nope + a->rope), kv = a->latent + a->rope;
    sn_values_fill((void *)a->x, SN_BF16, a->t, a->hidden, a->hidden, 1, dist, &rng);
    sn_values_fill((void *)a->wdq, SN_S8, a->q_rank, a->hidden, a->hidden, 1, dist, &rng);
    sn_values_fill((void *)a->wuq, SN_S8, up, a->q_rank, a->q_rank, 1, dist, &rng);
    sn_values_fill((void *)a->wdkv, SN_S8, kv, a->hidden, a->hidden, 1, dist, &rng);
    sn_values_fill((void *)a->wuk, SN_BF16, a->heads * a->nope, a->latent, a->latent, 0.1, dist,
                   &rng);
    sn_values_scales((float *)a->g_x, a->hidden, 0.5, 2, &rng);
    sn_values_scales((float *)a->g_q, a->q_rank, 0.5, 2, &rng);
    sn_values_scales((float *)a->g_kv, a->latent, 0.5, 2, &rng);
    sn_values_scales((float *)a->sdq, a->q_rank, 1e-4, 1e-3, &rng);
    sn_values_scales((float *)a->suq, up, 1e-4, 1e-3, &rng);
    sn_values_scales((float *)a->sdkv, kv, 1e-4, 1e-3, &rng);
    for (size_t t = 0; t < a->t; t++)
        ((uint32_t *)a->pos)[t] = (uint32_t)sn_rng_below(&rng, 163840); /* R1's longest context */
}

static void compare(const struct sn_kernel *by, const union sn_problem *got,
                    const union sn_problem *want, struct sn_check *k)
{
    const struct sn_mla_prolog *a = &got->mla_prolog, *b = &want->mla_prolog;
    size_t kv = a->latent + a->rope;
    const struct sn_compared q = {"q", SN_BF16, a->q, b->q, a->t * a->heads, kv, kv},
                             c = {"kv", SN_BF16, a->kv, b->kv, a->t, kv, kv};
    k->what = "every element of q and kv with the reference's: the same bits, since the order of "
              "f32 operations is given, integer sums are exact and sums of squares are in f64";
    sn_compare_exact(&q, k);
    sn_compare_exact(&c, k);
}

static int64_t draw(const char *axis, struct sn_rng *rng)
{
    if (!strcmp(axis, "t"))
        return sn_rng_below(rng, 16) ? 1 + (int64_t)sn_rng_below(rng, 30) : 0;
    if (!strcmp(axis, "heads"))
        return 1 + (int64_t)sn_rng_below(rng, 4);
    if (!strcmp(axis, "rope"))
        return 2 * (int64_t)sn_rng_below(rng, 12);
    return 1 + (int64_t)sn_rng_below(rng, sn_rng_below(rng, 4) ? 60 : 300);
}

static const struct sn_kernel_op mla_prolog = {.op = SN_OP_MLA_PROLOG,
                                               .refuse = refuse,
                                               .shape = shape,
                                               .arrays = arrays,
                                               .fill = fill,
                                               .compare = compare,
                                               .draw = draw};

const struct sn_bench sn_bench_mla_prolog = {
    .name = "mla-prolog",
    .brief = "queries and latent KV of a decode step: norms, int8 projections, rope, absorption",
    .axes = axes,
    .metric_docs = docs,
    SN_KERNEL_HOOKS(mla_prolog),
};
