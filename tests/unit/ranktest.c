/* Rank tests against hand-worked values, brute-force enumeration, and simulation. */
#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "harness/base/rng.h"
#include "harness/ranktest.h"

static double p_of(const double *a, size_t na, const double *b, size_t nb)
{
    double u;
    return sn_ranktest_mann_whitney(a, na, b, nb, &u);
}

/* k against k fully separated: 2 / C(2k, k). */
Test(ranktest, separated_groups)
{
    static const struct {
        size_t k;
        double p;
    } t[] = {{1, 1},
             {2, 2.0 / 6},
             {3, 0.1},
             {4, 2.0 / 70},
             {5, 2.0 / 252},
             {10, 2.0 / 184756},
             {20, 2.0 / 137846528820.0}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        double a[20], b[20], u;
        for (size_t j = 0; j < t[i].k; j++) {
            a[j] = (double)j;
            b[j] = 100 - (double)j;
        }
        double p = sn_ranktest_mann_whitney(a, t[i].k, b, t[i].k, &u);
        cr_expect(fabs(p / t[i].p - 1) < 1e-12, "k = %zu: %.15g", t[i].k, p);
        cr_expect(u == 0);
        p = sn_ranktest_mann_whitney(b, t[i].k, a, t[i].k, &u);
        cr_expect(fabs(p / t[i].p - 1) < 1e-12, "k = %zu, swapped: %.15g", t[i].k, p);
        cr_expect(u == (double)(t[i].k * t[i].k));
    }
}

/* Hollander and Wolfe's tables: P(U <= 2) for 3, 5 is 4/56; worked by hand for a = {1, 2, 5}:
 * rank sum 8, U = 2; subsets of {1..8} of size 3 with sum <= 8: 123 124 125 134, so p = 8/56. */
Test(ranktest, small_by_hand)
{
    static const double a[] = {1, 5, 2}, b[] = {8, 3, 7, 4, 6};
    double u, p = sn_ranktest_mann_whitney(a, 3, b, 5, &u);
    cr_expect(u == 2 && fabs(p - 8.0 / 56) < 1e-15, "U = %g, p = %g", u, p);
}

/* With ties: a = {1, 2}, b = {2, 3}: mid-ranks 1, 2.5, 2.5, 4; sums of pairs 3.5 3.5 5 5 6.5 6.5,
 * mean 5; |3.5 - 5| is reached by 4 of 6. U = 3.5 - 3 = 0.5. */
Test(ranktest, ties_by_hand)
{
    static const double a[] = {1, 2}, b[] = {2, 3}, same[] = {4, 4, 4};
    double u, p = sn_ranktest_mann_whitney(a, 2, b, 2, &u);
    cr_expect(u == 0.5 && fabs(p - 4.0 / 6) < 1e-15, "U = %g, p = %g", u, p);
    p = sn_ranktest_mann_whitney(same, 3, same, 3, &u);
    cr_expect(p == 1 && u == 4.5, "all equal: U = %g, p = %g", u, p);
}

/* Every subset of the pool, U counted from pairs: nothing in common with the code under test. */
static double enumerated_p(const double *pool, size_t n, size_t na, unsigned actual)
{
    double mean = (double)(na * (n - na)) / 2, far = 0;
    unsigned long hits = 0, all = 0;
    for (int pass = 0; pass < 2; pass++)
        for (unsigned s = 0; s < 1u << n; s++) {
            if ((size_t)__builtin_popcount(s) != na || (pass == 0 && s != actual))
                continue;
            double u = 0;
            for (size_t i = 0; i < n; i++)
                for (size_t j = 0; j < n; j++)
                    if ((s >> i & 1) && !(s >> j & 1))
                        u += pool[i] > pool[j] ? 1 : pool[i] == pool[j] ? 0.5 : 0;
            if (pass == 0) {
                far = fabs(u - mean);
            } else {
                hits += fabs(u - mean) >= far;
                all++;
            }
        }
    return (double)hits / (double)all;
}

Test(ranktest, against_enumeration)
{
    struct sn_rng r = sn_rng_make(1, 1);
    for (int round = 0; round < 200; round++) {
        size_t n = 2 + sn_rng_below(&r, 10), na = 1 + sn_rng_below(&r, n - 1);
        uint64_t values = 2 + sn_rng_below(&r, 12); /* few: many ties */
        double pool[12], u;
        for (size_t i = 0; i < n; i++)
            pool[i] = (double)sn_rng_below(&r, values);
        double p = sn_ranktest_mann_whitney(pool, na, pool + na, n - na, &u);
        double ref = enumerated_p(pool, n, na, (1u << na) - 1);
        cr_expect(fabs(p - ref) < 1e-12, "round %d: n = %zu, na = %zu: %.15g, enumerated %.15g",
                  round, n, na, p, ref);
    }
}

