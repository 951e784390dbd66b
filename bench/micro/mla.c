/* mla: absorbed multi-head latent attention for decode, over a paged cache (struct sn_mla). */
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "bench/benches.h"
#include "bench/micro/attention_check.h"
#include "bench/micro/kernel_values.h"
#include "harness/base/buf.h"

static const char *const kv_words[] = {"bf16", "s8", NULL}, *const length_words[] = {
                                                                "equal", "uniform", "exponential",
                                                                NULL};
enum { EQUAL, UNIFORM, EXPONENTIAL };

static const struct sn_axis axes[] = {
    {.name = "batch", .type = SN_AXIS_INT, .def = "4", .min = 1, .max = 4096, .help = "requests"},
    {.name = "queries",
     .type = SN_AXIS_INT,
     .def = "1",
     .min = 1,
     .max = 16,
     .help = "query tokens of each request: 2 with one speculative token"},
    {.name = "ctx",
     .type = SN_AXIS_INT,
     .def = "4096",
     .min = 1,
     .max = 1 << 20,
     .help = "cached tokens of a request, its queries' own among them: the mean, or each"},
    {.name = "lengths",
     .type = SN_AXIS_WORD,
     .def = "equal",
     .words = length_words,
     .help = "how requests differ: equal; uniform in (0, 2 ctx); exponential of mean ctx, at most "
             "8 ctx"},
    {.name = "heads", .type = SN_AXIS_INT, .def = "128", .min = 1, .max = 1024, .help = "heads"},
    {.name = "latent",
     .type = SN_AXIS_INT,
     .def = "512",
     .min = 1,
     .max = 4096,
     .help = "elements of the compressed KV that all heads share: keys, and values"},
    {.name = "rope",
     .type = SN_AXIS_INT,
     .def = "64",
     .min = 0,
     .max = 1024,
     .help = "elements with a position, of keys alone"},
    {.name = "page",
     .type = SN_AXIS_INT,
     .def = "64",
     .min = 1,
     .max = 4096,
     .help = "tokens of a page; pages lie in random order"},
    {.name = "kv",
     .type = SN_AXIS_WORD,
     .def = "bf16",
     .words = kv_words,
     .help = "cache: bf16, or s8 with a scale per token"},
    SN_KERNEL_AXES(MLA, "cold"),
    {0},
};

static const struct sn_metric_doc docs[] = {SN_KERNEL_METRIC_DOCS, {0}};

/* Tokens of request r; a function of the case and its seed. */
static size_t length_of(const struct sn_case *c, size_t r)
{
    struct sn_rng rng = sn_rng_make(c->env->seed ^ sn_rng_mix64(r), 0x31a);
    double ctx = (double)sn_case_int(c, "ctx"), x = ctx;
    size_t queries = (size_t)sn_case_int(c, "queries"), kind = (size_t)sn_case_word(c, "lengths");
    if (kind == UNIFORM)
        x = 2 * ctx * sn_rng_uniform(&rng);
    else if (kind == EXPONENTIAL)
        x = fmin(ctx * sn_rng_exponential(&rng), 8 * ctx);
    size_t n = (size_t)ceil(x);
    return n < queries ? queries : n;
}

static void shape(const struct sn_case *c, union sn_problem *p)
{
    struct sn_mla *a = &p->mla;
    *a = (struct sn_mla){.requests = (size_t)sn_case_int(c, "batch"),
                         .queries = (size_t)sn_case_int(c, "queries"),
                         .heads = (size_t)sn_case_int(c, "heads"),
                         .latent = (size_t)sn_case_int(c, "latent"),
                         .rope = (size_t)sn_case_int(c, "rope"),
                         .page = (size_t)sn_case_int(c, "page"),
                         .kv_type = sn_case_word(c, "kv") ? SN_S8 : SN_BF16};
    a->scale = 1 / sqrtf(192); /* of keys that are not absorbed: 128 + 64 (arXiv 2412.19437) */
    for (size_t r = 0; r < a->requests; r++) {
        size_t pages = (length_of(c, r) + a->page - 1) / a->page;
        a->pages += pages;
        a->pages_per_request = pages > a->pages_per_request ? pages : a->pages_per_request;
    }
}

