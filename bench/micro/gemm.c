/* gemm: int8 matrix product with a scale per token and per channel (struct sn_gemm). */
#include <stddef.h>

#include "bench/benches.h"
#include "bench/micro/kernel_compare.h"
#include "bench/micro/kernel_values.h"

static const char *const a_words[] = {"u8", "s8", NULL}, *const c_words[] = {"f32", "bf16", "s32",
                                                                             NULL};
static const enum sn_type a_types[] = {SN_U8, SN_S8}, c_types[] = {SN_F32, SN_BF16, SN_S32};

static const struct sn_axis axes[] = {
    {.name = "m",
     .type = SN_AXIS_INT,
     .def = "64",
     .min = 0,
     .max = 1 << 20,
     .help = "rows: tokens"},
    {.name = "n",
     .type = SN_AXIS_INT,
     .def = "4096",
     .min = 1,
     .max = 1 << 20,
     .help = "columns: output channels"},
    {.name = "k",
     .type = SN_AXIS_INT,
     .def = "7168",
     .min = 1,
     .max = 65792,
     .help = "length of the sums; 65,792 is what int32 holds for sure"},
    {.name = "a",
     .type = SN_AXIS_WORD,
     .def = "u8",
     .words = a_words,
     .help = "activations: u8 with zero point 128, or s8"},
    {.name = "out",
     .type = SN_AXIS_WORD,
     .def = "f32",
     .words = c_words,
     .help = "output: scaled f32 or bf16, or the accumulators themselves"},
    {.name = "pad",
     .type = SN_AXIS_INT,
     .def = "0",
     .min = 0,
     .max = 65536,
     .help = "elements between the rows of A, W and C"},
    SN_KERNEL_AXES(GEMM, "hot"),
    {0},
};

static const struct sn_metric_doc docs[] = {SN_KERNEL_METRIC_DOCS, {0}};

static void shape(const struct sn_case *c, union sn_problem *p)
{
    size_t pad = (size_t)sn_case_int(c, "pad");
    struct sn_gemm *g = &p->gemm;
    *g = (struct sn_gemm){.m = (size_t)sn_case_int(c, "m"),
                          .n = (size_t)sn_case_int(c, "n"),
                          .k = (size_t)sn_case_int(c, "k"),
                          .a_type = a_types[sn_case_word(c, "a")],
                          .c_type = c_types[sn_case_word(c, "out")]};
    g->lda = g->ldw = g->k + pad;
    g->ldc = g->n + pad;
}

/* Elements from the first to behind the last of a matrix: no padding behind the last row. */
static size_t span(size_t rows, size_t cols, size_t ld)
{
    return rows ? (rows - 1) * ld + cols : 0;
}

static size_t arrays(const union sn_problem *p, struct sn_array *out)
{
    const struct sn_gemm *g = &p->gemm;
    const struct sn_array all[] = {
        {"a", SN_FIELD(gemm, a), span(g->m, g->k, g->lda), SN_ARRAY_INPUT},
        {"w", SN_FIELD(gemm, w), span(g->n, g->k, g->ldw), SN_ARRAY_WEIGHT},
        {"sa", SN_FIELD(gemm, sa), g->m * sizeof(float), SN_ARRAY_INPUT},
        {"sb", SN_FIELD(gemm, sb), g->n * sizeof(float), SN_ARRAY_INPUT},
        {"c", SN_FIELD(gemm, c), span(g->m, g->n, g->ldc) * sn_type_bytes(g->c_type),
         SN_ARRAY_OUTPUT}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        out[i] = all[i];
    return sizeof all / sizeof *all;
}

static void fill(const struct sn_case *c, union sn_problem *p)
{
    struct sn_gemm *g = &p->gemm;
    struct sn_rng rng = sn_rng_make(c->env->seed, 0x6e);
    enum sn_value_dist dist = sn_kernel_dist(c);
    sn_values_fill((void *)g->a, g->a_type, g->m, g->k, g->lda, 1, dist, &rng);
    sn_values_fill((void *)g->w, SN_S8, g->n, g->k, g->ldw, 1, dist, &rng);
    sn_values_scales((float *)g->sa, g->m, 1e-3, 1, &rng);
    sn_values_scales((float *)g->sb, g->n, 1e-4, 1e-2, &rng);
}

/* acc exact; f32 r = (float)acc * (sa * sb), bf16 rounded once more: the same bits. Another library
 * may multiply by sa and sb in turn: two more roundings each way, 4 * 2^-24, and 2^-8 in bf16. */
static void compare(const struct sn_kernel *by, const union sn_problem *got,
                    const union sn_problem *want, struct sn_check *k)
{
    const struct sn_gemm *g = &got->gemm;
    const struct sn_compared m = {"c", g->c_type, g->c, want->gemm.c, g->m, g->n, g->ldc};
    k->what = "every element of C with the reference's: the same bits (baselines: rounding of the "
              "scales), and no padding written";
    if (by->flags & SN_KERNEL_BASELINE && g->c_type != SN_S32) {
        k->tolerance = g->c_type == SN_F32 ? 0x1p-22 : 0x1p-7;
        sn_compare_close(&m, NULL, k->tolerance, k);
    } else {
        sn_compare_exact(&m, k);
    }
}

static int64_t draw(const char *axis, struct sn_rng *rng)
{
    switch (axis[0]) {
    case 'm':
        return (int64_t)sn_rng_below(rng, 4) ? (int64_t)sn_rng_below(rng, 40)
                                             : (int64_t)sn_rng_below(rng, 300);
    case 'n':
        return 1 + (int64_t)sn_rng_below(rng, 200);
    case 'k': /* mostly within a block of K; the longest sums are rare: they take long */
        return !sn_rng_below(rng, 100)  ? 65792 - (int64_t)sn_rng_below(rng, 70)
               : !sn_rng_below(rng, 16) ? 1 + (int64_t)sn_rng_below(rng, 2500)
                                        : 1 + (int64_t)sn_rng_below(rng, 700);
    case 'p':
        return sn_rng_below(rng, 2) ? 0 : (int64_t)sn_rng_below(rng, 70);
    default:
        return (int64_t)sn_rng_below(rng, axis[0] == 'a' ? 2 : 3);
    }
}

static const struct sn_kernel_op gemm = {.op = SN_OP_GEMM,
                                         .shape = shape,
                                         .arrays = arrays,
                                         .fill = fill,
                                         .compare = compare,
                                         .draw = draw};

const struct sn_bench sn_bench_gemm = {
    .name = "gemm",
    .brief = "int8 matrix product, a scale per token and per channel",
    .axes = axes,
    .metric_docs = docs,
    SN_KERNEL_HOOKS(gemm),
};
