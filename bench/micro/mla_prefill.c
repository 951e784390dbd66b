/* mla-prefill: causal attention of prompts, heads not absorbed (struct sn_mla_prefill). */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/attention_check.h"
#include "bench/micro/kernel_values.h"
#include "harness/base/buf.h"

static const char *const length_words[] = {"equal", "uniform", NULL};

static const struct sn_axis axes[] = {
    {.name = "prompts", .type = SN_AXIS_INT, .def = "1", .min = 1, .max = 1024, .help = "prompts"},
    {.name = "tokens",
     .type = SN_AXIS_INT,
     .def = "1024",
     .min = 1,
     .max = 1 << 17,
     .help = "tokens of a prompt: the mean, or each"},
    {.name = "lengths",
     .type = SN_AXIS_WORD,
     .def = "equal",
     .words = length_words,
     .help = "how prompts differ: equal; uniform in [0, 2 tokens], the first in [1, 2 tokens]"},
    {.name = "heads", .type = SN_AXIS_INT, .def = "16", .min = 1, .max = 1024, .help = "heads"},
    {.name = "qk",
     .type = SN_AXIS_INT,
     .def = "192",
     .min = 1,
     .max = 4096,
     .help = "elements of a query and a key: nope + rope"},
    {.name = "v", .type = SN_AXIS_INT, .def = "128", .min = 1, .max = 4096, .help = "of a value"},
    SN_KERNEL_AXES(MLA_PREFILL, "hot"),
    {0},
};

static const struct sn_metric_doc docs[] = {SN_KERNEL_METRIC_DOCS, {0}};

static size_t length_of(const struct sn_case *c, size_t prompt)
{
    struct sn_rng rng = sn_rng_make(c->env->seed ^ sn_rng_mix64(prompt), 0x9f1);
    uint64_t tokens = (uint64_t)sn_case_int(c, "tokens");
    uint64_t least = prompt == 0; /* one that is not empty */
    return sn_case_word(c, "lengths") ? least + sn_rng_below(&rng, 2 * tokens + 1 - least) : tokens;
}

static void shape(const struct sn_case *c, union sn_problem *p)
{
    struct sn_mla_prefill *a = &p->mla_prefill;
    *a = (struct sn_mla_prefill){.prompts = (size_t)sn_case_int(c, "prompts"),
                                 .heads = (size_t)sn_case_int(c, "heads"),
                                 .qk = (size_t)sn_case_int(c, "qk"),
                                 .v_dim = (size_t)sn_case_int(c, "v")};
    a->scale = 1 / sqrtf((float)a->qk);
    for (size_t i = 0; i < a->prompts; i++) {
        size_t n = length_of(c, i);
        a->rows += n;
        a->longest = n > a->longest ? n : a->longest;
    }
}

static size_t arrays(const union sn_problem *p, struct sn_array *out)
{
    const struct sn_mla_prefill *a = &p->mla_prefill;
    size_t n = a->rows * a->heads * 2;
    const struct sn_array all[] = {
        {"q", SN_FIELD(mla_prefill, q), n * a->qk, SN_ARRAY_INPUT},
        {"k", SN_FIELD(mla_prefill, k), n * a->qk, SN_ARRAY_INPUT},
        {"v", SN_FIELD(mla_prefill, v), n * a->v_dim, SN_ARRAY_INPUT},
        {"first", SN_FIELD(mla_prefill, first), (a->prompts + 1) * 4, SN_ARRAY_INPUT},
        {"out", SN_FIELD(mla_prefill, out), n * a->v_dim, SN_ARRAY_OUTPUT}};
    memcpy(out, all, sizeof all);
    return sizeof all / sizeof *all;
}

static void fill(const struct sn_case *c, union sn_problem *p)
{
    struct sn_mla_prefill *a = &p->mla_prefill;
    struct sn_rng rng = sn_rng_make(c->env->seed, 0x9f1);
    enum sn_value_dist dist = sn_kernel_dist(c);
    size_t n = a->rows * a->heads;
    /* Larger by 4, for scores of a standard deviation of about 1.5. */
    sn_values_fill((void *)a->q, SN_BF16, n, a->qk, a->qk, 4, dist, &rng);
    sn_values_fill((void *)a->k, SN_BF16, n, a->qk, a->qk, 1, dist, &rng);
    sn_values_fill((void *)a->v, SN_BF16, n, a->v_dim, a->v_dim, 1, dist, &rng);
    uint32_t *first = (uint32_t *)a->first;
    first[0] = 0;
    for (size_t i = 0; i < a->prompts; i++)
        first[i + 1] = first[i] + (uint32_t)length_of(c, i);
}

/* The bounds of the rows of a prompt (rows, heads): the sharpest that hold for all of its rows. */
static void bounds_of(const struct sn_mla_prefill *a, size_t from, size_t n, double *bounds)
{
    for (size_t h = 0; h < a->heads; h++) {
        struct sn_attention_bound b = {.elements = a->qk, .scale = a->scale};
        for (size_t i = 0; i < n; i++) { /* row i sees what lies before: norms grow with i */
            size_t at = (from + i) * a->heads + h;
            double largest;
            b.key_norm =
                fmax(b.key_norm, sn_attention_norm(a->k + at * a->qk, SN_BF16, a->qk, NULL));
            sn_attention_norm(a->v + at * a->v_dim, SN_BF16, a->v_dim, &largest);
            b.value = fmax(b.value, largest);
            b.tokens = i + 1;
            bounds[at] = sn_attention_allowed(&b, a->q + at * a->qk);
        }
    }
}

static void compare(const struct sn_kernel *by, const union sn_problem *got,
                    const union sn_problem *want, struct sn_check *k)
{
    const struct sn_mla_prefill *a = &got->mla_prefill;
    size_t rows = a->rows * a->heads;
    double *bounds = sn_calloc(rows + 1, sizeof *bounds);
    for (size_t i = 0; i < a->prompts; i++)
        bounds_of(a, a->first[i], a->first[i + 1] - a->first[i], bounds);
    const struct sn_compared m = {"out", SN_BF16,  a->out,  want->mla_prefill.out,
                                  rows,  a->v_dim, a->v_dim};
    k->what = SN_ATTENTION_WHAT;
    sn_attention_compare(&m, bounds, k);
    free(bounds);
}

static int64_t draw(const char *axis, struct sn_rng *rng)
{
    if (!strcmp(axis, "prompts"))
        return 1 + (int64_t)sn_rng_below(rng, 3);
    if (!strcmp(axis, "tokens"))
        return 1 + (int64_t)sn_rng_below(rng, sn_rng_below(rng, 4) ? 40 : 300);
    if (!strcmp(axis, "heads"))
        return 1 + (int64_t)sn_rng_below(rng, 4);
    if (!strcmp(axis, "lengths"))
        return (int64_t)sn_rng_below(rng, 2);
    return 1 + (int64_t)sn_rng_below(rng, sn_rng_below(rng, 8) ? 40 : 400);
}

static const struct sn_kernel_op mla_prefill = {.op = SN_OP_MLA_PREFILL,
                                                .shape = shape,
                                                .arrays = arrays,
                                                .fill = fill,
                                                .compare = compare,
                                                .draw = draw};

const struct sn_bench sn_bench_mla_prefill = {
    .name = "mla-prefill",
    .brief = "causal attention of prompts, bf16",
    .axes = axes,
    .metric_docs = docs,
    SN_KERNEL_HOOKS(mla_prefill),
};
