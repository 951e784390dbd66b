/* comm/subset.h: the drawn distribution against enumerations of all subsets. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "comm/subset.h"
#include "harness/base/status.h"
#include "tests/unit/chi.h"

enum { N = 6, K = 3, SUBSETS = 20 };
static const double asked[N] = {0.9, 0.7, 0.5, 0.5, 0.3, 0.1};

/* The bit masks of all K-subsets of N. */
static void enumerate(unsigned *mask)
{
    unsigned n = 0;
    for (unsigned m = 0; m < 1u << N; m++)
        if (__builtin_popcount(m) == K)
            mask[n++] = m;
    cr_assert_eq(n, SUBSETS);
}

/* The distribution of largest entropy with the asked inclusion probabilities, by gradient ascent on
 * its dual, sum pi_i l_i - log sum_S exp(sum_(i in S) l_i): no table, no recursion. */
static void largest_entropy(const unsigned *mask, double *p)
{
    double l[N] = {0};
    for (int step = 0; step < 20000; step++) {
        double sum = 0, inclusion[N] = {0};
        for (int s = 0; s < SUBSETS; s++) {
            double x = 0;
            for (int i = 0; i < N; i++)
                x += mask[s] >> i & 1 ? l[i] : 0;
            sum += p[s] = exp(x);
        }
        for (int s = 0; s < SUBSETS; s++)
            for (int i = 0; i < N; i++)
                inclusion[i] += mask[s] >> i & 1 ? p[s] / sum : 0;
        for (int i = 0; i < N; i++)
            l[i] += asked[i] - inclusion[i];
        for (int s = 0; s < SUBSETS; s++)
            p[s] /= sum;
    }
}

static unsigned mask_of(const uint16_t *x, unsigned k)
{
    unsigned m = 0;
    for (unsigned j = 0; j < k; j++)
        m |= 1u << x[j];
    return m;
}

Test(subset, has_the_largest_entropy)
{
    unsigned mask[SUBSETS];
    double p[SUBSETS];
    uint64_t seen[SUBSETS] = {0}, uniform[SUBSETS] = {0};
    struct sn_subset s;
    struct sn_rng rng = sn_rng_make(1, 0);

    enumerate(mask);
    largest_entropy(mask, p);
    cr_assert_eq(sn_subset_open(&s, asked, N, K), SN_OK);
    for (int draw = 0; draw < 200000; draw++) {
        uint16_t x[K], y[K];
        sn_subset_draw(&s, &rng, x);
        sn_subset_uniform(N, K, &rng, y);
        for (int i = 0; i < SUBSETS; i++) {
            seen[i] += mask[i] == mask_of(x, K);
            uniform[i] += mask[i] == mask_of(y, K);
        }
    }
    sn_subset_close(&s);
    double fit = chi_square(seen, p, SUBSETS);
    cr_assert_lt(fit, chi_square_limit(SUBSETS - 1), "chi-square %g", fit);
    /* the same check refuses draws of another distribution */
    cr_assert_gt(chi_square(uniform, p, SUBSETS), 1000);
}

Test(subset, uniform_draws_every_subset_alike)
{
    unsigned mask[SUBSETS];
    double p[SUBSETS];
    uint64_t seen[SUBSETS] = {0};
    struct sn_rng rng = sn_rng_make(2, 0);

    enumerate(mask);
    for (int draw = 0; draw < 100000; draw++) {
        uint16_t x[K];
        sn_subset_uniform(N, K, &rng, x);
        for (int i = 0; i < SUBSETS; i++)
            seen[i] += mask[i] == mask_of(x, K);
    }
    for (int i = 0; i < SUBSETS; i++)
        p[i] = 1.0 / SUBSETS;
    cr_assert_lt(chi_square(seen, p, SUBSETS), chi_square_limit(SUBSETS - 1));
}

/* Above 64 a second method draws. Its item counts have variance k/n (1 - k/n) per draw, less than
 * the multinomial's by 1 - k/n. */
Test(subset, uniform_draws_large_subsets_alike)
{
    enum { BIG = 100, MANY = 70, DRAWS = 20000 };
    uint64_t seen[BIG] = {0};
    struct sn_rng rng = sn_rng_make(3, 0);

    for (int draw = 0; draw < DRAWS; draw++) {
        uint16_t x[MANY];
        bool in[BIG] = {false};
        sn_subset_uniform(BIG, MANY, &rng, x);
        for (int j = 0; j < MANY; j++) {
            cr_assert(x[j] < BIG && !in[x[j]]);
            in[x[j]] = true;
            seen[x[j]]++;
        }
    }
    double x = 0, mean = DRAWS * 0.7;
    for (int i = 0; i < BIG; i++)
        x += ((double)seen[i] - mean) * ((double)seen[i] - mean) / (mean * 0.3) * (BIG - 1) / BIG;
    cr_assert_lt(x, chi_square_limit(BIG - 1), "chi-square %g", x);
    cr_assert_gt(x, 30, "chi-square %g: too even to be random", x);
}

