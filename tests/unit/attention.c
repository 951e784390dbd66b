/* The check of mla finds what it is for: one token of 4,096 that is skipped, one output that is off
 * by the least that differs; and mla-prolog's reference computes what a formula in f64 says. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "bench/benches.h"
#include "bench/micro/kernel_memory.h"
#include "harness/base/bf16.h"
#include "harness/base/buf.h"
#include "harness/world.h"

struct setting {
    const char *axis;
    int64_t value;
};

enum { AXES_MAX = 32 };

/* A problem of a benchmark, filled: its axes at the given values, else at 0 (the first word). */
struct filled {
    union sn_problem p;
    struct sn_array arrays[SN_ARRAYS_MAX];
    size_t n;
};

static void make(const struct sn_bench *b, const struct setting *settings, struct filled *f)
{
    const struct sn_kernel_op *op = b->own;
    struct sn_world world = {.rank = 0, .size = 1};
    struct sn_env env = {.clock = SN_CLOCK_WALL, .world = &world, .seed = 7};
    struct sn_value values[AXES_MAX] = {0};
    struct sn_case c = {.bench = b, .values = values, .env = &env, .batch = 1};
    for (const struct setting *s = settings; s->axis; s++)
        for (size_t i = 0; b->axes[i].name; i++)
            if (!strcmp(b->axes[i].name, s->axis))
                values[i].i = s->value;
    sn_kernels_open();
    op->shape(&c, &f->p);
    f->n = op->arrays(&f->p, f->arrays);
    cr_assert_eq(sn_arrays_alloc(&f->p, f->arrays, f->n, SN_ROLES_ALL, false), 0);
    op->fill(&c, &f->p);
}

static void run(const struct sn_kernel *k, const union sn_problem *p)
{
    void *packed = NULL, *scratch = NULL;
    cr_assert_eq(sn_work_alloc(&packed, sn_kernel_packed_bytes(k, p, 1), false), 0);
    cr_assert_eq(sn_work_alloc(&scratch, sn_kernel_scratch_bytes(k, p, 1), false), 0);
    if (k->prepare)
        cr_assert_eq(k->prepare(p, 1, packed), 0);
    sn_kernel_run(k, p, packed, scratch, 1);
    if (k->release)
        k->release(p, packed);
    sn_work_free(packed, 0, false);
    sn_work_free(scratch, 0, false);
}

static uint64_t errors(const struct sn_kernel *by, const union sn_problem *got,
                       const union sn_problem *want)
{
    struct sn_check k = {0};
    const struct sn_kernel_op *op = sn_bench_mla.own;
    op->compare(by, got, want, &k);
    cr_assert(k.tolerance > 0);
    return k.errors;
}

/* The best kernel (of s8 of those with weights in 15 bits: in 8 bits the bound hides a token that
 * has no more weight than others) on the problem without one of its tokens: pages of one token, so
 * that the table can leave it out. */
static void skips(enum sn_value_dist dist, enum sn_type kv, uint32_t tokens, enum sn_isa most)
{
    const struct setting settings[] = {
        {"batch", 1}, {"queries", 1},      {"ctx", tokens}, {"heads", 128}, {"latent", 512},
        {"rope", 64}, {"kv", kv == SN_S8}, {"dist", dist},  {"page", 1},    {NULL, 0}};
    struct filled f;
    make(&sn_bench_mla, settings, &f);
    union sn_problem want = f.p, without = f.p;
    size_t bytes = 128 * 512 * 2;
    uint32_t *table = sn_calloc(tokens, sizeof *table), less = tokens - 1;
    want.mla.out = sn_calloc(1, bytes);
    run(sn_kernel_at(SN_OP_MLA, 0), &want);
    const struct sn_kernel *best = sn_kernel_best(SN_OP_MLA, &f.p, 1, most);
    run(best, &f.p);
    cr_expect_eq(errors(best, &f.p, &want), 0);
    without.mla.table = table;
    without.mla.length = &less;
    const uint32_t skipped[] = {0, tokens / 3, tokens - 1};
    for (size_t i = 0; i < sizeof skipped / sizeof *skipped; i++) {
        for (uint32_t t = 0, n = 0; t < tokens; t++)
            if (t != skipped[i])
                table[n++] = f.p.mla.table[t];
        run(best, &without);
        union sn_problem got = f.p; /* judged with the lengths of the whole problem */
        cr_expect_neq(errors(best, &got, &want), 0, "dist %d, kv %d: token %u of %u", dist, kv,
                      skipped[i], tokens);
    }
    free(table);
    free(want.mla.out);
    sn_arrays_free(&f.p, f.arrays, f.n, SN_ROLES_ALL, false);
}

