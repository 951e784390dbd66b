/* The vendor's inner loop in our blocking: libxsmm's just-in-time kernels of up to 24 rows x 64
 * columns (its M and N are swapped: column-major), weights in its VNNI4 form, which is ours. */
#include <libxsmm.h>
#include <string.h>

#include "kernels/gemm/emit.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/pack_u8.h"
#include "kernels/kernel.h"

#define COLS 64

enum { ROWS = 24, STEP = 16, KC = 512 };

/* Looked up by libxsmm in a table; generated when it is asked for the first time. */
static libxsmm_subimmfunction kernel_of(unsigned rows, size_t k)
{
    const int ldb = (int)k, cols = COLS, alpha = 1, beta = 1, flags = LIBXSMM_GEMM_FLAG_VNNI_A;
    return libxsmm_subimmdispatch(cols, (int)rows, (int)k, &cols, &ldb, &cols, &alpha, &beta,
                                  &flags, NULL);
}

static void tile(unsigned rows, const struct sn_gemm_step *s)
{
    sn_gemm_begin(s, rows, COLS);
    kernel_of(rows, s->k)(s->w, s->a, s->acc);
}

SN_GEMM_EMIT(COLS)

static const struct sn_gemm_tiles tiles = {.rows = ROWS,
                                           .cols = COLS,
                                           .group = 4,
                                           .step = STEP,
                                           .a_bytes = 1,
                                           .rowwise = true,
                                           .zero = 128,
                                           .kc = KC,
                                           .tile = tile,
                                           .pack_tile = sn_gemm_pack_u8_rows,
                                           .emit = emit};

static const char *unsupported(const union sn_problem *p, unsigned threads)
{
    return kernel_of(1, STEP) ? NULL : "libxsmm generates no u8 x s8 kernels for this CPU";
}

static size_t packed_bytes(const union sn_problem *p, unsigned threads)
{
    return sn_gemm_w_bytes(&tiles, p->gemm.n, p->gemm.k);
}

/* All kernels that run() may need are generated here. */
static int prepare(const union sn_problem *p, unsigned threads, void *packed)
{
    const struct sn_gemm *g = &p->gemm;
    size_t k = sn_gemm_k(&tiles, g->k);
    const size_t lengths[] = {KC, k % KC};
    for (unsigned rows = 1; rows <= ROWS; rows++)
        for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++)
            if (lengths[i] && !kernel_of(rows, lengths[i]))
                return -1;
    sn_gemm_pack_w(&tiles, g->w, g->n, g->k, g->ldw, packed);
    return 0;
}

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    return sn_gemm_scratch_bytes(&tiles, p->gemm.m, p->gemm.k, threads);
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    unsigned turn = 0;
    sn_gemm_product(&tiles, &p->gemm, packed, scratch, p->gemm.m, &turn, team);
}

const struct sn_kernel sn_gemm_libxsmm = {.abi = SN_ABI_VERSION,
                                          .size = sizeof(struct sn_kernel),
                                          .op = "gemm",
                                          .name = "libxsmm",
                                          .brief = "libxsmm's generated kernels (VNNI4 weights) "
                                                   "for tiles of 24 x 64, in our blocking",
                                          .isa = "generic",
                                          .flags = SN_KERNEL_BASELINE,
                                          .unsupported = unsupported,
                                          .packed_bytes = packed_bytes,
                                          .prepare = prepare,
                                          .scratch_bytes = scratch_bytes,
                                          .run = run};
