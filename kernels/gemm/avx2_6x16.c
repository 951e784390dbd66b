/* Exact products by VPMADDWD: pairs of 16-bit values, 16 multiply-adds an instruction, and VPADDD.
 *
 * The tile is 6 rows x 16 columns: 12 accumulators, 2 registers of weights, one broadcast pair of
 * activations, one temporary: all 16 registers, 8 loads for 12 products. In assembly, since gcc 12
 * keeps arrays of accumulators in memory. Up to 12 rows weights are widened on the way (VPMOVSXBW);
 * for more rows a panel is widened once, into the first-level cache, and read by all tiles. */
#include <immintrin.h>
#include <string.h>

#include "kernels/gemm/avx2_pairs.h"
#include "kernels/gemm/emit.h"
#include "kernels/gemm/gemm.h"
#include "kernels/kernel.h"

#define COLS 16

/* Rows r with accumulators 2 r and 2 r + 1; %0 activations, %1 weights; `a` is the pair's offset.
 */
#define ROW(a, c0, c1)                                                                             \
    "vpbroadcastd " a "(%0), %%ymm14\n\t"                                                          \
    "vpmaddwd %%ymm12, %%ymm14, %%ymm15\n\t"                                                       \
    "vpmaddwd %%ymm13, %%ymm14, %%ymm14\n\t"                                                       \
    "vpaddd %%ymm15, %%ymm" #c0 ", %%ymm" #c0 "\n\t"                                               \
    "vpaddd %%ymm14, %%ymm" #c1 ", %%ymm" #c1 "\n\t"
#define ROWS1(a) ROW(a, 0, 1)
#define ROWS2(a) ROWS1(a) ROW(a "+4", 2, 3)
#define ROWS3(a) ROWS2(a) ROW(a "+8", 4, 5)
#define ROWS4(a) ROWS3(a) ROW(a "+12", 6, 7)
#define ROWS5(a) ROWS4(a) ROW(a "+16", 8, 9)
#define ROWS6(a) ROWS5(a) ROW(a "+20", 10, 11)

/* Two k: 32 weights, of 8 or of 16 bit. */
#define NARROW(w) "vpmovsxbw " w "(%1), %%ymm12\n\tvpmovsxbw " w "+16(%1), %%ymm13\n\t"
#define WIDE(w)   "vmovdqa " w "(%1), %%ymm12\n\tvmovdqa " w "+32(%1), %%ymm13\n\t"

#define LOAD(r, c0, c1)                                                                            \
    "vmovdqa 64*" #r "(%4), %%ymm" #c0 "\n\tvmovdqa 64*" #r "+32(%4), %%ymm" #c1 "\n\t"
#define STORE(r, c0, c1)                                                                           \
    "vmovdqa %%ymm" #c0 ", 64*" #r "(%4)\n\tvmovdqa %%ymm" #c1 ", 64*" #r "+32(%4)\n\t"
#define ACCS1(x) x(0, 0, 1)
#define ACCS2(x) ACCS1(x) x(1, 2, 3)
#define ACCS3(x) ACCS2(x) x(2, 4, 5)
#define ACCS4(x) ACCS3(x) x(3, 6, 7)
#define ACCS5(x) ACCS4(x) x(4, 8, 9)
#define ACCS6(x) ACCS5(x) x(5, 10, 11)

/* Eight k a pass. `n` rows, `w` bytes of weights for two k, `ahead` what is prefetched. */
#define TILE(name, n, load, w, prefetch, step)                                                     \
    static void name(const void *a, const void *b, size_t k, int32_t *acc, const void *ahead)      \
    {                                                                                              \
        size_t passes = k / 8;                                                                     \
        __asm__ volatile(                                                                          \
            ACCS##n(LOAD) ".p2align 6\n1:\n\t" prefetch load("0") ROWS##n("0") load("1*" #w)       \
                ROWS##n("4*" #n) load("2*" #w) ROWS##n("8*" #n) load("3*" #w)                      \
                    ROWS##n("12*" #n) "add $16*" #n ", %0\n\tadd $4*" #w ", %1\n\tadd $" #step     \
                                      ", %3\n\t"                                                   \
                                      "dec %2\n\tjnz 1b\n\t" ACCS##n(STORE)                        \
            : "+r"(a), "+r"(b), "+r"(passes), "+r"(ahead)                                          \
            : "r"(acc)                                                                             \
            : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",      \
              "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");               \
    }

#define LINE  "prefetcht0 (%3)\n\t"
#define LINES LINE "prefetcht0 64(%3)\n\t"
TILE(narrow1, 1, NARROW, 32, LINES, 128)
TILE(narrow2, 2, NARROW, 32, LINES, 128)
TILE(narrow3, 3, NARROW, 32, LINES, 128)
TILE(narrow4, 4, NARROW, 32, LINES, 128)
TILE(narrow5, 5, NARROW, 32, LINES, 128)
TILE(narrow6, 6, NARROW, 32, LINES, 128)
TILE(wide1, 1, WIDE, 64, LINE, 64)
TILE(wide2, 2, WIDE, 64, LINE, 64)
TILE(wide3, 3, WIDE, 64, LINE, 64)
TILE(wide4, 4, WIDE, 64, LINE, 64)
TILE(wide5, 5, WIDE, 64, LINE, 64)
TILE(wide6, 6, WIDE, 64, LINE, 64)

typedef void tile_fn(const void *a, const void *b, size_t k, int32_t *acc, const void *ahead);

static void tile(unsigned rows, const struct sn_gemm_step *s)
{
    static tile_fn *const of[] = {narrow1, narrow2, narrow3, narrow4, narrow5, narrow6};
    sn_gemm_begin(s, rows, COLS);
    of[rows - 1](s->a, s->w, s->k, s->acc, s->ahead);
}

static void wide_tile(unsigned rows, const struct sn_gemm_step *s)
{
    static tile_fn *const of[] = {wide1, wide2, wide3, wide4, wide5, wide6};
    sn_gemm_begin(s, rows, COLS);
    of[rows - 1](s->a, s->w, s->k, s->acc, s->ahead);
}

static void widen(const int8_t *w, size_t n, int16_t *wide)
{
    for (size_t i = 0; i < n; i += 32) {
        __m256i x = _mm256_load_si256((const __m256i *)(w + i));
        __m256i *to = (__m256i *)(wide + i);
        to[0] = _mm256_cvtepi8_epi16(_mm256_castsi256_si128(x));
        to[1] = _mm256_cvtepi8_epi16(_mm256_extracti128_si256(x, 1));
    }
}

static void pack_tile(const void *const *r, unsigned rows, enum sn_type type, size_t k, size_t kp,
                      void *dst)
{
    int32_t *to = dst;
    for (size_t i = 0; i < kp; i += 16, to += 8 * rows)
        for (unsigned row = 0; row < rows; row++)
            sn_gemm_pairs_store(to + row, rows, sn_gemm_pairs(r[row], i, k, type));
}

SN_GEMM_EMIT(COLS)

const struct sn_gemm_tiles sn_gemm_avx2 = {.rows = 6,
                                           .cols = COLS,
                                           .group = 2,
                                           .step = 16,
                                           .a_bytes = 2,
                                           .kc = 512,
                                           .narrow = 12,
                                           .tile = tile,
                                           .wide_tile = wide_tile,
                                           .widen = widen,
                                           .pack_tile = pack_tile,
                                           .emit = emit};

SN_GEMM_KERNEL(sn_gemm_avx2, avx2_6x16,
               "pairs of 16 bits by vpmaddwd, exact; weights of 8 bit, widened by panels for many "
               "rows",
               "avx2", 0, 20);