Test(subset, shuffle_makes_every_order_alike)
{
    uint64_t seen[24] = {0};
    double p[24];
    struct sn_rng rng = sn_rng_make(4, 0);

    for (int draw = 0; draw < 50000; draw++) {
        uint16_t x[4] = {0, 1, 2, 3};
        sn_subset_shuffle(x, 4, &rng);
        cr_assert_eq(mask_of(x, 4), 15);
        /* the Lehmer code of the order */
        unsigned code = 0;
        for (int i = 0; i < 4; i++) {
            unsigned smaller = 0;
            for (int j = i + 1; j < 4; j++)
                smaller += x[j] < x[i];
            code = code * (4 - i) + smaller;
        }
        seen[code]++;
    }
    for (int i = 0; i < 24; i++)
        p[i] = 1.0 / 24;
    cr_assert_lt(chi_square(seen, p, 24), chi_square_limit(23));
}

Test(subset, certain_and_impossible_items)
{
    const double p[5] = {0, 1, 0.5, 0.5, 1};
    struct sn_subset s;
    struct sn_rng rng = sn_rng_make(5, 0);

    cr_assert_eq(sn_subset_open(&s, p, 5, 3), SN_OK);
    cr_assert_eq(s.certain, 2);
    for (int draw = 0; draw < 1000; draw++) {
        uint16_t x[3];
        sn_subset_draw(&s, &rng, x);
        unsigned m = mask_of(x, 3);
        cr_assert(m == 0x16 || m == 0x1a, "drew %#x", m);
    }
    sn_subset_close(&s);
}

Test(subset, everything_and_one)
{
    const double all[3] = {1, 1, 1}, one[3] = {0.2, 0.5, 0.3};
    struct sn_subset s;
    struct sn_rng rng = sn_rng_make(6, 0);
    uint16_t x[3];
    uint64_t seen[3] = {0};

    cr_assert_eq(sn_subset_open(&s, all, 3, 3), SN_OK);
    sn_subset_draw(&s, &rng, x);
    cr_assert_eq(mask_of(x, 3), 7);
    sn_subset_close(&s);
    cr_assert_eq(sn_subset_open(&s, one, 3, 1), SN_OK);
    for (int draw = 0; draw < 50000; draw++) {
        sn_subset_draw(&s, &rng, x);
        seen[x[0]]++;
    }
    cr_assert_lt(chi_square(seen, one, 3), chi_square_limit(2));
    sn_subset_close(&s);
}

/* w is solved for any shape: flat, steep, nearly certain, k up to n. */
Test(subset, solves_random_shapes)
{
    struct sn_rng rng = sn_rng_make(7, 0);
    for (int round = 0; round < 2000; round++) {
        const unsigned n = 2 + (unsigned)sn_rng_below(&rng, 40);
        const unsigned k = 1 + (unsigned)sn_rng_below(&rng, n);
        const double spread = 25 * sn_rng_uniform(&rng);
        double weight[64], p[64], sum = 0;
        struct sn_subset s;
        for (unsigned i = 0; i < n; i++)
            weight[i] = exp(spread * (sn_rng_uniform(&rng) - 0.5));
        sn_subset_inclusion(weight, n, k, p);
        for (unsigned i = 0; i < n; i++) {
            cr_assert(p[i] > 0 && p[i] <= 1);
            sum += p[i];
        }
        cr_assert_float_eq(sum, k, 1e-9);
        cr_assert_eq(sn_subset_open(&s, p, n, k), SN_OK, "n %u k %u: %s", n, k,
                     sn_status_message());
        cr_assert_lt(s.error, 1e-10, "n %u k %u spread %g", n, k, spread);
        sn_subset_close(&s);
    }
}

Test(subset, inclusion_cuts_at_one)
{
    double p[4];
    sn_subset_inclusion((const double[]){1, 8, 1}, 3, 2, p);
    cr_assert_float_eq(p[0], 0.5, 1e-15);
    cr_assert_float_eq(p[1], 1, 0);
    cr_assert_float_eq(p[2], 0.5, 1e-15);
    /* the second is above 1 only after the first was cut: 3 (4, 2, 1, 1) / 8 = 1.5, 0.75, ...; then
     * 2 (2, 1, 1) / 4 = 1, 0.5, 0.5 */
    sn_subset_inclusion((const double[]){4, 2, 1, 1}, 4, 3, p);
    cr_assert_float_eq(p[0], 1, 0);
    cr_assert_float_eq(p[1], 1, 1e-15);
    cr_assert_float_eq(p[2], 0.5, 1e-15);
    cr_assert_float_eq(p[3], 0.5, 1e-15);
    sn_subset_inclusion((const double[]){0, 3, 5, 0}, 4, 2, p);
    cr_assert(p[0] == 0 && p[1] == 1 && p[2] == 1 && p[3] == 0);
}

Test(subset, refuses_a_table_that_is_too_large)
{
    enum { BIG = 65535, MANY = 1000 };
    double *p = malloc(BIG * sizeof *p);
    struct sn_subset s;
    for (int i = 0; i < BIG; i++)
        p[i] = (double)MANY / BIG;
    cr_assert_eq(sn_subset_open(&s, p, BIG, MANY), SN_EINVAL);
    cr_assert(strstr(sn_status_message(), "table"), "%s", sn_status_message());
    free(p);
}
