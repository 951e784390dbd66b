/* comm/routing.h: purity, distributions and messages of every kind. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "comm/routing_kind.h"
#include "harness/base/status.h"
#include "tests/unit/chi.h"

#define CURVE "curve(results/published/routing-curve-384.csv)"
#define TRACE "trace(tests/golden/routing/trace.csv)"

static struct sn_routing *opened(const char *spec, unsigned experts, unsigned topk, uint64_t seed)
{
    struct sn_routing *r = NULL;
    cr_assert_eq(sn_routing_open(&r, spec, experts, topk, seed), SN_OK, "%s", sn_status_message());
    return r;
}

/* load (experts): activations of tokens first .. first + n - 1 in draw `layer`. */
static void count(const struct sn_routing *r, uint64_t layer, uint64_t first, uint64_t n,
                  uint64_t *load)
{
    uint16_t expert[64];
    memset(load, 0, r->experts * sizeof *load);
    for (uint64_t t = first; t < first + n; t++) {
        sn_routing_token(r, layer, t, expert, NULL);
        for (unsigned j = 0; j < r->topk; j++)
            load[expert[j]]++;
    }
}

static int falling(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x < y) - (x > y);
}

/* --- every kind ------------------------------------------------------------------------------ */

static const char *const specs[] = {"balanced",  "uniform", "zipf(0)",    "zipf(0.7)",
                                    "zipf(1.2)", "zipf(5)", "hot(2,20%)", CURVE};
static const unsigned shapes[][2] = {{256, 8}, {384, 6}, {16, 8}, {10, 4}, {12, 9}, {100, 1}};
#define EACH(i, array) (size_t i = 0; i < sizeof(array) / sizeof(array)[0]; i++)

Test(routing, experts_are_distinct_and_weights_sum_to_one)
{
    for
        EACH(i, specs)
        {
        for
            EACH(q, shapes)
            {
                const unsigned experts = shapes[q][0], k = shapes[q][1];
                struct sn_routing *r = NULL;
                if (sn_routing_open(&r, specs[i], experts, k, 11) != SN_OK) {
                    cr_assert(strstr(specs[i], "hot"), "%s", sn_status_message());
                    continue; /* 2 of 12 experts cannot be as rare as 20 % at top-9 */
                }
                for (uint64_t t = 0; t < 200; t++) {
                    uint16_t expert[16];
                    float weight[16];
                    bool seen[384] = {false};
                    double sum = 0;
                    sn_routing_token(r, 5, t, expert, weight);
                    for (unsigned j = 0; j < k; j++) {
                        cr_assert(expert[j] < experts && !seen[expert[j]], "%s", specs[i]);
                        cr_assert_gt(weight[j], 0);
                        seen[expert[j]] = true;
                        sum += (double)weight[j];
                    }
                    cr_assert_float_eq(sum, 1, 1e-6);
                }
                sn_routing_close(r);
            }
        }
}

Test(routing, is_a_pure_function)
{
    enum { TOKENS = 100 };
    for
        EACH(i, specs)
        {
            static uint16_t expert[TOKENS][8], other[8];
            static float weight[TOKENS][8], again[8];
            struct sn_routing *a = opened(specs[i], 64, 8, 3), *b = opened(specs[i], 64, 8, 3);
            struct sn_routing *seed = opened(specs[i], 64, 8, 4);
            unsigned same_seed = 0, same_layer = 0;
            for (uint64_t t = 0; t < TOKENS; t++)
                sn_routing_token(a, 1, t, expert[t], weight[t]);
            for (uint64_t t = TOKENS; t-- > 0;) { /* another opening, the other way round */
                sn_routing_token(b, 1, t, other, again);
                cr_assert_arr_eq(other, expert[t], sizeof other, "%s", specs[i]);
                cr_assert_arr_eq(again, weight[t], sizeof again);
                sn_routing_token(b, 1, t, other, NULL);
                cr_assert_arr_eq(other, expert[t], sizeof other);
                sn_routing_token(seed, 1, t, other, NULL);
                same_seed += memcmp(other, expert[t], sizeof other) == 0;
                sn_routing_token(b, 2, t, other, NULL);
                same_layer += memcmp(other, expert[t], sizeof other) == 0;
            }
            cr_assert_lt(same_seed, 3, "%s", specs[i]);
            cr_assert_lt(same_layer, 3, "%s", specs[i]);
            sn_routing_close(a);
            sn_routing_close(b);
            sn_routing_close(seed);
        }
}

