/* The statistics under a diagnosis: tails, false alarms, power, intervals. */
#include <math.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "harness/base/rng.h"
#include "harness/diagnose_fit.h"
#include "harness/diagnose_tail.h"

/* --- Student's t ------------------------------------------------------------------------------ */

/* Closed forms: nu = 1 (Cauchy), 2, 4; the normal from erfc. */
Test(diagnose_fit, tails_have_closed_forms)
{
    for (double x = -3; x < 60; x += 0.7) {
        double r = x / sqrt(4 + x * x);
        double four = 0.5 - 0.75 * (r - r * r * r / 3);
        cr_expect(fabs(sn_tail_t(x, 1) - (0.5 - atan(x) / M_PI)) < 1e-12, "nu 1 at %g", x);
        cr_expect(fabs(sn_tail_t(x, 2) - (0.5 - x / (2 * sqrt(2 + x * x)))) < 1e-12, "nu 2, %g", x);
        cr_expect(fabs(sn_tail_t(x, 4) - four) < 1e-12, "nu 4 at %g", x);
    }
    cr_expect(fabs(sn_tail_t(1.959963984540054, INFINITY) - 0.025) < 1e-12);
    cr_expect(fabs(sn_tail_t(1.959963984540054, 1e7) - 0.025) < 1e-6);
    /* far out, where differences from 1 would lose everything: nu = 2 is 1 / (2 x^2) there */
    cr_expect(fabs(sn_tail_t(1e6, 2) / 0.5e-12 - 1) < 1e-6);
}

Test(diagnose_fit, quantiles_invert_tails)
{
    static const double nu[] = {1, 2, 3, 5, 30, 1e4, INFINITY}, p[] = {0.5, 0.1, 1e-3, 1e-6, 1e-9};
    for (size_t i = 0; i < sizeof nu / sizeof *nu; i++)
        for (size_t k = 1; k < sizeof p / sizeof *p; k++) {
            double x = sn_tail_t_quantile(p[k], nu[i]);
            cr_expect(fabs(sn_tail_t(x, nu[i]) / p[k] - 1) < 1e-6, "nu %g p %g", nu[i], p[k]);
        }
}

/* Student's t from its definition: a normal over the root of a mean of squares. */
static double t_noise(struct sn_rng *r, int nu)
{
    double squares = 0;
    for (int i = 0; i < nu; i++) {
        double g = sn_rng_normal(r);
        squares += g * g;
    }
    return sn_rng_normal(r) / sqrt(squares / nu);
}

Test(diagnose_fit, tails_are_recognised)
{
    enum { N = 4000 };
    double *x = malloc(N * sizeof *x), scale;
    struct sn_rng r = sn_rng_make(1, 2);
    for (int i = 0; i < N; i++)
        x[i] = 0.3 * t_noise(&r, 3);
    double nu = sn_tail_fit(x, N, &scale);
    cr_expect(nu >= 3 && nu <= 4, "nu of t3: %g", nu);
    cr_expect(fabs(scale / 0.3 - 1) < 0.1, "scale %g", scale);
    for (int i = 0; i < N; i++)
        x[i] = 0.3 * sn_rng_normal(&r);
    nu = sn_tail_fit(x, N, &scale);
    cr_expect(nu >= 20, "nu of a normal: %g", nu);
    cr_expect(fabs(scale / 0.3 - 1) < 0.05, "scale %g", scale);
    free(x);
}

/* --- false alarms and power, on matrices ------------------------------------------------------ */

enum noise { NORMAL, CONTAMINATED, T4, DISTURBED, DISTURBED_OF_3 };

static double noise_of(struct sn_rng *r, enum noise kind, double s)
{
    switch (kind) {
    case NORMAL:
        return s * sn_rng_normal(r);
    case CONTAMINATED: /* one in twenty four times as wide */
        return s * sn_rng_normal(r) * (sn_rng_uniform(r) < 0.05 ? 4 : 1);
    case T4:
        return s * t_noise(r, 4);
    case DISTURBED: /* one in twenty lengthened */
        return s * sn_rng_normal(r) +
               (sn_rng_uniform(r) < 0.05 ? 3 * s * sn_rng_exponential(r) : 0);
    case DISTURBED_OF_3: { /* the median of three launches */
        double x[3];
        for (int i = 0; i < 3; i++)
            x[i] = noise_of(r, DISTURBED, s);
        return sn_fit_median(x, 3, false);
    }
    }
    return 0;
}

/* Healthy: endpoints differ by 1 %, cells by noise. y (n, n), log times of lognormal noise. */
static void healthy(double *y, size_t n, enum noise kind, double s, struct sn_rng *r)
{
    double a[32], b[32];
    for (size_t i = 0; i < n; i++) {
        a[i] = 0.01 * sn_rng_normal(r);
        b[i] = 0.01 * sn_rng_normal(r);
    }
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            y[i * n + j] = i == j ? NAN : log(20e-6) + a[i] + b[j] + noise_of(r, kind, s);
}

static void search(double *y, size_t n, double alpha, double threshold, bool once,
                   struct sn_fit *fit)
{
    static unsigned char tier[32 * 32];
    struct sn_matrix x = {.n = n, .y = y, .tier = tier, .tiers = 1};
    /* two kinds share alpha, as in diagnose_levels.c */
    struct sn_fit_opts o = {threshold, alpha, 2 * 2.0 * (double)n, 2 * (double)n * (double)(n - 1),
                            once};
    sn_fit_matrix(&x, &o, fit);
}

