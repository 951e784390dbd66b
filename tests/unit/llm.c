/* Models: sizes read, mistakes with their line, and the kernels of a step by hand. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/llm_step.h"
#include "harness/base/status.h"
#include "harness/datadir.h"
#include "harness/suite.h"
#include "kernels/cost.h"

static struct sn_llm open_model(const char *name)
{
    struct sn_llm m;
    cr_assert_eq(sn_llm_open(&m, name), SN_OK, "%s", sn_status_message());
    return m;
}

Test(llm, deepseek_r1)
{
    struct sn_llm m = open_model("deepseek-r1");
    cr_expect(m.layers == 61 && m.dense_layers == 3 && m.hidden == 7168 && m.vocabulary == 129280);
    cr_expect(m.heads == 128 && m.q_rank == 1536 && m.latent == 512 && m.rope == 64);
    cr_expect(m.nope == 128 && m.v == 128 && m.routed == 256 && m.shared == 1 && m.top_k == 8);
    cr_expect(m.groups == 8 && m.kept == 4 && m.intermediate == 2048);
    cr_expect_eq(m.dense_intermediate, 18432);
    /* "MLA KV: (512 + 64) x 61 x 2 = 70,272 B a token in bf16" */
    cr_expect_eq((m.latent + m.rope) * m.layers * 2, 70272);
    sn_llm_close(&m);
}

Test(llm, the_others_open)
{
    struct sn_llm m = open_model("deepseek-v2-lite");
    cr_expect(m.layers == 27 && m.q_rank == 0 && m.shared == 2);
    sn_llm_close(&m);
    m = open_model("nano");
    cr_expect(m.layers == 4 && m.hidden == 1024 && m.routed == 16 && m.top_k == 4);
    sn_llm_close(&m);
}

#define TOP                                                                                        \
    "name: a\nbrief: b\nsource: s\n"                                                               \
    "layers: 4\ndense_layers: 1\nhidden: 1K\nvocabulary: 8k\n"
#define ATTENTION "attention: {heads: 8, q_rank: 0, latent: 64, rope: 32, nope: 64, v: 64}\n"
#define DENSE                                                                                      \
    "dense: {intermediate: 64}\nsteps:\n  decode: {requests: 1, ctx: 2, dies: 1, source: s}\n"     \
    "  prefill: {requests: 1, ctx: 2, dies: 1, source: s}\n"
#define EXPERTS(routed, top_k, groups, kept)                                                       \
    "experts: {routed: " routed ", shared: 1, top_k: " top_k ", groups: " groups ", kept: " kept   \
    ", intermediate: 32}\n"

