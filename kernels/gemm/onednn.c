/* oneDNN on the path that is fastest with it, for the CPU it finds:
 *
 * - where it has a blocked matmul for int8 ("brg:", AVX-512 VNNI): the matmul primitive, on weights
 *   that it packed before (format_tag_any). It scales no rows, so sums are scaled in a pass over C.
 * - else dnnl_gemm_u8s8s32 and dnnl_gemm_s8s8s32, on plain weights, rows of k: on AVX2 its matmul
 *   chooses plain weights and ends in the same code ("gemm:jit"), somewhat slower. Both pack the
 *   weights in every call.
 *
 * Activations have no zero point there: -128 times the weights' sums is added with the scales.
 * INEXACT: without VNNI it multiplies by VPMADDUBSW, which saturates. */
#include <dnnl.h>
#include <omp.h>
#include <string.h>

#include "kernels/gemm/emit.h"
#include "kernels/gemm/onednn.h"
#include "kernels/kernel.h"

static size_t round64(size_t x)
{
    return (x + 63) & ~(size_t)63;
}

/* --- plain calls: gemm without a blocked matmul, and grouped-gemm -------------------------------
 */

size_t sn_gemm_onednn_w_bytes(size_t n, size_t k)
{
    return round64(n * sizeof(int32_t)) + round64(n * k);
}

/* What is added to the sums of each column: -128 times its weights for u8, or nothing. */
static void offsets_of(const int8_t *w, size_t n, size_t k, size_t ldw, enum sn_type a_type,
                       int32_t *offsets)
{
    for (size_t j = 0; j < n; j++) {
        int32_t sum = 0;
        for (size_t i = 0; i < k; i++)
            sum += w[j * ldw + i];
        offsets[j] = a_type == SN_U8 ? -128 * sum : 0;
    }
}

void sn_gemm_onednn_pack(const int8_t *w, size_t n, size_t k, size_t ldw, enum sn_type a_type,
                         void *packed)
{
    int8_t *to = (int8_t *)packed + round64(n * sizeof(int32_t));
    offsets_of(w, n, k, ldw, a_type, packed);
    for (size_t j = 0; j < n; j++)
        memcpy(to + j * k, w + j * ldw, k);
}

void sn_gemm_onednn_product(const struct sn_gemm *g, const void *packed, void *scratch,
                            unsigned threads)
{
    const int32_t *offsets = packed;
    const int8_t *w = (const int8_t *)packed + round64(g->n * sizeof(int32_t));
    int32_t *acc = g->c_type == SN_S32 ? g->c : scratch;
    dnnl_dim_t m = (dnnl_dim_t)g->m, n = (dnnl_dim_t)g->n, k = (dnnl_dim_t)g->k,
               lda = (dnnl_dim_t)g->lda, ldc = g->c_type == SN_S32 ? (dnnl_dim_t)g->ldc : n;
    if (!m)
        return;
    int before = omp_get_max_threads();
    omp_set_num_threads((int)threads);
    if (g->a_type == SN_U8)
        dnnl_gemm_u8s8s32('N', 'T', 'R', m, n, k, 1, g->a, lda, 0, w, k, 0, 0, acc, ldc, offsets);
    else
        dnnl_gemm_s8s8s32('N', 'T', 'R', m, n, k, 1, g->a, lda, 0, w, k, 0, 0, acc, ldc, offsets);
    if (g->c_type != SN_S32) {
        size_t width = g->c_type == SN_BF16 ? sizeof(uint16_t) : sizeof(float);
#pragma omp parallel for
        for (size_t i = 0; i < g->m; i++)
            sn_gemm_emit(acc + i * g->n, g->n, 1, g->n, g->c_type, g->sa + i, g->sb,
                         (char *)g->c + i * g->ldc * width, g->ldc);
    }
    omp_set_num_threads(before);
}

/* --- matmul on packed weights ----------------------------------------------------------------- */

#if DNNL_VERSION_MAJOR == 2

/* At the head of packed; then offsets (N) int32 and the weights as the primitive likes them, or as
 * plain calls do. */
struct state {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_t matmul; /* NULL: plain calls */
    dnnl_memory_t src, weights, dst;
};

