/* Packing and blocking of int8 products, the same for every set of tiles: see gemm.h.
 *
 * Order of a product, after Goto and van de Geijn (ACM TOMS 34(3), 2008), with A in the place of
 * the larger block: rows in blocks that fill half of the second-level cache with kc k; panels in
 * groups whose sums fit beside it; then k, then panels, then tiles of rows. A panel of kc k stays
 * in the first-level cache while all tiles pass. */
#include <string.h>

#include "kernels/gemm/gemm.h"

enum { STREAMS = 4, CHUNK = 64 }; /* panels in turn, k of each */

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

static const int32_t *sums_of(const struct sn_gemm_tiles *t, const void *packed, size_t n, size_t k)
{
    const char *base = packed;
    return (const int32_t *)(base + round64(sn_gemm_panels(t, n) * panel_bytes(t, k)));
}

void sn_gemm_pack_w(const struct sn_gemm_tiles *t, const int8_t *w, size_t n, size_t k, size_t ldw,
                    void *packed)
{
    int32_t *sums = t->zero ? (int32_t *)sums_of(t, packed, n, k) : NULL;
    size_t columns = sn_gemm_panels(t, n) * t->cols;
    memset(packed, 0, sn_gemm_w_bytes(t, n, k));
    for (size_t j = 0; j < columns && j < n; j++) {
        int8_t *to = (int8_t *)packed + j / t->cols * panel_bytes(t, k) + j % t->cols * t->group;
        const int8_t *from = w + j * ldw;
        int32_t sum = 0;
        for (size_t i = 0; i < k; i++) {
            to[i / t->group * t->group * t->cols + i % t->group] = from[i];
            sum += from[i];
        }
        if (sums)
            sums[j] = sum;
    }
}

void sn_gemm_pack_a(const struct sn_gemm_tiles *t, const struct sn_gemm_rows *rows, size_t m,
                    size_t k, unsigned id, unsigned count, void *dst)
{
    size_t tiles = tiles_of(t, m), kp = sn_gemm_k(t, k);
    for (size_t i = id; i < tiles; i += count) {
        size_t first = tile_row(m, tiles, i), height = tile_row(m, tiles, i + 1) - first;
        for (size_t from = 0; from < k; from += t->kc) {
            size_t len = least(t->kc, kp - from), valid = least(len, k - from);
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

/* Sums begin with what the zero point of the activations adds, taken away. */
static void begin(const struct sn_gemm_tiles *t, const int32_t *sums, size_t m, int32_t *acc)
{
    for (size_t r = 0; r < m; r++)
        for (unsigned c = 0; c < t->cols; c++)
            acc[r * t->cols + c] = -t->zero * sums[c];
}

/* One tile of few rows: weights are read as they lie in memory, once, and that is what it takes.
 * Several panels in turn, one chunk of each at a time: a core reads four streams faster than one,
 * and with the next chunk asked for ahead faster still (18.6 for 15.9 GB/s on Zen 3). */
static void streams(const struct sn_gemm_tiles *t, const char *a, size_t m, const int8_t *w,
                    size_t kp, size_t panels, int32_t *acc)
{
    for (size_t group = 0; group < panels; group += STREAMS)
        for (size_t from = 0; from < kp; from += CHUNK) {
            size_t len = least(CHUNK, kp - from);
            for (size_t p = group; p < least(group + STREAMS, panels); p++) {
                const int8_t *at = w + (p * kp + from) * t->cols;
                t->tile((unsigned)m, a + from * m * t->a_bytes, at, len, acc + p * m * t->cols,
                        t->zero || from > 0, at + len * t->cols);
            }
        }
}

void sn_gemm_sums(const struct sn_gemm_tiles *t, const void *a, size_t m, const void *packed,
                  size_t n, size_t k, size_t first, size_t last, int32_t *acc, void *wide)
{
    size_t tiles = tiles_of(t, m), kp = sn_gemm_k(t, k), panel = panel_bytes(t, k);
    const int8_t *weights = (const int8_t *)packed + first * panel;
    bool widen = t->wide_tile && (!t->tile || m > t->narrow);
    sn_gemm_tile *tile = widen ? t->wide_tile : t->tile;
    if (t->zero)
        for (size_t p = first; p < last; p++)
            begin(t, sums_of(t, packed, n, k) + p * t->cols, m, acc + (p - first) * m * t->cols);
    if (tiles == 1 && m <= t->narrow) {
        streams(t, a, m, weights, kp, last - first, acc);
        return;
    }
    for (size_t from = 0; from < kp; from += t->kc) {
        size_t len = least(t->kc, kp - from), bytes = len * t->cols;
        const char *block = (const char *)a + from * m * t->a_bytes;
        for (size_t p = first; p < last; p++) {
            const int8_t *w = weights + (p - first) * panel + from * t->cols;
            /* What comes next: the next panel's bytes of this block, or this one's further. */
            const char *next = (const char *)w + (p + 1 < last ? panel : bytes);
            const void *now = w;
            if (widen) {
                t->widen(w, bytes, wide);
                now = wide;
            }
            for (size_t i = 0; i < tiles; i++) {
                size_t row = tile_row(m, tiles, i), end = tile_row(m, tiles, i + 1);
                /* Two wide tiles bring the next weights; the others the next activations. */
                const void *ahead = !widen || i == 0 ? next
                                    : i == 1         ? next + bytes / 2
                                                     : block + end * len * t->a_bytes;
                tile((unsigned)(end - row), block + row * len * t->a_bytes, now, len,
                     acc + ((p - first) * m + row) * t->cols, t->zero || from > 0, ahead);
            }
        }
    }
}
