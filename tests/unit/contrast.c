/* The decision of compare, by hand: ratios, p, Holm, thresholds, doubts, what is detectable. */
#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "harness/contrast.h"

static struct sn_contrast pair(const double *a, size_t na, const double *b, size_t nb)
{
    return (struct sn_contrast){.base = a, .n_base = na, .next = b, .n_next = nb, .noise = NAN};
}

static struct sn_contrast decided(const double *a, size_t na, const double *b, size_t nb)
{
    struct sn_contrast c = pair(a, na, b, nb);

    sn_contrast_decide(&c, 1, 0.03, 0.05);
    return c;
}

static void expect_near(double got, double want)
{
    cr_expect(fabs(got - want) <= 1e-12 * fabs(want), "got %.15g, expected %.15g", got, want);
}

/* 1.00 1.01 1.02 1.03 against the same times 1.2. The differences of logarithms lie about ln 1.2
 * alike on both sides: the ratio is 1.2. 4 against 4: the interval is all of them, 1.2 / 1.03 to
 * 1.2 x 1.03; apart: p = 2 / C(8, 4) = 1/35. */
Test(contrast, slower_by_hand)
{
    static const double a[] = {1, 1.01, 1.02, 1.03}, b[] = {1.2, 1.212, 1.224, 1.236};
    struct sn_contrast c = decided(a, 4, b, 4);

    expect_near(c.ratio, 1.2);
    expect_near(c.lo, 1.2 / 1.03);
    expect_near(c.hi, 1.236);
    expect_near(c.p, 1.0 / 35);
    expect_near(c.p_holm, 1.0 / 35);
    expect_near(c.p_least, 1.0 / 35);
    expect_near(c.threshold, log(1.03));
    cr_expect_eq(c.change, SN_CHANGE_SLOWER);
    cr_expect_eq(c.doubt, SN_DOUBT_NONE);
    cr_expect(!sn_contrast_may_be_slower(&c) && !sn_contrast_may_be_faster(&c));

    c = decided(b, 4, a, 4);
    expect_near(c.ratio, 1 / 1.2);
    cr_expect_eq(c.change, SN_CHANGE_FASTER);
}

/* w = half of ln(1.236 / (1.2 / 1.03)) = ln 1.03; one row: the family's interval is the same. Found
 * 95 % of the time: t + w + 1.6449 w / 1.9600, with t = ln 1.03 too. */
Test(contrast, detectable_by_hand)
{
    static const double a[] = {1, 1.01, 1.02, 1.03}, b[] = {1.2, 1.212, 1.224, 1.236};
    struct sn_contrast c = decided(a, 4, b, 4);
    double l = log(1.03);

    cr_expect(fabs(c.detectable - exp(2 * l + 1.6448536269 * l / 1.9599639845)) < 1e-9, "%.12g",
              c.detectable);
    /* Noise of 10 % takes the place of the threshold. */
    c = pair(a, 4, b, 4);
    c.noise = log(1.1);
    sn_contrast_decide(&c, 1, 0.03, 0.05);
    cr_expect(fabs(c.detectable - exp(log(1.1) + l + 1.6448536269 * l / 1.9599639845)) < 1e-9);
}

/* 1 to 1.01 against itself: ratios 1/1.01 to 1.01, inside 3 %. */
Test(contrast, same_by_hand)
{
    static const double a[] = {1, 1.003, 1.006, 1.01};
    struct sn_contrast c = decided(a, 4, a, 4);

    expect_near(c.ratio, 1);
    expect_near(c.hi, 1.01);
    cr_expect_eq(c.change, SN_CHANGE_SAME);
    /* 10 % wide: not inside 3 %, but inside 12 % */
    static const double wide[] = {1, 1.05, 1.07, 1.1};
    c = decided(wide, 4, wide, 4);
    cr_expect_eq(c.change, SN_CHANGE_UNSURE);
    cr_expect_eq(c.doubt, SN_DOUBT_WIDE);
    cr_expect(sn_contrast_may_be_slower(&c) && sn_contrast_may_be_faster(&c));
    c = pair(wide, 4, wide, 4);
    sn_contrast_decide(&c, 1, 0.12, 0.05);
    cr_expect_eq(c.change, SN_CHANGE_SAME);
}

/* Slower by 2 % without doubt (p = 1/35, interval 1.0190 to 1.0210): inside the threshold, so same.
 * With a threshold of 2 % the interval reaches over it: slower, but by less or more? */
