/* Attention by panels: softmax(factor q k^T) v for PANEL queries at a time, over blocks of tokens.
 *
 * The caller brings a block of at most BLOCK tokens into scratch once and shows it to all panels
 * that share these tokens (128 heads do in latent attention), so that its conversion costs little.
 * For each panel and block:
 *     S (BLOCK, PANEL) = K Q^T in tiles of TILE tokens; queries lie along vectors, so that the
 *         softmax needs no sums across lanes, and words of K, row by row as they are, are broadcast
 *     m' = max(m, max S);  p = exp(S - m');  l = l exp(m - m') + sum p        (Milakov and
 *         Gimelshein, arXiv 1805.02867)
 *     O (V, PANEL) = O exp(m - m') + V^T p in tiles of TILE columns; at the end out = O / l
 * Q stays in L1 by pieces of PIECE words, a block in L2. Modes, that is what a word of Q, K, V and
 * p holds:
 *     f32   one f32
 *     s16   two 16-bit integers: s8 values; q scaled to q_most by its largest element, p times the
 *           token's scale to 32767 by the largest of the block. Sums are exact, in int32
 *     b16   two bf16 (VDPBF16PS): p rounded to bf16, and l the sum of the rounded
 *     u8    four integers of 8 bits, of V and p alone (kernels/mla/avx512vnni.c)
 * A file includes attention_avx2.h or attention_avx512.h before this. */
#ifndef SN_KERNELS_ATTENTION_PANEL_H
#define SN_KERNELS_ATTENTION_PANEL_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "harness/base/bf16.h"

/* BLOCK: a multiple of both TILEs, even. */
enum { PANEL = 2 * LANES, BLOCK = 96, PIECE = 288, MOST = 32767 };

/* Of one panel; q and o in scratch. */
struct panel {
    uint32_t *q;                       /* (words, PANEL) */
    float *o;                          /* (v rounded up to TILE, PANEL) */
    float factor[PANEL];               /* scale; s16: times the scale of q */
    float m[PANEL], l[PANEL];          /* maximum and sum so far */
    float lost[PANEL];                 /* u8: what rounding has added to the sum of weights */
    int32_t limit[PANEL], least, most; /* tokens seen: each query's, the fewest, the most */
};

/* Rows of tokens to bring into L2 while tiles are computed: they lie in pages anywhere, and are too
 * short for the hardware to guess where the next one is. */
struct ahead {
    const char *row[BLOCK];
    size_t rows, lines;  /* cache lines of a row */
    size_t at, line;     /* the next one: of row `at` */
    size_t lines_a_tile; /* to fetch with each tile */
};

/* A block of tokens. */
struct block {
    size_t first, n;
    uint32_t *k, *v; /* (BLOCK, words; ldk), (BLOCK or BLOCK / 2, V rounded up to TILE; ldv) */
    uint32_t *quads; /* u8: V of four tokens to a word (BLOCK / 4, V rounded up to TILE; ldv) */
    size_t words, ldk, ldv, columns;
    float token[BLOCK], share[BLOCK], largest; /* s16: scale; the same over the largest */
    struct ahead *ahead;                       /* of the next block; NULL: nothing to fetch */
};

/* What a panel and a block need in between. */
struct between {
    uint32_t s[BLOCK * PANEL], p[BLOCK * PANEL];
    float keep[PANEL], unit[PANEL], lost[PANEL];
};

static inline void fetch_ahead(struct ahead *a)
{
    if (!a)
        return;
    for (size_t n = a->lines_a_tile; n > 0 && a->at < a->rows; n--) {
        __builtin_prefetch(a->row[a->at] + a->line * 64, 0, 2);
        if (++a->line == a->lines)
            a->line = 0, a->at++;
    }
}

#define MODE(name)      name##_f32
#define ACC             vf
#define FACTOR          vf
#define ACC_ZERO        vf_of(0)
#define ACC_LOAD(p)     vf_load(p)
#define ACC_STORE(p, x) vf_store(p, x)
#define FACTOR_LOAD(p)  vf_load(p)
#define STEP            vf_step
#define TO_FLOAT(c, u)  c
#include "kernels/attention_tiles.h"

#define MODE(name) name##_s16
#define ACC        vi
#define FACTOR     vi
#define ACC_ZERO                                                                                   \
    (vi)                                                                                           \
    {                                                                                              \
        0                                                                                          \
    }
#define ACC_LOAD(p)     vi_load(p)
#define ACC_STORE(p, x) vi_store(p, x)
#define FACTOR_LOAD(p)  vi_load(p)
#define STEP            vi_step
#define TO_FLOAT(c, u)  vf_mul(vf_from_ints(c), u)
#include "kernels/attention_tiles.h"

