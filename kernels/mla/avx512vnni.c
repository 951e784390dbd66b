/* mla by AVX-512 VNNI, of an s8 cache. Scores in pairs of 16 bits (VPDPWSSD), as by AVX-512; values
 * in fours of 8 bits (VPDPBUSD), with weights in 8 bits of the largest of a block of 96 tokens
 * (after INT-FlashAttention, arXiv 2409.16997): half the instructions. A block with a token that
 * dominates, or in which small weights vanish together, keeps 15 bits: SN_KERNEL_SHORT_WEIGHTS. */
#define SN_VNNI
#include "kernels/attention_avx512.h"

#include "kernels/attention_panel.h"
#include "kernels/kernel.h"

static inline void step_u8(vi *c0, vi *c1, vi a0, vi a1, const uint32_t *b)
{
    vi x = vi_all(b);
    *c0 = _mm512_dpbusd_epi32(*c0, a0, x);
    *c1 = _mm512_dpbusd_epi32(*c1, a1, x);
}

#define MODE(name)      name##_u8
#define ACC             vi
#define FACTOR          vi
#define ACC_ZERO        _mm512_setzero_si512()
#define ACC_LOAD(p)     vi_load(p)
#define ACC_STORE(p, x) vi_store(p, x)
#define FACTOR_LOAD(p)  vi_load(p)
#define STEP            step_u8
#define TO_FLOAT(c, u)  vf_mul(vf_from_ints(c), u)
#include "kernels/attention_tiles.h"

/* Whether a token of the block has more than this share of a query's weights so far: the rounding
 * of the others to steps of it would tell. */
static bool dominated(const struct panel *p, size_t half, vf largest)
{
    vf limit = vf_mul(vf_load(p->l + half), vf_of(1.0f / SN_SHORT_WEIGHTS_SHARE));
    return _mm512_cmp_ps_mask(largest, limit, _CMP_GT_OQ);
}

/* Weights to fours of 8 bits in t->p; those below 1e-30 of the largest so far are 0. False where
 * roundings so far would have changed the sum of all by more than 2^-9: small weights then went the
 * same way. t->lost gets by how much. */
static bool quantize_u8(const struct panel *p, const struct block *b, struct between *t,
                        size_t half, vf largest)
{
    enum { TOP = 255 };
    const uint32_t *s = t->s + half;
    vf by = vf_unless_below(largest, 1e-30f, vf_div(vf_of(TOP), largest)), sum = vf_of(0);
    vi rounded = _mm512_setzero_si512();
    vf_store(t->unit + half, vf_mul(largest, vf_of(b->largest / TOP)));
    for (size_t i = 0; i < b->n; i += 4) {
        vi four = _mm512_setzero_si512();
        for (size_t j = 4; j-- > 0;) {
            four = _mm512_slli_epi32(four, 8);
            if (i + j < b->n) {
                vf x = vf_mul(vf_load(s + (i + j) * PANEL), by);
                vi r = vi_rounded(x);
                sum = vf_add(sum, x);
                rounded = vi_add(rounded, r);
                four = _mm512_or_si512(four, r);
            }
        }
        vi_store(t->p + i / 4 * PANEL + half, four);
    }
    vf off = vf_mul(vf_sub(vf_from_ints(rounded), sum), vf_mul(largest, vf_of(1.0f / TOP))),
       lost = vf_fma(vf_load(p->lost + half), vf_load(t->keep + half), off),
       most = vf_mul(vf_load(p->l + half), vf_of(0x1p-9f));
    vf_store(t->lost + half, lost);
    return !_mm512_cmp_ps_mask(vf_max(lost, vf_sub(vf_of(0), lost)), most, _CMP_GT_OQ);
}

static void attend_u8(struct panel *p, const struct block *b, struct between *t)
{
    scores_s16(p, b, t);
    vf low = softmax(p, b, t, 0, true), high = softmax(p, b, t, LANES, true);
    if (!dominated(p, 0, low) && !dominated(p, LANES, high) && quantize_u8(p, b, t, 0, low) &&
        quantize_u8(p, b, t, LANES, high)) {
        memcpy(p->lost, t->lost, sizeof p->lost);
        values_u8(p, b, t, t->p, b->quads, (b->n + 3) / 4);
    } else {
        for (size_t r = 0; r < PANEL; r++)
            p->lost[r] *= t->keep[r];
        quantize_weights(b, t, 0, low);
        quantize_weights(b, t, LANES, high);
        values_s16(p, b, t, t->p, b->v, (b->n + 1) / 2);
    }
}

#define QUADS     true
#define S8_ATTEND attend_u8
#include "kernels/mla/decode.h"

static int rank(const union sn_problem *p, unsigned threads)
{
    return 3;
}

static const char *unsupported(const union sn_problem *p, unsigned threads)
{
    return p->mla.kv_type == SN_S8 ? NULL : "for a cache in s8";
}

const struct sn_kernel sn_mla_avx512vnni = {
    .abi = SN_ABI_VERSION,
    .size = sizeof(struct sn_kernel),
    .op = "mla",
    .name = "avx512vnni",
    .brief =
        "online softmax on panels of 32 heads; VPDPWSSD, VPDPBUSD, weights in 8 bits; s8 cache",
    .isa = "avx512vnni",
    .flags = SN_KERNEL_SHORT_WEIGHTS,
    .unsupported = unsupported,
    .rank = rank,
    .scratch_bytes = scratch_bytes,
    .run = run};
