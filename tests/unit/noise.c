/* A/A noise by hand and against a slower way; its file: round trip and every mistake. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "harness/base/rng.h"
#include "harness/base/status.h"
#include "harness/noise.h"
#include "harness/ranktest.h"
#include "harness/stats.h"

static void expect_near(double got, double want)
{
    cr_expect(fabs(got - want) <= 1e-12 * fabs(want), "got %.15g, expected %.15g", got, want);
}

static const char id[] = "0123456789abcdef";

static struct sn_noise_figures of(const double *x, size_t n)
{
    struct sn_noise_run run = {x, n};

    return sn_noise_of(&run, 1, id);
}

/* ln x = 0, 1, 2, 3 in time. Splits: 01|23 differences 2 3 1 2: 2; 02|13: 1 3 -1 1: 1; 03|12: 1 2
 * -2 -1: 0; and the same again. The 97.5 % quantile of six is the sixth: 2. In time 01|23: 2. */
Test(noise, four_launches_by_hand)
{
    const double x[] = {1, exp(1), exp(2), exp(3)};
    struct sn_noise_figures f = of(x, 4);

    cr_expect_eq(f.launches, 4);
    cr_expect_eq(f.splits, 6);
    expect_near(f.split, 2);
    expect_near(f.drift, 2);
    expect_near(f.noise, 2);
    /* the same launches in another order: 1 2 0 3: first half 1 2, second 0 3: -1 2 -2 1: 0 */
    const double y[] = {exp(1), exp(2), 1, exp(3)};
    f = of(y, 4);
    expect_near(f.split, 2);
    cr_expect(fabs(f.drift) < 1e-15, "%g", f.drift);
}

/* Odd: 2 against 3. 0 0 0 0 1: whichever half has the 1, the median of differences is 0. */
Test(noise, five_launches)
{
    const double x[] = {1, 1, 1, 1, exp(1)};
    struct sn_noise_figures f = of(x, 5);

    cr_expect_eq(f.splits, 10);
    /* {1, e} against {1, 1, 1}: 0 0 0 -1 -1 -1: the median is -1/2, in 4 of the 10 splits */
    expect_near(f.split, 0.5);
    cr_expect_eq(f.drift, 0);
    f = of(x, 3);
    cr_expect(isnan(f.noise) && isnan(f.split) && f.launches == 3, "too few");
}

/* Two runs of 4, all launches alike within a run, e^0.1 apart: what no half of one run can show.
 * Half of all eight against the other: 4 of run 1 against 4 of run 2 is one of 70 splits on each
 * side; 3 + 1: differences 0 (6 of 16), 0.1 (9), -0.1 (1): median 0.1 in 32 of 70 - so the quantile
 * is 0.1 too. */
Test(noise, drift_between_runs)
{
    const double a[] = {1, 1, 1, 1}, b[] = {exp(0.1), exp(0.1), exp(0.1), exp(0.1)};
    struct sn_noise_run runs[] = {{a, 4}, {b, 4}};
    struct sn_noise_figures f = sn_noise_of(runs, 2, id);

    cr_expect_eq(f.launches, 8);
    cr_expect_eq(f.splits, 70);
    expect_near(f.drift, 0.1);
    expect_near(f.split, 0.1);
    cr_expect_eq(sn_noise_of(runs, 1, id).noise, 0);
}

/* Against a way that shares nothing but the definition: recursion over subsets, sn_ranktest's
 * estimate. */
struct slow {
    const double *x;
    size_t n, k, in[16], n_in;
    double *out;
    size_t n_out;
};

static void subsets(struct slow *s, size_t from)
{
    if (s->n_in == s->k) {
        double a[16], b[16], ratio, lo, hi;
        size_t na = 0, nb = 0;
        for (size_t i = 0; i < s->n; i++) {
            if (na < s->k && s->in[na] == i)
                a[na++] = s->x[i];
            else
                b[nb++] = s->x[i];
        }
        sn_ranktest_hodges_lehmann_ratio(a, na, b, nb, 0.95, &ratio, &lo, &hi);
        s->out[s->n_out++] = fabs(log(ratio));
        return;
    }
    for (size_t i = from; i < s->n; i++) {
        s->in[s->n_in++] = i;
        subsets(s, i + 1);
        s->n_in--;
    }
}

Test(noise, against_recursion)
{
    struct sn_rng r = sn_rng_make(4, 4);

    for (size_t n = 4; n <= 11; n++) {
        double x[16], out[512];
        for (size_t i = 0; i < n; i++)
            x[i] = exp(0.1 * sn_rng_normal(&r));
        struct slow s = {.x = x, .n = n, .k = n / 2, .out = out};
        subsets(&s, 0);
        sn_stats_sort(out, s.n_out);
        struct sn_noise_figures f = of(x, n);
        cr_expect_eq(f.splits, s.n_out, "n = %zu", n);
        cr_expect(fabs(f.split - out[(size_t)ceil(0.975 * (double)s.n_out) - 1]) < 1e-12,
                  "n = %zu: %g", n, f.split);
    }
}

/* 20 launches are drawn: the same each time; near what the normal says: halves of 10 differ by
 * sigma sqrt(2/10) (HL: 2 % more), of which 97.5 % are below 2.24. */