/* Largest |q| in integers such that a sum of d products with |k| <= 128 stays within int32. */
static inline float q_most(size_t d)
{
    size_t most = INT32_MAX / (128 * d);
    return most < MOST ? (float)most : MOST;
}

static inline size_t rounded_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* The next part of scratch, whole cache lines; base may be NULL, only to add up. */
static inline void *take(char *base, size_t *at, size_t bytes)
{
    void *p = base ? base + *at : NULL;
    *at += rounded_up(bytes, 64);
    return p;
}

/* --- queries --------------------------------------------------------------------------------- */

/* `rows` (at most PANEL) queries of d elements, `stride` apart; the other rows become 0. */
static inline void pack_f32(struct panel *p, const uint16_t *q, size_t stride, size_t rows,
                            size_t d)
{
    for (size_t k = 0; k < d; k++) {
        uint32_t *out = p->q + k * PANEL;
        for (size_t r = 0; r < rows; r++)
            out[r] = (uint32_t)q[r * stride + k] << 16;
        for (size_t r = rows; r < PANEL; r++)
            out[r] = 0;
    }
}

/* Two integers of 16 bits to a word; factor becomes that of an integer. */
static inline void pack_s16(struct panel *p, const uint16_t *q, size_t stride, size_t rows,
                            size_t d)
{
    memset(p->q, 0, (d + 1) / 2 * PANEL * sizeof *p->q);
    for (size_t r = 0; r < rows; r++, q += stride) {
        uint32_t amax_bits = 0; /* bf16 are ordered as their bits are */
        for (size_t k = 0; k < d; k++)
            amax_bits = (q[k] & 0x7fffu) > amax_bits ? q[k] & 0x7fffu : amax_bits;
        float amax = sn_bf16_to_f32((uint16_t)amax_bits), most = q_most(d);
        if (amax < 0x1p-100f) /* its scores are 0 to f32; most / amax might be infinite */
            continue;
        float by = most / amax;
        uint32_t *out = p->q + r;
        int32_t of[LANES];
        for (size_t k = 0; k < d; k += LANES) {
            size_t n = d - k < LANES ? d - k : LANES;
            if (n == LANES) {
                vi_store(of, vi_rounded(vf_mul(vf_from_bf16(q + k), vf_of(by))));
            } else {
                for (size_t i = 0; i < n; i++)
                    of[i] = (int32_t)__builtin_rintf(sn_bf16_to_f32(q[k + i]) * by);
                of[n] = 0;
            }
            for (size_t i = 0; i < n; i += 2)
                out[(k + i) / 2 * PANEL] = (uint32_t)(of[i] & 0xffff) | (uint32_t)of[i + 1] << 16;
        }
        p->factor[r] *= amax / most;
    }
}

/* Sets up a panel but for its queries; query r of it sees the first limit(r) tokens. */
static void begin_panel(struct panel *p, float scale, size_t columns)
{
    for (size_t r = 0; r < PANEL; r++)
        p->factor[r] = scale, p->m[r] = -__builtin_inff(), p->l[r] = p->lost[r] = 0;
    p->least = p->most = p->limit[0];
    for (size_t r = 1; r < PANEL; r++) {
        p->least = p->limit[r] < p->least ? p->limit[r] : p->least;
        p->most = p->limit[r] > p->most ? p->limit[r] : p->most;
    }
    memset(p->o, 0, columns * PANEL * sizeof *p->o);
}

/* out[r][c] = o[c][r] / l[r] in bf16, rows `stride` apart; by few columns, which stay in L1. */
static void end_panel(struct panel *p, uint16_t *out, size_t stride, size_t rows, size_t v)
{
    enum { FEW = 64 };
    for (size_t from = 0; from < v; from += FEW)
        for (size_t r = 0; r < rows; r++) {
            float by = 1 / p->l[r];
            size_t to = v - from < FEW ? v : from + FEW;
            for (size_t c = from; c < to; c++)
                out[r * stride + c] = sn_bf16_from_f32(p->o[c * PANEL + r] * by);
        }
}

/* --- softmax --------------------------------------------------------------------------------- */

/* Of half a panel (vectors of LANES): scores in t->s get their factors and limits; returns the new
 * maximum. */
static inline vf scale_scores(struct panel *p, const struct block *b, struct between *t,
                              size_t half, bool integers)
{
    uint32_t *s = t->s + half;
    vf factor = vf_load(p->factor + half), top = vf_load(p->m + half);
    bool masked = (int64_t)(b->first + b->n) > p->least;
    for (size_t i = 0; i < b->n; i++) {
        vf x = integers ? vf_mul(vf_mul(vf_from_ints(vi_load(s + i * PANEL)), factor),
                                 vf_all(b->token + i))
                        : vf_mul(vf_load(s + i * PANEL), factor);
        if (masked)
            x = vf_before((int32_t)(b->first + i), p->limit + half, x);
        vf_store(s + i * PANEL, x);
        top = vf_max(top, x);
    }
    return top;
}