Test(contrast, significant_is_not_slower)
{
    static const double a[] = {1, 1.0001, 1.0002, 1.001}, b[] = {1.02, 1.0201, 1.0202, 1.021};
    struct sn_contrast c = decided(a, 4, b, 4);

    expect_near(c.p_holm, 1.0 / 35);
    cr_expect_eq(c.change, SN_CHANGE_SAME);
    c = pair(a, 4, b, 4);
    sn_contrast_decide(&c, 1, 0.02, 0.05);
    cr_expect_eq(c.doubt, SN_DOUBT_WIDE);
    cr_expect(sn_contrast_may_be_slower(&c));
    cr_expect(!sn_contrast_may_be_faster(&c), "its interval excludes that");
}

/* Noise of 25 %: a change of 20 % is none; of the interval 1.165 to 1.236. */
Test(contrast, noise_is_the_threshold)
{
    static const double a[] = {1, 1.01, 1.02, 1.03}, b[] = {1.2, 1.212, 1.224, 1.236};
    struct sn_contrast c = pair(a, 4, b, 4);

    c.noise = log(1.25);
    sn_contrast_decide(&c, 1, 0.03, 0.05);
    expect_near(c.threshold, log(1.25));
    cr_expect_eq(c.change, SN_CHANGE_SAME);
    c = pair(a, 4, b, 4);
    c.noise = log(1.2);
    sn_contrast_decide(&c, 1, 0.03, 0.05);
    cr_expect_eq(c.doubt, SN_DOUBT_WIDE);
    c = pair(a, 4, b, 4);
    c.noise = 0.001; /* less than 3 % */
    sn_contrast_decide(&c, 1, 0.03, 0.05);
    expect_near(c.threshold, log(1.03));
    cr_expect_eq(c.change, SN_CHANGE_SLOWER);
}

/* 1, 3 and 4 launches. 3 against 3: p >= 2 / C(6, 3) = 0.1. 3 against 5: 2 / 56 = 0.036 can be. */
Test(contrast, too_few_launches)
{
    static const double a[] = {1, 1.01, 1.02, 1.03, 1.04}, b[] = {2, 2.02, 2.04, 2.06, 2.08};
    struct sn_contrast c = decided(a, 1, b, 1);

    expect_near(c.ratio, 2);
    cr_expect(isnan(c.lo) && isnan(c.p) && isnan(c.detectable));
    cr_expect_eq(c.doubt, SN_DOUBT_ONE_LAUNCH);
    cr_expect(sn_contrast_may_be_slower(&c) && sn_contrast_may_be_faster(&c));
    cr_expect_eq(decided(a, 5, b, 1).doubt, SN_DOUBT_ONE_LAUNCH);
    c = decided(a, 3, b, 3);
    cr_expect_eq(c.doubt, SN_DOUBT_LAUNCHES);
    cr_expect_eq(c.change, SN_CHANGE_UNSURE);
    expect_near(c.p_least, 0.1);
    cr_expect_eq(decided(a, 3, b, 5).change, SN_CHANGE_SLOWER);
    cr_expect_eq(decided(a, 2, b, 5).doubt, SN_DOUBT_LAUNCHES, "2 / C(7, 2) = 0.095");
    cr_expect_eq(decided(a, 0, b, 5).doubt, SN_DOUBT_DATA);
}

/* 2 / C(2k, k) x rows <= 5 %: 4 (0.0286), for 2 rows 5 (2 x 0.0079), for 20 rows 6 (20 x 0.00216 =
 * 0.043), for 23 rows 6 (0.0498), for 24 rows 7. At 20 %: 3 (0.1). */
Test(contrast, launches_needed)
{
    cr_expect_eq(sn_contrast_launches_needed(1, 0.05), 4);
    cr_expect_eq(sn_contrast_launches_needed(2, 0.05), 5);
    cr_expect_eq(sn_contrast_launches_needed(20, 0.05), 6);
    cr_expect_eq(sn_contrast_launches_needed(23, 0.05), 6);
    cr_expect_eq(sn_contrast_launches_needed(24, 0.05), 7);
    cr_expect_eq(sn_contrast_launches_needed(1, 0.2), 3);
}

/* Two rows of 4 launches: 2 x 1/35 = 0.057 can never pass, whatever was measured. With a third of 1
 * launch beside it the family stays at two: that one has no test to correct for. */
