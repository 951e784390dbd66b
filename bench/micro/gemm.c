/* gemm: int8 matrix product with a scale per token and per channel (struct sn_gemm). */
#include <stddef.h>

#include "bench/benches.h"
#include "bench/micro/kernel_values.h"
#include "bench/micro/product.h"

static const struct sn_axis axes[] = {
    {.name = "m",
     .type = SN_AXIS_INT,
     .def = "64",
     .min = 0,
     .max = 1 << 20,
     .help = "rows: tokens"},
    SN_PRODUCT_AXES,
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
                          .a_type = sn_product_a_type(c),
                          .c_type = sn_product_c_type(c)};
    g->lda = g->ldw = g->k + pad;
    g->ldc = g->n + pad;
}

static size_t arrays(const union sn_problem *p, struct sn_array *out)
{
    const struct sn_gemm *g = &p->gemm;
    const struct sn_array all[] = {
        {"a", SN_FIELD(gemm, a), sn_product_span(g->m, g->k, g->lda), SN_ARRAY_INPUT},
        {"w", SN_FIELD(gemm, w), sn_product_span(g->n, g->k, g->ldw), SN_ARRAY_WEIGHT},
        {"sa", SN_FIELD(gemm, sa), g->m * sizeof(float), SN_ARRAY_INPUT},
        {"sb", SN_FIELD(gemm, sb), g->n * sizeof(float), SN_ARRAY_INPUT},
        {"c", SN_FIELD(gemm, c), sn_product_span(g->m, g->n, g->ldc) * sn_type_bytes(g->c_type),
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

static void compare(const struct sn_kernel *by, const union sn_problem *got,
                    const union sn_problem *want, struct sn_check *k)
{
    const struct sn_gemm *g = &got->gemm;
    sn_product_compare(by, g->c_type, g->c, want->gemm.c, g->m, g->n, g->ldc, k);
}

static int64_t draw(const char *axis, struct sn_rng *rng)
{
    return sn_product_draw(axis, 300, rng);
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
