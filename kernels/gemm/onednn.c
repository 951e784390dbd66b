/* oneDNN's dnnl_gemm_u8s8s32 and dnnl_gemm_s8s8s32, on the form of the weights that it is fastest
 * with: rows of k, activations without a zero point, which a vector of column sums added at the end
 * takes away. On AVX2 its matmul primitive chooses plain weights for format_tag_any and ends in the
 * same code ("gemm:jit"), somewhat slower. Both pack the weights in every call.
 *
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

size_t sn_gemm_onednn_w_bytes(size_t n, size_t k)
{
    return round64(n * sizeof(int32_t)) + round64(n * k);
}

void sn_gemm_onednn_pack(const int8_t *w, size_t n, size_t k, size_t ldw, enum sn_type a_type,
                         void *packed)
{
    int32_t *offsets = packed;
    int8_t *to = (int8_t *)packed + round64(n * sizeof(int32_t));
    for (size_t j = 0; j < n; j++, to += k) {
        int32_t sum = 0;
        for (size_t i = 0; i < k; i++)
            sum += to[i] = w[j * ldw + i];
        offsets[j] = a_type == SN_U8 ? -128 * sum : 0;
    }
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

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    return p->gemm.c_type == SN_S32 ? 0 : p->gemm.m * p->gemm.n * sizeof(int32_t);
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    sn_gemm_onednn_product(&p->gemm, packed, scratch, team->count);
}

const struct sn_kernel sn_gemm_onednn = {
    .abi = SN_ABI_VERSION,
    .size = sizeof(struct sn_kernel),
    .op = "gemm",
    .name = "onednn",
    .brief = "dnnl_gemm_u8s8s32, s8s8s32 (matmul is slower); INEXACT without VNNI: saturates",
    .isa = "generic",
    .flags = SN_KERNEL_BASELINE | SN_KERNEL_INEXACT | SN_KERNEL_OWN_THREADS,
    .packed_bytes = packed_bytes,
    .prepare = prepare,
    .scratch_bytes = scratch_bytes,
    .run = run};