/* Where the exact way ends: the normal approximation differs from it by less than 2 % of p. */
Test(ranktest, normal_joins_exact)
{
    struct sn_rng r = sn_rng_make(3, 3);
    double a[400], b[400];
    for (int i = 0; i < 400; i++) {
        a[i] = sn_rng_uniform(&r);
        b[i] = sn_rng_uniform(&r) + 0.02;
    }
    /* 36 against 36 is the largest square that is counted. Judged by the textbook formula. */
    for (size_t n = 30; n <= 400; n = n < 50 ? n + 1 : n * 2) {
        double u, p = sn_ranktest_mann_whitney(a, n, b, n, &u), dn = (double)n;
        double z = (fabs(u - dn * dn / 2) - 0.5) / sqrt(dn * dn * (2 * dn + 1) / 12);
        double ref = z <= 0 ? 1 : erfc(z / sqrt(2));
        cr_expect(fabs(p - ref) < 0.02 * ref, "n = %zu: %g, normal %g", n, p, ref);
    }
}

/* Tie correction of the normal: two values only. Var = na nb / 12 (N + 1 - sum(t^3-t)/(N(N-1))),
 * here na = nb = 100, 150 zeros and 50 ones, of them 10 in a and 40 in b: U = 100 x 100 / 2 +
 * (10 x 60 - 40 x 90) / 2 = 3500. */
Test(ranktest, normal_with_ties)
{
    double a[100] = {0}, b[100] = {0}, u;
    for (int i = 0; i < 10; i++)
        a[i] = 1;
    for (int i = 0; i < 40; i++)
        b[i] = 1;
    double p = sn_ranktest_mann_whitney(a, 100, b, 100, &u);
    double var =
        10000 / 12.0 * (201 - (150.0 * 150 * 150 - 150 + 50.0 * 50 * 50 - 50) / (200 * 199));
    cr_expect(u == 3500, "U = %g", u);
    cr_expect(fabs(p - erfc(1499.5 / sqrt(2 * var))) < 1e-15, "p = %g", p);
}

/* Under the null p <= 0.05 in at most 5 % of the draws (10,000; 3 standard errors are 0.65 %). */
Test(ranktest, false_alarms)
{
    static const size_t sizes[][2] = {{4, 4}, {5, 7}, {10, 10}, {20, 20}, {60, 60}};
    struct sn_rng r = sn_rng_make(11, 0);
    for (size_t s = 0; s < 5; s++) {
        int alarms = 0, rounds = s < 3 ? 10000 : 1000;
        for (int i = 0; i < rounds; i++) {
            double a[60], b[60];
            for (int j = 0; j < 60; j++) {
                a[j] = floor(20 * exp(0.3 * sn_rng_normal(&r)));
                b[j] = floor(20 * exp(0.3 * sn_rng_normal(&r)));
            }
            alarms += p_of(a, sizes[s][0], b, sizes[s][1]) <= 0.05;
        }
        double share = (double)alarms / rounds, sd = sqrt(0.05 * 0.95 / rounds);
        cr_expect(share <= 0.05 + 3 * sd, "%zu against %zu: %g", sizes[s][0], sizes[s][1], share);
        cr_expect(share >= 0.01, "%zu against %zu never alarms: %g", sizes[s][0], sizes[s][1],
                  share);
    }
}

/* a = {1, 2}, b = {2, 8}: ratios 2, 8, 1, 4; sorted 1 2 4 8, the middle is sqrt(2 x 4). */
Test(ranktest, ratio_by_hand)
{
    static const double a[] = {1, 2}, b[] = {2, 8};
    double ratio, lo, hi;
    sn_ranktest_hodges_lehmann_ratio(a, 2, b, 2, 0.95, &ratio, &lo, &hi);
    cr_expect(fabs(ratio - sqrt(8)) < 1e-12, "%g", ratio);
    cr_expect(isnan(lo) && isnan(hi), "2 against 2 support no interval");
}

/* 4 against 4: P(U = 0) = 1/70 <= 0.025, P(U <= 1) = 2/70 > 0.025: the interval is the whole range
 * of the 16 ratios. 5 against 5: P(U <= 2) = (1+1+2)/252 <= 0.025, P(U <= 3) = 7/252 > 0.025: from
 * the 3rd to the 23rd of 25. 3 against 3 supports none. */
