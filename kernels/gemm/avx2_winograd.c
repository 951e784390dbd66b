/* Seven products of halves in the place of eight: one level of Strassen's algorithm in Winograd's
 * form (Strassen, Numer. Math. 13, 1969; Winograd, Linear Algebra Appl. 4, 1971), on the tiles of
 * avx2_6x16. M, N and K are halved; S and T are sums of quarters of A and W:
 *
 *     S1 = A21 + A22   S2 = S1 - A11   S3 = A11 - A21   S4 = A12 - S2
 *     T1 = W12 - W11   T2 = W22 - T1   T3 = W22 - W12   T4 = T2 - W21
 *     P1 = A11 W11  P2 = A12 W21  P3 = S4 W22  P4 = A22 T4  P5 = S1 T1  P6 = S2 T2  P7 = S3 T3
 *     C11 = P1 + P2             C12 = P1 + P6 + P5 + P3
 *     C21 = P1 + P6 + P7 - P4   C22 = P1 + P6 + P7 + P5
 *
 * Exact: S and T fit in 16 bits (|S|, |T| <= 512), and sums wrap modulo 2^32 on the way to results
 * that fit. Sums of weights are formed where they are widened, those of activations where they are
 * packed; both cost little where rows and columns are many. Its rate counts the 2 M N K operations
 * of the plain algorithm. */
#include <immintrin.h>
#include <string.h>

#include "kernels/gemm/avx2_pairs.h"
#include "kernels/gemm/gemm.h"
#include "kernels/kernel.h"

enum {
    PRODUCTS = 7,
    COLS = 16,
    TILE = 6,    /* rows */
    KC = 512,    /* k of a block */
    HALF = 132,  /* most rows of half a block */
    TOGETHER = 4 /* pairs of panels whose sums are kept at a time */
};

