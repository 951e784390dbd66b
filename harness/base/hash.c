/* Identity hash (FNV-1a, mixed) and payload checksum.
 *
 * The checksum adds, for every 64-bit word d under a key k of its position in a 1 KiB block, the
 * product of the halves of d ^ k to the word's lane and d itself to the neighbouring lane (the
 * accumulation of XXH3, Collet 2019), 8 lanes at a time; after a block every lane is scrambled by a
 * bijection, so blocks do not commute. A changed word always changes the neighbour's lane; the
 * lanes are then folded by a chain that is bijective in each. Cost: one multiply and four simple
 * operations per 8 bytes, without a long dependence. All variants give the same value. */
#include "harness/base/hash.h"

#include <string.h>

#include "harness/base/cpu.h"
#include "harness/base/rng.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { LANES = 8, STRIPE = 64, STRIPES = 16, BLOCK = STRIPE * STRIPES };

#define PRIME64 0x9fb21c651e98df25ull
#define PRIME32 0x9e3779b1u

/* The first 24 numbers of sn_rng_mix64(1), sn_rng_mix64(2), ...: stripe s uses keys[s .. s+8), so
 * that the same word in two stripes of a block meets two keys. */
static const uint64_t keys[STRIPES + LANES] __attribute__((aligned(64))) = {
    0x5692161d100b05e5ull, 0xdbd238973a2b148aull, 0x1e535eede31428f0ull, 0xb7a4712c74562914ull,
    0xb6bf613dbebb45dcull, 0xd17707977078336cull, 0x12ae30237b17df14ull, 0xd56b1fbb9ceba9e8ull,
    0x826c6abf7fdd5ad7ull, 0x075c8519a9320579ull, 0x3462d848f53abb6dull, 0x37be58e8d7213bbcull,
    0xdcfa9555b5f881d1ull, 0x255c6046f62fbe29ull, 0x0392754934ea1539ull, 0xd9844bcecca4a8bdull,
    0x302b8631721c51beull, 0xffcb5c99f6aa8871ull, 0xe34a1ed09841f857ull, 0x0eb90a3352640af2ull,
    0xd633b1846faf2b49ull, 0xfd95fa4db404dd7bull, 0x378a5760be593ca5ull, 0xd59eef30db86cab8ull,
};

uint64_t sn_hash_bytes(uint64_t h, const void *data, size_t n)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 0x100000001b3ull;
    return sn_rng_mix64(h);
}

/* acc (8) u64; p (n_stripes, 64) bytes; the stripes are the first of a block. */
static void stripes_plain(uint64_t acc[LANES], const unsigned char *p, size_t n_stripes)
{
    for (size_t s = 0; s < n_stripes; s++, p += STRIPE)
        for (size_t i = 0; i < LANES; i++) {
            uint64_t d, x;
            memcpy(&d, p + 8 * i, sizeof d);
            x = d ^ keys[s + i];
            acc[i ^ 1] += d;
            acc[i] += (x & 0xffffffffu) * (x >> 32);
        }
}

static void scramble(uint64_t acc[LANES])
{
    for (size_t i = 0; i < LANES; i++) {
        acc[i] ^= acc[i] >> 47;
        acc[i] = (acc[i] ^ keys[STRIPES + i]) * PRIME32;
    }
}