/* The new maximum, and the sum of a block's weights relative to it. */
static inline void account(struct panel *p, struct between *t, size_t half, vf top, vf sum)
{
    vf keep = vf_exp(vf_sub(vf_load(p->m + half), top));
    vf_store(t->keep + half, keep);
    vf_store(p->m + half, top);
    vf_store(p->l + half, vf_fma(vf_load(p->l + half), keep, sum));
}

/* Half a panel: scores in t->s become weights relative to the new maximum; returns the largest
 * weight times its token's share (s16). */
static inline vf softmax(struct panel *p, const struct block *b, struct between *t, size_t half,
                         bool integers)
{
    uint32_t *s = t->s + half;
    vf top = scale_scores(p, b, t, half, integers), sum = vf_of(0), largest = vf_of(0);
    for (size_t i = 0; i < b->n; i++) {
        vf x = vf_exp(vf_sub(vf_load(s + i * PANEL), top));
        sum = vf_add(sum, x);
        if (integers) {
            x = vf_mul(x, vf_all(b->share + i));
            largest = vf_max(largest, x);
        }
        vf_store(s + i * PANEL, x);
    }
    account(p, t, half, top, sum);
    return largest;
}

/* Weights to pairs of integers in t->p; those below 1e-30 of the largest so far are 0. */
static inline void quantize_weights(const struct block *b, struct between *t, size_t half,
                                    vf largest)
{
    const uint32_t *s = t->s + half;
    vf by = vf_unless_below(largest, 1e-30f, vf_div(vf_of(MOST), largest));
    vf_store(t->unit + half, vf_mul(largest, vf_of(b->largest / MOST)));
    for (size_t i = 0; i < b->n; i += 2) {
        vi low = vi_rounded(vf_mul(vf_load(s + i * PANEL), by)), high = (vi){0};
        if (i + 1 < b->n)
            high = vi_rounded(vf_mul(vf_load(s + (i + 1) * PANEL), by));
        vi_store(t->p + i / 2 * PANEL + half, vi_pairs(low, high));
    }
}

/* --- a block for a panel -----------------------------------------------------------------------
 */

static inline void attend_f32(struct panel *p, const struct block *b, struct between *t)
{
    scores_f32(p, b, t);
    softmax(p, b, t, 0, false);
    softmax(p, b, t, LANES, false);
    values_f32(p, b, t, t->s, b->v, b->n);
}

static inline void attend_s16(struct panel *p, const struct block *b, struct between *t)
{
    scores_s16(p, b, t);
    for (size_t half = 0; half < PANEL; half += LANES)
        quantize_weights(b, t, half, softmax(p, b, t, half, true));
    values_s16(p, b, t, t->p, b->v, (b->n + 1) / 2);
}

/* --- tokens ------------------------------------------------------------------------------------
 */

/* A row of d bf16 as f32, zeros up to ld. */
static inline void row_f32(uint32_t *out, const uint16_t *in, size_t d, size_t ld)
{
    size_t i = 0;
    for (; i + LANES <= d; i += LANES)
        vf_store(out + i, vf_from_bf16(in + i));
    for (; i < d; i++)
        out[i] = (uint32_t)in[i] << 16;
    for (; i < ld; i++)
        out[i] = 0;
}

/* Token i of a block: K, which begins with V. `before` is the token before it. */
static inline void bring_f32(struct block *b, size_t i, const uint16_t *row, const uint16_t *before,
                             size_t d, size_t v)
{
    row_f32(b->k + i * b->ldk, row, d, b->ldk);
}

/* Of s8, words that hold a pair: neighbours in a row, and of two rows (b NULL: zeros). */
static inline void row_s16(uint32_t *out, const int8_t *in, size_t d)
{
    int16_t *o = (int16_t *)out;
    for (size_t i = 0; i < d; i++)
        o[i] = in[i];
    if (d % 2)
        o[d] = 0;
}

static inline void rows_s16(uint32_t *restrict out, const int8_t *restrict a,
                            const int8_t *restrict b, size_t v)
{
    if (b)
        for (size_t i = 0; i < v; i++)
            out[i] = (uint32_t)(uint16_t)a[i] | (uint32_t)(uint16_t)b[i] << 16;
    else
        for (size_t i = 0; i < v; i++)
            out[i] = (uint16_t)a[i];
}

#endif