/* Weights as avx2_6x16 has them, but with an even number of steps of k. */
static struct sn_gemm_tiles form(void)
{
    struct sn_gemm_tiles t = sn_gemm_avx2;
    t.step *= 2;
    return t;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The shape of a block of rows, and what lies where. */
struct plan {
    size_t k, half_k;           /* K padded, and half of it */
    size_t panels, half_panels; /* the second half may be one shorter */
};

static struct plan plan_of(const struct sn_gemm *g)
{
    struct sn_gemm_tiles t = form();
    size_t k = sn_gemm_k(&t, g->k), panels = sn_gemm_panels(&t, g->n);
    return (struct plan){
        .k = k, .half_k = k / 2, .panels = panels, .half_panels = (panels + 1) / 2};
}

static size_t blocks_of(size_t m)
{
    return (m + 2 * HALF - 1) / (2 * HALF);
}

/* Rows of half the largest block. */
static size_t half_rows(size_t m)
{
    size_t blocks = blocks_of(m);
    return blocks ? ((m + blocks - 1) / blocks + 1) / 2 : 0;
}

static size_t operand(const struct plan *s, size_t half)
{
    return half * s->half_k * sizeof(int16_t);
}

static size_t own_bytes(size_t half)
{
    return TOGETHER * PRODUCTS * half * COLS * sizeof(int32_t) + KC * COLS * sizeof(int16_t);
}

/* --- activations ------------------------------------------------------------------------------ */

/* The seven operands of rows `row` .. row + rows - 1 of each half, from and len of k. */
static void pack_tile(const struct sn_gemm *g, const struct plan *s, size_t first, size_t m,
                      size_t half, size_t row, unsigned rows, size_t from, size_t len, char *a)
{
    const char *base = (const char *)g->a + first * g->lda;
    size_t bytes = operand(s, half), at = (from * half + row * len) * sizeof(int16_t);
    for (unsigned r = 0; r < rows; r++) {
        const char *top = base + (row + r) * g->lda, *low = top + half * g->lda;
        size_t low_k = half + row + r < m ? g->k : 0; /* of a row that is not there: zeros */
        for (size_t i = 0; i < len; i += 16) {
            size_t k1 = from + i, k2 = s->half_k + k1;
            __m256i a11 = sn_gemm_pairs(top, k1, g->k, g->a_type),
                    a12 = sn_gemm_pairs(top, k2, g->k, g->a_type),
                    a21 = sn_gemm_pairs(low, k1, low_k, g->a_type),
                    a22 = sn_gemm_pairs(low, k2, low_k, g->a_type);
            __m256i s1 = _mm256_add_epi16(a21, a22), s2 = _mm256_sub_epi16(s1, a11),
                    s3 = _mm256_sub_epi16(a11, a21), s4 = _mm256_sub_epi16(a12, s2);
            const __m256i all[PRODUCTS] = {a11, a12, s4, a22, s1, s2, s3};
            for (unsigned p = 0; p < PRODUCTS; p++)
                sn_gemm_pairs_store((int32_t *)(a + p * bytes + at) + i / 2 * rows + r, rows,
                                    all[p]);
        }
    }
}

/* As few tiles as possible, as even as possible. */
static size_t tile_row(size_t half, size_t tiles, size_t i)
{
    return i * (half / tiles) + least(i, half % tiles);
}

static void pack(const struct sn_gemm *g, const struct plan *s, size_t first, size_t m, size_t half,
                 const struct sn_team *team, char *a)
{
    size_t tiles = (half + TILE - 1) / TILE;
    for (size_t i = team->id; i < tiles; i += team->count) {
        size_t row = tile_row(half, tiles, i), end = tile_row(half, tiles, i + 1);
        for (size_t from = 0; from < s->half_k; from += KC)
            pack_tile(g, s, first, m, half, row, (unsigned)(end - row), from,
                      least(KC, s->half_k - from), a);
    }
}

/* --- weights ---------------------------------------------------------------------------------- */

static __m256i load(const int8_t *w)
{
    return _mm256_cvtepi8_epi16(_mm_load_si128((const __m128i *)w));
}

/* The weights of product p, n of them, from the four quarters. */
static inline __attribute__((always_inline)) void widen(unsigned p, const int8_t *w11,
                                                        const int8_t *w12, const int8_t *w21,
                                                        const int8_t *w22, size_t n, int16_t *wide)
{
    for (size_t i = 0; i < n; i += 16) {
        __m256i x;
        switch (p) {
        case 0:
            x = load(w11 + i);
            break;
        case 1:
            x = load(w21 + i);
            break;
        case 2:
            x = load(w22 + i);
            break;
        case 3: /* T4 */
            x = _mm256_sub_epi16(_mm256_add_epi16(load(w22 + i), load(w11 + i)),
                                 _mm256_add_epi16(load(w12 + i), load(w21 + i)));
            break;
        case 4: /* T1 */
            x = _mm256_sub_epi16(load(w12 + i), load(w11 + i));
            break;
        case 5: /* T2 */
            x = _mm256_sub_epi16(_mm256_add_epi16(load(w22 + i), load(w11 + i)), load(w12 + i));
            break;
        default: /* T3 */
            x = _mm256_sub_epi16(load(w22 + i), load(w12 + i));
        }
        _mm256_store_si256((__m256i *)(wide + i), x);
    }
}

/* Product p of the pair of panels j and half_panels + j, k from .. from + len - 1 of each half. */
static void weights(const struct plan *s, const void *packed, size_t j, size_t from, size_t len,
                    unsigned p, int16_t *wide)
{
    static const int8_t nothing[KC * COLS] __attribute__((aligned(64)));
    size_t n = len * COLS, panel = s->k * COLS, second = s->half_k * COLS;
    const int8_t *w1 = (const int8_t *)packed + j * panel + from * COLS,
                 *w2 = w1 + s->half_panels * panel;
    bool pair = s->half_panels + j < s->panels;
    const int8_t *w12 = pair ? w2 : nothing, *w22 = pair ? w2 + second : nothing;
    switch (p) { /* a constant for each loop */
    case 0:
        return widen(0, w1, w12, w1 + second, w22, n, wide);
    case 1:
        return widen(1, w1, w12, w1 + second, w22, n, wide);
    case 2:
        return widen(2, w1, w12, w1 + second, w22, n, wide);
    case 3:
        return widen(3, w1, w12, w1 + second, w22, n, wide);
    case 4:
        return widen(4, w1, w12, w1 + second, w22, n, wide);
    case 5:
        return widen(5, w1, w12, w1 + second, w22, n, wide);
    default:
        return widen(6, w1, w12, w1 + second, w22, n, wide);
    }
}

/* --- sums ------------------------------------------------------------------------------------- */

/* acc[pair - first][product][row][column] for the pairs first .. last - 1. */
static void sums(const struct plan *s, const char *a, size_t half, const void *packed, size_t first,
                 size_t last, int32_t *acc, int16_t *wide)
{
    size_t tiles = (half + TILE - 1) / TILE, bytes = operand(s, half);
    for (size_t from = 0; from < s->half_k; from += KC) {
        size_t len = least(KC, s->half_k - from);
        for (unsigned p = 0; p < PRODUCTS; p++) {
            const char *block = a + p * bytes + from * half * sizeof(int16_t);
            for (size_t j = first; j < last; j++) {
                int32_t *to = acc + ((j - first) * PRODUCTS + p) * half * COLS;
                weights(s, packed, j, from, len, p, wide);
                for (size_t i = 0; i < tiles; i++) {
                    size_t row = tile_row(half, tiles, i), end = tile_row(half, tiles, i + 1);
                    struct sn_gemm_step step = {.a = block + row * len * sizeof(int16_t),
                                                .w = wide,
                                                .k = len,
                                                .from = from ? to + row * COLS : NULL,
                                                .ld = COLS,
                                                .acc = to + row * COLS,
                                                .ahead = block + end * len * sizeof(int16_t),
                                                .lines = 1};
                    sn_gemm_avx2.wide_tile((unsigned)(end - row), &step);
                }
            }
        }
    }
}

enum { AT_ONCE = 4 }; /* rows of C that are written together */

/* The four quarters of `rows` rows; products lie `apart` sums from each other. */
static void combine(const int32_t *acc, size_t apart, size_t rows, int32_t out[4][AT_ONCE * COLS])
{
    for (size_t i = 0; i < rows * COLS; i += 8) {
        __m256i p[PRODUCTS];
        for (unsigned q = 0; q < PRODUCTS; q++)
            p[q] = _mm256_loadu_si256((const __m256i *)(acc + q * apart + i));
        __m256i u2 = _mm256_add_epi32(p[0], p[5]), u3 = _mm256_add_epi32(u2, p[6]),
                u4 = _mm256_add_epi32(u2, p[4]);
        _mm256_storeu_si256((__m256i *)(out[0] + i), _mm256_add_epi32(p[0], p[1]));
        _mm256_storeu_si256((__m256i *)(out[1] + i), _mm256_add_epi32(u4, p[2]));
        _mm256_storeu_si256((__m256i *)(out[2] + i), _mm256_sub_epi32(u3, p[3]));
        _mm256_storeu_si256((__m256i *)(out[3] + i), _mm256_add_epi32(u3, p[4]));
    }
}

/* The pairs first .. last - 1 of a block, a few rows of all of them at a time. */
static void emit(const struct sn_gemm *g, const struct plan *s, size_t above, size_t m, size_t half,
                 size_t first, size_t last, const int32_t *acc)
{
    size_t width = g->c_type == SN_BF16 ? sizeof(uint16_t) : sizeof(uint32_t);
    int32_t out[4][AT_ONCE * COLS] __attribute__((aligned(64)));
    for (size_t row = 0; row < half; row += AT_ONCE)
        for (size_t j = first; j < last; j++) {
            size_t rows = least(AT_ONCE, half - row);
            combine(acc + ((j - first) * PRODUCTS * half + row) * COLS, half * COLS, rows, out);
            for (unsigned q = 0; q < 4; q++) {
                size_t r = row + (q >= 2 ? half : 0), col = (j + (q & 1) * s->half_panels) * COLS;
                if (r < m && col < g->n)
                    sn_gemm_avx2.emit(out[q], least(rows, m - r), least(COLS, g->n - col),
                                      g->c_type, g->sa + above + r, g->sb + col,
                                      (char *)g->c + ((above + r) * g->ldc + col) * width, g->ldc);
            }
        }
}

/* --- kernel ----------------------------------------------------------------------------------- */

static size_t packed_bytes(const union sn_problem *p, unsigned threads)
{
    struct sn_gemm_tiles t = form();
    return sn_gemm_w_bytes(&t, p->gemm.n, p->gemm.k);
}

static int prepare(const union sn_problem *p, unsigned threads, void *packed)
{
    struct sn_gemm_tiles t = form();
    sn_gemm_pack_w(&t, p->gemm.w, p->gemm.n, p->gemm.k, p->gemm.ldw, packed);
    return 0;
}

static size_t round64(size_t x)
{
    return (x + 63) & ~(size_t)63;
}

static size_t scratch_bytes(const union sn_problem *p, unsigned threads)
{
    struct plan s = plan_of(&p->gemm);
    size_t half = half_rows(p->gemm.m);
    return round64(PRODUCTS * operand(&s, half)) + threads * own_bytes(half);
}

/* Seven eighths of the multiplications, and sums that pay from some 100 rows and columns on. */
static int rank(const union sn_problem *p, unsigned threads)
{
    const struct sn_gemm *g = &p->gemm;
    return g->m >= 128 && g->n >= 256 * threads && g->k >= 1024 ? 25 : 1;
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_gemm *g = &p->gemm;
    struct plan s = plan_of(g);
    size_t blocks = blocks_of(g->m), most = half_rows(g->m);
    size_t begin = s.half_panels * team->id / team->count,
           end = s.half_panels * (team->id + 1) / team->count;
    char *a = scratch,
         *own = a + round64(PRODUCTS * operand(&s, most)) + team->id * own_bytes(most);
    int32_t *acc = (int32_t *)own;
    int16_t *wide = (int16_t *)(own + own_bytes(most) - KC * COLS * sizeof(int16_t));
    for (size_t b = 0; b < blocks; b++) {
        size_t first = g->m * b / blocks, m = g->m * (b + 1) / blocks - first, half = (m + 1) / 2;
        if (b)
            team->barrier(team); /* all are through with the activations before */
        pack(g, &s, first, m, half, team, a);
        team->barrier(team);
        for (size_t j = begin, next; j < end; j = next) {
            next = least(j + TOGETHER, end);
            sums(&s, a, half, packed, j, next, acc, wide);
            emit(g, &s, first, m, half, j, next, acc);
        }
    }
}

const struct sn_kernel sn_gemm_avx2_winograd = {
    .abi = SN_ABI_VERSION,
    .size = sizeof(struct sn_kernel),
    .op = "gemm",
    .name = "avx2_winograd",
    .brief = "exact: 7 products of halves for 8 (Strassen, Winograd), tiles of avx2_6x16",
    .isa = "avx2",
    .rank = rank,
    .packed_bytes = packed_bytes,
    .prepare = prepare,
    .scratch_bytes = scratch_bytes,
    .run = run};
