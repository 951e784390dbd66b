/* moe, each step a pass over memory, with oneDNN's products on weights that it has packed before:
 * its blocked matmul where there is one ("brg:", AVX-512 VNNI), else 1 x 1 convolutions over an
 * image of m pixels. Of its calls only they take packed int8 weights on AVX2. Measured (Zen 3, one
 * core, N 4096, K 7168, weights from memory, 1 / 4 / 16 / 64 rows): convolution 1.5 / 2.5 / 7.4
 * / 20.7 ms, matmul 5.9 / 6.9 / 14.2 / 32.6 ms, inner product 5.3 / 10 / 14.5 / 42 ms; one image a
 * row is as slow as these.
 *
 * Primitives are made by prepare(), for the rows that experts get there and for powers of two, of
 * which any other number is put together. INEXACT: without VNNI it multiplies by VPMADDUBSW, which
 * saturates; sums above 2^24 are rounded to f32. */
#include <dnnl.h>
#include <omp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "kernels/gemm/emit.h"
#include "kernels/gemm/onednn.h"
#include "kernels/moe/unfused.h"

#if DNNL_VERSION_MAJOR == 2

/* One product, (m, k) u8 by (n, k), for so many rows. */
struct sized {
    size_t m;
    dnnl_primitive_t primitive;
    dnnl_memory_t src, dst;
};

struct product {
    size_t n, k;
    bool matmul;          /* not a convolution */
    dnnl_memory_desc_t w; /* as packed */
    struct sized *sizes;  /* rising m */
    size_t n_sizes;
    dnnl_memory_t *weights, *bias; /* (experts) */
};

/* In packed: this, then for each expert the weights and -128 times their sums, of both products. */
struct state {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    struct product products[2];
};

static size_t round64(size_t x)
{
    return (x + 63) & ~(size_t)63;
}

static dnnl_status_t tagged(dnnl_memory_desc_t *md, const dnnl_dims_t dims, int n,
                            dnnl_data_type_t type, dnnl_format_tag_t tag)
{
    return dnnl_memory_desc_init_by_tag(md, n, dims, type, tag);
}

/* The matmul for m rows; weights as in *w, or, where that has no dimensions, as it likes. */
static dnnl_status_t describe_matmul(dnnl_engine_t engine, const struct product *p, size_t m,
                                     const dnnl_memory_desc_t *w, dnnl_primitive_desc_t *out)
{
    dnnl_dim_t rows = (dnnl_dim_t)m, n = (dnnl_dim_t)p->n, k = (dnnl_dim_t)p->k;
    dnnl_memory_desc_t src, dst, bias, weights = *w;
    dnnl_matmul_desc_t d;
    dnnl_status_t s = tagged(&src, (dnnl_dims_t){rows, k}, 2, dnnl_u8, dnnl_ab);
    if (!s)
        s = tagged(&dst, (dnnl_dims_t){rows, n}, 2, dnnl_s32, dnnl_ab);
    if (!s)
        s = tagged(&bias, (dnnl_dims_t){1, n}, 2, dnnl_s32, dnnl_ab);
    if (!s && !w->ndims)
        s = tagged(&weights, (dnnl_dims_t){k, n}, 2, dnnl_s8, dnnl_format_tag_any);
    if (!s)
        s = dnnl_matmul_desc_init(&d, &src, &weights, &bias, &dst);
    return s ? s : dnnl_primitive_desc_create(out, &d, NULL, engine, NULL);
}

/* The same as a convolution. */
static dnnl_status_t describe_convolution(dnnl_engine_t engine, const struct product *p, size_t m,
                                          const dnnl_memory_desc_t *w, dnnl_primitive_desc_t *out)
{
    dnnl_dim_t rows = (dnnl_dim_t)m, n = (dnnl_dim_t)p->n, k = (dnnl_dim_t)p->k;
    dnnl_memory_desc_t src, dst, bias, weights = *w;
    dnnl_convolution_desc_t d;
    dnnl_status_t s = tagged(&src, (dnnl_dims_t){1, k, 1, rows}, 4, dnnl_u8, dnnl_nhwc);
    if (!s)
        s = tagged(&dst, (dnnl_dims_t){1, n, 1, rows}, 4, dnnl_s32, dnnl_nhwc);
    if (!s)
        s = tagged(&bias, (dnnl_dims_t){n}, 1, dnnl_s32, dnnl_x);
    if (!s && !w->ndims)
        s = tagged(&weights, (dnnl_dims_t){n, k, 1, 1}, 4, dnnl_s8, dnnl_format_tag_any);
    if (!s)
        s = dnnl_convolution_forward_desc_init(&d, dnnl_forward_inference, dnnl_convolution_direct,
                                               &src, &weights, &bias, &dst, (dnnl_dims_t){1, 1},
                                               (dnnl_dims_t){0, 0}, (dnnl_dims_t){0, 0});
    return s ? s : dnnl_primitive_desc_create(out, &d, NULL, engine, NULL);
}

