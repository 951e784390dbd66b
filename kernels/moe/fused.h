/* moe in one pass: what the fused variants share. A variant defines the constants and functions on
 * tiles that are declared below, and includes this file.
 *
 * For up to ROWS rows of an expert at a time:
 *   1. its tokens are gathered where A is packed;
 *   2. panels of NR gate and NR up columns are multiplied, a few at a time; SwiGLU takes the sums
 *      from the cache and leaves a (f32);
 *   3. each row of a is quantised and packed as the A of the down projection. Only this, one byte
 *      (two with AVX2) per element and copy, waits until all experts are done.
 * Then, for a few panels of output columns at a time, of all experts:
 *   4. down projection and scaling into y, which fits into the cache;
 *   5. the weighted sums over each token's copies, in rising c, are rounded and written, once.
 * Columns stand outside, experts inside, so that sums of any order of copies need no memory.
 *
 * A is packed in panels of R <= MR rows, [k / KR][R][KR]: a panel takes R K elements; weights in
 * panels of NR columns, [k / KR][NR][KR] and, with ZERO_POINT, -128 times the sum of each column. K
 * is padded to a multiple of 4. Traffic past the caches: weights once per ROWS rows, x, q, out. */
#ifndef SN_KERNELS_MOE_FUSED_H
#define SN_KERNELS_MOE_FUSED_H

#include <string.h>

#include "harness/base/bf16.h"
#include "kernels/moe/order.h"

#define MOE_INLINE static inline __attribute__((always_inline))

/* acc (rows, NR) = or, with `more`, += A W^T over k elements; 1 <= rows <= MR; k a multiple of 4.
 * For each 64 bytes of w, the line at `ahead` is prefetched, which then moves on by `stride`. */
static void tile(int32_t *acc, const a_t *a, const int8_t *w, size_t k, size_t rows, bool more,
                 const char *ahead, size_t stride);
/* a[n] = SwiGLU of gate[n] (sx sg[n]) and up[n] (sx su[n]), n < NR. */
MOE_INLINE void swiglu(float *a, const int32_t *gate, const int32_t *up, float sx, const float *sg,
                       const float *su);
/* x - 128, or x itself with ZERO_POINT. */
MOE_INLINE void widen(a_t *to, const uint8_t *x, size_t n);
/* The rows from `first` to before `end`, of f32. */
static void quantize_rows(const struct sn_quantize *g, size_t first, size_t end);

_Static_assert(KR * sizeof(a_t) == sizeof(uint32_t), "rows are packed by words");

enum {
    ROWS = 96 / MR * MR,    /* of one expert at a time: a is then 768 KB for I = 2048 */
    KC = 1024,              /* elements of K at a time: a panel of 16 KB in the first cache */
    PANELS = 128 / NR,      /* most panels of weights at a time */
    A_RESIDENT = 192 << 10, /* bytes of A that the second cache keeps */
    Y_BYTES = 256 << 10,    /* of all copies' y at a time */
    DISTANCE = 4096,        /* of prefetching where a panel is used once */
    LINE = 64
};

static size_t up_to(size_t n, size_t multiple)
{
    return (n + multiple - 1) / multiple * multiple;
}

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* --- weights --------------------------------------------------------------------------------- */

static size_t panel_bytes(size_t k)
{
    return up_to(NR * up_to(k, 4) + (ZERO_POINT ? 4 * NR : 0), LINE);
}

static const int32_t *offsets_of(const int8_t *panel, size_t k)
{
    return (const int32_t *)(panel + NR * up_to(k, 4));
}

static size_t up_panels(const struct sn_moe_ffn *f)
{
    return (f->i + NR - 1) / NR;
}

static size_t out_panels(const struct sn_moe_ffn *f)
{
    return (f->h + NR - 1) / NR;
}

/* Of an expert: panels of gate and up in turn, then those of down. */
static size_t expert_bytes(const struct sn_moe_ffn *f)
{
    return 2 * up_panels(f) * panel_bytes(f->h) + out_panels(f) * panel_bytes(f->i);
}

static size_t packed_bytes(const union sn_problem *p, unsigned threads)
{
    return p->moe.experts * expert_bytes(&p->moe);
}