static int alarms(size_t n, enum noise kind, double s, double alpha, double threshold, int trials)
{
    int found = 0;
    for (int t = 0; t < trials; t++) {
        struct sn_rng r = sn_rng_make(1 + (uint64_t)t, n * 100 + kind);
        double y[32 * 32];
        struct sn_fit fit;
        healthy(y, n, kind, s, &r);
        search(y, n, alpha, threshold, kind != DISTURBED_OF_3, &fit);
        found += fit.n_found > 0;
        sn_fit_free(&fit);
    }
    return found;
}

/* At most alpha, and three standard deviations of the count. */
Test(diagnose_fit, healthy_matrices_raise_no_alarm, .timeout = 120)
{
    static const double s[] = {0.02, 0.05, 0.1};
    static const struct {
        size_t n;
        int trials;
    } sizes[] = {{4, 1000}, {5, 1000}, {8, 600}, {16, 200}, {32, 40}};
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
        for (int i = 0; i < 3; i++)
            for (enum noise kind = NORMAL; kind <= T4; kind++) {
                double mean = 0.01 * sizes[k].trials;
                int n = alarms(sizes[k].n, kind, s[i], 0.01, 0.05, sizes[k].trials);
                cr_expect(n <= mean + 3 * sqrt(mean) + 1, "n %zu noise %d of %g: %d of %d alarms",
                          sizes[k].n, kind, s[i], n, sizes[k].trials);
            }
}

/* A disturbance that lengthens one cell is what a slow pair looks like: one launch cannot tell them
 * apart: up to 6 of 100 matrices raise an alarm. The median of three launches can. */
Test(diagnose_fit, launches_keep_disturbances_out, .timeout = 120)
{
    static const double s[] = {0.02, 0.05, 0.1};
    for (size_t n = 8; n <= 16; n += 8)
        for (int i = 0; i < 3; i++) {
            int trials = n == 8 ? 600 : 200;
            double mean = 0.01 * trials;
            int one = alarms(n, DISTURBED, s[i], 0.01, 0.05, trials);
            int three = alarms(n, DISTURBED_OF_3, s[i], 0.01, 0.05, trials);
            cr_expect(three <= mean + 3 * sqrt(mean) + 1, "n %zu, %g: %d of %d", n, s[i], three,
                      trials);
            cr_expect(one <= 0.1 * trials, "one launch, n %zu, %g: %d of %d", n, s[i], one, trials);
        }
}

/* The count above can fail: without threshold and at a level of 50 % there are many alarms, and at
 * 10 % no more than that share. */
Test(diagnose_fit, the_level_means_what_it_says, .timeout = 60)
{
    int half = alarms(8, NORMAL, 0.05, 0.5, 0, 300), tenth = alarms(8, NORMAL, 0.05, 0.1, 0, 300);
    cr_expect(half > 30, "level 50 %%: %d of 300", half);
    cr_expect(tenth <= 30 + 3 * sqrt(30), "level 10 %%: %d of 300", tenth);
}

/* One link at half speed: twice the time. */
Test(diagnose_fit, half_speed_is_found, .timeout = 60)
{
    static const struct {
        size_t n;
        double s;
        bool launches; /* several */
    } c[] = {{5, 0.02, false},  {8, 0.02, false},  {8, 0.03, false},
             {16, 0.03, false}, {32, 0.03, false}, {32, 0.05, true}};
    for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
        int trials = c[k].n < 16 ? 400 : c[k].n < 32 ? 200 : 50, right = 0;
        for (int t = 0; t < trials; t++) {
            struct sn_rng r = sn_rng_make(1 + (uint64_t)t, 77 + c[k].n);
            double y[32 * 32];
            struct sn_fit f;
            healthy(y, c[k].n, NORMAL, c[k].s, &r);
            y[2 * c[k].n + 1] += log(2);
            search(y, c[k].n, 0.01, 0.05, !c[k].launches, &f);
            right += f.n_found == 1 && f.found[0].type == SN_OUTLIER_CELL && f.found[0].i == 2 &&
                     f.found[0].j == 1 && f.found[0].lo < log(2) * 1.2 &&
                     f.found[0].hi > log(2) * 0.8;
            sn_fit_free(&f);
        }
        cr_expect(right >= 0.99 * trials, "n %zu, noise %g: %d of %d", c[k].n, c[k].s, right,
                  trials);
    }
}

/* The interval covers the true effect 95 times of 100, of a row as of a cell. */
Test(diagnose_fit, intervals_cover, .timeout = 60)
{
    enum { N = 8, TRIALS = 400 };
    int cell = 0, row = 0;
    for (int t = 0; t < TRIALS; t++) {
        struct sn_rng r = sn_rng_make(3, 1000 + (uint64_t)t);
        double y[N * N];
        struct sn_fit f;
        for (int i = 0; i < N * N; i++)
            y[i] = 0.03 * sn_rng_normal(&r) + (i / N == 3 ? 0.8 : 0) + (i == 5 * N + 6 ? 0.9 : 0);
        search(y, N, 0.01, 0.05, false, &f);
        for (size_t i = 0; i < f.n_found; i++) {
            row += f.found[i].type == SN_OUTLIER_ROW && f.found[i].i == 3 && f.found[i].lo < 0.8 &&
                   f.found[i].hi > 0.8;
            cell +=
                f.found[i].type == SN_OUTLIER_CELL && f.found[i].lo < 0.9 && f.found[i].hi > 0.9;
        }
        sn_fit_free(&f);
    }
    cr_expect(row >= 0.9 * TRIALS, "row: %d of %d", row, TRIALS);
    cr_expect(cell >= 0.9 * TRIALS, "cell: %d of %d", cell, TRIALS);
}
