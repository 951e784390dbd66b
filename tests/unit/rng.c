/* Random numbers: published values of the finaliser, quality by chi-square and correlation, moments
 * of the distributions. Thresholds are 5 standard deviations, so a right generator fails one of
 * these some 1e-6 times in a change of its constants, and never twice with the same ones. */
#include <math.h>

#include <criterion/criterion.h>

#include "harness/base/rng.h"

/* Chi-square is near enough normal for many cells: mean k, variance 2 k. */
static double chi_square_sigmas(const uint64_t *counts, size_t cells, double draws)
{
    double expected = draws / (double)cells, x = 0;
    for (size_t i = 0; i < cells; i++)
        x += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
    double k = (double)cells - 1;
    return (x - k) / sqrt(2 * k);
}

/* splitmix64 from seed 0 is the finaliser of 1, 2, 3 times the increment (Vigna's splitmix64.c). */
Test(rng, finaliser_published)
{
    const uint64_t golden = 0x9e3779b97f4a7c15ull;
    cr_expect_eq(sn_rng_mix64(golden), 0xe220a8397b1dcdafull);
    cr_expect_eq(sn_rng_mix64(2 * golden), 0x6e789e6aa1b965f4ull);
    cr_expect_eq(sn_rng_mix64(3 * golden), 0x06c45d188009454full);
}

Test(rng, a_walker_walks_the_stream)
{
    struct sn_rng r = sn_rng_make(7, 3);
    for (uint64_t i = 0; i < 1000; i++)
        cr_assert_eq(sn_rng_next(&r), sn_rng_at(7, 3, i));
    cr_expect_neq(sn_rng_at(7, 3, 0), sn_rng_at(7, 4, 0));
    cr_expect_neq(sn_rng_at(7, 3, 0), sn_rng_at(8, 3, 0));
    cr_expect_neq(sn_rng_at(3, 7, 0), sn_rng_at(7, 3, 0), "seed and stream are not the same thing");
}

/* Every byte of the number, along an index, along a stream and along a seed. */
Test(rng, bytes_are_uniform)
{
    enum { DRAWS = 1 << 18 };
    for (int along = 0; along < 3; along++)
        for (int byte = 0; byte < 8; byte++) {
            uint64_t counts[256] = {0};
            for (uint64_t i = 0; i < DRAWS; i++) {
                uint64_t x = along == 0   ? sn_rng_at(1, 2, i)
                             : along == 1 ? sn_rng_at(1, i, 2)
                                          : sn_rng_at(i, 1, 2);
                counts[x >> (8 * byte) & 255]++;
            }
            double z = chi_square_sigmas(counts, 256, DRAWS);
            cr_expect(fabs(z) < 5, "along %d, byte %d: %.1f sigmas", along, byte, z);
        }
}

/* Pairs of neighbours fall evenly into 256 x 256 cells: along the index, the stream, the seed, and
 * between (stream, index) and (stream + 1, index - 1). */
Test(rng, neighbours_are_independent)
{
    enum { DRAWS = 1 << 20 };
    static uint64_t counts[65536];
    for (int along = 0; along < 4; along++) {
        for (size_t i = 0; i < 65536; i++)
            counts[i] = 0;
        for (uint64_t i = 0; i < DRAWS; i++) {
            uint64_t s = i / 1024, k = i % 1024 + 1, a = sn_rng_at(5, s, k);
            uint64_t b = along == 0   ? sn_rng_at(5, s, k + 1)
                         : along == 1 ? sn_rng_at(5, s + 1, k)
                         : along == 2 ? sn_rng_at(6, s, k)
                                      : sn_rng_at(5, s + 1, k - 1);
            counts[(a >> 56) << 8 | b >> 56]++;
        }
        double z = chi_square_sigmas(counts, 65536, DRAWS);
        cr_expect(fabs(z) < 5, "along %d: %.1f sigmas", along, z);
    }
}