static dnnl_status_t describe(dnnl_engine_t engine, const struct product *p, size_t m,
                              const dnnl_memory_desc_t *w, dnnl_primitive_desc_t *out)
{
    return (p->matmul ? describe_matmul : describe_convolution)(engine, p, m, w, out);
}

/* Which primitive, and how the weights lie: as that for the mean of rows likes. */
static dnnl_status_t choose(dnnl_engine_t engine, const struct sn_moe_ffn *f, struct product *p)
{
    size_t m = (f->copies + f->experts - 1) / f->experts;
    dnnl_primitive_desc_t d;
    p->w.ndims = 0;
    p->matmul = true;
    dnnl_status_t s = describe(engine, p, m ? m : 1, &p->w, &d);
    if (s || !sn_onednn_is_blocked(d)) {
        if (!s)
            dnnl_primitive_desc_destroy(d);
        p->matmul = false;
        s = describe(engine, p, m ? m : 1, &p->w, &d);
    }
    if (s)
        return s;
    p->w = *dnnl_primitive_desc_query_md(d, dnnl_query_weights_md, 0);
    return dnnl_primitive_desc_destroy(d);
}

static void sizes_of(const struct sn_moe_ffn *f, struct product products[2])
{
    memset(products, 0, 2 * sizeof *products);
    products[0].n = 2 * f->i;
    products[0].k = f->h;
    products[1].n = f->h;
    products[1].k = f->i;
}

static size_t w_bytes(const struct product *p)
{
    return round64(dnnl_memory_desc_get_size(&p->w));
}

static size_t expert_bytes(const struct product products[2])
{
    size_t n = 0;
    for (int i = 0; i < 2; i++)
        n += w_bytes(&products[i]) + round64(products[i].n * sizeof(int32_t));
    return n;
}

static size_t packed_bytes(const union sn_problem *p, unsigned threads)
{
    struct product products[2];
    dnnl_engine_t engine;
    size_t bytes = 0;
    sizes_of(&p->moe, products);
    if (dnnl_engine_create(&engine, dnnl_cpu, 0))
        return 0;
    if (!choose(engine, &p->moe, &products[0]) && !choose(engine, &p->moe, &products[1]))
        bytes = round64(sizeof(struct state)) + p->moe.experts * expert_bytes(products);
    dnnl_engine_destroy(engine);
    return bytes;
}

/* --- prepare ---------------------------------------------------------------------------------- */

static dnnl_status_t add_size(struct state *k, struct product *p, size_t m)
{
    dnnl_primitive_desc_t d;
    struct sized *to = &p->sizes[p->n_sizes];
    dnnl_status_t s = describe(k->engine, p, m, &p->w, &d);
    if (s)
        return s;
    to->m = m;
    s = dnnl_primitive_create(&to->primitive, d);
    if (!s)
        s = dnnl_memory_create(&to->src, dnnl_primitive_desc_query_md(d, dnnl_query_src_md, 0),
                               k->engine, NULL);
    if (!s)
        s = dnnl_memory_create(&to->dst, dnnl_primitive_desc_query_md(d, dnnl_query_dst_md, 0),
                               k->engine, NULL);
    dnnl_primitive_desc_destroy(d);
    p->n_sizes++;
    return s;
}

/* Powers of two, and what experts have. */
static dnnl_status_t add_sizes(struct state *k, struct product *p, const struct sn_moe_ffn *f)
{
    size_t *rows = sn_calloc(f->experts + 1, sizeof *rows);
    char *wanted = sn_calloc(f->copies + 2, 1);
    dnnl_status_t s = dnnl_success;
    for (size_t c = 0; c < f->copies; c++)
        rows[f->expert[c]]++;
    for (size_t e = 0; e < f->experts; e++)
        wanted[rows[e]] = 1;
    for (size_t m = 1; m <= f->copies; m *= 2)
        wanted[m] = 1;
    p->sizes = sn_calloc(f->experts + 65, sizeof *p->sizes);
    for (size_t m = 1; m <= f->copies && !s; m++)
        if (wanted[m])
            s = add_size(k, p, m);
    free(wanted);
    free(rows);
    return s;
}

static void add_bias(int32_t *to, const int8_t *w, size_t n, size_t k)
{
    for (size_t i = 0; i < n; i++) {
        int32_t sum = 0;
        for (size_t j = 0; j < k; j++)
            sum += w[i * k + j];
        to[i] = -128 * sum;
    }
}