/* What sn_routing_shares() promises is what is drawn: per expert, chi-square; an upper bound, since
 * without replacement the counts vary less than a multinomial's. */
Test(routing, shares_are_what_is_drawn)
{
    static const char *const drawn[] = {"uniform",    "zipf(0.7)",   "zipf(1.2)",  "zipf(2)",
                                        "hot(8,0.3)", "hot(3,0.37)", "hot(8,99%)", CURVE};
    for
        EACH(i, drawn)
        {
            static uint64_t load[256], swapped[256];
            double share[256], sum = 0;
            struct sn_routing *r = opened(drawn[i], 256, 8, 21);
            sn_routing_shares(r, share);
            count(r, 0, 0, 20000, load);
            for (int e = 0; e < 256; e++) {
                sum += share[e];
                swapped[e] = load[255 - e];
            }
            cr_assert_float_eq(sum, 1, 1e-12);
            cr_assert_lt(chi_square(load, share, 256), chi_square_limit(255), "%s: chi-square %g",
                         drawn[i], chi_square(load, share, 256));
            if (i > 0) /* the check can fail */
                cr_assert_gt(chi_square(swapped, share, 256), 2 * chi_square_limit(255));
            sn_routing_close(r);
        }
}

/* The first of a token's experts is as likely to be cold as the last: send order follows it. */
Test(routing, order_within_a_token_carries_nothing)
{
    uint64_t hot_at[8] = {0};
    double share[64], even[8];
    struct sn_routing *r = opened("hot(1,0.06)", 64, 8, 5);
    uint16_t hot = 0, expert[8];
    sn_routing_shares(r, share);
    for (uint16_t e = 0; e < 64; e++)
        hot = share[e] > share[hot] ? e : hot;
    for (uint64_t t = 0; t < 20000; t++) {
        sn_routing_token(r, 0, t, expert, NULL);
        for (int j = 0; j < 8; j++)
            hot_at[j] += expert[j] == hot;
    }
    for (int j = 0; j < 8; j++)
        even[j] = 1.0 / 8;
    cr_assert_lt(chi_square(hot_at, even, 8), chi_square_limit(7));
    sn_routing_close(r);
}

/* --- uniform --------------------------------------------------------------------------------- */

/* P (1 - C(E - E/P, k) / C(E, k)): a die is missed when all k experts lie on others. */
static double expected_dies(unsigned dies, unsigned experts, unsigned k)
{
    double missed = 1;
    for (unsigned j = 0; j < k; j++)
        missed *= (double)(experts - experts / dies - j) / (experts - j);
    return dies * (1 - missed);
}

Test(routing, distinct_dies_per_token)
{
    /* model-notes.md */
    static const struct {
        unsigned dies;
        double expected;
    } table[] = {{8, 5.29}, {16, 6.52}, {32, 7.27}, {64, 7.68}, {128, 7.89}, {256, 8.00}};
    static const char *const kinds[] = {"uniform", "balanced", "zipf(0)"};
    enum { TOKENS = 20000 };
    for
        EACH(i, kinds)
        {
            struct sn_routing *r = opened(kinds[i], 256, 8, 9);
        for
            EACH(q, table)
            {
                const unsigned dies = table[q].dies;
                uint64_t distinct = 0;
                cr_assert_float_eq(expected_dies(dies, 256, 8), table[q].expected, 0.005);
                for (uint64_t t = 0; t < TOKENS; t++) {
                    uint16_t expert[8];
                    bool hit[256] = {false};
                    sn_routing_token(r, 0, t, expert, NULL);
                    for (int j = 0; j < 8; j++) {
                        distinct += !hit[expert[j] / (256 / dies)];
                        hit[expert[j] / (256 / dies)] = true;
                    }
                }
                /* the standard deviation of a mean of 20,000 is below 0.008 */
                cr_assert_float_eq((double)distinct / TOKENS, table[q].expected, 0.03,
                                   "%s on %u dies: %g", kinds[i], dies, (double)distinct / TOKENS);
            }
        sn_routing_close(r);
        }
}

