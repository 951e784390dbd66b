/* VPDPBUSD: four u8 x s8 products added to each of 16 sums, exactly, 64 multiply-adds an
 * instruction. The tile is 6 rows x 64 columns: 24 accumulators, 4 registers of weights, one
 * broadcast of activations, as in AOCL and oneDNN. 10 loads for 24 products. */
#include <string.h>

#include "kernels/gemm/emit.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/pack_u8.h"
#include "kernels/kernel.h"
#include "kernels/simd512.h"

#define COLS 64

/* Arrays of accumulators end up in memory with gcc 12: each has a name. `x` for all rows. */
#define EACH(x) x(0) x(1) x(2) x(3) x(4) x(5)
#define LOAD(r)                                                                                    \
    __m512i c##r##0 = {0}, c##r##1 = {0}, c##r##2 = {0}, c##r##3 = {0};                            \
    if (rows > r && s->from) {                                                                     \
        const int32_t *from = s->from + r * s->ld;                                                 \
        c##r##0 = _mm512_load_si512(from);                                                         \
        c##r##1 = _mm512_load_si512(from + 16);                                                    \
        c##r##2 = _mm512_load_si512(from + 32);                                                    \
        c##r##3 = _mm512_load_si512(from + 48);                                                    \
    }
#define PRODUCT(r)                                                                                 \
    if (rows > r) {                                                                                \
        int32_t four;                                                                              \
        memcpy(&four, a + r * lda, sizeof four);                                                   \
        __m512i x = _mm512_set1_epi32(four);                                                       \
        c##r##0 = _mm512_dpbusd_epi32(c##r##0, x, w0);                                             \
        c##r##1 = _mm512_dpbusd_epi32(c##r##1, x, w1);                                             \
        c##r##2 = _mm512_dpbusd_epi32(c##r##2, x, w2);                                             \
        c##r##3 = _mm512_dpbusd_epi32(c##r##3, x, w3);                                             \
    }
#define STORE(r)                                                                                   \
    if (rows > r) {                                                                                \
        _mm512_store_si512(acc + r * COLS, c##r##0);                                               \
        _mm512_store_si512(acc + r * COLS + 16, c##r##1);                                          \
        _mm512_store_si512(acc + r * COLS + 32, c##r##2);                                          \
        _mm512_store_si512(acc + r * COLS + 48, c##r##3);                                          \
    }

/* `rows` and `lines`, prefetched in 16 k, are constants wherever it is inlined. */
static inline __attribute__((always_inline)) void product(const unsigned rows, const unsigned lines,
                                                          const struct sn_gemm_step *s)
{
    const char *a = s->a, *w = s->w, *end = w + s->k * COLS, *ahead = s->ahead;
    size_t lda = s->lda;
    int32_t *acc = s->acc;
    EACH(LOAD)
    while (w < end) {
        for (unsigned i = 0; i < lines; i++)
            __builtin_prefetch(ahead + i * 64, 0, 3);
        ahead += lines * 64;
#pragma GCC unroll 4
        for (unsigned i = 0; i < 4; i++, a += 4, w += 4 * COLS) {
            __m512i w0 = _mm512_load_si512(w), w1 = _mm512_load_si512(w + 64),
                    w2 = _mm512_load_si512(w + 128), w3 = _mm512_load_si512(w + 192);
            EACH(PRODUCT)
        }
    }
    EACH(STORE)
}

#define TILE(r)                                                                                    \
    case r:                                                                                        \
        return s->lines == 16  ? product(r, 16, s)                                                 \
               : s->lines == 8 ? product(r, 8, s)                                                  \
               : s->lines == 4 ? product(r, 4, s)                                                  \
               : s->lines == 2 ? product(r, 2, s)                                                  \
               : s->lines == 1 ? product(r, 1, s)                                                  \
                               : product(r, 0, s);

static void tile(unsigned rows, const struct sn_gemm_step *s)
{
    switch (rows) {
        TILE(1)
        TILE(2)
        TILE(3)
        TILE(4)
        TILE(5)
        TILE(6)
    default:
        __builtin_unreachable();
    }
}

SN_GEMM_EMIT(COLS)

#define SCALED(j)                                                                                  \
    _mm512_stream_si512(                                                                           \
        (void *)(to + 16 * j),                                                                     \
        _mm512_castps_si512(_mm512_mul_ps(_mm512_cvtepi32_ps(_mm512_load_si512(acc + 16 * j)),     \
                                          _mm512_mul_ps(s, _mm512_loadu_ps(sb + 16 * j)))));

/* Whole lines of f32; all else goes the other way. */
static void stream(const int32_t *acc, size_t m, size_t n, enum sn_type type, const float *sa,
                   const float *sb, void *restrict c, size_t ldc)
{
    if (n != COLS || type != SN_F32 || ((uintptr_t)c | (ldc * sizeof(float))) % 64) {
        emit(acc, m, n, type, sa, sb, c, ldc);
        return;
    }
    for (size_t i = 0; i < m; i++, acc += COLS) {
        float *to = (float *)c + i * ldc;
        __m512 s = _mm512_set1_ps(sa[i]);
        SCALED(0) SCALED(1) SCALED(2) SCALED(3)
    }
}

const struct sn_gemm_tiles sn_gemm_avx512vnni = {.rows = 6,
                                                 .cols = COLS,
                                                 .group = 4,
                                                 .step = 16,
                                                 .a_bytes = 1,
                                                 .rowwise = true,
                                                 .zero = 128,
                                                 .kc = 512,
                                                 .kc_few = {256, 256, 64},
                                                 .narrow = 6,
                                                 .tile = tile,
                                                 .pack_tile = sn_gemm_pack_u8_rows,
                                                 .emit = emit,
                                                 .stream = stream};

SN_GEMM_KERNEL(sn_gemm_avx512vnni, avx512vnni_6x64,
               "vpdpbusd, exact; tiles of 6 x 64 in 24 registers, as in AOCL and oneDNN",
               "avx512vnni", 0, 30);
