/* Arrival skew: words, refusals, and the distributions from their definitions. */
#include <criterion/criterion.h>

#include <math.h>
#include <string.h>

#include "bench/micro/arrival.h"
#include "harness/base/status.h"

Test(arrival, reads_every_kind)
{
    static const struct {
        const char *spec;
        int kind;
        double t_s;
    } good[] = {
        {"none", SN_ARRIVAL_NONE, 0},
        {"uniform(50us)", SN_ARRIVAL_UNIFORM, 50e-6},
        {"exp(0.5ms)", SN_ARRIVAL_EXP, 0.5e-3},
        {"late(2s)", SN_ARRIVAL_LATE, 2},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct sn_arrival a;
        cr_assert_eq(sn_arrival_parse(good[i].spec, &a), SN_OK, "%s", good[i].spec);
        cr_assert_eq((int)a.kind, good[i].kind);
        cr_assert_float_eq(a.t_s, good[i].t_s, 1e-15);
    }
}

Test(arrival, refuses_with_a_right_value)
{
    static const struct {
        const char *spec, *says;
    } bad[] = {
        {"", "uniform(50us)"},          {"unifrom(5us)", "mean uniform"},
        {"none(1us)", "takes no time"}, {"exp", "exp(50us)"},
        {"exp(", "exp(50us)"},          {"exp()", "exp(50us)"},
        {"late(50us", "late(50us)"},    {"late(0us)", "above 0"},
        {"late(11s)", "at most 10 s"},  {"uniform(5 parsecs)", "parsecs"},
        {"uniform(-1us)", "above 0"},   {"uniformly(1us)", "uniform"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sn_arrival a = {.kind = SN_ARRIVAL_LATE, .t_s = 7};
        cr_assert_eq(sn_arrival_parse(bad[i].spec, &a), SN_EINVAL, "'%s'", bad[i].spec);
        cr_assert(strstr(sn_status_message(), bad[i].says), "'%s': %s", bad[i].spec,
                  sn_status_message());
        cr_assert(a.kind == SN_ARRIVAL_LATE && a.t_s == 7, "changed on failure");
    }
}

Test(arrival, distributions)
{
    enum { REPS = 4000, RANKS = 5 };
    struct sn_arrival a[] = {
        {SN_ARRIVAL_NONE, 0}, {SN_ARRIVAL_UNIFORM, 2}, {SN_ARRIVAL_EXP, 3}, {SN_ARRIVAL_LATE, 4}};
    double sum[4] = {0}, square[4] = {0}, n = REPS * RANKS;
    unsigned late_of[RANKS] = {0};
    for (uint64_t rep = 0; rep < REPS; rep++) {
        unsigned late = 0;
        for (int r = 0; r < RANKS; r++)
            for (unsigned k = 0; k < 4; k++) {
                double d = sn_arrival_delay_s(&a[k], 9, rep, r, RANKS);
                cr_assert(d >= 0 && d == sn_arrival_delay_s(&a[k], 9, rep, r, RANKS));
                sum[k] += d;
                square[k] += d * d;
                if (k == 1)
                    cr_assert_lt(d, 2);
                if (k == 3 && d > 0) {
                    cr_assert_eq(d, 4);
                    late++;
                    late_of[r]++;
                }
            }
        cr_assert_eq(late, 1, "repetition %d: %u late", (int)rep, late);
    }
    cr_assert_eq(sum[0], 0);
    /* Means within 5 standard errors: t/2 with sd t/sqrt(12), and t with sd t. */
    cr_assert_float_eq(sum[1] / n, 1, 5 * 2 / sqrt(12 * n));
    cr_assert_float_eq(sum[2] / n, 3, 5 * 3 / sqrt(n));
    /* Second moment of exp: 2 t^2, with sd t^2 sqrt(20). */
    cr_assert_float_eq(square[2] / n, 18, 5 * 9 * sqrt(20 / n));
    for (int r = 0; r < RANKS; r++)
        cr_assert_float_eq(late_of[r], REPS / (double)RANKS, 5 * sqrt(REPS * 0.16));
}