/* The weights w (n, k) of expert e to `at`, their sums behind them. */
static dnnl_status_t pack(struct state *k, struct product *p, size_t e, const int8_t *w, char *at)
{
    dnnl_memory_desc_t plain, bias;
    dnnl_memory_t from = NULL;
    dnnl_primitive_desc_t d = NULL;
    dnnl_primitive_t reorder = NULL;
    char *sums = at + w_bytes(p);
    dnnl_dim_t n = (dnnl_dim_t)p->n, kk = (dnnl_dim_t)p->k;
    dnnl_status_t s = p->matmul ? tagged(&plain, (dnnl_dims_t){kk, n}, 2, dnnl_s8, dnnl_ba)
                                : tagged(&plain, (dnnl_dims_t){n, kk, 1, 1}, 4, dnnl_s8, dnnl_oihw);
    if (!s)
        s = p->matmul ? tagged(&bias, (dnnl_dims_t){1, n}, 2, dnnl_s32, dnnl_ab)
                      : tagged(&bias, (dnnl_dims_t){n}, 1, dnnl_s32, dnnl_x);
    if (!s)
        s = dnnl_memory_create(&from, &plain, k->engine, (void *)w);
    if (!s)
        s = dnnl_memory_create(&p->weights[e], &p->w, k->engine, at);
    if (!s)
        s = dnnl_memory_create(&p->bias[e], &bias, k->engine, sums);
    if (!s)
        s = dnnl_reorder_primitive_desc_create(&d, &plain, k->engine, &p->w, k->engine, NULL);
    if (!s)
        s = dnnl_primitive_create(&reorder, d);
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, p->weights[e]}};
    if (!s)
        s = dnnl_primitive_execute(reorder, k->stream, 2, args);
    if (!s)
        s = dnnl_stream_wait(k->stream);
    add_bias((int32_t *)sums, w, p->n, p->k);
    dnnl_primitive_destroy(reorder);
    dnnl_primitive_desc_destroy(d);
    dnnl_memory_destroy(from);
    return s;
}

static dnnl_status_t open_product(struct state *k, struct product *p, const struct sn_moe_ffn *f)
{
    p->weights = sn_calloc(f->experts, sizeof *p->weights);
    p->bias = sn_calloc(f->experts, sizeof *p->bias);
    dnnl_status_t s = choose(k->engine, f, p);
    return s ? s : add_sizes(k, p, f);
}

static void release(const union sn_problem *p, void *packed)
{
    struct state *k = packed;
    for (struct product *m = k->products; m < k->products + 2; m++) {
        for (size_t i = 0; i < m->n_sizes; i++) {
            dnnl_primitive_destroy(m->sizes[i].primitive);
            dnnl_memory_destroy(m->sizes[i].src);
            dnnl_memory_destroy(m->sizes[i].dst);
        }
        for (size_t e = 0; m->weights && e < p->moe.experts; e++) {
            dnnl_memory_destroy(m->weights[e]);
            dnnl_memory_destroy(m->bias[e]);
        }
        free(m->sizes);
        free(m->weights);
        free(m->bias);
    }
    dnnl_stream_destroy(k->stream);
    dnnl_engine_destroy(k->engine);
    memset(k, 0, sizeof *k);
}

static int prepare(const union sn_problem *p, unsigned threads, void *packed)
{
    const struct sn_moe_ffn *f = &p->moe;
    struct state *k = packed;
    int before = omp_get_max_threads();
    omp_set_num_threads((int)threads); /* primitives are made for so many */
    memset(k, 0, sizeof *k);
    sizes_of(f, k->products);
    dnnl_status_t s = dnnl_engine_create(&k->engine, dnnl_cpu, 0);
    if (!s)
        s = dnnl_stream_create(&k->stream, k->engine, dnnl_stream_default_flags);
    for (int i = 0; i < 2 && !s; i++)
        s = open_product(k, &k->products[i], f);
    size_t behind = w_bytes(&k->products[0]) + round64(2 * f->i * sizeof(int32_t));
    char *at = (char *)packed + round64(sizeof *k);
    for (size_t e = 0; e < f->experts && !s; e++, at += expert_bytes(k->products)) {
        s = pack(k, &k->products[0], e, f->w1 + e * 2 * f->i * f->h, at);
        if (!s)
            s = pack(k, &k->products[1], e, f->w2 + e * f->h * f->i, at + behind);
    }
    omp_set_num_threads(before);
    if (s)
        release(p, packed);
    return s ? -1 : 0;
}

/* --- run -------------------------------------------------------------------------------------- */

