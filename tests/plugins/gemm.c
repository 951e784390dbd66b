/* A plug-in with a kernel: gemm, sixteen columns at a time, so that a compiler can use vectors.
 * Built with the installed header alone: cc -shared -fPIC -O3 -o gemm.so gemm.c
 * -DWRONG: one element of C is wrong, which the check must find. */
#include <snbench.h>

enum { COLS = 16 };

static const char *unsupported(const union sn_problem *p, unsigned threads)
{
    return p->gemm.c_type == SN_BF16 ? "writes f32 and s32 alone" : NULL;
}

static size_t packed_bytes(const union sn_problem *p, unsigned threads)
{
    return (p->gemm.n + COLS - 1) / COLS * COLS * p->gemm.k;
}

/* packed (N / 16, K, 16): W transposed in strips of 16 columns, the last one filled with zeros */
static int prepare(const union sn_problem *p, unsigned threads, void *packed)
{
    const struct sn_gemm *g = &p->gemm;
    int8_t *to = packed;
    for (size_t n = 0; n < g->n; n += COLS)
        for (size_t k = 0; k < g->k; k++)
            for (size_t j = n; j < n + COLS; j++)
                *to++ = j < g->n ? g->w[j * g->ldw + k] : 0;
    return 0;
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_gemm *g = &p->gemm;
    for (size_t m = team->id; m < g->m; m += team->count)
        for (size_t n = 0; n < g->n; n += COLS) {
            const int8_t *w = (const int8_t *)packed + n * g->k;
            const uint8_t *a = (const uint8_t *)g->a + m * g->lda;
            int32_t sum[COLS] = {0};
            for (size_t k = 0; k < g->k; k++, w += COLS)
                for (int j = 0; j < COLS; j++)
                    sum[j] += (g->a_type == SN_U8 ? a[k] - 128 : (int8_t)a[k]) * w[j];
#ifdef WRONG
            if (m == 0)
                sum[0] += 1;
#endif
            for (size_t j = n; j < n + COLS && j < g->n; j++)
                if (g->c_type == SN_S32)
                    ((int32_t *)g->c)[m * g->ldc + j] = sum[j - n];
                else
                    ((float *)g->c)[m * g->ldc + j] = (float)sum[j - n] * (g->sa[m] * g->sb[j]);
        }
}

static const struct sn_kernel strips = {.abi = SN_ABI_VERSION,
                                        .size = sizeof(struct sn_kernel),
                                        .op = "gemm",
                                        .name = "mine_strips",
                                        .brief = "sixteen columns at a time, plain C",
                                        .isa = "generic",
                                        .unsupported = unsupported,
                                        .packed_bytes = packed_bytes,
                                        .prepare = prepare,
                                        .run = run};

static const struct sn_kernel *const kernels[] = {&strips, NULL};

const struct sn_plugin sn_plugin = {.abi = SN_ABI_VERSION,
                                    .size = sizeof(struct sn_plugin),
                                    .name = "mine",
                                    .brief = "an example of a kernel",
                                    .kernels = kernels};