Test(attention, finds_a_skipped_token)
{
    skips(SN_DIST_FULL, SN_BF16, 4096, sn_isa_most());
    skips(SN_DIST_FULL, SN_S8, 4096, SN_ISA_AVX512);
    skips(SN_DIST_GAUSSIAN, SN_BF16, 1024, sn_isa_most());
    skips(SN_DIST_GAUSSIAN, SN_S8, 512, SN_ISA_AVX512);
}

/* Weights whose roundings all go the same way, with values that tell: in each block of 96 tokens
 * one has nearly all the weight and value 0, the 95 others a weight that 8 bits of the largest lose
 * and the largest value. Latent elements are the values, the rope one makes the scores. */
static void coherent(enum sn_type type, float small)
{
    enum { BLOCKS = 16, TOKENS = BLOCKS * 96, HEADS = 32, LATENT = 2, D = LATENT + 1 };
    static uint16_t q[HEADS * D], bf16[TOKENS * D], out[HEADS * LATENT], ref[HEADS * LATENT];
    static int8_t s8[TOKENS * D];
    static float scale[TOKENS], spread[HEADS];
    static const uint32_t table[1] = {0}, length[1] = {TOKENS};
    for (size_t h = 0; h < HEADS; h++)
        q[h * D + LATENT] = sn_bf16_from_f32(1);
    for (size_t t = 0; t < TOKENS; t++)
        for (size_t d = 0; d < D; d++) { /* s8 in steps of 1 / 100 */
            float x = t % 96 == 0 ? 0 : d < LATENT ? 1 : -1;
            bf16[t * D + d] = sn_bf16_from_f32(x);
            s8[t * D + d] = (int8_t)(100 * x);
            scale[t] = 0.01f;
        }
    union sn_problem want = {.mla = {.requests = 1,
                                     .queries = 1,
                                     .heads = HEADS,
                                     .latent = LATENT,
                                     .rope = 1,
                                     .page = TOKENS,
                                     .pages_per_request = 1,
                                     .pages = 1,
                                     .scale = -logf(small),
                                     .kv_type = type,
                                     .q = q,
                                     .kv = type == SN_S8 ? (void *)s8 : bf16,
                                     .kv_scale = type == SN_S8 ? scale : NULL,
                                     .table = table,
                                     .length = length,
                                     .out = ref,
                                     .spread = spread}};
    sn_kernels_open();
    run(sn_kernel_at(SN_OP_MLA, 0), &want);
    for (size_t i = 0; sn_kernel_at(SN_OP_MLA, i); i++) {
        const struct sn_kernel *k = sn_kernel_at(SN_OP_MLA, i);
        union sn_problem got = want;
        got.mla.out = out;
        if (sn_kernel_unsupported(k, &got, 1, sn_isa_most()))
            continue;
        run(k, &got);
        cr_expect_eq(errors(k, &got, &want), 0, "%s: %g, not %g", k->name, sn_bf16_to_f32(out[0]),
                     sn_bf16_to_f32(ref[0]));
    }
}

Test(attention, small_weights_do_not_vanish_together)
{
    static const float small[] = {0.0019f, 0.001f, 0.0025f, 0.00588f, 0.5019f, 0.1f};
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        coherent(SN_BF16, small[i]);
        coherent(SN_S8, small[i]);
    }
}

/* Each output in turn is set to the bf16 next but two: more than two roundings can differ. */
Test(attention, finds_one_wrong_output)
{
    const struct setting settings[] = {{"batch", 1},   {"queries", 1}, {"ctx", 64}, {"heads", 2},
                                       {"latent", 64}, {"rope", 8},    {"page", 4}, {NULL, 0}};
    struct filled f;
    make(&sn_bench_mla, settings, &f);
    union sn_problem want = f.p;
    want.mla.out = sn_calloc(2 * 64, 2);
    run(sn_kernel_at(SN_OP_MLA, 0), &want);
    for (size_t i = 0; i < 2 * 64; i++) {
        memcpy(f.p.mla.out, want.mla.out, 2 * 64 * 2);
        f.p.mla.out[i] += 3;
        float off = fabsf(sn_bf16_to_f32(f.p.mla.out[i]) - sn_bf16_to_f32(want.mla.out[i]));
        if (off > 2e-3f) /* below, f32 itself may be off by as much */
            cr_expect_eq(errors(sn_kernel_at(SN_OP_MLA, 0), &f.p, &want), 1, "output %zu", i);
    }
    free(want.mla.out);
    sn_arrays_free(&f.p, f.arrays, f.n, SN_ROLES_ALL, false);
}