/* w (cols <= NR, K) */
static void pack_panel(int8_t *panel, const int8_t *w, size_t cols, size_t k)
{
    memset(panel, 0, panel_bytes(k));
    int32_t *offsets = (int32_t *)offsets_of(panel, k);
    for (size_t n = 0; n < cols; n++)
        for (size_t i = 0; i < k; i++) {
            panel[(i / KR * NR + n) * KR + i % KR] = w[n * k + i];
            if (ZERO_POINT)
                offsets[n] -= 128 * w[n * k + i];
        }
}

static int prepare(const union sn_problem *p, unsigned threads, void *packed)
{
    const struct sn_moe_ffn *f = &p->moe;
    int8_t *to = packed;
    for (size_t e = 0; e < f->experts; e++) {
        const int8_t *w1 = f->w1 + e * 2 * f->i * f->h, *w2 = f->w2 + e * f->h * f->i;
        for (size_t n = 0; n < f->i; n += NR)
            for (size_t half = 0; half < 2; half++, to += panel_bytes(f->h))
                pack_panel(to, w1 + (half * f->i + n) * f->h, smaller(NR, f->i - n), f->h);
        for (size_t n = 0; n < f->h; n += NR, to += panel_bytes(f->i))
            pack_panel(to, w2 + n * f->i, smaller(NR, f->h - n), f->i);
    }
    return 0;
}

/* --- scratch --------------------------------------------------------------------------------- */

struct work {
    struct sn_moe_order order;
    a_t *x;       /* up to ROWS rows of an expert, packed */
    float *a;     /* (ROWS, I up to NR) */
    a_t *q;       /* (copies) packed */
    float *sq;    /* (copies) */
    int32_t *acc; /* a thread's: (PANELS, ROWS, NR) */
    float *y;     /* a thread's: (copies, cols) */
    a_t *row;     /* a thread's: a row on its way into a panel */
    uint8_t *q8;  /* a thread's: (I) */
};

/* Columns of y at a time. */
static size_t y_cols(const struct sn_moe_ffn *f, unsigned threads)
{
    size_t most = up_to((f->h + threads - 1) / threads, NR),
           cols = Y_BYTES / 4 / (f->copies + 1) / NR * NR;
    return smaller(larger(cols, NR), most);
}

/* The next array, or a thread's of `threads` of them; `at` NULL: counts bytes alone. */
struct taking {
    char *at;
    size_t taken, id;
};

static void *take(struct taking *k, size_t bytes, size_t threads)
{
    size_t each = up_to(bytes, LINE), start = k->taken;
    k->taken += each * larger(1, threads);
    return k->at ? k->at + start + (threads ? k->id * each : 0) : NULL;
}

static size_t place(const struct sn_moe_ffn *f, unsigned id, unsigned threads, void *at,
                    struct work *w)
{
    struct taking k = {.at = at, .id = id};
    size_t rows = smaller(ROWS, f->copies);
    void *order = take(&k, sn_moe_order_bytes(f), 0);
    if (order)
        w->order = sn_moe_order_at(f, order);
    w->x = take(&k, rows * up_to(f->h, 4) * sizeof *w->x, 0);
    w->a = take(&k, rows * up_to(f->i, NR) * sizeof *w->a, 0);
    w->q = take(&k, f->copies * up_to(f->i, 4) * sizeof *w->q, 0);
    w->sq = take(&k, f->copies * sizeof *w->sq, 0);
    w->acc = take(&k, (size_t)larger(PANELS, 2) * ROWS * NR * sizeof *w->acc, threads);
    w->y = take(&k, f->copies * y_cols(f, threads) * sizeof *w->y, threads);
    w->row = take(&k, up_to(larger(f->h, f->i), 4) * sizeof *w->row, threads);
    w->q8 = take(&k, f->i, threads);
    return k.taken;
}

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    struct work w;
    return place(&p->moe, 0, threads, NULL, &w);
}

/* --- products -------------------------------------------------------------------------------- */

/* Row r of a panel of `rows`, from n bytes of x. */
static void pack_row(a_t *panel, size_t rows, size_t r, const uint8_t *x, size_t n, a_t *row)
{
    size_t words = up_to(n, 4) / KR;
    uint32_t *to = (uint32_t *)panel + r;
    memset(row + n, 0, (words * KR - n) * sizeof *row);
    widen(row, x, n);
    for (size_t i = 0; i < words; i++)
        memcpy(to + i * rows, row + i * KR, sizeof *to);
}

/* The rows of the panel that begins at row r of m. */
static size_t panel_rows(size_t m, size_t r)
{
    return smaller(MR, m - r);
}