/* c (m, n) s32 = (a - 128) W^T of expert e; in parts of the sizes that there are. */
static void multiply(const struct state *k, const struct product *p, size_t e, const uint8_t *a,
                     size_t m, int32_t *c)
{
    while (m) {
        const struct sized *z = &p->sizes[p->n_sizes - 1];
        while (z->m > m)
            z--;
        dnnl_memory_set_data_handle(z->src, (void *)a);
        dnnl_memory_set_data_handle(z->dst, c);
        dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, z->src},
                                  {DNNL_ARG_WEIGHTS, p->weights[e]},
                                  {DNNL_ARG_BIAS, p->bias[e]},
                                  {DNNL_ARG_DST, z->dst}};
        dnnl_primitive_execute(z->primitive, k->stream, 4, args);
        dnnl_stream_wait(k->stream);
        a += z->m * p->k;
        c += z->m * p->n;
        m -= z->m;
    }
}

/* Sums (row, n) to scaled f32 in place. */
static void scale(float *row, size_t n, const float *sa, const float *sb)
{
    enum { SOME = 256 };
    int32_t sums[SOME];
    for (size_t i = 0; i < n; i += SOME) {
        size_t some = n - i < SOME ? n - i : SOME;
        memcpy(sums, row + i, some * sizeof *sums);
        sn_gemm_emit(sums, SOME, 1, some, SN_F32, sa, sb + i, row + i, some);
    }
}

static void scale_rows(const struct sn_moe_arrays *a, float *c, size_t n, const float *sa,
                       const float *sb, size_t experts, const struct sn_team *team)
{
    for (size_t e = 0; e < experts; e++)
        for (size_t r = a->order.first[e] + team->id; r < a->order.first[e + 1]; r += team->count)
            scale(c + r * n, n, sa + r, sb + e * n);
    team->barrier(team);
}

static void together(const struct sn_team *team)
{
#pragma omp barrier
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *alone)
{
    const struct sn_moe_ffn *f = &p->moe;
    const struct state *k = packed;
    const struct sn_moe_steps *steps = sn_moe_steps_best();
    struct sn_moe_arrays a = sn_moe_arrays_at(f, scratch);
    int before = omp_get_max_threads();
    omp_set_num_threads((int)alone->count);
#pragma omp parallel
    sn_moe_permute(f, &a,
                   &(struct sn_team){(unsigned)omp_get_thread_num(), alone->count, together});
    for (size_t e = 0; e < f->experts; e++) {
        size_t r = a.order.first[e], m = a.order.first[e + 1] - r;
        multiply(k, &k->products[0], e, a.x + r * f->h, m, (int32_t *)(a.g + r * 2 * f->i));
    }
#pragma omp parallel
    {
        struct sn_team team = {(unsigned)omp_get_thread_num(), alone->count, together};
        scale_rows(&a, a.g, 2 * f->i, a.sx, f->s1, f->experts, &team);
        sn_moe_activate(f, &a, steps, &team);
    }
    for (size_t e = 0; e < f->experts; e++) {
        size_t r = a.order.first[e], m = a.order.first[e + 1] - r;
        multiply(k, &k->products[1], e, a.q + r * f->i, m, (int32_t *)(a.y + r * f->h));
    }
#pragma omp parallel
    {
        struct sn_team team = {(unsigned)omp_get_thread_num(), alone->count, together};
        scale_rows(&a, a.y, f->h, a.sq, f->s2, f->experts, &team);
        sn_moe_unpermute(f, &a, steps, &team);
    }
    omp_set_num_threads(before);
}

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    return sn_moe_arrays_bytes(&p->moe);
}

static const char *unsupported(const union sn_problem *p, unsigned threads)
{
    return packed_bytes(p, threads) ? NULL : "oneDNN has no product on packed weights for it";
}

#else

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
}

static const char *unsupported(const union sn_problem *p, unsigned threads)
{
    return "written for oneDNN 2; another version is installed";
}

#define packed_bytes  NULL
#define prepare       NULL
#define release       NULL
#define scratch_bytes NULL

#endif

const struct sn_kernel sn_moe_unfused_onednn = {
    .abi = SN_ABI_VERSION,
    .size = sizeof(struct sn_kernel),
    .op = "moe",
    .name = "unfused_onednn",
    .brief =
        "each step a pass over memory; oneDNN's matmul or convolution on packed weights; INEXACT "
        "without VNNI: saturates",
    .isa = "generic",
    .flags = SN_KERNEL_BASELINE | SN_KERNEL_INEXACT | SN_KERNEL_OWN_THREADS,
    .unsupported = unsupported,
    .packed_bytes = packed_bytes,
    .prepare = prepare,
    .release = release,
    .scratch_bytes = scratch_bytes,
    .run = run};