Test(ranktest, interval_by_hand)
{
    static const double a[] = {1, 1.1, 1.3, 1.7, 2.1}, b[] = {3, 3.5, 4.5, 6, 9};
    double r, lo, hi, ratios[25];
    sn_ranktest_hodges_lehmann_ratio(a, 3, b, 3, 0.95, &r, &lo, &hi);
    cr_expect(isnan(lo) && isnan(hi));
    sn_ranktest_hodges_lehmann_ratio(a, 4, b, 4, 0.95, &r, &lo, &hi);
    cr_expect(fabs(lo - 3 / 1.7) < 1e-12 && fabs(hi - 6) < 1e-12, "%g %g", lo, hi);
    sn_ranktest_hodges_lehmann_ratio(a, 5, b, 5, 0.95, &r, &lo, &hi);
    for (int i = 0; i < 25; i++) {
        int at = i;
        double x = b[i % 5] / a[i / 5];
        for (; at > 0 && ratios[at - 1] > x; at--)
            ratios[at] = ratios[at - 1];
        ratios[at] = x;
    }
    cr_expect(fabs(lo / ratios[2] - 1) < 1e-12 && fabs(hi / ratios[22] - 1) < 1e-12, "%g %g", lo,
              hi);
    cr_expect(fabs(r / ratios[12] - 1) < 1e-12, "%g", r);
}

/* True ratio 1.05 with log-normal noise: the interval covers it in at least 95 % of the draws. */
Test(ranktest, ratio_coverage)
{
    static const size_t sizes[] = {4, 5, 10, 20, 45};
    struct sn_rng r = sn_rng_make(5, 0);
    for (size_t s = 0; s < 5; s++) {
        int covered = 0, rounds = 2000;
        double width = 0;
        for (int i = 0; i < rounds; i++) {
            double a[45], b[45], ratio, lo, hi;
            for (size_t j = 0; j < sizes[s]; j++) {
                a[j] = exp(0.1 * sn_rng_normal(&r));
                b[j] = 1.05 * exp(0.1 * sn_rng_normal(&r));
            }
            sn_ranktest_hodges_lehmann_ratio(a, sizes[s], b, sizes[s], 0.95, &ratio, &lo, &hi);
            cr_assert(lo <= ratio && ratio <= hi);
            covered += lo <= 1.05 && 1.05 <= hi;
            width += (hi - lo) / rounds;
        }
        /* 3 standard errors below 95 %. */
        cr_expect(covered >= 0.9354 * rounds, "n = %zu: %d of %d", sizes[s], covered, rounds);
        /* Not by being wide: at most twice the width of Student's interval, 2 t 0.1 sqrt(2/n). */
        cr_expect(width < 8 * 0.1 * sqrt(2.0 / (double)sizes[s]) * 1.3, "n = %zu: width %g",
                  sizes[s], width);
    }
}

/* Holm 1979: 0.01 0.04 0.03 0.005 -> sorted 0.005 x 4, 0.01 x 3, 0.03 x 2, 0.04 x 1 made monotone.
 */
Test(ranktest, holm_by_hand)
{
    double p[] = {0.01, 0.04, 0.03, 0.005}, one[] = {0.3}, big[] = {0.5, 0.6, 0.9};
    static const double expected[] = {0.03, 0.06, 0.06, 0.02};
    sn_ranktest_holm(p, 4);
    for (int i = 0; i < 4; i++)
        cr_expect(fabs(p[i] - expected[i]) < 1e-15, "%d: %g", i, p[i]);
    sn_ranktest_holm(one, 1);
    cr_expect(one[0] == 0.3);
    sn_ranktest_holm(big, 3);
    cr_expect(big[0] == 1 && big[1] == 1 && big[2] == 1);
    sn_ranktest_holm(NULL, 0);
}

/* 20 true nulls, 2,000 families: at least one false alarm in at most 5 % of the families. */
Test(ranktest, holm_keeps_the_family_rate)
{
    struct sn_rng r = sn_rng_make(9, 0);
    int families = 0, naive = 0;
    for (int f = 0; f < 2000; f++) {
        double p[20];
        int any = 0, any_naive = 0;
        for (int i = 0; i < 20; i++) {
            p[i] = sn_rng_uniform(&r);
            any_naive |= p[i] < 0.05;
        }
        sn_ranktest_holm(p, 20);
        for (int i = 0; i < 20; i++)
            any |= p[i] < 0.05;
        families += any;
        naive += any_naive;
    }
    cr_expect(families <= 130, "%d of 2000", families);
    cr_expect(naive > 1000, "the test would see a missing correction: %d", naive);
}
