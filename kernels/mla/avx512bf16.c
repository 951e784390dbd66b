/* mla by AVX-512 BF16: bf16 as it is, in pairs with VDPBF16PS, twice as many products an
 * instruction as f32. A weight is the sum of two bf16: one alone, as is common on GPUs, would save
 * a third of the arithmetic and leave an error of 2^-9 of a weight, more than that of everything
 * else. s8 as by AVX-512. */
#include "kernels/attention_avx512.h"

#include "kernels/attention_panel.h"

static inline vf dot_bf16(vf sum, vi a, vi b)
{
#ifdef SN_EMULATE_AVX512
    simde__m512bh x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return simde_mm512_dpbf16_ps(sum, x, y);
#else
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
#endif
}

static inline void step_b16(vf *c0, vf *c1, vi a0, vi a1, const uint32_t *b)
{
    vi x = vi_all(b);
    *c0 = dot_bf16(*c0, a0, x);
    *c1 = dot_bf16(*c1, a1, x);
}

#define MODE(name)      name##_b16
#define ACC             vf
#define FACTOR          vi
#define ACC_ZERO        vf_of(0)
#define ACC_LOAD(p)     vf_load(p)
#define ACC_STORE(p, x) vf_store(p, x)
#define FACTOR_LOAD(p)  vi_load(p)
#define STEP            step_b16
#define TO_FLOAT(c, u)  c
#include "kernels/attention_tiles.h"

static void pack_b16(struct panel *p, const uint16_t *q, size_t stride, size_t rows, size_t d)
{
    memset(p->q, 0, (d + 1) / 2 * PANEL * sizeof *p->q);
    for (size_t r = 0; r < rows; r++)
        for (size_t k = 0; k < d; k++)
            ((uint16_t *)p->q)[(k / 2 * PANEL + r) * 2 + k % 2] = q[r * stride + k];
}

static void bring_b16(struct block *b, size_t i, const uint16_t *row, const uint16_t *before,
                      size_t d, size_t v)
{
    uint16_t *k = (uint16_t *)(b->k + i * b->ldk);
    memcpy(k, row, d * sizeof *row);
    if (d % 2)
        k[d] = 0;
    uint32_t *out = b->v + i / 2 * b->ldv;
    if (i % 2)
        for (size_t c = 0; c < v; c++)
            out[c] = before[c] | (uint32_t)row[c] << 16;
    else if (i + 1 == b->n)
        for (size_t c = 0; c < v; c++)
            out[c] = row[c];
}

/* To nearest even, in the upper half; x is finite. */
static inline vi rounded_bf16(vf x)
{
    vi bits = _mm512_castps_si512(x),
       odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    return _mm512_and_si512(vi_add(bits, vi_add(odd, _mm512_set1_epi32(0x7fff))),
                            _mm512_set1_epi32((int)0xffff0000u));
}

/* Weights as the sums of two bf16, the smaller ones one block of pairs behind. */
static void split_weights(const struct block *b, struct between *t, size_t half)
{
    const uint32_t *s = t->s + half;
    for (size_t i = 0; i < b->n; i += 2) {
        vf x = vf_load(s + i * PANEL), y = i + 1 < b->n ? vf_load(s + (i + 1) * PANEL) : vf_of(0);
        vi x1 = rounded_bf16(x), y1 = rounded_bf16(y),
           x2 = rounded_bf16(vf_sub(x, _mm512_castsi512_ps(x1))),
           y2 = rounded_bf16(vf_sub(y, _mm512_castsi512_ps(y1)));
        uint32_t *out = t->p + i / 2 * PANEL + half;
        vi_store(out, _mm512_or_si512(_mm512_srli_epi32(x1, 16), y1));
        vi_store(out + BLOCK / 2 * PANEL, _mm512_or_si512(_mm512_srli_epi32(x2, 16), y2));
    }
}

static void attend_b16(struct panel *p, const struct block *b, struct between *t)
{
    for (size_t k = 0; k < b->words; k += PIECE)
        for (size_t i = 0; i < b->n; i += TILE)
            score_tile_b16(p->q + k * PANEL, b->k + i * b->ldk + k, b->ldk,
                           b->words - k < PIECE ? b->words - k : PIECE, t->s + i * PANEL, k == 0);
    for (size_t half = 0; half < PANEL; half += LANES) {
        softmax(p, b, t, half, false);
        split_weights(b, t, half);
    }
    for (size_t c = 0; c < b->columns; c += TILE)
        value_tile_b16(t->p, 2, BLOCK / 2 * PANEL, b->v + c, b->ldv, (b->n + 1) / 2, t->keep,
                       t->unit, p->o + c * PANEL);
}

#define BF16_PER_WORD 2
#define BF16_PACK     pack_b16
#define BF16_BRING    bring_b16
#define BF16_ATTEND   attend_b16
#include "kernels/mla/decode.h"

static int rank(const union sn_problem *p, unsigned threads)
{
    return p->mla.kv_type == SN_BF16 ? 3 : 1;
}

const struct sn_kernel sn_mla_avx512bf16 = {
    .abi = SN_ABI_VERSION,
    .size = sizeof(struct sn_kernel),
    .op = "mla",
    .name = "avx512bf16",
    .brief = "online softmax on panels of 32 heads; VDPBF16PS, or 16-bit integers for s8",
    .isa = "avx512bf16",
    .rank = rank,
    .scratch_bytes = scratch_bytes,
    .run = run};
