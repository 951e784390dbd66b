/* quantize: activations to int8 with a scale per token (struct sn_quantize). */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/kernel_compare.h"
#include "bench/micro/kernel_values.h"
#include "harness/base/bf16.h"

static const char *const x_words[] = {"bf16", "f32", NULL}, *const q_words[] = {"u8", "s8", NULL},
                         *const rows_words[] = {"plain", "special", NULL};
static const enum sn_type x_types[] = {SN_BF16, SN_F32}, q_types[] = {SN_U8, SN_S8};

static const struct sn_axis axes[] = {
    {.name = "t",
     .type = SN_AXIS_INT,
     .def = "128",
     .min = 0,
     .max = 1 << 20,
     .help = "tokens: rows"},
    {.name = "h",
     .type = SN_AXIS_INT,
     .def = "7168",
     .min = 1,
     .max = 1 << 20,
     .help = "hidden size: elements of a row"},
    {.name = "x", .type = SN_AXIS_WORD, .def = "bf16", .words = x_words, .help = "input"},
    {.name = "q",
     .type = SN_AXIS_WORD,
     .def = "u8",
     .words = q_words,
     .help = "output: u8 with zero point 128, or s8"},
    {.name = "rows",
     .type = SN_AXIS_WORD,
     .def = "plain",
     .words = rows_words,
     .help = "special: three rows in four hold what activations rarely do: zeros alone, subnormal "
             "values, the largest ones, any bit patterns, NaN and infinities here and there"},
    {.name = "pad",
     .type = SN_AXIS_INT,
     .def = "0",
     .min = 0,
     .max = 65536,
     .help = "elements between the rows of X and Q"},
    SN_KERNEL_AXES(QUANTIZE, "hot"),
    {0},
};

static const struct sn_metric_doc docs[] = {SN_KERNEL_METRIC_DOCS, {0}};

static void shape(const struct sn_case *c, union sn_problem *p)
{
    size_t pad = (size_t)sn_case_int(c, "pad");
    struct sn_quantize *g = &p->quantize;
    *g = (struct sn_quantize){.t = (size_t)sn_case_int(c, "t"),
                              .h = (size_t)sn_case_int(c, "h"),
                              .x_type = x_types[sn_case_word(c, "x")],
                              .q_type = q_types[sn_case_word(c, "q")]};
    g->ldx = g->ldq = g->h + pad;
}

/* Elements from the first to behind the last of (T, H; ld). */
static size_t span(const struct sn_quantize *g, size_t ld)
{
    return g->t ? (g->t - 1) * ld + g->h : 0;
}

static size_t arrays(const union sn_problem *p, struct sn_array *out)
{
    const struct sn_quantize *g = &p->quantize;
    out[0] = (struct sn_array){"x", SN_FIELD(quantize, x),
                               span(g, g->ldx) * sn_type_bytes(g->x_type), SN_ARRAY_INPUT};
    out[1] = (struct sn_array){"q", SN_FIELD(quantize, q), span(g, g->ldq), SN_ARRAY_OUTPUT};
    out[2] = (struct sn_array){"scale", SN_FIELD(quantize, scale), g->t * sizeof(float),
                               SN_ARRAY_OUTPUT};
    return 3;
}

/* --- values ---------------------------------------------------------------------------------- */

static float get(const struct sn_quantize *g, size_t i)
{
    return g->x_type == SN_F32 ? ((const float *)g->x)[i]
                               : sn_bf16_to_f32(((const uint16_t *)g->x)[i]);
}

static void put_bits(struct sn_quantize *g, size_t i, uint32_t bits)
{
    if (g->x_type == SN_F32)
        memcpy((float *)g->x + i, &bits, sizeof bits);
    else
        ((uint16_t *)g->x)[i] = (uint16_t)(bits >> 16);
}

static void put(struct sn_quantize *g, size_t i, float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    put_bits(g, i, bits); /* of a bf16: cut off */
}

enum special { ZEROS, SUBNORMAL, HUGEST, ANY_BITS, SOME_BROKEN, ONE_BROKEN, SPECIALS };

static void make_special(struct sn_quantize *g, size_t t, enum special how, struct sn_rng *rng)
{
    static const uint32_t broken[] = {0x7f800000, 0xff800000, 0x7fc00000, 0xffc10000, 0x7f810000};
    size_t row = t * g->ldx, one = sn_rng_below(rng, g->h);
    for (size_t h = 0; h < g->h; h++) {
        uint64_t random = sn_rng_next(rng);
        if (how == ZEROS)
            put_bits(g, row + h, random & 1 ? 0x80000000 : 0);
        else if (how == SUBNORMAL)
            put_bits(g, row + h, (uint32_t)random & 0x807fffff);
        else if (how == HUGEST)
            put(g, row + h, get(g, row + h) * 0x1.fep127f);
        else if (how == ANY_BITS)
            put_bits(g, row + h, (uint32_t)random);
        else if (how == SOME_BROKEN ? !(random & 15) : h == one)
            put_bits(g, row + h, broken[(random >> 8) % 5]);
    }
}

static void fill(const struct sn_case *c, union sn_problem *p)
{
    struct sn_quantize *g = &p->quantize;
    struct sn_rng rng = sn_rng_make(c->env->seed, 0x9a);
    sn_values_fill((void *)g->x, g->x_type, g->t, g->h, g->ldx, 1, sn_kernel_dist(c), &rng);
    for (size_t t = 0; sn_case_word(c, "rows") && t < g->t; t++) {
        uint64_t how = sn_rng_below(&rng, SPECIALS + 2);
        if (how < SPECIALS)
            make_special(g, t, (enum special)how, &rng);
    }
}

/* q and scale as snbench.h writes them: every step is one rounding, so all variants agree. */
static void compare(const struct sn_kernel *by, const union sn_problem *got,
                    const union sn_problem *want, struct sn_check *k)
{
    const struct sn_quantize *g = &got->quantize, *w = &want->quantize;
    k->what = "every element of Q and every scale with the reference's: the same bits, and no "
              "padding written";
    sn_compare_exact(&(struct sn_compared){"q", g->q_type, g->q, w->q, g->t, g->h, g->ldq}, k);
    sn_compare_exact(&(struct sn_compared){"scale", SN_F32, g->scale, w->scale, 1, g->t, g->t}, k);
}

static int64_t draw(const char *axis, struct sn_rng *rng)
{
    switch (axis[0]) {
    case 't':
        return (int64_t)sn_rng_below(rng, 12);
    case 'h':
        return 1 +
               (int64_t)(sn_rng_below(rng, 4) ? sn_rng_below(rng, 300) : sn_rng_below(rng, 3000));
    case 'p':
        return sn_rng_below(rng, 2) ? 0 : (int64_t)sn_rng_below(rng, 70);
    default:
        return (int64_t)sn_rng_below(rng, 2);
    }
}

static const struct sn_kernel_op quantize = {.op = SN_OP_QUANTIZE,
                                             .shape = shape,
                                             .arrays = arrays,
                                             .fill = fill,
                                             .compare = compare,
                                             .draw = draw};

const struct sn_bench sn_bench_quantize = {
    .name = "quantize",
    .brief = "bf16 or f32 activations to int8, a scale per token",
    .axes = axes,
    .metric_docs = docs,
    SN_KERNEL_HOOKS(quantize),
};