static size_t arrays(const union sn_problem *p, struct sn_array *out)
{
    const struct sn_mla *a = &p->mla;
    size_t d = a->latent + a->rope, rows = a->requests * a->queries * a->heads,
           slots = a->pages * a->page;
    const struct sn_array all[] = {
        {"q", SN_FIELD(mla, q), rows * d * 2, SN_ARRAY_INPUT},
        {"kv", SN_FIELD(mla, kv), slots * d * sn_type_bytes(a->kv_type), SN_ARRAY_INPUT},
        {"table", SN_FIELD(mla, table), a->requests * a->pages_per_request * 4, SN_ARRAY_INPUT},
        {"length", SN_FIELD(mla, length), a->requests * 4, SN_ARRAY_INPUT},
        {"out", SN_FIELD(mla, out), rows * a->latent * 2, SN_ARRAY_OUTPUT},
        {"spread", SN_FIELD(mla, spread), rows * sizeof(float), SN_ARRAY_OUTPUT},
        {"kv_scale", SN_FIELD(mla, kv_scale), slots * 4, SN_ARRAY_INPUT}};
    size_t n = sizeof all / sizeof *all - (a->kv_type != SN_S8);
    memcpy(out, all, n * sizeof *all);
    return n;
}

/* Pages in random order; entries of no page, and what lies behind a request's last token, would
 * spoil everything if they were used. */
static void fill_table(const struct sn_case *c, struct sn_mla *a, struct sn_rng *rng)
{
    uint32_t *table = (uint32_t *)a->table, *length = (uint32_t *)a->length, next = 0;
    memset(table, 0xff, a->requests * a->pages_per_request * sizeof *table);
    for (size_t r = 0; r < a->requests; r++) {
        length[r] = (uint32_t)length_of(c, r);
        for (size_t i = 0; i * a->page < length[r]; i++)
            table[r * a->pages_per_request + i] = next++;
    }
    /* Exchange each used entry with one before it. */
    uint32_t **at = sn_calloc(next, sizeof *at), n = 0;
    for (size_t i = 0; i < a->requests * a->pages_per_request; i++)
        if (table[i] != UINT32_MAX)
            at[n++] = &table[i];
    for (uint32_t i = 1; i < n; i++) {
        uint32_t j = (uint32_t)sn_rng_below(rng, i + 1), x = *at[i];
        *at[i] = *at[j];
        *at[j] = x;
    }
    free(at);
}

static void spoil_unused(struct sn_mla *a)
{
    size_t d = a->latent + a->rope, e = sn_type_bytes(a->kv_type);
    for (size_t r = 0; r < a->requests; r++)
        for (size_t t = a->length[r]; t % a->page; t++) {
            size_t slot = a->table[r * a->pages_per_request + t / a->page] * a->page + t % a->page;
            memset((char *)a->kv + slot * d * e, 0xff, d * e); /* bf16: NaN */
            if (a->kv_scale)
                ((float *)a->kv_scale)[slot] = NAN;
        }
}

static void fill(const struct sn_case *c, union sn_problem *p)
{
    struct sn_mla *a = &p->mla;
    struct sn_rng rng = sn_rng_make(c->env->seed, 0x31a);
    enum sn_value_dist dist = sn_kernel_dist(c);
    size_t d = a->latent + a->rope, slots = a->pages * a->page;
    /* Twice as large, for scores of a standard deviation of about 1.3. */
    sn_values_fill((void *)a->q, SN_BF16, a->requests * a->queries * a->heads, d, d, 2, dist, &rng);
    sn_values_fill((void *)a->kv, a->kv_type, slots, d, d, 1, dist, &rng);
    if (a->kv_scale)
        sn_values_scales((float *)a->kv_scale, slots, 1.0 / 128, 1.0 / 64, &rng);
    fill_table(c, a, &rng);
    spoil_unused(a);
}