/* One flipped bit of seed, stream or index flips every bit of the number half of the time. */
Test(rng, avalanche)
{
    enum { DRAWS = 20000 };
    for (int which = 0; which < 3; which++)
        for (int in = 0; in < 64; in += 7) {
            unsigned flips[64] = {0};
            for (uint64_t i = 0; i < DRAWS; i++) {
                uint64_t k[3] = {i * 3 + 1, i * 5 + 2, i};
                uint64_t a = sn_rng_at(k[0], k[1], k[2]);
                k[which] ^= 1ull << in;
                uint64_t d = a ^ sn_rng_at(k[0], k[1], k[2]);
                for (int b = 0; b < 64; b++)
                    flips[b] += d >> b & 1;
            }
            for (int b = 0; b < 64; b++) {
                double z = (flips[b] - DRAWS / 2.0) / sqrt(DRAWS / 4.0);
                cr_expect(fabs(z) < 5.5, "key %d bit %d to bit %d: %.1f sigmas", which, in, b, z);
            }
        }
}

/* Modulo would favour the small values by a third here: n = 3 * 2^62. */
Test(rng, below_is_unbiased)
{
    enum { DRAWS = 1 << 18 };
    const uint64_t n = 3ull << 62;
    struct sn_rng r = sn_rng_make(9, 0);
    uint64_t counts[3] = {0};
    for (int i = 0; i < DRAWS; i++) {
        uint64_t x = sn_rng_below(&r, n);
        cr_assert(x < n);
        counts[x >> 62]++;
    }
    cr_expect(chi_square_sigmas(counts, 3, DRAWS) < 5);
    static const uint64_t small[] = {2, 3, 7, 10, 100, 1000};
    for (size_t s = 0; s < sizeof small / sizeof *small; s++) {
        uint64_t cells[1000] = {0};
        for (int i = 0; i < DRAWS; i++) {
            uint64_t x = sn_rng_below(&r, small[s]);
            cr_assert(x < small[s]);
            cells[x]++;
        }
        double z = chi_square_sigmas(cells, small[s], DRAWS);
        cr_expect(z < 5, "below %llu: %.1f sigmas", (unsigned long long)small[s], z);
    }
    for (int i = 0; i < 100; i++)
        cr_assert_eq(sn_rng_below(&r, 1), 0);
}

/* The test above can fail: the same count of a modulo is far out. */
Test(rng, modulo_would_be_seen)
{
    enum { DRAWS = 1 << 18 };
    struct sn_rng r = sn_rng_make(9, 1);
    uint64_t counts[3] = {0};
    for (int i = 0; i < DRAWS; i++)
        counts[sn_rng_next(&r) % (3ull << 62) >> 62]++;
    cr_expect(chi_square_sigmas(counts, 3, DRAWS) > 100);
}

Test(rng, distributions_have_their_moments)
{
    enum { DRAWS = 1 << 20 };
    struct sn_rng r = sn_rng_make(11, 0);
    double u1 = 0, u2 = 0, n1 = 0, n2 = 0, n4 = 0, e1 = 0, e2 = 0;
    for (int i = 0; i < DRAWS; i++) {
        double u = sn_rng_uniform(&r), n = sn_rng_normal(&r), e = sn_rng_exponential(&r);
        cr_assert(u >= 0 && u < 1 && isfinite(n) && e >= 0 && isfinite(e));
        u1 += u, u2 += u * u;
        n1 += n, n2 += n * n, n4 += n * n * n * n;
        e1 += e, e2 += e * e;
    }
    /* Five standard errors of each mean: sqrt(variance of the term / draws). */
    const double s = 5 / sqrt(DRAWS);
    cr_expect_float_eq(u1 / DRAWS, 1.0 / 2, s * sqrt(1.0 / 12));
    cr_expect_float_eq(u2 / DRAWS, 1.0 / 3, s * sqrt(4.0 / 45));
    cr_expect_float_eq(n1 / DRAWS, 0, s);
    cr_expect_float_eq(n2 / DRAWS, 1, s * sqrt(2));
    cr_expect_float_eq(n4 / DRAWS, 3, s * sqrt(96));
    cr_expect_float_eq(e1 / DRAWS, 1, s);
    cr_expect_float_eq(e2 / DRAWS, 2, s * sqrt(20));
}