/* NULL where oneDNN has no blocked matmul for the problem. */
static dnnl_primitive_desc_t describe(dnnl_engine_t engine, const struct sn_gemm *g)
{
    dnnl_dim_t m = (dnnl_dim_t)g->m, n = (dnnl_dim_t)g->n, k = (dnnl_dim_t)g->k;
    dnnl_dim_t ld = g->c_type == SN_BF16 ? n : (dnnl_dim_t)g->ldc;
    dnnl_memory_desc_t src, w, dst;
    dnnl_matmul_desc_t d;
    dnnl_primitive_desc_t made = NULL;
    if (!m)
        return NULL;
    dnnl_data_type_t type = g->a_type == SN_U8 ? dnnl_u8 : dnnl_s8;
    if (dnnl_memory_desc_init_by_strides(&src, 2, (dnnl_dims_t){m, k}, type,
                                         (dnnl_dims_t){(dnnl_dim_t)g->lda, 1}) ||
        dnnl_memory_desc_init_by_tag(&w, 2, (dnnl_dims_t){k, n}, dnnl_s8, dnnl_format_tag_any) ||
        dnnl_memory_desc_init_by_strides(&dst, 2, (dnnl_dims_t){m, n}, dnnl_s32,
                                         (dnnl_dims_t){ld, 1}) ||
        dnnl_matmul_desc_init(&d, &src, &w, NULL, &dst) ||
        dnnl_primitive_desc_create(&made, &d, NULL, engine, NULL))
        return NULL;
    if (sn_onednn_is_blocked(made))
        return made;
    dnnl_primitive_desc_destroy(made);
    return NULL;
}

static size_t packed_bytes(const union sn_problem *p, unsigned threads)
{
    const struct sn_gemm *g = &p->gemm;
    size_t weights = 0;
    dnnl_engine_t engine;
    if (!dnnl_engine_create(&engine, dnnl_cpu, 0)) {
        dnnl_primitive_desc_t d = describe(engine, g);
        if (d) {
            weights = dnnl_memory_desc_get_size(
                dnnl_primitive_desc_query_md(d, dnnl_query_weights_md, 0));
            dnnl_primitive_desc_destroy(d);
        }
        dnnl_engine_destroy(engine);
    }
    size_t with_state = round64(sizeof(struct state)) + round64(g->n * sizeof(int32_t)) + weights,
           plain = round64(sizeof(struct state)) + sn_gemm_onednn_w_bytes(g->n, g->k);
    return with_state > plain ? with_state : plain;
}

static void release(const union sn_problem *p, void *packed)
{
    struct state *s = packed;
    dnnl_memory_destroy(s->src);
    dnnl_memory_destroy(s->weights);
    dnnl_memory_destroy(s->dst);
    dnnl_primitive_destroy(s->matmul);
    dnnl_stream_destroy(s->stream);
    dnnl_engine_destroy(s->engine);
    memset(s, 0, sizeof *s);
}

static char *behind(const void *packed)
{
    return (char *)packed + round64(sizeof(struct state));
}

/* The weights (n, k) into the form of *form, at `at`. */
static dnnl_status_t reorder(struct state *s, const struct sn_gemm *g,
                             const dnnl_memory_desc_t *form, char *at)
{
    dnnl_memory_desc_t plain;
    dnnl_memory_t from = NULL;
    dnnl_primitive_desc_t d = NULL;
    dnnl_primitive_t turn = NULL;
    dnnl_status_t e = dnnl_memory_desc_init_by_strides(
        &plain, 2, (dnnl_dims_t){(dnnl_dim_t)g->k, (dnnl_dim_t)g->n}, dnnl_s8,
        (dnnl_dims_t){1, (dnnl_dim_t)g->ldw});
    if (!e)
        e = dnnl_memory_create(&from, &plain, s->engine, (void *)g->w);
    if (!e)
        e = dnnl_memory_create(&s->weights, form, s->engine, at);
    if (!e)
        e = dnnl_reorder_primitive_desc_create(&d, &plain, s->engine, form, s->engine, NULL);
    if (!e)
        e = dnnl_primitive_create(&turn, d);
    dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, s->weights}};
    if (!e)
        e = dnnl_primitive_execute(turn, s->stream, 2, args);
    if (!e)
        e = dnnl_stream_wait(s->stream);
    dnnl_primitive_destroy(turn);
    dnnl_primitive_desc_destroy(d);
    dnnl_memory_destroy(from);
    return e;
}

static dnnl_status_t open_matmul(struct state *s, const struct sn_gemm *g, dnnl_primitive_desc_t d,
                                 char *at)
{
    offsets_of(g->w, g->n, g->k, g->ldw, g->a_type, (int32_t *)at);
    dnnl_status_t e = reorder(s, g, dnnl_primitive_desc_query_md(d, dnnl_query_weights_md, 0),
                              at + round64(g->n * sizeof(int32_t)));
    if (!e)
        e = dnnl_memory_create(&s->src, dnnl_primitive_desc_query_md(d, dnnl_query_src_md, 0),
                               s->engine, NULL);
    if (!e)
        e = dnnl_memory_create(&s->dst, dnnl_primitive_desc_query_md(d, dnnl_query_dst_md, 0),
                               s->engine, NULL);
    return e ? e : dnnl_primitive_create(&s->matmul, d);
}

