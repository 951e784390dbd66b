/* Paired ratios: Walsh averages and intervals by hand, tables, drift, coverage by simulation. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/rng.h"
#include "harness/paired.h"

static void near(double got, double want, const char *what)
{
    cr_expect(fabs(got - want) <= 1e-12 * fmax(1, fabs(want)), "%s: %.15g, expected %.15g", what,
              got, want);
}

/* d = 1, 2, 4: averages 1 1.5 2 2.5 3 4, the median (2 + 2.5) / 2. */
Test(paired, walsh_by_hand)
{
    static const double d[] = {4, 1, 2}, one[] = {7};
    double c, lo, hi;
    sn_paired_walsh(d, 3, 0.95, &c, &lo, &hi);
    near(c, 2.25, "centre of three");
    cr_expect(isnan(lo) && isnan(hi), "three pairs have no 95 %% interval");
    /* P(W <= 0) = 1/8, P(W <= 1) = 2/8: at 75 % (tail 1/8) k = 1, the extremes */
    sn_paired_walsh(d, 3, 0.75, &c, &lo, &hi);
    near(lo, 1, "75 % low");
    near(hi, 4, "75 % high");
    /* at 50 % (tail 1/4) k = 2 */
    sn_paired_walsh(d, 3, 0.5, &c, &lo, &hi);
    near(lo, 1.5, "50 % low");
    near(hi, 3, "50 % high");
    sn_paired_walsh(one, 1, 0.95, &c, &lo, &hi);
    near(c, 7, "centre of one");
    sn_paired_walsh(NULL, 0, 0.95, &c, &lo, &hi);
    cr_expect(isnan(c) && isnan(lo) && isnan(hi));
}

/* The largest c with P(W <= c) <= 2.5 % is tabled (Wilcoxon 1945; Hollander, Wolfe and Chicken,
 * table A.4): k = c + 1. d = powers of two have averages whose order is known by enumeration. */
Test(paired, ranks_are_the_tabled_ones)
{
    static const struct {
        size_t n, c;
    } table[] = {{6, 0}, {7, 2}, {8, 3}, {9, 5}, {10, 8}, {15, 25}, {20, 52}, {25, 89}};
    for (size_t t = 0; t < sizeof table / sizeof *table; t++) {
        size_t n = table[t].n, at = 0, below = 0, above = 0;
        double d[25], w[325], c, lo, hi;
        for (size_t i = 0; i < n; i++)
            d[i] = ldexp(1, (int)i);
        for (size_t i = 0; i < n; i++)
            for (size_t j = i; j < n; j++)
                w[at++] = (d[i] + d[j]) / 2;
        sn_paired_walsh(d, n, 0.95, &c, &lo, &hi);
        for (size_t i = 0; i < at; i++) {
            below += w[i] < lo;
            above += w[i] > hi;
        }
        cr_expect(below == table[t].c && above == table[t].c, "n = %zu: %zu below, %zu above", n,
                  below, above);
    }
}

/* Blocks of 3 with medians 2, 4, ... of the base and twice that of the other; the seventh block of
 * the other is incomplete, the base has one more. */
Test(paired, blocks_are_paired_by_their_medians)
{
    double base[24], other[20];
    for (size_t i = 0; i < 24; i++)
        base[i] = 2 * (double)(i / 3 + 1) + (i % 3 == 0 ? -1 : i % 3 == 1 ? 1000 : 0);
    for (size_t i = 0; i < 20; i++)
        other[i] = 4 * (double)(i / 3 + 1) + (i % 3 == 0 ? 1000 : i % 3 == 1 ? -1 : 0);
    struct sn_ratio r = sn_paired_blocks(base, 24, other, 20, 3);
    cr_expect_eq(r.n, 6);
    near(r.ratio, 2, "ratio");
    near(r.lo, 2, "low");
    near(r.hi, 2, "high");
    r = sn_paired_blocks(base, 24, other, 17, 3);
    cr_expect(r.n == 5 && isnan(r.lo) && isnan(r.hi), "five pairs have no interval");
    near(r.ratio, 2, "ratio of five");
    r = sn_paired_blocks(base, 24, other, 2, 3);
    cr_expect(r.n == 0 && isnan(r.ratio));
    memset(other, 0, sizeof other);
    r = sn_paired_blocks(base, 24, other, 20, 3);
    cr_expect(isnan(r.ratio) && isnan(r.lo), "a time of 0 has no ratio");
}

/* 6 launches, the other 10 % faster in five of them: ln ratios are a = ln 0.9 five times and b =
 * ln 1.3; of 21 averages 15 are a. The interval is from the least to the greatest. */