Test(routing, uniform_pairs_are_alike)
{
    enum { E = 12, PAIRS = E * (E - 1) / 2 };
    uint64_t seen[PAIRS] = {0};
    double even[PAIRS];
    struct sn_routing *r = opened("uniform", E, 2, 31);
    for (uint64_t t = 0; t < 60000; t++) {
        uint16_t x[2];
        sn_routing_token(r, 0, t, x, NULL);
        unsigned lo = x[0] < x[1] ? x[0] : x[1], hi = x[0] < x[1] ? x[1] : x[0];
        seen[hi * (hi - 1) / 2 + lo]++;
    }
    for (int i = 0; i < PAIRS; i++)
        even[i] = 1.0 / PAIRS;
    cr_assert_lt(chi_square(seen, even, PAIRS), chi_square_limit(PAIRS - 1));
    sn_routing_close(r);
}

/* E[max] of `dies` binomial (n, p) loads over their mean, as if independent: they are almost. */
static double expected_imbalance(unsigned dies, unsigned n, double p)
{
    double below = 0, expected = 0, log_pmf = n * log1p(-p);
    for (unsigned x = 0; x < n && below < 1 - 1e-12; x++) {
        below += exp(log_pmf);
        expected += 1 - pow(fmin(below, 1), dies);
        log_pmf += log((double)(n - x) / (x + 1)) + log(p) - log1p(-p);
    }
    return expected / (n * p);
}

/* 320 dies send, 288 of them hold one routed expert each. */
Test(routing, imbalance_of_uniform_routing)
{
    static const struct {
        unsigned tokens;
        double published; /* model-notes.md; equal to 1 + sqrt(2 ln P / lambda), which is an upper
                             estimate of the mean */
    } table[] = {{4, 1.56}, {12, 1.33}, {24, 1.23}, {48, 1.16}, {96, 1.115}};
    for
        EACH(q, table)
        {
            const unsigned tokens = 320 * table[q].tokens, draws = table[q].tokens > 24 ? 10 : 40;
            static uint64_t load[288];
            double rho = 0;
            struct sn_routing *r = opened("uniform", 288, 8, 1);
            for (unsigned d = 0; d < draws; d++) {
                count(r, d, 0, tokens, load);
                rho += sn_routing_imbalance(load, 288) / draws;
            }
            const double expected = expected_imbalance(288, tokens, 8.0 / 288);
            cr_assert_float_eq(rho, expected, 0.015 * expected, "%u tokens: %g, expected %g",
                               table[q].tokens, rho, expected);
            cr_assert_float_eq(rho, table[q].published, 0.045 * rho, "%u tokens: %g, published %g",
                               table[q].tokens, rho, table[q].published);
            sn_routing_close(r);
        }
}

/* --- balanced -------------------------------------------------------------------------------- */

Test(routing, balanced_loads_are_equal)
{
    static const unsigned table[][3] = {/* experts, topk, fewest tokens that divide evenly */
                                        {256, 8, 32}, {384, 8, 48}, {10, 4, 5}, {7, 3, 7},
                                        {5, 5, 1},    {12, 8, 3},   {9, 1, 9},  {1, 1, 1}};
    for
        EACH(i, table)
        {
            const unsigned experts = table[i][0], k = table[i][1];
            struct sn_routing *r = opened("balanced", experts, k, 77);
            for (unsigned batch = table[i][2]; batch <= 4 * table[i][2]; batch += table[i][2])
                for (uint64_t b = 0; b < 3; b++) {
                    uint64_t load[384];
                    count(r, 2, b * batch, batch, load);
                    for (unsigned e = 0; e < experts; e++)
                        cr_assert_eq(load[e], (uint64_t)batch * k / experts, "%u experts, top-%u",
                                     experts, k);
                }
            sn_routing_close(r);
        }
}

Test(routing, balanced_groups_change)
{
    struct sn_routing *r = opened("balanced", 64, 8, 1);
    uint16_t a[8], b[8];
    unsigned in_common = 0;
    for (uint64_t t = 0; t < 800; t++) {
        sn_routing_token(r, 0, t, a, NULL);
        sn_routing_token(r, 0, t + 8, b, NULL); /* the same place in the next round of the pack */
        for (int i = 0; i < 8; i++)
            for (int j = 0; j < 8; j++)
                in_common += a[i] == b[j];
    }
    /* two independent 8-subsets of 64 have one in common on average, standard deviation 0.88 */
    cr_assert_float_eq(in_common / 800.0, 1, 0.15, "%g", in_common / 800.0);
    sn_routing_close(r);
}