Test(noise, drawn_splits)
{
    struct sn_rng r = sn_rng_make(8, 1);
    double x[20], sum = 0;

    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < 20; i++)
            x[i] = exp(0.02 * sn_rng_normal(&r));
        struct sn_noise_figures f = of(x, 20), again = of(x, 20);
        cr_expect_eq(f.splits, 2000);
        cr_expect_eq(f.split, again.split);
        sum += f.split / 20;
    }
    double normal = 0.02 * sqrt(0.2) * 2.2414;
    cr_expect(sum > 0.85 * normal && sum < 1.15 * normal, "%g, normal %g", sum, normal);
}

/* --- the file --------------------------------------------------------------------------------- */

#define SUM  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define RUNS "\"runs\": [{\"name\": \"r\", \"machine_id\": null, \"rows_sha256\": \"" SUM "\"}]"
#define ROW(id, figures)                                                                           \
    "{\"id\": \"" id "\", \"bench\": \"b\", \"label\": \"b x=1\", \"launches\": 4, "               \
    "\"splits\": 6, " figures "}"
#define GOOD "\"split_ln\": 0.5, \"drift_ln\": 0, \"noise_ln\": 0.5, \"reason\": null"
#define FILE_OF(rows)                                                                              \
    "{\"schema\": \"snbench-noise-1\", \"quantile\": 0.975, " RUNS ", \"rows\": [" rows "]}"

static int parse(struct sn_noise *x, const char *text)
{
    return sn_noise_parse(x, "n.json", text, strlen(text));
}

Test(noise, round_trip)
{
    struct sn_noise x, y;
    struct sn_buf a = {0}, b = {0};

    cr_assert_eq(parse(&x, FILE_OF(ROW("00000000000000aa", GOOD) "," ROW(
                               "00000000000000bb", "\"split_ln\": null, \"drift_ln\": null, "
                                                   "\"noise_ln\": null, \"reason\": \"why\""))),
                 SN_OK, "%s", sn_status_message());
    cr_expect_eq(x.n_rows, 2);
    cr_expect_eq(sn_noise_find(&x, "00000000000000aa"), 0.5);
    cr_expect(isnan(sn_noise_find(&x, "00000000000000bb")));
    cr_expect(isnan(sn_noise_find(&x, "00000000000000cc")));
    sn_noise_encode(&x, &a);
    cr_assert_eq(sn_noise_parse(&y, "again", a.data, a.len), SN_OK, "%s", sn_status_message());
    sn_noise_encode(&y, &b);
    cr_expect_str_eq(a.data, b.data);
    sn_buf_free(&a);
    sn_buf_free(&b);
    sn_noise_free(&x);
    sn_noise_free(&y);
}

Test(noise, mistakes)
{
    static const struct {
        const char *text, *message;
    } t[] = {
        {"", "n.json:1: "},
        {"[]", "n.json: not a JSON object: not a file of `snbench noise`"},
        {"{}", "n.json: schema: must be there; the key is missing"},
        {"{\"schema\": \"snbench-noise-2\", \"quantile\": 0.975, \"runs\": [], \"rows\": []}",
         "n.json: schema: must be \"snbench-noise-1\""},
        {"{\"schema\": \"snbench-noise-1\", \"quantile\": 0.5, \"runs\": [], \"rows\": []}",
         "n.json: quantile: must be 0.975"},
        {"{\"schema\": \"snbench-noise-1\", \"quantile\": 0.975, \"runs\": 1, \"rows\": []}",
         "n.json: runs: must be an array"},
        {FILE_OF("3"), "n.json: rows[0]: must be an object"},
        {FILE_OF(ROW("00000000000000a", GOOD)), "n.json: rows[0].id: must be 16 hex digits"},
        {FILE_OF(ROW("00000000000000aa", GOOD) "," ROW("00000000000000aa", GOOD)),
         "n.json: rows[1].id: must be unique; it stands there twice"},
        {FILE_OF(ROW("00000000000000aa", "\"split_ln\": 0.5, \"drift_ln\": 0, \"noise_ln\": -0.5, "
                                         "\"reason\": null")),
         "n.json: rows[0].noise_ln: must be a number of 0 to 100, or null"},
        {FILE_OF(ROW("00000000000000aa", "\"split_ln\": 0.5, \"drift_ln\": 0, \"noise_ln\": 1e9, "
                                         "\"reason\": null")),
         "n.json: rows[0].noise_ln: must be a number of 0 to 100, or null"},
        {FILE_OF(ROW("00000000000000aa", "\"split_ln\": 0.5, \"drift_ln\": 0, \"noise_ln\": null, "
                                         "\"reason\": null")),
         "n.json: rows[0].reason: must be null where there is a noise, and a text where there is "
         "none"},
        {FILE_OF(ROW("00000000000000aa", GOOD ", \"more\": 1")),
         "n.json: rows[0].more: must be absent; the key is unknown"},
        {FILE_OF(ROW("00000000000000aa", "\"split_ln\": 0.5, \"drift_ln\": 0, \"reason\": null")),
         "n.json: rows[0].noise_ln: must be there; the key is missing"},
    };
    struct sn_noise x = {0};

    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        cr_expect_eq(parse(&x, t[i].text), SN_EINVAL, "%zu", i);
        cr_expect_eq(strncmp(sn_status_message(), t[i].message, strlen(t[i].message)), 0, "%zu: %s",
                     i, sn_status_message());
        cr_expect(!x.rows && !x.runs, "nothing half-read");
    }
}