Test(paired, launches_by_hand)
{
    static const double base[] = {1, 2, 3, 4, 5, 6}, other[] = {0.9, 1.8, 2.7, 3.6, 4.5, 7.8};
    struct sn_ratio r = sn_paired_launches(base, other, 6);
    cr_expect_eq(r.n, 6);
    near(r.ratio, 0.9, "ratio");
    near(r.lo, 0.9, "low");
    near(r.hi, 1.3, "high");
    /* 4 against 4 as groups: 1 of 70 orders is 1.4 % on a side, so the extreme of 16 ratios */
    static const double a[] = {1, 1, 1, 1}, b[] = {2, 3, 5, 4};
    r = sn_paired_launches(a, b, 4);
    near(r.ratio, sqrt(12), "middle of 2 3 4 5 four times each");
    near(r.lo, 2, "low of four");
    near(r.hi, 5, "high of four");
    r = sn_paired_launches(a, b, 3);
    cr_expect(r.n == 3 && isnan(r.lo));
    near(r.ratio, sqrt(3 * sqrt(10)), "of 2, sqrt 6, 3, sqrt 10, sqrt 15, 5 the middle");
}

enum { BLOCK = 5, MOST = 2000 };

/* Samples of two variants in A B B A blocks, the true ratio b / a, under `drift` of the logarithm
 * per repetition (a switch costs one), noise of 3 %, and one sample in twenty five times as long.
 */
static void simulate(struct sn_rng *g, size_t blocks, double truth, double drift, bool in_turn,
                     double *a, double *b)
{
    size_t at[2] = {0, 0}, now = 0;
    for (size_t k = 0; k < 2 * blocks; k++) {
        size_t round = k / 2, second = k % 2;
        size_t who = in_turn ? second ^ (round % 2) : k >= blocks;
        now++;
        for (size_t i = 0; i < BLOCK; i++, now++) {
            double x = exp(0.03 * sn_rng_normal(g) + drift * (double)now);
            x *= sn_rng_uniform(g) < 0.05 ? 5 : 1;
            (who ? b : a)[at[who]++] = (who ? truth : 1) * x;
        }
    }
}

/* Drift of 0.05 % a repetition: 12 % over a row of 40 blocks. In turn the ratio is true to 1 %, one
 * after the other it is wrong by what drifted in a row, although the interval is as narrow. */
Test(paired, drift_cancels_in_turn_only)
{
    struct sn_rng g = sn_rng_make(7, 1);
    static double a[MOST], b[MOST];
    double worst = 0, least = INFINITY;
    for (int trial = 0; trial < 20; trial++) {
        simulate(&g, 40, 1.1, 0.0005, true, a, b);
        struct sn_ratio r = sn_paired_blocks(a, 40 * BLOCK, b, 40 * BLOCK, BLOCK);
        worst = fmax(worst, fabs(log(r.ratio / 1.1)));
        simulate(&g, 40, 1.1, 0.0005, false, a, b);
        r = sn_paired_blocks(a, 40 * BLOCK, b, 40 * BLOCK, BLOCK);
        least = fmin(least, log(r.ratio / 1.1));
    }
    cr_expect(worst < 0.02, "in turn off by %g", worst);
    cr_expect(least > 0.10, "one after the other off by only %g: nothing was tested", least);
}

/* How often the interval of 95 % holds the truth. */
static double coverage(struct sn_rng *g, size_t blocks, double drift, int trials)
{
    static double a[MOST], b[MOST];
    int held = 0;
    for (int t = 0; t < trials; t++) {
        simulate(g, blocks, 0.93, drift, true, a, b);
        struct sn_ratio r = sn_paired_blocks(a, blocks * BLOCK, b, blocks * BLOCK, BLOCK);
        held += r.lo <= 0.93 && 0.93 <= r.hi;
    }
    return (double)held / trials;
}

/* 2000 trials: a standard error of 0.5 %, so that 4 of them are 2 %. With drift more is covered: it
 * widens the blocks' differences with alternating sign. */
Test(paired, intervals_cover)
{
    struct sn_rng g = sn_rng_make(7, 2);
    double few = coverage(&g, 6, 0, 2000), some = coverage(&g, 20, 0, 2000);
    double drifting = coverage(&g, 20, 0.0005, 2000);
    cr_expect(few > 0.95 && few < 0.985, "6 blocks: %g (exact: 0.969)", few);
    cr_expect(some > 0.93 && some < 0.97, "20 blocks: %g", some);
    cr_expect(drifting > 0.93, "20 blocks with drift: %g", drifting);
}

/* Beyond 256 pairs means of consecutive ones take their place: the same ratio, an interval of the
 * same width as the rule of square roots says. */
Test(paired, many_blocks_are_thinned)
{
    struct sn_rng g = sn_rng_make(7, 3);
    static double a[10000], b[10000];
    simulate(&g, 256, 1.2, 0, true, a, b);
    struct sn_ratio small = sn_paired_blocks(a, 256 * BLOCK, b, 256 * BLOCK, BLOCK);
    simulate(&g, 2000, 1.2, 0, true, a, b);
    struct sn_ratio large = sn_paired_blocks(a, 2000 * BLOCK, b, 2000 * BLOCK, BLOCK);
    cr_expect(large.n == 2000 && small.n == 256);
    cr_expect(large.lo < 1.2 && 1.2 < large.hi, "[%g, %g]", large.lo, large.hi);
    double gain = (small.hi - small.lo) / (large.hi - large.lo);
    cr_expect(gain > sqrt(2000.0 / 256) / 1.4 && gain < sqrt(2000.0 / 256) * 1.4, "%g", gain);
}