static int prepare(const union sn_problem *p, unsigned threads, void *packed)
{
    const struct sn_gemm *g = &p->gemm;
    struct state *s = packed;
    int before = omp_get_max_threads();
    omp_set_num_threads((int)threads); /* primitives are made for so many */
    memset(s, 0, sizeof *s);
    dnnl_status_t e = dnnl_engine_create(&s->engine, dnnl_cpu, 0);
    if (!e)
        e = dnnl_stream_create(&s->stream, s->engine, dnnl_stream_default_flags);
    dnnl_primitive_desc_t d = e ? NULL : describe(s->engine, g);
    if (d)
        e = open_matmul(s, g, d, behind(packed));
    else if (!e)
        sn_gemm_onednn_pack(g->w, g->n, g->k, g->ldw, g->a_type, behind(packed));
    dnnl_primitive_desc_destroy(d);
    omp_set_num_threads(before);
    if (e)
        release(p, packed);
    return e ? -1 : 0;
}

/* Row i of C from its sums and the offsets; in place where C is as wide as they are. */
static void finish(const struct sn_gemm *g, size_t i, const int32_t *sums, const int32_t *offsets)
{
    enum { SOME = 256 };
    int32_t some[SOME];
    size_t width = g->c_type == SN_BF16 ? sizeof(uint16_t) : sizeof(uint32_t);
    for (size_t j = 0; j < g->n; j += SOME) {
        size_t n = g->n - j < SOME ? g->n - j : SOME;
        for (size_t c = 0; c < n; c++)
            some[c] = sums[j + c] + offsets[j + c];
        sn_gemm_emit(some, SOME, 1, n, g->c_type, g->sa + i, g->sb + j,
                     (char *)g->c + (i * g->ldc + j) * width, g->ldc);
    }
}

static void multiply(const struct sn_gemm *g, const struct state *s, int32_t *acc, size_t ld,
                     unsigned threads)
{
    const int32_t *offsets = (const int32_t *)behind(s);
    int before = omp_get_max_threads();
    omp_set_num_threads((int)threads);
    dnnl_memory_set_data_handle(s->src, (void *)g->a);
    dnnl_memory_set_data_handle(s->dst, acc);
    dnnl_exec_arg_t args[] = {
        {DNNL_ARG_SRC, s->src}, {DNNL_ARG_WEIGHTS, s->weights}, {DNNL_ARG_DST, s->dst}};
    dnnl_primitive_execute(s->matmul, s->stream, 3, args);
    dnnl_stream_wait(s->stream);
    if (g->c_type != SN_S32 || g->a_type == SN_U8)
#pragma omp parallel for
        for (size_t i = 0; i < g->m; i++)
            finish(g, i, acc + i * ld, offsets);
    omp_set_num_threads(before);
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_gemm *g = &p->gemm;
    const struct state *s = packed;
    bool apart = g->c_type == SN_BF16; /* sums do not fit into C */
    if (s->matmul)
        multiply(g, s, apart ? scratch : g->c, apart ? g->n : g->ldc, team->count);
    else
        sn_gemm_onednn_product(g, behind(packed), scratch, team->count);
}

#else

static size_t packed_bytes(const union sn_problem *p, unsigned threads)
{
    return sn_gemm_onednn_w_bytes(p->gemm.n, p->gemm.k);
}

static int prepare(const union sn_problem *p, unsigned threads, void *packed)
{
    const struct sn_gemm *g = &p->gemm;
    sn_gemm_onednn_pack(g->w, g->n, g->k, g->ldw, g->a_type, packed);
    return 0;
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    sn_gemm_onednn_product(&p->gemm, packed, scratch, team->count);
}

#define release NULL

#endif

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    return p->gemm.c_type == SN_S32 ? 0 : p->gemm.m * p->gemm.n * sizeof(int32_t);
}

const struct sn_kernel sn_gemm_onednn = {
    .abi = SN_ABI_VERSION,
    .size = sizeof(struct sn_kernel),
    .op = "gemm",
    .name = "onednn",
    .brief = "matmul on packed weights where it is blocked (VNNI), else dnnl_gemm_u8s8s32 and "
             "s8s8s32; INEXACT without VNNI: saturates",
    .isa = "generic",
    .flags = SN_KERNEL_BASELINE | SN_KERNEL_INEXACT | SN_KERNEL_OWN_THREADS,
    .packed_bytes = packed_bytes,
    .prepare = prepare,
    .release = release,
    .scratch_bytes = scratch_bytes,
    .run = run};
