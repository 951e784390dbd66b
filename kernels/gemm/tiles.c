/* Packing and blocking of int8 products, the same for every set of tiles: see gemm.h.
 *
 * Order of a product, after Goto and van de Geijn (ACM TOMS 34(3), 2008), with A in the place of
 * the larger block: rows in blocks that fill half of the second-level cache with kc k; panels in
 * groups whose sums fit beside it; then k, then panels, then tiles of rows. A panel of kc k stays
 * in the first-level cache while all tiles pass. */
#include <stdatomic.h>
#include <string.h>

#include "kernels/gemm/gemm.h"

/* Columns of the panels in turn, k of each; k where there is one panel. Most rows with which the
 * hardware follows by itself; bytes that weights are asked for ahead with more. */
enum { TURN = 64, CHUNK = 64, LONG_CHUNK = 256, FOLLOWED = 2, AHEAD = 8192 };

static size_t round64(size_t x)
{
    return (x + 63) & ~(size_t)63;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* --- tiles of rows: as few as possible, as even as possible ----------------------------------- */

static size_t tiles_of(const struct sn_gemm_tiles *t, size_t m)
{
    return (m + t->rows - 1) / t->rows;
}

static size_t tile_row(size_t m, size_t tiles, size_t i)
{
    return i * (m / tiles) + least(i, m % tiles);
}

/* Most k of a block of m rows. */
static size_t block_k(const struct sn_gemm_tiles *t, size_t m)
{
    size_t tiles = tiles_of(t, m), few = sizeof t->kc_few / sizeof *t->kc_few;
    return tiles > 0 && tiles <= few && t->kc_few[tiles - 1] ? t->kc_few[tiles - 1] : t->kc;
}

/* --- sizes ------------------------------------------------------------------------------------ */

static size_t panel_bytes(const struct sn_gemm_tiles *t, size_t k)
{
    return t->cols * sn_gemm_k(t, k);
}

size_t sn_gemm_w_bytes(const struct sn_gemm_tiles *t, size_t n, size_t k)
{
    size_t columns = sn_gemm_panels(t, n) * t->cols;
    return round64(sn_gemm_panels(t, n) * panel_bytes(t, k)) +
           (t->zero ? round64(columns * sizeof(int32_t)) : 0);
}

size_t sn_gemm_a_bytes(const struct sn_gemm_tiles *t, size_t m, size_t k)
{
    return round64(m * sn_gemm_k(t, k) * t->a_bytes);
}

size_t sn_gemm_acc_bytes(const struct sn_gemm_tiles *t, size_t m)
{
    return round64(sn_gemm_panels_at_once(t) * m * t->cols * sizeof(int32_t));
}

size_t sn_gemm_wide_bytes(const struct sn_gemm_tiles *t)
{
    return t->wide_tile ? round64((size_t)t->kc * t->cols * sizeof(int16_t)) : 0;
}

/* --- packing ---------------------------------------------------------------------------------- */

static const int32_t *starts_of(const struct sn_gemm_tiles *t, const void *packed, size_t n,
                                size_t k)
{
    const char *base = packed;
    return (const int32_t *)(base + round64(sn_gemm_panels(t, n) * panel_bytes(t, k)));
}

/* Some k of a panel at a time: they are written into the first-level cache. */
static void pack_panel(const struct sn_gemm_tiles *t, const int8_t *w, size_t n, size_t k,
                       size_t ldw, int8_t *to, int32_t *starts)
{
    enum { SOME = 64 };
    for (size_t from = 0; from < k; from += SOME)
        for (size_t j = 0; j < n; j++) {
            const int8_t *row = w + j * ldw;
            size_t end = least(from + SOME, k);
            int32_t sum = 0;
            for (size_t i = from; i < end; i += t->group) {
                int8_t *at = to + i * t->cols + j * t->group;
                for (size_t b = 0; b < t->group && i + b < end; b++)
                    sum += at[b] = row[i + b];
            }
            if (starts)
                starts[j] -= t->zero * sum;
        }
}

void sn_gemm_pack_w(const struct sn_gemm_tiles *t, const int8_t *w, size_t n, size_t k, size_t ldw,
                    void *packed)
{
    int32_t *starts = t->zero ? (int32_t *)starts_of(t, packed, n, k) : NULL;
    memset(packed, 0, sn_gemm_w_bytes(t, n, k));
    for (size_t j = 0; j < n; j += t->cols)
        pack_panel(t, w + j * ldw, least(t->cols, n - j), k, ldw,
                   (int8_t *)packed + j / t->cols * panel_bytes(t, k), starts ? starts + j : NULL);
}

void sn_gemm_pack_a(const struct sn_gemm_tiles *t, const struct sn_gemm_rows *rows, size_t m,
                    size_t k, unsigned id, unsigned count, void *dst)
{
    size_t tiles = tiles_of(t, m), kp = sn_gemm_k(t, k), kc = block_k(t, m);
    for (size_t i = id; i < tiles; i += count) {
        size_t first = tile_row(m, tiles, i), height = tile_row(m, tiles, i + 1) - first;
        for (size_t from = 0; from < k; from += kc) {
            size_t len = least(kc, kp - from), valid = least(len, k - from);
            const void *row[32];
            for (size_t r = 0; r < height; r++) {
                size_t at = rows->index ? rows->index[first + r] : first + r;
                row[r] = (const char *)rows->a + at * rows->ld + from;
            }
            t->pack_tile(row, (unsigned)height, rows->type, valid, len,
                         (char *)dst + (from * m + first * len) * t->a_bytes);
        }
    }
}

/* --- sums ------------------------------------------------------------------------------------- */

/* A call of sn_gemm_sums(). */
struct product {
    const struct sn_gemm_tiles *t;
    const char *a;
    size_t m, kp, kc, panels;
    const int8_t *w;       /* of the first panel */
    const int32_t *starts; /* or NULL */
    int32_t *acc;
    void *wide;
    const struct sn_gemm_out *out; /* or NULL */
};

/* Activations of the tile that begins at `row` and has `rows`, from k `from` on, in a block of k
 * from `block` to block + len. */
static void place_a(const struct product *g, size_t row, size_t rows, size_t block, size_t len,
                    size_t from, struct sn_gemm_step *s)
{
    size_t tile = block * g->m + row * len, in = (from - block) * (g->t->rowwise ? 1 : rows);
    s->a = g->a + (tile + in) * g->t->a_bytes;
    s->lda = len * g->t->a_bytes;
}

/* Sums of `rows` rows of panel p, from `row` on: begin with the starts, or with themselves. */
static void place_sums(const struct product *g, size_t row, size_t p, bool first,
                       struct sn_gemm_step *s)
{
    s->acc = g->acc + (p * g->m + row) * g->t->cols;
    s->from = !first ? s->acc : g->starts ? g->starts + p * g->t->cols : NULL;
    s->ld = first ? 0 : g->t->cols;
}

static void emit_tile(const struct product *g, size_t row, size_t rows, size_t p,
                      const int32_t *acc)
{
    const struct sn_gemm_out *o = g->out;
    size_t col = p * g->t->cols, width = o->type == SN_BF16 ? sizeof(uint16_t) : sizeof(uint32_t);
    (o->stream && g->t->stream ? g->t->stream : g->t->emit)(
        acc, rows, least(g->t->cols, o->columns - col), o->type, o->sa + row, o->sb + col,
        (char *)o->c + (row * o->ldc + col) * width, o->ldc);
}

/* One tile of few rows: weights are read as they lie in memory, once, and that is what it takes.
 * Panels of 16 columns are read in turn, one chunk of each at a time, with the next one asked for
 * ahead: four streams are faster than one (18.6 for 15.9 GB/s on Zen 3). Panels of 64 one after the
 * other: one stream of loads is what the prefetchers of Zen 5 follow best (37 GB/s; 28 for two).
 * From 3 rows on the products between two loads keep it from looking far enough ahead: asked for
 * 8 KiB ahead the weights come 10 to 20 % faster, with 1 or 2 rows 10 % slower. */
static void streams(const struct product *g)
{
    const struct sn_gemm_tiles *t = g->t;
    struct sn_gemm_step s = {0};
    size_t turn = t->cols < TURN ? TURN / t->cols : 1, asked = turn > 1 || g->m > FOLLOWED,
           chunk = asked ? CHUNK : LONG_CHUNK;
    if (asked)
        s.lines = 16;
    for (size_t group = 0; group < g->panels; group += turn) {
        size_t end = least(group + turn, g->panels);
        for (size_t from = 0; from < g->kp; from += s.k) {
            size_t block = from - from % g->kc, len = least(g->kc, g->kp - block);
            s.k = least(chunk, block + len - from);
            place_a(g, 0, g->m, block, len, from, &s);
            for (size_t p = group; p < end; p++) {
                place_sums(g, 0, p, from == 0, &s);
                s.w = g->w + (p * g->kp + from) * t->cols;
                s.ahead = (const char *)s.w + (turn > 1 ? s.k * t->cols : AHEAD);
                t->tile((unsigned)g->m, &s);
            }
        }
        for (size_t p = group; g->out && p < end; p++)
            emit_tile(g, 0, g->m, p, g->acc + p * g->m * t->cols);
    }
}

/* All tiles of rows by k from .. from + len - 1 of panel p. */
static void panel(const struct product *g, size_t p, size_t from, size_t len)
{
    const struct sn_gemm_tiles *t = g->t;
    bool widen = t->wide_tile && (!t->tile || g->m > t->narrow), done = from + len == g->kp;
    size_t tiles = tiles_of(t, g->m), bytes = len * t->cols, at = p * g->kp + from;
    const int8_t *w = g->w + at * t->cols;
    /* What comes next: the next panel's bytes of this block, or the first one's of the next. */
    const char *next = (const char *)(p + 1 < g->panels ? w + g->kp * t->cols
                                      : done            ? w + bytes
                                                        : g->w + (from + len) * t->cols);
    unsigned lines = 16; /* of 16 of w: the first 16 / lines tiles bring the next panel */
    while (lines > 1 && lines * tiles >= 32)
        lines /= 2;
    if (widen)
        t->widen(w, bytes, g->wide);
    for (size_t i = 0; i < tiles; i++) {
        size_t row = tile_row(g->m, tiles, i), end = tile_row(g->m, tiles, i + 1);
        struct sn_gemm_step s = {.w = widen ? g->wide : (const void *)w, .k = len};
        place_a(g, row, end - row, from, len, from, &s);
        place_sums(g, row, p, from == 0, &s);
        if (widen) { /* two tiles bring the next weights; the others the next activations */
            s.ahead = i == 0   ? next
                      : i == 1 ? next + bytes / 2
                               : g->a + (from * g->m + end * len) * t->a_bytes;
            s.lines = 1;
        } else if (i * lines < 16) {
            s.ahead = next + i * lines * bytes / 16;
            s.lines = lines;
        }
        if (done && from == 0 && g->out)
            s.acc = g->acc; /* there is no other block: all tiles share what stays in the cache */
        (widen ? t->wide_tile : t->tile)((unsigned)(end - row), &s);
        if (done && g->out)
            emit_tile(g, row, end - row, p, s.acc);
    }
}

void sn_gemm_finish(const struct sn_gemm_tiles *t, const void *a, size_t m, const void *packed,
                    size_t n, size_t k, size_t first, size_t last, int32_t *acc, void *wide,
                    const struct sn_gemm_out *out)
{
    struct product g = {.t = t,
                        .a = a,
                        .m = m,
                        .kp = sn_gemm_k(t, k),
                        .kc = block_k(t, m),
                        .panels = last - first,
                        .w = (const int8_t *)packed + first * panel_bytes(t, k),
                        .acc = acc,
                        .wide = wide,
                        .out = out};
    if (t->zero)
        g.starts = starts_of(t, packed, n, k) + first * t->cols;
    if (m <= t->narrow && tiles_of(t, m) == 1)
        streams(&g);
    else
        for (size_t from = 0; from < g.kp; from += g.kc)
            for (size_t p = 0; p < g.panels; p++)
                panel(&g, p, from, least(g.kc, g.kp - from));
    if (out && out->stream)
        atomic_thread_fence(memory_order_seq_cst); /* what went past the caches is there */
}

void sn_gemm_sums(const struct sn_gemm_tiles *t, const void *a, size_t m, const void *packed,
                  size_t n, size_t k, size_t first, size_t last, int32_t *acc, void *wide)
{
    sn_gemm_finish(t, a, m, packed, n, k, first, last, acc, wide, NULL);
}