Test(llm, mistakes_have_their_line)
{
    static const struct {
        const char *text, *says;
    } t[] = {
        {TOP ATTENTION DENSE, "t.yaml:1: the key 'experts' is missing"},
        {"name: a\nbrief: b\nsource: s\nlayers: 0\ndense_layers: 1\nhidden: 1\nvocabulary: "
         "8\n" ATTENTION EXPERTS("16", "4", "4", "2") DENSE,
         "t.yaml:4: layers: 0 is not in 1 to 10000"},
        {"name: a\nbrief: b\nsource: s\nlayers: 4\ndense_layers: 5\nhidden: 1\nvocabulary: "
         "8\n" ATTENTION EXPERTS("16", "4", "4", "2") DENSE,
         "t.yaml:5: dense_layers: 5 is more than the 4 layers"},
        {TOP ATTENTION EXPERTS("16", "4", "3", "2") DENSE,
         "t.yaml:9: experts.groups: 3 do not divide 16 experts"},
        {TOP ATTENTION EXPERTS("16", "4", "4", "5") DENSE,
         "t.yaml:9: experts.kept: 5 is more than the 4 groups"},
        {TOP ATTENTION EXPERTS("16", "9", "4", "2") DENSE,
         "t.yaml:9: experts.top_k: 9 is more than the 8 experts of 2 groups"},
        {TOP ATTENTION EXPERTS("many", "9", "4", "2") DENSE,
         "t.yaml:9: experts.routed: 'many' is not a number"},
        {TOP "attention: {heads: 8, q_rank: 0, latent: 64, rope: 33, nope: 64, v: 64}\n" EXPERTS(
             "16", "4", "4", "2") DENSE,
         "t.yaml:8: attention.rope: 33 is odd"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct sn_llm m;
        sn_status_clear();
        cr_expect_eq(sn_llm_parse(&m, t[i].text, strlen(t[i].text), "t.yaml"), SN_EINVAL, "%s",
                     t[i].says);
        cr_expect(strstr(sn_status_message(), t[i].says) == sn_status_message(), "'%s' is not '%s'",
                  sn_status_message(), t[i].says);
    }
}

static const struct sn_llm_kernel *find(const struct sn_llm_kernels *k, const char *what)
{
    for (size_t i = 0; i < k->n; i++)
        if (!strcmp(k->all[i].what, what))
            return &k->all[i];
    cr_assert_fail("no kernel '%s'", what);
    return NULL;
}

/* "Expected distinct dies per token, 256 experts spread evenly, k = 8: 5.29 at EP8, 6.52 EP16, 7.27
 * EP32, 7.68 EP64, 7.89 EP128, 8.00 EP256." */
Test(llm, dies_that_a_token_comes_to)
{
    static const struct {
        unsigned ep;
        double dies;
    } t[] = {{8, 5.29}, {16, 6.52}, {32, 7.27}, {64, 7.68}, {128, 7.89}, {256, 8.00}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        cr_expect_float_eq(t[i].ep * sn_llm_reach(256, 256 / t[i].ep, 8), t[i].dies, 0.006, "EP%u",
                           t[i].ep);
    cr_expect_eq(sn_llm_reach(8, 8, 4), 1);
}

Test(llm, decode_of_r1_on_320_dies)
{
    struct sn_llm m = open_model("deepseek-r1");
    struct sn_llm_kernels k;
    struct sn_llm_step s = m.decode;
    s.requests = 48;
    cr_assert_eq(sn_llm_step(&m, &s, &k), SN_OK, "%s", sn_status_message());
    const struct sn_llm_kernel *a = find(&k, "attention"), *o = find(&k, "attention output"),
                               *e = find(&k, "experts"), *d = find(&k, "dense down"),
                               *h = find(&k, "head"), *g = find(&k, "gate");
    cr_expect(a->count == 61 && a->p.mla.requests == 48 && a->p.mla.queries == 2);
    cr_expect_eq(a->p.mla.length[47], 4096);
    cr_expect(o->count == 61 && o->p.gemm.m == 96 && o->p.gemm.k == 16384 && o->p.gemm.n == 7168);
    /* 320 x 96 x 8 copies on 288 dies, all of different tokens */
    cr_expect(e->count == 58 && e->p.moe.experts == 1 && e->p.moe.copies == 854);
    cr_expect_eq(e->p.moe.t, 854);
    cr_expect(d->count == 3 && d->p.gemm.k == 18432);
    cr_expect(h->count == 1 && h->p.gemm.n == 129280 && h->p.gemm.m == 96);
    cr_expect(g->count == 58 && g->p.gate.e == 256 && g->p.gate.kept == 4);
    for (size_t i = 0; i < k.n; i++)
        cr_expect(strncmp(k.all[i].what, "shared", 6) != 0, "this die has a routed expert alone");
    sn_llm_kernels_free(&k);
    sn_llm_close(&m);
}

/* A prefill step touches each weight of the layers once, and its products are those of the model: 2
 * x parameters x tokens, attention and the head aside. Per layer of R1: q 7168 x 1536 + 1536 x
 * 24576, kv 7168 x 576 + 512 x 32768, output 16384 x 7168; dense 3 x 7168 x 18432; an expert 3 x
 * 7168 x 2048, 8 + 1 a token. */
Test(llm, prefill_of_r1_has_the_models_operations)
{
    struct sn_llm m = open_model("deepseek-r1");
    struct sn_llm_kernels k;
    double attention = 7168. * 1536 + 1536. * 24576 + 7168. * 576 + 512. * 32768 + 16384. * 7168,
           dense = 3. * 7168 * 18432, expert = 3. * 7168 * 2048, got = 0;
    cr_assert_eq(sn_llm_step(&m, &m.prefill, &k), SN_OK, "%s", sn_status_message());
    for (size_t i = 0; i < k.n; i++) {
        struct sn_cost c;
        enum sn_op op = k.all[i].op;
        sn_cost_of(op, &k.all[i].p, &c);
        for (unsigned p = 0; p < c.n_parts; p++)
            if (c.parts[p].peak == SN_PEAK_INT8 && strcmp(k.all[i].what, "head") != 0)
                got += k.all[i].count * c.parts[p].ops;
    }
    double want = 2 * 8192 * (61 * attention + 3 * dense + 58 * 9 * expert);
    cr_expect(fabs(got / want - 1) < 1e-12, "%g, not %g", got, want);
    sn_llm_kernels_free(&k);
    sn_llm_close(&m);
}

Test(llm, steps_that_are_none)
{
    struct sn_llm m = open_model("nano");
    struct sn_llm_kernels k;
    const struct sn_llm_step wrong[] = {
        {.requests = 0, .queries = 1, .ctx = 8, .dies = 1},
        {.requests = 1, .queries = 9, .ctx = 8, .dies = 1},
        {.requests = 1, .queries = 1, .ctx = 8, .dies = 17},
        {.requests = 1, .queries = 1, .ctx = 8, .dies = 4, .shared_dies = 4},
        {.requests = 1, .queries = 1, .ctx = 8, .dies = 4, .slots = 15},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_expect_eq(sn_llm_step(&m, &wrong[i], &k), SN_EINVAL, "step %zu", i);
    sn_llm_close(&m);
}

/* --- the suite of kernels --------------------------------------------------------------------- */

static const struct sn_app app = {.benches = sn_benches};

static bool has_bench(const char *name)
{
    return sn_bench_find(&app, name) != NULL;
}

/* How often the step of the suite has the kernel's case. */
static uint64_t count_of(const struct sn_step *step, const struct sn_llm_kernel *k)
{
    struct sn_buf axes = {0};
    char *words[16], *save = NULL;
    size_t n = 0;
    struct sn_plan plan;
    uint64_t count = 0;
    sn_llm_axes(k, &axes);
    for (char *w = strtok_r(axes.data, " ", &save); w; w = strtok_r(NULL, " ", &save))
        words[n++] = w;
    sn_plan_init(&plan, 1, 1);
    plan.clock = SN_CLOCK_MODEL; /* on which a case is its shape */
    cr_assert_eq(sn_plan_add(&plan, &app, sn_op_names[k->op], (const char *const *)words, n), SN_OK,
                 "%s", sn_status_message());
    for (size_t i = 0; i < step->n_parts; i++)
        if (!strcmp(step->parts[i].variants[0].id, plan.cases[0].id))
            count = step->parts[i].count;
    sn_plan_free(&plan);
    sn_buf_free(&axes);
    return count;
}

static void compare_step(const struct sn_step *step, const struct sn_llm_kernels *k)
{
    size_t parts = 0;
    for (size_t i = 0; i < k->n; i++) {
        uint64_t want = 0;
        struct sn_buf mine = {0}, other = {0};
        bool first = true;
        if (!has_bench(sn_op_names[k->all[i].op]))
            continue;
        sn_llm_axes(&k->all[i], &mine);
        for (size_t j = 0; j < k->n; j++) { /* one shape may serve several purposes */
            sn_buf_reset(&other);
            sn_llm_axes(&k->all[j], &other);
            if (k->all[j].op == k->all[i].op && !strcmp(mine.data, other.data)) {
                want += k->all[j].count;
                first = first && j >= i;
            }
        }
        parts += first;
        cr_expect_eq(count_of(step, &k->all[i]), want, "%s: %s (%s)", step->name, k->all[i].what,
                     mine.data);
        sn_buf_free(&mine);
        sn_buf_free(&other);
    }
    cr_expect_eq(step->n_parts, parts, "%s has parts that the model has not", step->name);
}

/* bench/suites/kernels.yaml says at which sizes. */
Test(llm, suite_kernels_is_a_step_of_r1)
{
    struct sn_llm m = open_model("deepseek-r1");
    struct sn_datadir data;
    struct sn_suite suite;
    struct sn_plan plan;
    struct sn_steps steps;
    struct sn_llm_kernels k;
    cr_assert_eq(sn_datadir_open(&data), SN_OK);
    cr_assert_eq(sn_suite_load(&suite, "kernels", data.suites), SN_OK, "%s", sn_status_message());
    sn_plan_init(&plan, 1, 1);
    plan.clock = SN_CLOCK_MODEL;
    cr_assert_eq(sn_suite_plan(&suite, &app, &plan, &steps), SN_OK, "%s", sn_status_message());
    cr_assert_eq(steps.n, 2);

    cr_assert_eq(sn_llm_step(&m, &m.decode, &k), SN_OK);
    compare_step(&steps.steps[0], &k);
    sn_llm_kernels_free(&k);
    struct sn_llm_step s = m.prefill;
    s.requests = 1;
    s.ctx = 64;
    cr_assert_eq(sn_llm_step(&m, &s, &k), SN_OK);
    compare_step(&steps.steps[1], &k);
    sn_llm_kernels_free(&k);

    sn_steps_free(&steps);
    sn_plan_free(&plan);
    sn_suite_free(&suite);
    sn_datadir_close(&data);
    sn_llm_close(&m);
}
