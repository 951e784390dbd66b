/* grouped-gemm: the experts of one die, rows sorted by expert (struct sn_grouped_gemm). Each of the
 * M rows goes to a group by the axis `routing`, so that groups are as uneven as experts are. */
#include <stddef.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/kernel_values.h"
#include "bench/micro/product.h"
#include "comm/routing.h"
#include "harness/base/status.h"

static const struct sn_axis axes[] = {
    {.name = "groups",
     .type = SN_AXIS_INT,
     .def = "8",
     .min = 1,
     .max = 4096,
     .help = "experts of the die, each with weights of its own"},
    {.name = "m",
     .type = SN_AXIS_INT,
     .def = "256",
     .min = 0,
     .max = 1 << 20,
     .help = "rows of all groups together: copies of tokens"},
    {.name = "routing",
     .type = SN_AXIS_TEXT,
     .def = "uniform",
     .check = sn_routing_check,
     .help = "which group a row belongs to: popularity of the groups (snbench list routings)"},
    SN_PRODUCT_AXES,
    SN_KERNEL_AXES(GROUPED_GEMM, "hot"),
    {0},
};

static const struct sn_metric_doc docs[] = {SN_KERNEL_METRIC_DOCS, {0}};

static void shape(const struct sn_case *c, union sn_problem *p)
{
    size_t pad = (size_t)sn_case_int(c, "pad");
    struct sn_grouped_gemm *g = &p->grouped_gemm;
    *g = (struct sn_grouped_gemm){.groups = (size_t)sn_case_int(c, "groups"),
                                  .m = (size_t)sn_case_int(c, "m"),
                                  .n = (size_t)sn_case_int(c, "n"),
                                  .k = (size_t)sn_case_int(c, "k"),
                                  .a_type = sn_product_a_type(c),
                                  .c_type = sn_product_c_type(c)};
    g->lda = g->ldw = g->k + pad;
    g->ldc = g->n + pad;
}

static size_t arrays(const union sn_problem *p, struct sn_array *out)
{
    const struct sn_grouped_gemm *g = &p->grouped_gemm;
    const struct sn_array all[] = {
        {"first", SN_FIELD(grouped_gemm, first), (g->groups + 1) * sizeof *g->first,
         SN_ARRAY_INPUT},
        {"a", SN_FIELD(grouped_gemm, a), sn_product_span(g->m, g->k, g->lda), SN_ARRAY_INPUT},
        {"w", SN_FIELD(grouped_gemm, w), sn_product_span(g->groups * g->n, g->k, g->ldw),
         SN_ARRAY_WEIGHT},
        {"sa", SN_FIELD(grouped_gemm, sa), g->m * sizeof(float), SN_ARRAY_INPUT},
        {"sb", SN_FIELD(grouped_gemm, sb), g->groups * g->n * sizeof(float), SN_ARRAY_INPUT},
        {"c", SN_FIELD(grouped_gemm, c),
         sn_product_span(g->m, g->n, g->ldc) * sn_type_bytes(g->c_type), SN_ARRAY_OUTPUT}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        out[i] = all[i];
    return sizeof all / sizeof *all;
}

static int open_routing(const struct sn_case *c, struct sn_routing **r)
{
    return sn_routing_open(r, sn_case_text(c, "routing"), (unsigned)sn_case_int(c, "groups"), 1,
                           c->env->seed);
}

/* Files that the routing reads. */
static int inputs(const struct sn_case *c)
{
    struct sn_routing *r;
    int status = open_routing(c, &r);
    if (status == SN_OK)
        sn_routing_close(r);
    return status;
}

/* Row i goes where token i of the routing goes; then groups are sorted: `first` is what remains. */
static void divide(const struct sn_case *c, struct sn_grouped_gemm *g)
{
    uint32_t *first = (uint32_t *)g->first;
    struct sn_routing *r;
    uint16_t group;
    memset(first, 0, (g->groups + 1) * sizeof *first);
    if (open_routing(c, &r) != SN_OK) { /* inputs() has opened it: the file went away since */
        for (size_t i = 1; i <= g->groups; i++)
            first[i] = (uint32_t)g->m;
        return;
    }
    for (size_t i = 0; i < g->m; i++) {
        sn_routing_token(r, 0, i, &group, NULL);
        first[group + 1]++;
    }
    sn_routing_close(r);
    for (size_t i = 0; i < g->groups; i++)
        first[i + 1] += first[i];
}

static void fill(const struct sn_case *c, union sn_problem *p)
{
    struct sn_grouped_gemm *g = &p->grouped_gemm;
    struct sn_rng rng = sn_rng_make(c->env->seed, 0x6e);
    enum sn_value_dist dist = sn_kernel_dist(c);
    divide(c, g);
    sn_values_fill((void *)g->a, g->a_type, g->m, g->k, g->lda, 1, dist, &rng);
    sn_values_fill((void *)g->w, SN_S8, g->groups * g->n, g->k, g->ldw, 1, dist, &rng);
    sn_values_scales((float *)g->sa, g->m, 1e-3, 1, &rng);
    sn_values_scales((float *)g->sb, g->groups * g->n, 1e-4, 1e-2, &rng);
}

static void compare(const struct sn_kernel *by, const union sn_problem *got,
                    const union sn_problem *want, struct sn_check *k)
{
    const struct sn_grouped_gemm *g = &got->grouped_gemm;
    sn_product_compare(by, g->c_type, g->c, want->grouped_gemm.c, g->m, g->n, g->ldc, k);
}

/* The weights of empty groups are not needed. */
static void index_of(const struct sn_case *c, union sn_problem *p)
{
    divide(c, &p->grouped_gemm);
}

static const char *const texts[] = {"uniform", "balanced", "zipf(1)", "zipf(3)", NULL};

static int64_t draw(const char *axis, struct sn_rng *rng)
{
    switch (axis[0]) {
    case 'g':
        return 1 + (int64_t)sn_rng_below(rng, 6);
    case 'r':
        return (int64_t)sn_rng_below(rng, sizeof texts / sizeof *texts - 1);
    default:
        return sn_product_draw(axis, 700, rng);
    }
}

static const struct sn_kernel_op grouped_gemm = {.op = SN_OP_GROUPED_GEMM,
                                                 .shape = shape,
                                                 .arrays = arrays,
                                                 .fill = fill,
                                                 .compare = compare,
                                                 .index = index_of,
                                                 .draw = draw,
                                                 .texts = texts,
                                                 .inputs = inputs};

const struct sn_bench sn_bench_grouped_gemm = {
    .name = "grouped-gemm",
    .brief = "int8 matrix products of the experts of a die, of uneven sizes",
    .axes = axes,
    .metric_docs = docs,
    SN_KERNEL_HOOKS(grouped_gemm),
};
