/* INEXACT: u8 x s8 by VPMADDUBSW, whose sums of two products saturate at 16 bits: wrong where a
 * pair of weights and activations is large (255 * 127 * 2 = 64,770 > 32,767). It is here to show
 * what exactness costs: three instructions for 32 multiply-adds where the exact tile needs four. */
#include <immintrin.h>
#include <string.h>

#include "kernels/gemm/emit.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/pack_u8.h"
#include "kernels/kernel.h"

#define COLS 16

/* %0 activations, %1 weights; ones for VPMADDWD come from memory: there is no register left. */
#define ROW(a, c0, c1)                                                                             \
    "vpbroadcastd " a "(%0), %%ymm14\n\t"                                                          \
    "vpmaddubsw %%ymm12, %%ymm14, %%ymm15\n\t"                                                     \
    "vpmaddubsw %%ymm13, %%ymm14, %%ymm14\n\t"                                                     \
    "vpmaddwd (%4), %%ymm15, %%ymm15\n\t"                                                          \
    "vpmaddwd (%4), %%ymm14, %%ymm14\n\t"                                                          \
    "vpaddd %%ymm15, %%ymm" #c0 ", %%ymm" #c0 "\n\t"                                               \
    "vpaddd %%ymm14, %%ymm" #c1 ", %%ymm" #c1 "\n\t"
#define ROWS1(a)   ROW(a, 0, 1)
#define ROWS2(a)   ROWS1(a) ROW(a "+4", 2, 3)
#define ROWS3(a)   ROWS2(a) ROW(a "+8", 4, 5)
#define ROWS4(a)   ROWS3(a) ROW(a "+12", 6, 7)
#define ROWS5(a)   ROWS4(a) ROW(a "+16", 8, 9)
#define ROWS6(a)   ROWS5(a) ROW(a "+20", 10, 11)
#define WEIGHTS(w) "vmovdqa " w "(%1), %%ymm12\n\tvmovdqa " w "+32(%1), %%ymm13\n\t"
#define LOAD(r, c0, c1)                                                                            \
    "vmovdqa 64*" #r "(%3), %%ymm" #c0 "\n\tvmovdqa 64*" #r "+32(%3), %%ymm" #c1 "\n\t"
#define STORE(r, c0, c1)                                                                           \
    "vmovdqa %%ymm" #c0 ", 64*" #r "(%3)\n\tvmovdqa %%ymm" #c1 ", 64*" #r "+32(%3)\n\t"
#define ACCS1(x) x(0, 0, 1)
#define ACCS2(x) ACCS1(x) x(1, 2, 3)
#define ACCS3(x) ACCS2(x) x(2, 4, 5)
#define ACCS4(x) ACCS3(x) x(3, 6, 7)
#define ACCS5(x) ACCS4(x) x(4, 8, 9)
#define ACCS6(x) ACCS5(x) x(5, 10, 11)

/* Sixteen k a pass. */
#define TILE(n)                                                                                    \
    static void tile##n(const void *a, const void *b, size_t k, int32_t *acc)                      \
    {                                                                                              \
        static const int16_t ones[16]                                                              \
            __attribute__((aligned(32))) = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1};       \
        size_t passes = k / 16;                                                                    \
        __asm__ volatile(                                                                          \
            ACCS##n(LOAD) ".p2align 6\n1:\n\t" WEIGHTS("0") ROWS##n("0") WEIGHTS("64")             \
                ROWS##n("4*" #n) WEIGHTS("128") ROWS##n("8*" #n) WEIGHTS("192")                    \
                    ROWS##n("12*" #n) "add $16*" #n ", %0\n\tadd $256, %1\n\t"                     \
                                      "dec %2\n\tjnz 1b\n\t" ACCS##n(STORE)                        \
            : "+r"(a), "+r"(b), "+r"(passes)                                                       \
            : "r"(acc), "r"(ones)                                                                  \
            : "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",      \
              "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");               \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)

static void tile(unsigned rows, const struct sn_gemm_step *s)
{
    static void (*const of[])(const void *, const void *, size_t,
                              int32_t *) = {tile1, tile2, tile3, tile4, tile5, tile6};
    sn_gemm_begin(s, rows, COLS);
    of[rows - 1](s->a, s->w, s->k, s->acc);
}

SN_GEMM_EMIT(COLS)

const struct sn_gemm_tiles sn_gemm_maddubs = {.rows = 6,
                                              .cols = COLS,
                                              .group = 4,
                                              .step = 16,
                                              .a_bytes = 1,
                                              .zero = 128,
                                              .kc = 1024,
                                              .narrow = 6,
                                              .tile = tile,
                                              .pack_tile = sn_gemm_pack_u8,
                                              .emit = emit};

SN_GEMM_KERNEL(sn_gemm_maddubs, avx2_maddubs,
               "INEXACT: vpmaddubsw saturates sums of two products; what exactness costs", "avx2",
               SN_KERNEL_INEXACT, 0);