/* --- mla-prolog in f64, without quantisation: what is left of it is below 3 % ------------------
 */

static void matrix(const int8_t *w, const float *s, size_t rows, size_t cols, const double *x,
                   double *y)
{
    for (size_t r = 0; r < rows; r++) {
        y[r] = 0;
        for (size_t c = 0; c < cols; c++)
            y[r] += (double)s[r] * w[r * cols + c] * x[c];
    }
}

static void normed(const double *x, const float *g, size_t n, double *y)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += x[i] * x[i];
    for (size_t i = 0; i < n; i++)
        y[i] = x[i] / sqrt(sum / (double)n + 1e-6) * g[i];
}

/* As complex numbers, turned by an angle each. */
static void turned(const double *x, size_t n, double pos, double *y)
{
    for (size_t d = 0; d < n / 2; d++) {
        double angle = pos / pow(10000, 2.0 * (double)d / (double)n),
               size = hypot(x[2 * d], x[2 * d + 1]), at = atan2(x[2 * d + 1], x[2 * d]);
        y[2 * d] = size * cos(at + angle);
        y[2 * d + 1] = size * sin(at + angle);
    }
}

static void near(const uint16_t *got, const double *want, size_t n, const char *what)
{
    double off = 0, all = 0;
    for (size_t i = 0; i < n; i++) {
        off += pow(sn_bf16_to_f32(got[i]) - want[i], 2);
        all += want[i] * want[i];
    }
    cr_expect(sqrt(off / all) < 0.03, "%s: off by %g of its norm", what, sqrt(off / all));
}

Test(attention, prolog_is_what_the_formula_says)
{
    enum { T = 3, HIDDEN = 96, RANK = 64, HEADS = 2, NOPE = 24, LATENT = 40, ROPE = 8 };
    enum { KV = LATENT + ROPE, ROW = NOPE + ROPE };
    const struct setting settings[] = {{"t", T},         {"hidden", HIDDEN}, {"q_rank", RANK},
                                       {"heads", HEADS}, {"nope", NOPE},     {"latent", LATENT},
                                       {"rope", ROPE},   {NULL, 0}};
    struct filled f;
    make(&sn_bench_mla_prolog, settings, &f);
    const struct sn_mla_prolog *a = &f.p.mla_prolog;
    run(sn_kernel_at(SN_OP_MLA_PROLOG, 0), &f.p);
    for (size_t t = 0; t < T; t++) {
        double x[HIDDEN], cq[RANK], c[KV], q[HEADS * ROW], want[KV];
        for (size_t i = 0; i < HIDDEN; i++)
            x[i] = sn_bf16_to_f32(a->x[t * HIDDEN + i]);
        normed(x, a->g_x, HIDDEN, x);
        matrix(a->wdkv, a->sdkv, KV, HIDDEN, x, c);
        normed(c, a->g_kv, LATENT, want);
        turned(c + LATENT, ROPE, a->pos[t], want + LATENT);
        near(a->kv + t * KV, want, KV, "kv");
        matrix(a->wdq, a->sdq, RANK, HIDDEN, x, cq);
        normed(cq, a->g_q, RANK, cq);
        matrix(a->wuq, a->suq, HEADS * ROW, RANK, cq, q);
        for (size_t h = 0; h < HEADS; h++) {
            for (size_t l = 0; l < LATENT; l++) {
                want[l] = 0;
                for (size_t n = 0; n < NOPE; n++)
                    want[l] += q[h * ROW + n] * sn_bf16_to_f32(a->wuk[(h * NOPE + n) * LATENT + l]);
            }
            turned(q + h * ROW + NOPE, ROPE, a->pos[t], want + LATENT);
            near(a->q + (t * HEADS + h) * KV, want, LATENT, "absorbed q");
            near(a->q + (t * HEADS + h) * KV + LATENT, want + LATENT, ROPE, "rope of q");
        }
    }
    sn_arrays_free(&f.p, f.arrays, f.n, SN_ROLES_ALL, false);
}
