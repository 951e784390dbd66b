/* Hashes: published FNV-1a values, a second way to compute the checksum, every flip, every swap. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/hash.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"

/* 64-bit FNV-1a of "", "a" and "foobar" (Noll's test vectors, draft-eastlake-fnv). */
Test(hash, bytes_published)
{
    cr_expect_eq(sn_hash_bytes(SN_HASH_START, "", 0), sn_rng_mix64(0xcbf29ce484222325ull));
    cr_expect_eq(sn_hash_bytes(SN_HASH_START, "a", 1), sn_rng_mix64(0xaf63dc4c8601ec8cull));
    cr_expect_eq(sn_hash_bytes(SN_HASH_START, "foobar", 6), sn_rng_mix64(0x85944171f73967e8ull));
    uint64_t ab_c = sn_hash_bytes(sn_hash_bytes(SN_HASH_START, "ab", 2), "c", 1);
    uint64_t a_bc = sn_hash_bytes(sn_hash_bytes(SN_HASH_START, "a", 1), "bc", 2);
    cr_expect_neq(ab_c, a_bc);
}

/* The checksum word by word from its description in hash.c, in 128-bit arithmetic and with one
 * lane after another. */
static uint64_t reference(const unsigned char *p, size_t n)
{
    uint64_t h = (n + 1) * 0x9fb21c651e98df25ull;
    for (uint64_t lane = 0; lane < 8; lane++) {
        uint64_t acc = sn_rng_mix64(lane + 1);
        size_t whole = n / 64 * 64;
        for (size_t base = 0; base <= n; base += 64) {
            size_t stripe = base / 64 % 16;
            bool tail = base == whole;
            if (base && stripe == 0) /* a full block lies behind */
                acc = ((acc ^ acc >> 47) ^ sn_rng_mix64(16 + lane + 1)) * 0x9e3779b1u;
            if (tail) { /* scrambled once more; then the padded rest meets the first keys */
                acc = ((acc ^ acc >> 47) ^ sn_rng_mix64(16 + lane + 1)) * 0x9e3779b1u;
                if (n == whole)
                    break;
                stripe = 0;
            }
            unsigned char line[64] = {0};
            memcpy(line, p + base, tail ? n - base : 64);
            uint64_t mine, other;
            memcpy(&mine, line + 8 * lane, 8);
            memcpy(&other, line + 8 * (lane ^ 1), 8);
            uint64_t x = mine ^ sn_rng_mix64(stripe + lane + 1);
            acc += other + (uint64_t)((unsigned __int128)(x % 4294967296) * (x / 4294967296));
        }
        h = sn_rng_mix64(h ^ acc);
    }
    return h;
}

Test(hash, every_variant_is_the_reference)
{
    static const size_t sizes[] = {0,    1,    7,    8,    63,   64,   65,   127,
                                   128,  1000, 1023, 1024, 1025, 1087, 1088, 1089,
                                   2047, 2048, 2049, 7168, 7680, 9999};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        void *p; /* ends at an unreadable page: a read past the end would be a crash */
        size_t n = sizes[i];
        cr_assert_eq(sn_mem_guard_alloc(&p, n), 0);
        uint64_t expected = reference(p, n), got;
        cr_expect_eq(sn_hash_payload(p, n), expected, "%zu bytes", n);
        for (unsigned v = 0; v < 3; v++)
            if (sn_hash_payload_variant(v, p, n, &got))
                cr_expect_eq(got, expected, "variant %u, %zu bytes", v, n);
        sn_mem_guard_free(p, n);
    }
    cr_expect(!sn_hash_payload_variant(99, "", 0, &(uint64_t){0}));
}

Test(hash, alignment_does_not_matter)
{
    unsigned char buf[2048 + 64];
    uint64_t expected = 0;
    for (size_t off = 0; off < 64; off++) {
        for (size_t i = 0; i < 2000; i++)
            buf[off + i] = (unsigned char)sn_rng_at(1, 1, i);
        uint64_t h = sn_hash_payload(buf + off, 2000);
        cr_expect(!off || h == expected, "offset %zu", off);
        expected = h;
    }
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static size_t repeats(uint64_t *h, size_t n)
{
    size_t found = 0;
    qsort(h, n, sizeof *h, by_value);
    for (size_t i = 1; i < n; i++)
        found += h[i] == h[i - 1];
    return found;
}

/* Content 0: zeros, 1: ones, 2: random, 3: the same word everywhere. */
static void fill(unsigned char *p, size_t n, int content)
{
    for (size_t i = 0; i < n; i++)
        p[i] = content == 0   ? 0
               : content == 1 ? 255
               : content == 2 ? (unsigned char)sn_rng_at(3, 0, i)
                              : (unsigned char)sn_rng_at(3, 1, i % 8);
}

/* All buffers that differ from one in a single bit have different checksums, and none its own. */
Test(hash, every_flipped_bit_is_seen)
{
    static const size_t sizes[] = {1, 8, 9, 64, 72, 200, 1024, 1096, 2304};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (int content = 0; content < 3; content++) {
            size_t n = sizes[s];
            unsigned char buf[2304];
            uint64_t *h = malloc((8 * n + 1) * sizeof *h);
            fill(buf, n, content);
            for (size_t bit = 0; bit < 8 * n; bit++) {
                buf[bit / 8] ^= (unsigned char)(1u << bit % 8);
                h[bit] = sn_hash_payload(buf, n);
                buf[bit / 8] ^= (unsigned char)(1u << bit % 8);
            }
            h[8 * n] = sn_hash_payload(buf, n);
            cr_expect_eq(repeats(h, 8 * n + 1), 0, "%zu bytes, content %d", n, content);
            free(h);
        }
}

/* Two words that differ in one bit only, at every pair of places, in a constant and in a random
 * background: swapping them is seen. */
Test(hash, every_swap_is_seen)
{
    enum { WORDS = 272 }; /* two blocks and a stripe */
    uint64_t w[WORDS];
    for (int content = 0; content < 4; content++)
        for (int bit = 0; bit < 64; bit += 21)
            for (size_t i = 0; i < WORDS; i++) {
                fill((unsigned char *)w, sizeof w, content);
                for (size_t j = i + 1; j < WORDS; j++) {
                    uint64_t old = w[j];
                    w[j] = w[i] ^ 1ull << bit;
                    uint64_t before = sn_hash_payload(w, sizeof w), t = w[i];
                    w[i] = w[j];
                    w[j] = t;
                    uint64_t after = sn_hash_payload(w, sizeof w);
                    w[i] = t;
                    w[j] = old;
                    cr_assert_neq(before, after, "words %zu and %zu, bit %d, content %d", i, j, bit,
                                  content);
                }
            }
}

Test(hash, the_length_counts)
{
    enum { MAX = 3000 };
    static unsigned char zeros[MAX];
    static uint64_t h[MAX];
    for (size_t n = 0; n < MAX; n++)
        h[n] = sn_hash_payload(zeros, n);
    cr_expect_eq(repeats(h, MAX), 0);
}

/* Whole blocks do not commute. */
Test(hash, swapped_blocks_are_seen)
{
    unsigned char a[4096], b[4096];
    fill(a, sizeof a, 2);
    for (size_t x = 0; x < 4; x++)
        for (size_t y = x + 1; y < 4; y++) {
            memcpy(b, a, sizeof a);
            memcpy(b + 1024 * x, a + 1024 * y, 1024);
            memcpy(b + 1024 * y, a + 1024 * x, 1024);
            cr_expect_neq(sn_hash_payload(a, sizeof a), sn_hash_payload(b, sizeof b));
        }
}
