/* qa[h] = Wuk[h]^T q_nope[h] for all tokens, in tiles of TILE tokens and 2 LANES columns; Wuk stays
 * bf16, packed by columns: (heads, latent / (2 LANES), nope, 2 LANES). The sums are in the order
 * that snbench.h asks for. A file includes attention_avx2.h or attention_avx512.h before this. */
#ifndef SN_KERNELS_MLA_PROLOG_ABSORB_H
#define SN_KERNELS_MLA_PROLOG_ABSORB_H

#include <string.h>

#include "harness/base/bf16.h"
#include "kernels/kernel.h"

#define SUB(op, p, threads) sn_kernel_best(op, p, threads, sn_isa_most())

enum { COLUMNS = 2 * LANES };

static size_t strips_of(const struct sn_mla_prolog *a)
{
    return (a->latent + COLUMNS - 1) / COLUMNS;
}

static size_t wuk_bytes(const struct sn_mla_prolog *a)
{
    return a->heads * strips_of(a) * a->nope * COLUMNS * sizeof *a->wuk;
}

static void pack_wuk(const struct sn_mla_prolog *a, uint16_t *out)
{
    for (size_t h = 0; h < a->heads; h++)
        for (size_t s = 0; s < strips_of(a); s++)
            for (size_t n = 0; n < a->nope; n++)
                for (size_t c = 0; c < COLUMNS; c++, out++) {
                    size_t l = s * COLUMNS + c;
                    *out = l < a->latent ? a->wuk[(h * a->nope + n) * a->latent + l] : 0;
                }
}

/* out (TILE, COLUMNS) of the tokens at x; w (n, COLUMNS). */
static inline void absorb_tile(const float *const *x, const uint16_t *w, size_t n, float *out)
{
#define SUM(i)                                                                                     \
    const uint32_t *x##i = (const uint32_t *)x[i];                                                 \
    vf c##i##_0 = vf_of(0), c##i##_1 = vf_of(0);
    EACH_OF_TILE(SUM)
    for (size_t k = 0; k < n; k++) {
        vf w0 = vf_from_bf16(w + k * COLUMNS), w1 = vf_from_bf16(w + k * COLUMNS + LANES);
#define ADD(i) vf_step(&c##i##_0, &c##i##_1, w0, w1, x##i + k);
        EACH_OF_TILE(ADD)
    }
#define END(i) vf_store(out + (i)*COLUMNS, c##i##_0), vf_store(out + (i)*COLUMNS + LANES, c##i##_1);
    EACH_OF_TILE(END)
#undef END
#undef ADD
#undef SUM
}

/* The same for one token: decode of a single request reads Wuk once, and waits for memory. */
static inline void absorb_one(const float *x, const uint16_t *w, size_t n, float *out)
{
    vf c0 = vf_of(0), c1 = vf_of(0);
    for (size_t k = 0; k < n; k++)
        vf_step(&c0, &c1, vf_from_bf16(w + k * COLUMNS), vf_from_bf16(w + k * COLUMNS + LANES),
                (const uint32_t *)x + k);
    vf_store(out, c0);
    vf_store(out + LANES, c1);
}

static void absorb(const struct sn_mla_prolog *a, size_t head, const float *q, const uint16_t *wuk)
{
    float sums[TILE * COLUMNS];
    size_t row = a->heads * (a->nope + a->rope), out_row = a->heads * (a->latent + a->rope);
    q += head * (a->nope + a->rope);
    for (size_t s = 0; s < strips_of(a); s++) {
        const uint16_t *w = wuk + (head * strips_of(a) + s) * a->nope * COLUMNS;
        size_t first = s * COLUMNS, n = a->latent - first < COLUMNS ? a->latent - first : COLUMNS;
        for (size_t t = 0; t < a->t; t += TILE) {
            size_t tokens = a->t - t < TILE ? a->t - t : TILE;
            const float *x[TILE]; /* the last one again where there are fewer */
            for (size_t i = 0; i < TILE; i++)
                x[i] = q + (t + (i < tokens ? i : tokens - 1)) * row;
            if (tokens == 1)
                absorb_one(x[0], w, a->nope, sums);
            else
                absorb_tile(x, w, a->nope, sums);
            for (size_t i = 0; i < tokens; i++) {
                uint16_t *out = a->q + (t + i) * out_row + head * (a->latent + a->rope) + first;
                for (size_t c = 0; c < n; c++)
                    out[c] = sn_bf16_from_f32(sums[i * COLUMNS + c]);
            }
        }
    }
}

#endif
