/* mla-prolog with the references of quantize and gemm, and the absorption one element after the
 * other. */
#include <math.h>

#include "harness/base/bf16.h"
#include "kernels/kernel.h"

#define SUB(op, p, threads) sn_kernel_at(op, 0)

static size_t wuk_bytes(const struct sn_mla_prolog *a)
{
    return a->heads * a->nope * a->latent * sizeof *a->wuk;
}

static void pack_wuk(const struct sn_mla_prolog *a, uint16_t *out)
{
    for (size_t i = 0; i < a->heads * a->nope * a->latent; i++)
        out[i] = a->wuk[i];
}

static void absorb(const struct sn_mla_prolog *a, size_t head, const float *q, const uint16_t *wuk)
{
    const uint16_t *w = wuk + head * a->nope * a->latent;
    for (size_t t = 0; t < a->t; t++) {
        const float *x = q + (t * a->heads + head) * (a->nope + a->rope);
        uint16_t *out = a->q + (t * a->heads + head) * (a->latent + a->rope);
        for (size_t l = 0; l < a->latent; l++) {
            float sum = 0;
            for (size_t n = 0; n < a->nope; n++)
                sum = fmaf(x[n], sn_bf16_to_f32(w[n * a->latent + l]), sum);
            out[l] = sn_bf16_from_f32(sum);
        }
    }
}

#include "kernels/mla_prolog/prolog.h"

const struct sn_kernel sn_mla_prolog_ref = {.abi = SN_ABI_VERSION,
                                            .size = sizeof(struct sn_kernel),
                                            .op = "mla-prolog",
                                            .name = "ref",
                                            .brief = "the references of its parts",
                                            .isa = "generic",
                                            .packed_bytes = packed_bytes,
                                            .prepare = prepare,
                                            .release = release,
                                            .scratch_bytes = scratch_bytes,
                                            .run = run};