/* acc (panels, ROWS, NR) = A W^T of m rows and so many panels that lie one behind the other. While
 * a block of one is multiplied with all rows, the next block is brought near. */
static void product(int32_t *acc, const a_t *a, size_t m, size_t k, const int8_t *w, size_t panels)
{
    size_t kp = up_to(k, 4), step = m <= MR ? kp : KC, bytes = panel_bytes(k);
    size_t stride = LINE / ((m + MR - 1) / MR) + 1;
    for (size_t k0 = 0; k0 < kp; k0 += step)
        for (size_t j = 0; j < panels; j++) {
            size_t len = smaller(step, kp - k0);
            const int8_t *at = w + j * bytes + k0 * NR, *next = at + bytes;
            if (j + 1 == panels)
                next = k0 + len < kp ? w + (k0 + len) * NR : w + panels * bytes;
            if (m <= MR)
                next = at + DISTANCE;
            for (size_t r = 0; r < m; r += MR, next += len * NR / LINE * stride) {
                size_t rows = panel_rows(m, r);
                tile(acc + (j * ROWS + r) * NR, a + r * kp + k0 * rows, at, len, rows, k0 > 0,
                     (const char *)next, m <= MR ? LINE : stride);
            }
        }
}

/* Panels at a time: one (or a pair) while the second cache holds all of A, else more, so that a
 * block of A is used more often. */
static size_t panels_at_once(size_t m, size_t k, size_t least)
{
    return m * k * sizeof(a_t) <= A_RESIDENT ? least : larger(PANELS, least);
}

static void offset(int32_t *acc, const int8_t *panel, size_t k)
{
    const int32_t *offsets = offsets_of(panel, k);
    for (size_t n = 0; ZERO_POINT && n < NR; n++)
        acc[n] += offsets[n];
}

/* n scales at p, as NR: behind the last ones of an array nothing may be read. */
static const float *scales(float *own, const float *p, size_t n)
{
    if (n >= NR)
        return p;
    memset(own, 0, NR * sizeof *own);
    return memcpy(own, p, n * sizeof *own);
}

/* a of rows r0 to r0 + m - 1 of expert e, columns of panel pair j. */
static void activate(const struct sn_moe_ffn *f, const struct work *w, size_t e, size_t r0,
                     size_t m, size_t j, int32_t *acc, const int8_t *panels)
{
    float own[2][NR];
    const float *s1 = f->s1 + e * 2 * f->i + j * NR;
    const float *sg = scales(own[0], s1, f->i - j * NR),
                *su = scales(own[1], s1 + f->i, f->i - j * NR);
    for (size_t r = 0; r < m; r++) {
        int32_t *gate = acc + r * NR, *up = gate + ROWS * NR;
        offset(gate, panels, f->h);
        offset(up, panels + panel_bytes(f->h), f->h);
        swiglu(w->a + r * up_to(f->i, NR) + j * NR, gate, up,
               f->sx[f->token[w->order.copy[r0 + r]]], sg, su);
    }
}

static void gate_up(const struct sn_moe_ffn *f, const struct work *w, const int8_t *w1, size_t e,
                    size_t r0, size_t m, const struct sn_team *team)
{
    size_t pairs = up_panels(f), first = pairs * team->id / team->count,
           end = pairs * (team->id + 1) / team->count, step = panels_at_once(m, f->h, 2) / 2;
    for (size_t j = first; j < end; j += step) {
        const int8_t *panels = w1 + 2 * j * panel_bytes(f->h);
        size_t n = smaller(step, end - j);
        product(w->acc, w->x, m, f->h, panels, 2 * n);
        for (size_t i = 0; i < n; i++)
            activate(f, w, e, r0, m, j + i, w->acc + 2 * i * ROWS * NR,
                     panels + 2 * i * panel_bytes(f->h));
    }
}

static void gather(const struct sn_moe_ffn *f, const struct work *w, size_t r0, size_t m,
                   const struct sn_team *team)
{
    for (size_t r = team->id; r < m; r += team->count) {
        size_t panel = r / MR * MR, t = f->token[w->order.copy[r0 + r]];
        pack_row(w->x + panel * up_to(f->h, 4), panel_rows(m, panel), r - panel, f->x + t * f->h,
                 f->h, w->row);
    }
}