/* The largest norm, and the largest value, of the tokens of a request. */
static void extremes(const struct sn_mla *a, size_t request, struct sn_attention_bound *b)
{
    size_t d = a->latent + a->rope;
    b->key_norm = b->value = 0;
    for (size_t t = 0; t < a->length[request]; t++) {
        size_t slot =
            a->table[request * a->pages_per_request + t / a->page] * a->page + t % a->page;
        double scale = a->kv_type == SN_S8 ? a->kv_scale[slot] : 1,
               norm = scale *
                      sn_attention_norm((const char *)a->kv + slot * d * sn_type_bytes(a->kv_type),
                                        a->kv_type, d, NULL),
               largest = 0;
        if (a->kv_type == SN_S8)
            largest = 128 * scale;
        else
            sn_attention_norm((const uint16_t *)a->kv + slot * d, SN_BF16, a->latent, &largest);
        b->key_norm = fmax(b->key_norm, norm);
        b->value = fmax(b->value, largest);
    }
}

static void compare(const struct sn_kernel *by, const union sn_problem *got,
                    const union sn_problem *want, struct sn_check *k)
{
    const struct sn_mla *a = &got->mla;
    size_t d = a->latent + a->rope, rows = a->queries * a->heads;
    double *bounds = sn_calloc(rows, sizeof *bounds);
    bool rounded = by->flags & SN_KERNEL_SHORT_WEIGHTS;
    k->what = rounded ? SN_ATTENTION_WHAT_SHORT : SN_ATTENTION_WHAT;
    for (size_t r = 0; r < a->requests; r++) {
        struct sn_attention_bound b = {.elements = d,
                                       .tokens = a->length[r],
                                       .scale = a->scale,
                                       .integers = a->kv_type == SN_S8};
        extremes(a, r, &b);
        for (size_t i = 0; i < rows; i++) {
            b.spread = rounded ? want->mla.spread[r * rows + i] : 0;
            bounds[i] = sn_attention_allowed(&b, (const uint16_t *)a->q + (r * rows + i) * d);
        }
        size_t at = r * rows * a->latent;
        const struct sn_compared m = {"out", SN_BF16,   a->out + at, want->mla.out + at,
                                      rows,  a->latent, a->latent};
        sn_attention_compare(&m, bounds, k);
    }
    free(bounds);
}

/* A cache of integers may be multiplied as integers, which more than pays for scaling q. */
static void bound(const union sn_problem *p, struct sn_cost *c)
{
    if (p->mla.kv_type == SN_S8)
        c->parts[0].peak = SN_PEAK_INT8;
}

static int64_t draw(const char *axis, struct sn_rng *rng)
{
    if (!strcmp(axis, "batch") || !strcmp(axis, "queries"))
        return 1 + (int64_t)sn_rng_below(rng, 3);
    if (!strcmp(axis, "ctx"))
        return 1 + (int64_t)sn_rng_below(rng, sn_rng_below(rng, 4) ? 40 : 400);
    if (!strcmp(axis, "lengths"))
        return (int64_t)sn_rng_below(rng, 3);
    if (!strcmp(axis, "heads"))
        return 1 + (int64_t)sn_rng_below(rng, 40);
    if (!strcmp(axis, "latent"))
        return 1 + (int64_t)sn_rng_below(rng, sn_rng_below(rng, 8) ? 70 : 600);
    if (!strcmp(axis, "rope"))
        return (int64_t)sn_rng_below(rng, 20);
    if (!strcmp(axis, "page"))
        return 1 + (int64_t)sn_rng_below(rng, 20);
    return (int64_t)sn_rng_below(rng, 2);
}

static const struct sn_kernel_op mla = {.op = SN_OP_MLA,
                                        .shape = shape,
                                        .arrays = arrays,
                                        .fill = fill,
                                        .compare = compare,
                                        .bound = bound,
                                        .draw = draw};

const struct sn_bench sn_bench_mla = {
    .name = "mla",
    .brief = "absorbed latent attention of decode, paged KV cache in bf16 or s8",
    .axes = axes,
    .metric_docs = docs,
    SN_KERNEL_HOOKS(mla),
};