static void blocks_plain(uint64_t acc[LANES], const unsigned char *p, size_t n_blocks)
{
    for (; n_blocks; n_blocks--, p += BLOCK) {
        stripes_plain(acc, p, STRIPES);
        scramble(acc);
    }
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void blocks_avx2(uint64_t acc[LANES], const unsigned char *p,
                                                        size_t n_blocks)
{
    __m256i a0 = _mm256_loadu_si256((const __m256i *)acc);
    __m256i a1 = _mm256_loadu_si256((const __m256i *)acc + 1);
    const __m256i prime = _mm256_set1_epi64x(PRIME32);
    for (; n_blocks; n_blocks--) {
        for (size_t s = 0; s < STRIPES; s++, p += STRIPE) {
            __m256i d0 = _mm256_loadu_si256((const __m256i *)p);
            __m256i d1 = _mm256_loadu_si256((const __m256i *)p + 1);
            __m256i x0 = _mm256_xor_si256(d0, _mm256_loadu_si256((const __m256i *)(keys + s)));
            __m256i x1 = _mm256_xor_si256(d1, _mm256_loadu_si256((const __m256i *)(keys + s + 4)));
            a0 = _mm256_add_epi64(a0, _mm256_shuffle_epi32(d0, 0x4e));
            a1 = _mm256_add_epi64(a1, _mm256_shuffle_epi32(d1, 0x4e));
            a0 = _mm256_add_epi64(a0, _mm256_mul_epu32(x0, _mm256_srli_epi64(x0, 32)));
            a1 = _mm256_add_epi64(a1, _mm256_mul_epu32(x1, _mm256_srli_epi64(x1, 32)));
        }
        for (int h = 0; h < 2; h++) {
            __m256i a = h ? a1 : a0;
            __m256i k = _mm256_load_si256((const __m256i *)(keys + STRIPES) + h);
            a = _mm256_xor_si256(_mm256_xor_si256(a, _mm256_srli_epi64(a, 47)), k);
            __m256i low = _mm256_mul_epu32(a, prime);
            __m256i high = _mm256_mul_epu32(_mm256_srli_epi64(a, 32), prime);
            a = _mm256_add_epi64(low, _mm256_slli_epi64(high, 32));
            if (h)
                a1 = a;
            else
                a0 = a;
        }
    }
    _mm256_storeu_si256((__m256i *)acc, a0);
    _mm256_storeu_si256((__m256i *)acc + 1, a1);
}

__attribute__((target("avx512f"))) static void
blocks_avx512(uint64_t acc[LANES], const unsigned char *p, size_t n_blocks)
{
    __m512i a = _mm512_loadu_si512(acc);
    const __m512i prime = _mm512_set1_epi64(PRIME32), last = _mm512_load_si512(keys + STRIPES);
    for (; n_blocks; n_blocks--) {
        /* Two sums: one addition chain would bind the loop to its latency. */
        __m512i b = _mm512_setzero_si512();
#pragma GCC unroll 16
        for (size_t s = 0; s < STRIPES; s++, p += STRIPE) {
            __m512i d = _mm512_loadu_si512(p);
            __m512i x = _mm512_xor_si512(d, _mm512_loadu_si512(keys + s));
            a = _mm512_add_epi64(a, _mm512_shuffle_epi32(d, 0x4e));
            b = _mm512_add_epi64(b, _mm512_mul_epu32(x, _mm512_srli_epi64(x, 32)));
        }
        a = _mm512_add_epi64(a, b);
        a = _mm512_xor_si512(_mm512_xor_si512(a, _mm512_srli_epi64(a, 47)), last);
        __m512i low = _mm512_mul_epu32(a, prime);
        __m512i high = _mm512_mul_epu32(_mm512_srli_epi64(a, 32), prime);
        a = _mm512_add_epi64(low, _mm512_slli_epi64(high, 32));
    }
    _mm512_storeu_si512(acc, a);
}
#endif

/* In order of preference. */
static const struct variant {
    enum sn_cpu_feature needs; /* SN_CPU_FEATURES: nothing */
    void (*blocks)(uint64_t acc[LANES], const unsigned char *p, size_t n_blocks);
} variants[] = {
#if defined(__x86_64__)
    {SN_CPU_AVX512F, blocks_avx512},
    {SN_CPU_AVX2, blocks_avx2},
#endif
    {SN_CPU_FEATURES, blocks_plain},
};

static bool runs_here(const struct variant *v)
{
    return v->needs == SN_CPU_FEATURES || sn_cpu_has(v->needs);
}

static uint64_t payload(const struct variant *v, const unsigned char *p, size_t n)
{
    uint64_t acc[LANES];
    memcpy(acc, keys, sizeof acc);
    v->blocks(acc, p, n / BLOCK);
    size_t left = n % BLOCK;
    p += n - left;
    stripes_plain(acc, p, left / STRIPE);
    scramble(acc);
    if (left % STRIPE) { /* padded with zeros; the length below tells it from real ones */
        unsigned char tail[STRIPE] = {0};
        memcpy(tail, p + left / STRIPE * STRIPE, left % STRIPE);
        stripes_plain(acc, tail, 1);
    }
    uint64_t h = (n + 1) * PRIME64;
    for (size_t i = 0; i < LANES; i++)
        h = sn_rng_mix64(h ^ acc[i]);
    return h;
}

uint64_t sn_hash_payload(const void *data, size_t n)
{
    const struct variant *v = variants;
    while (!runs_here(v))
        v++;
    return payload(v, data, n);
}

bool sn_hash_payload_variant(unsigned variant, const void *data, size_t n, uint64_t *out)
{
    if (variant >= sizeof variants / sizeof *variants || !runs_here(&variants[variant]))
        return false;
    *out = payload(&variants[variant], data, n);
    return true;
}