/* --- popularity ------------------------------------------------------------------------------ */

/* The largest first. */
static void ranked_shares(const struct sn_routing *r, double *share)
{
    sn_routing_shares(r, share);
    qsort(share, r->experts, sizeof *share, falling);
}

static void ranked_load(const struct sn_routing *r, uint64_t tokens, double *share)
{
    static uint64_t load[1024];
    count(r, 0, 0, tokens, load);
    for (unsigned e = 0; e < r->experts; e++)
        share[e] = (double)load[e] / ((double)tokens * r->topk);
    qsort(share, r->experts, sizeof *share, falling);
}

Test(routing, zipf_has_its_slope)
{
    double share[256], x[2] = {0}, xx = 0, xy = 0;
    struct sn_routing *r = opened("zipf(0.8)", 256, 8, 2);
    ranked_load(r, 40000, share);
    for (int i = 0; i < 60; i++) {
        x[0] += log(i + 1) / 60;
        x[1] += log(share[i]) / 60;
    }
    for (int i = 0; i < 60; i++) {
        xx += (log(i + 1) - x[0]) * (log(i + 1) - x[0]);
        xy += (log(i + 1) - x[0]) * (log(share[i]) - x[1]);
    }
    cr_assert_float_eq(xy / xx, -0.8, 0.02, "%g", xy / xx);
    sn_routing_close(r);
}

Test(routing, zipf_is_cut_at_one_expert_a_token)
{
    double share[256], load[256];
    struct sn_routing *r = opened("zipf(2)", 256, 8, 2);
    ranked_shares(r, share);
    ranked_load(r, 5000, load);
    for (int i = 0; i < 4; i++) { /* 1, 1/4, 1/9, 1/16 of the rest's tail are all above 1/8 */
        cr_assert_float_eq(share[i], 1.0 / 8, 1e-12, "%g", share[i]);
        cr_assert_float_eq(load[i], 1.0 / 8, 0);
    }
    for (int i = 4; i < 127; i++) /* the others keep their proportions: share ~ (i + 1)^-2 */
        cr_assert_float_eq(share[2 * i + 1] / share[i], 0.25, 1e-6, "rank %d", i);
    sn_routing_close(r);
}

Test(routing, hot_experts_take_their_share)
{
    double share[256], load[256], hot = 0, hot_drawn = 0;
    struct sn_routing *r = opened("hot(8,0.3)", 256, 8, 6);
    ranked_shares(r, share);
    ranked_load(r, 30000, load);
    for (int i = 0; i < 8; i++) {
        cr_assert_float_eq(share[i], 0.3 / 8, 1e-12);
        hot += share[i];
        hot_drawn += load[i];
    }
    for (int i = 8; i < 256; i++)
        cr_assert_float_eq(share[i], 0.7 / 248, 1e-12);
    cr_assert_float_eq(hot, 0.3, 1e-12);
    cr_assert_float_eq(hot_drawn, 0.3, 0.003, "%g", hot_drawn);
    sn_routing_close(r);
}

Test(routing, hot_experts_depend_on_the_seed)
{
    unsigned alike = 0;
    for (uint64_t seed = 0; seed < 50; seed++) {
        double a[256], b[256];
        struct sn_routing *r = opened("hot(8,0.3)", 256, 8, seed);
        struct sn_routing *q = opened("hot(8,0.3)", 256, 8, seed + 1);
        sn_routing_shares(r, a);
        sn_routing_shares(q, b);
        for (int e = 0; e < 256; e++)
            alike += a[e] > 0.03 && b[e] > 0.03;
        sn_routing_close(r);
        sn_routing_close(q);
    }
    cr_assert_lt(alike, 30, "%u of 400 stayed hot; 12.5 expected", alike);
}

static const struct {
    unsigned experts;
    double share;
} published[] = {{1, 0.0614},  {2, 0.0793},  {3, 0.0967},  {5, 0.1228},
                 {10, 0.1730}, {15, 0.2122}, {20, 0.2487}, {25, 0.2815},
                 {38, 0.3544}, {50, 0.4127}, {96, 0.5936}, {192, 0.8425}};