Test(contrast, family)
{
    static const double a[] = {1, 1.01, 1.02, 1.03}, b[] = {2, 2.02, 2.04, 2.06};
    struct sn_contrast c[] = {pair(a, 4, b, 4), pair(a, 4, a, 4), pair(a, 1, b, 1)};

    sn_contrast_decide(c, 3, 0.03, 0.05);
    expect_near(c[0].p, 1.0 / 35);
    expect_near(c[0].p_holm, 2.0 / 35);
    expect_near(c[0].p_least_holm, 2.0 / 35);
    cr_expect_eq(c[0].doubt, SN_DOUBT_FAMILY);
    cr_expect(isnan(c[0].detectable), "no change, however large");
    cr_expect_eq(c[2].doubt, SN_DOUBT_ONE_LAUNCH);
    cr_expect(isnan(c[2].p_holm));
    /* An exact row enters no family either. */
    c[1] = pair(a, 1, a, 1);
    c[1].exact = true;
    sn_contrast_decide(c, 3, 0.03, 0.05);
    expect_near(c[0].p_holm, 1.0 / 35);
    cr_expect_eq(c[0].change, SN_CHANGE_SLOWER);
    cr_expect_eq(c[1].change, SN_CHANGE_SAME);
}

/* Beyond the threshold, but among others: 5 against 5 with one pair crossed, U = 1: p = 2 x 2 /
 * C(10, 5) = 4/252 = 0.0159; among 4 rows 0.063: not significant, though it could have been (4 x
 * 2/252 = 0.032). The interval: 3rd to 23rd of the 25 ratios. */
Test(contrast, holm_can_take_it_away)
{
    static const double a[] = {1, 1.001, 1.002, 1.003, 1.2}, b[] = {1.19, 1.3, 1.31, 1.32, 1.33};
    struct sn_contrast c[4];

    c[0] = pair(a, 5, b, 5);
    for (int i = 1; i < 4; i++)
        c[i] = pair(a, 5, a, 5);
    sn_contrast_decide(c, 4, 0.03, 0.05);
    expect_near(c[0].p, 4.0 / 252);
    expect_near(c[0].p_holm, 16.0 / 252);
    expect_near(c[0].lo, 1.31 / 1.2); /* after 1.19 / 1.2 and 1.3 / 1.2 */
    cr_expect_eq(c[0].doubt, SN_DOUBT_HOLM);
    sn_contrast_decide(c, 3, 0.03, 0.05); /* 12/252 = 0.0476 */
    cr_expect_eq(c[0].change, SN_CHANGE_SLOWER);
}

/* The model clock: the ratio against the threshold; exactly the threshold is within it. */
Test(contrast, exact_rows)
{
    static const double one = 1, same = 1.03, more = 1.0301, less = 1 / 1.03, least = 0.9708;
    static const double twice[] = {1, 1}, varies[] = {1, 1.001};
    const struct {
        const double *next;
        enum sn_change change;
    } t[] = {{&one, SN_CHANGE_SAME},
             {&same, SN_CHANGE_SAME},
             {&more, SN_CHANGE_SLOWER},
             {&less, SN_CHANGE_SAME},
             {&least, SN_CHANGE_FASTER}};
    struct sn_contrast c;

    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        c = pair(&one, 1, t[i].next, 1);
        c.exact = true;
        sn_contrast_decide(&c, 1, 0.03, 0.05);
        cr_expect_eq(c.change, t[i].change, "%zu", i);
        cr_expect(isnan(c.p) && isnan(c.p_holm));
        expect_near(c.detectable, 1.03);
    }
    c = pair(twice, 2, twice, 2);
    c.exact = true;
    sn_contrast_decide(&c, 1, 0, 0.05);
    cr_expect_eq(c.change, SN_CHANGE_SAME, "threshold 0");
    c = pair(&one, 1, varies, 2);
    c.exact = true;
    sn_contrast_decide(&c, 1, 0.03, 0.05);
    cr_expect_eq(c.doubt, SN_DOUBT_VARIES);
    cr_expect(sn_contrast_may_be_slower(&c) && sn_contrast_may_be_faster(&c));
    c = pair(&one, 1, &more, 1);
    c.exact = true;
    c.noise = 0.5; /* no model has noise */
    sn_contrast_decide(&c, 1, 0.03, 0.05);
    cr_expect_eq(c.change, SN_CHANGE_SLOWER);
}

/* Ties everywhere: nothing divides by zero, nothing is found. */
Test(contrast, all_alike)
{
    static const double a[] = {1, 1, 1, 1, 1, 1};
    struct sn_contrast c = decided(a, 6, a, 6);

    cr_expect_eq(c.p, 1);
    cr_expect_eq(c.ratio, 1);
    cr_expect_eq(c.change, SN_CHANGE_SAME);
    expect_near(c.detectable, 1.03);
}

Test(contrast, median_of_a_launch)
{
    static const double x[] = {5, 1, 4, 2};

    cr_expect_eq(sn_contrast_median(x, 4), 2, "x(ceil(n / 2))");
    cr_expect_eq(sn_contrast_median(x, 3), 4);
    cr_expect_eq(sn_contrast_median(x, 1), 5);
}