static void requantize(const struct sn_moe_ffn *f, const struct work *w, size_t r0, size_t m,
                       const struct sn_team *team)
{
    for (size_t r = team->id; r < m; r += team->count) {
        size_t panel = r / MR * MR;
        const struct sn_quantize g = {.t = 1,
                                      .h = f->i,
                                      .x_type = SN_F32,
                                      .q_type = SN_U8,
                                      .x = w->a + r * up_to(f->i, NR),
                                      .q = w->q8,
                                      .scale = w->sq + r0 + r};
        quantize_rows(&g, 0, 1);
        pack_row(w->q + (r0 + panel) * up_to(f->i, 4), panel_rows(m, panel), r - panel, w->q8, f->i,
                 w->row);
    }
}

/* --- down ------------------------------------------------------------------------------------ */

/* y of rows r0 to r0 + m - 1 of expert e, output columns of panels j to j + n - 1; y's first column
 * is panel y0's. */
static void down(const struct sn_moe_ffn *f, const struct work *w, const int8_t *w2, size_t e,
                 size_t r0, size_t m, size_t j, size_t n, float *y, size_t ld)
{
    const int8_t *panels = w2 + j * panel_bytes(f->i);
    product(w->acc, w->q + r0 * up_to(f->i, 4), m, f->i, panels, n);
    for (size_t i = 0; i < n; i++) {
        float own[NR];
        const float *s2 = scales(own, f->s2 + e * f->h + (j + i) * NR, f->h - (j + i) * NR);
        for (size_t r = 0; r < m; r++) {
            int32_t *acc = w->acc + (i * ROWS + r) * NR;
            float *to = y + r * ld + i * NR, sq = w->sq[r0 + r];
            offset(acc, panels + i * panel_bytes(f->i), f->i);
            for (size_t c = 0; c < NR; c++)
                to[c] = (float)acc[c] * (sq * s2[c]);
        }
    }
}

/* out[t], NR columns from `col`; y's column for it. */
static void combine(const struct sn_moe_ffn *f, const struct work *w, size_t t, size_t col,
                    const float *y, size_t ld)
{
    float sum[NR] = {0};
    uint16_t out[NR];
    for (size_t i = w->order.begin[t]; i < w->order.begin[t + 1]; i++) {
        size_t r = w->order.row[i];
        float weight = f->weight[w->order.copy[r]];
        for (size_t c = 0; c < NR; c++)
            sum[c] += weight * y[r * ld + c];
    }
    for (size_t c = 0; c < NR; c++)
        out[c] = sn_bf16_from_f32(sum[c]);
    memcpy(f->out + t * f->h + col, out, smaller(NR, f->h - col) * sizeof *out);
}

static void down_and_combine(const struct sn_moe_ffn *f, const struct work *w, const int8_t *packed,
                             const struct sn_team *team)
{
    size_t panels = out_panels(f), end = panels * (team->id + 1) / team->count,
           ld = y_cols(f, team->count);
    for (size_t j = panels * team->id / team->count, n; j < end; j += n) {
        n = smaller(ld / NR, end - j);
        for (size_t e = 0; e < f->experts; e++) {
            const int8_t *w2 = packed + e * expert_bytes(f) + 2 * up_panels(f) * panel_bytes(f->h);
            for (size_t r = w->order.first[e]; r < w->order.first[e + 1]; r += ROWS) {
                size_t m = smaller(ROWS, w->order.first[e + 1] - r),
                       step = panels_at_once(m, f->i, 1);
                for (size_t i = 0; i < n; i += step)
                    down(f, w, w2, e, r, m, j + i, smaller(step, n - i), w->y + r * ld + i * NR,
                         ld);
            }
        }
        for (size_t t = 0; t < f->t; t++)
            for (size_t i = 0; i < n; i++)
                combine(f, w, t, (j + i) * NR, w->y + i * NR, ld);
    }
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_moe_ffn *f = &p->moe;
    struct work w;
    place(f, team->id, team->count, scratch, &w);
    if (team->id == 0)
        sn_moe_order_fill(f, &w.order);
    team->barrier(team);
    for (size_t e = 0; e < f->experts; e++)
        for (size_t r = w.order.first[e]; r < w.order.first[e + 1]; r += ROWS) {
            size_t m = smaller(ROWS, w.order.first[e + 1] - r);
            gather(f, &w, r, m, team);
            team->barrier(team);
            gate_up(f, &w, (const int8_t *)packed + e * expert_bytes(f), e, r, m, team);
            team->barrier(team);
            requantize(f, &w, r, m, team);
        }
    team->barrier(team);
    down_and_combine(f, &w, packed, team);
}

#endif