Test(routing, curve_reproduces_its_points)
{
    static const unsigned topk[] = {1, 6, 8};
    for
        EACH(q, topk)
        {
            double share[384], drawn[384], sum[2] = {0};
            struct sn_routing *r = opened(CURVE, 384, topk[q], 12);
            ranked_shares(r, share);
            ranked_load(r, 600000 / topk[q], drawn);
            for (unsigned i = 0, p = 0; i < 384; i++) {
                cr_assert(i == 0 || share[i] <= share[i - 1]);
                sum[0] += share[i];
                sum[1] += drawn[i];
                if (p < 12 && published[p].experts == i + 1) {
                    cr_assert_float_eq(sum[0], published[p].share, 1e-9, "top %u: %g", i + 1,
                                       sum[0]);
                    cr_assert_float_eq(sum[1], published[p].share, 0.02 * published[p].share,
                                       "top %u: drawn %g", i + 1, sum[1]);
                    p++;
                }
            }
            sn_routing_close(r);
        }
}

/* The n most used of 256 take what the 1.5 n most used of 384 take. */
Test(routing, curve_scales_by_quantile)
{
    static const unsigned at[][2] = {{2, 3}, {10, 15}, {64, 96}, {128, 192}};
    double share[256], sum = 0;
    struct sn_routing *r = opened(CURVE, 256, 8, 12);
    ranked_shares(r, share);
    for (unsigned i = 0, p = 0; i < 256; i++) {
        sum += share[i];
        if (p < 4 && at[p][0] == i + 1) {
            for
                EACH(j, published)
            if (published[j].experts == at[p][1])
                cr_assert_float_eq(sum, published[j].share, 1e-9);
            p++;
        }
    }
    cr_assert_float_eq(share[0], 0.0614 + 0.5 * (0.0793 - 0.0614), 1e-12);
    sn_routing_close(r);
}

/* --- trace ----------------------------------------------------------------------------------- */

Test(routing, trace_plays_the_file_and_wraps)
{
    static const struct {
        uint64_t layer, token;
        uint16_t expert[2];
    } table[] = {{0, 0, {0, 1}}, {0, 1, {2, 0}}, {0, 2, {3, 0}}, {0, 3, {0, 1}}, {0, 31, {2, 0}},
                 {1, 0, {1, 2}}, {1, 1, {1, 3}}, {1, 2, {1, 2}}, {2, 1, {2, 0}}, {7, 7, {1, 3}}};
    struct sn_routing *r = opened(TRACE, 4, 2, 1);
    for
        EACH(i, table)
        {
            uint16_t expert[2];
            float weight[2];
            sn_routing_token(r, table[i].layer, table[i].token, expert, weight);
            cr_assert_arr_eq(expert, table[i].expert, sizeof expert, "row %zu: %u,%u", i, expert[0],
                             expert[1]);
            cr_assert_float_eq(weight[0] + weight[1], 1, 1e-6);
        }
    /* layer 3: 3 1 1 1 of 6; layer 4: 0 2 1 1 of 4 */
    double share[4];
    sn_routing_shares(r, share);
    cr_assert_float_eq(share[0], 0.25, 1e-12);
    cr_assert_float_eq(share[1], (1 / 6.0 + 2 / 4.0) / 2, 1e-12);
    cr_assert_float_eq(share[2], (1 / 6.0 + 1 / 4.0) / 2, 1e-12);
    cr_assert_float_eq(share[3], (1 / 6.0 + 1 / 4.0) / 2, 1e-12);
    sn_routing_close(r);
}

/* --- the rest -------------------------------------------------------------------------------- */

Test(routing, imbalance_is_max_over_mean)
{
    cr_assert_float_eq(sn_routing_imbalance((const uint64_t[]){1, 2, 3, 6}, 4), 2, 0);
    cr_assert_float_eq(sn_routing_imbalance((const uint64_t[]){5, 5}, 2), 1, 0);
    cr_assert_float_eq(sn_routing_imbalance((const uint64_t[]){0, 0, 7}, 3), 3, 0);
    cr_assert_float_eq(sn_routing_imbalance((const uint64_t[]){0, 0}, 2), 0, 0);
    cr_assert_float_eq(sn_routing_imbalance(NULL, 0), 0, 0);
}
