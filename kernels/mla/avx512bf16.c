/* mla by AVX-512 BF16: bf16 as it is, in pairs with VDPBF16PS, twice as many products an
 * instruction as f32. A weight is a bf16 too, as is common on GPUs: off by 2^-8 of itself, more
 * than by everything else (SN_KERNEL_SHORT_WEIGHTS). */
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
    for (size_t r = 0; r < rows; r++, q += stride) {
        uint32_t *out = p->q + r;
        size_t k = 0;
        for (; k + 2 <= d; k += 2)
            memcpy(&out[k / 2 * PANEL], q + k, 4);
        if (k < d)
            out[k / 2 * PANEL] = q[k];
    }
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

/* The words whose halves are x (low) and y rounded to bf16, to nearest even; both finite. */
static inline vi pairs_bf16(vf x, vf y)
{
#ifdef SN_EMULATE_AVX512
    vi a = _mm512_castps_si512(x), b = _mm512_castps_si512(y), one = _mm512_set1_epi32(1),
       half = _mm512_set1_epi32(0x7fff);
    a = vi_add(a, vi_add(half, _mm512_and_si512(_mm512_srli_epi32(a, 16), one)));
    b = vi_add(b, vi_add(half, _mm512_and_si512(_mm512_srli_epi32(b, 16), one)));
    return vi_pairs(_mm512_srli_epi32(a, 16), _mm512_srli_epi32(b, 16));
#else
    const vi zip = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8,
                                    23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(zip, (vi)_mm512_cvtne2ps_pbh(y, x));
#endif
}

/* Half a panel: scores in t->s become pairs of weights in t->p. The sum is that of the weights as
 * rounded, so that they are shares of one. */
static void softmax_b16(struct panel *p, const struct block *b, struct between *t, size_t half)
{
    const uint32_t *s = t->s + half;
    const vi ones = _mm512_set1_epi32(0x3f803f80);
    vf top = scale_scores(p, b, t, half, false), sum = vf_of(0);
    for (size_t i = 0; i < b->n; i += 2) {
        vf x = vf_exp(vf_sub(vf_load(s + i * PANEL), top)),
           y = i + 1 < b->n ? vf_exp(vf_sub(vf_load(s + (i + 1) * PANEL), top)) : vf_of(0);
        vi pair = pairs_bf16(x, y);
        sum = dot_bf16(sum, pair, ones);
        vi_store(t->p + i / 2 * PANEL + half, pair);
    }
    account(p, t, half, top, sum);
}

static void attend_b16(struct panel *p, const struct block *b, struct between *t)
{
    scores_b16(p, b, t);
    softmax_b16(p, b, t, 0);
    softmax_b16(p, b, t, LANES);
    values_b16(p, b, t, t->p, b->v, (b->n + 1) / 2);
}

#define BF16_PER_WORD 2
#define BF16_PACK     pack_b16
#define BF16_BRING    bring_b16
#define BF16_ATTEND   attend_b16
#include "kernels/mla/decode.h"

static int rank(const union sn_problem *p, unsigned threads)
{
    return 3;
}

static const char *unsupported(const union sn_problem *p, unsigned threads)
{
    return p->mla.kv_type == SN_BF16 ? NULL : "for a cache in bf16";
}

const struct sn_kernel sn_mla_avx512bf16 = {
    .abi = SN_ABI_VERSION,
    .size = sizeof(struct sn_kernel),
    .op = "mla",
    .name = "avx512bf16",
    .brief = "online softmax on panels of 32 heads; VDPBF16PS, weights in bf16; bf16 cache",
    .isa = "avx512bf16",
    .flags = SN_KERNEL_SHORT_WEIGHTS,
    .unsupported = unsupported,
    .rank = rank,
    .scratch_bytes = scratch_bytes,
    .run = run};
