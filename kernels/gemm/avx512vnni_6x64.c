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
    if (rows > r && add) {                                                                         \
        c##r##0 = _mm512_load_si512(acc + r * COLS);                                               \
        c##r##1 = _mm512_load_si512(acc + r * COLS + 16);                                          \
        c##r##2 = _mm512_load_si512(acc + r * COLS + 32);                                          \
        c##r##3 = _mm512_load_si512(acc + r * COLS + 48);                                          \
    }
#define PRODUCT(r)                                                                                 \
    if (rows > r) {                                                                                \
        __m512i x = _mm512_set1_epi32(a[r]);                                                       \
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

/* `rows` is a constant wherever it is inlined. */
static inline __attribute__((always_inline)) void product(const unsigned rows, const int32_t *a,
                                                          const int8_t *w, size_t k, int32_t *acc,
                                                          bool add, const char *ahead)
{
    EACH(LOAD)
    for (size_t i = 0; i < k; i += 4, a += rows, w += 4 * COLS, ahead += 4 * COLS) {
        __m512i w0 = _mm512_load_si512(w), w1 = _mm512_load_si512(w + 64),
                w2 = _mm512_load_si512(w + 128), w3 = _mm512_load_si512(w + 192);
        __builtin_prefetch(ahead);
        __builtin_prefetch(ahead + 64);
        __builtin_prefetch(ahead + 128);
        __builtin_prefetch(ahead + 192);
        EACH(PRODUCT)
    }
    EACH(STORE)
}

static void tile(unsigned rows, const void *a, const void *w, size_t k, int32_t *acc, bool add,
                 const void *ahead)
{
    switch (rows) {
    case 1:
        return product(1, a, w, k, acc, add, ahead);
    case 2:
        return product(2, a, w, k, acc, add, ahead);
    case 3:
        return product(3, a, w, k, acc, add, ahead);
    case 4:
        return product(4, a, w, k, acc, add, ahead);
    case 5:
        return product(5, a, w, k, acc, add, ahead);
    default:
        return product(6, a, w, k, acc, add, ahead);
    }
}

SN_GEMM_EMIT(COLS)

const struct sn_gemm_tiles sn_gemm_avx512vnni = {.rows = 6,
                                                 .cols = COLS,
                                                 .group = 4,
                                                 .step = 16,
                                                 .a_bytes = 1,
                                                 .zero = 128,
                                                 .kc = 512,
                                                 .narrow = 6,
                                                 .tile = tile,
                                                 .pack_tile = sn_gemm_pack_u8,
                                                 .emit = emit};

SN_GEMM_KERNEL(sn_gemm_avx512vnni, avx512vnni_6x64,
               "vpdpbusd, exact; tiles of 6 x 64 in 24 registers, as in AOCL and oneDNN",
               "avx512vnni", 0, 30);
