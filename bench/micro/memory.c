/* stream: memory at its limits (struct sn_memory): the roofs as a benchmark. Beside the roof that
 * was measured at the start, its efficiency tells whether that roof is one. */
#include <math.h>
#include <stddef.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/kernel_compare.h"
#include "bench/micro/kernel_values.h"

static const char *const kind_words[] = {"copy", "read", "triad", NULL};

static const struct sn_axis axes[] = {
    {.name = "kind",
     .type = SN_AXIS_WORD,
     .def = "all",
     .words = kind_words,
     .help = "copy: a = b; read: the sum of b's bits; triad: a = b + 3 c"},
    {.name = "size",
     .type = SN_AXIS_INT,
     .unit = SN_UNIT_BYTES,
     .def = "16K,256K,4M,256M",
     .min = 4,
     .max = (double)(16ull << 30),
     .help =
         "bytes of one array, of which copy has two and triad three; whole elements of 4 bytes"},
    SN_KERNEL_AXES(STREAM, "hot"),
    {0},
};

static const struct sn_metric_doc docs[] = {SN_KERNEL_METRIC_DOCS, {0}};

static void shape(const struct sn_case *c, union sn_problem *p)
{
    p->memory = (struct sn_memory){.kind = (enum sn_memory_kind)sn_case_word(c, "kind"),
                                   .n = (size_t)sn_case_int(c, "size") / sizeof(float),
                                   .threads = (size_t)sn_case_int(c, "threads")};
}

static size_t written(const struct sn_memory *m)
{
    return m->kind == SN_MEMORY_READ ? 16 * (m->threads - 1) + 1 : m->n;
}

static size_t arrays(const union sn_problem *p, struct sn_array *out)
{
    const struct sn_memory *m = &p->memory;
    size_t c = m->kind == SN_MEMORY_TRIAD ? m->n : 0;
    out[0] = (struct sn_array){"b", SN_FIELD(memory, b), m->n * sizeof(float), SN_ARRAY_INPUT};
    out[1] = (struct sn_array){"c", SN_FIELD(memory, c), c * sizeof(float), SN_ARRAY_INPUT};
    out[2] =
        (struct sn_array){"a", SN_FIELD(memory, a), written(m) * sizeof(float), SN_ARRAY_OUTPUT};
    return 3;
}

static void fill(const struct sn_case *c, union sn_problem *p)
{
    const struct sn_memory *m = &p->memory;
    struct sn_rng rng = sn_rng_make(c->env->seed, 0x57);
    enum sn_value_dist dist = sn_kernel_dist(c);
    sn_values_fill((void *)m->b, SN_F32, 1, m->n, m->n, 1, dist, &rng);
    if (m->kind == SN_MEMORY_TRIAD)
        sn_values_fill((void *)m->c, SN_F32, 1, m->n, m->n, 1, dist, &rng);
}

/* --- check ----------------------------------------------------------------------------------- */

/* read: the parts of the sum, and nothing written between them (want, by one thread, has its poison
 * there). */
static void compare_sums(const struct sn_memory *got, const struct sn_memory *want,
                         struct sn_check *k)
{
    uint32_t sum = 0, expected;
    memcpy(&expected, want->a, sizeof expected);
    for (size_t i = 0; i < written(got); i++) {
        uint32_t bits;
        memcpy(&bits, got->a + i, sizeof bits);
        if (i % 16 == 0)
            sum += bits;
        else if (memcmp(got->a + i, want->a + i, sizeof bits))
            sn_check_fail(k, "a[%zu]: written, and is no thread's", i);
    }
    if (sum != expected)
        sn_check_fail(k, "the parts of the sum add up to 0x%08x, expected 0x%08x", sum, expected);
    k->compared += got->n;
}

static void compare(const struct sn_kernel *by, const union sn_problem *got,
                    const union sn_problem *want, struct sn_check *k)
{
    const struct sn_memory *m = &got->memory;
    k->what = "every element with the reference's, of read the sum of all: the same bits";
    if (m->kind == SN_MEMORY_READ)
        compare_sums(m, &want->memory, k);
    else
        sn_compare_exact(&(struct sn_compared){"a", SN_F32, m->a, want->memory.a, 1, m->n, m->n},
                         k);
}

static int64_t draw(const char *axis, struct sn_rng *rng)
{
    if (axis[0] == 'k')
        return (int64_t)sn_rng_below(rng, 3);
    return 4 + (int64_t)(sn_rng_below(rng, 3) ? sn_rng_below(rng, 2000) : sn_rng_below(rng, 40000));
}

static const struct sn_kernel_op stream = {.op = SN_OP_STREAM,
                                           .shape = shape,
                                           .arrays = arrays,
                                           .fill = fill,
                                           .compare = compare,
                                           .draw = draw};

const struct sn_bench sn_bench_stream = {
    .name = "stream",
    .brief = "memory at its limits: copy, read, triad",
    .axes = axes,
    .metric_docs = docs,
    SN_KERNEL_HOOKS(stream),
};
