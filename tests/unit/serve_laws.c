/* Serving: laws of queues on simulated output, the search for a rate, and that every check can
 * fail. */
#include <stdlib.h>
#include <string.h>

#include <criterion/criterion.h>

#include "bench/macro/serve_check.h"
#include "bench/macro/serve_find.h"
#include "harness/base/buf.h"
#include "harness/base/status.h"
#include "tests/unit/serve_setup.h"

static double one_second(void *of, const uint32_t *fresh, const uint32_t *cached, size_t n)
{
    return 1;
}

/* One server that takes one request at a time, always for a second. */
static struct sn_serve_config server(void)
{
    struct sn_serve_config c = serve_config();
    c.cached = false;
    c.batch_tokens = 1;
    c.times.prefill_s = one_second;
    return c;
}

static struct sn_serve_load poisson(size_t n, double rate, const char *output)
{
    struct sn_serve_load_spec s = {.requests = n, .scale = 1, .seed = 3};
    struct sn_serve_load load;
    char term[64];
    snprintf(term, sizeof term, "poisson(%g)", rate);
    cr_assert_eq(sn_serve_arrivals_parse(term, &s.arrivals), SN_OK);
    cr_assert_eq(sn_serve_lengths_parse("lognormal(20,0.7)", &s.input), SN_OK);
    cr_assert_eq(sn_serve_lengths_parse(output, &s.output), SN_OK);
    cr_assert_eq(sn_serve_load_open(&load, &s), SN_OK, "%s", sn_status_message());
    return load;
}

/* M/D/1: mean wait rho / (2 mu (1 - rho)). */
Test(serve_laws, one_server_waits_as_m_d_1)
{
    for (double rho = 0.3; rho < 0.85; rho += 0.25) {
        struct sn_serve_load load = poisson(300000, rho, "fixed(1)");
        struct sn_serve_config c = server();
        struct sn_serve_result r;
        double wait = 0;
        c.log = false;
        cr_assert_eq(sn_serve_run(&r, &load, &c), SN_OK);
        for (size_t i = 0; i < r.n; i++)
            wait += sn_ps_seconds(r.request[i].start_ps - r.request[i].arrival_ps) / (double)r.n;
        const double want = rho / (2 * (1 - rho)), busy = sn_serve_busy(&r, &c, SN_SERVE_PREFILL);
        cr_expect_float_eq(wait, want, 0.03 * want, "rho %g: waits %g s, not %g", rho, wait, want);
        cr_expect_float_eq(busy, rho, 0.01 * rho, "rho %g: busy %g", rho, busy);
        sn_serve_result_free(&r);
        sn_serve_load_close(&load);
    }
}

struct change {
    int64_t ps;
    int by;
};

static int by_time(const void *a, const void *b)
{
    const struct change *x = a, *y = b;
    return (x->ps > y->ps) - (x->ps < y->ps);
}

/* Little: requests in the system on average, by walking through time, are arrivals a second times
 * their mean time in it; those in decode likewise. */
Test(serve_laws, little)
{
    struct sn_serve_load load = poisson(3000, 20000, "lognormal(12,0.8)");
    struct sn_serve_config c = serve_config();
    struct sn_serve_result r;
    c.instances = 4;
    c.decode_dies = 2;
    c.slots = 64;
    c.mtp = 1;
    cr_assert_eq(sn_serve_run(&r, &load, &c), SN_OK);
    struct change *at = sn_calloc(2 * r.n, sizeof *at);
    double stay = 0, area = 0, inside = 0;
    for (size_t i = 0; i < r.n; i++) {
        at[2 * i] = (struct change){r.request[i].arrival_ps, 1};
        at[2 * i + 1] = (struct change){r.request[i].end_ps, -1};
        stay += sn_ps_seconds(r.request[i].end_ps - r.request[i].arrival_ps) / (double)r.n;
    }
    qsort(at, 2 * r.n, sizeof *at, by_time);
    for (size_t i = 0; i + 1 < 2 * r.n; i++) {
        inside += at[i].by;
        area += inside * sn_ps_seconds(at[i + 1].ps - at[i].ps);
    }
    const double span = sn_ps_seconds(at[2 * r.n - 1].ps - r.start_ps);
    cr_expect_float_eq(area / span, (double)r.n / span * stay, 1e-9 * area / span);
    cr_expect(area / span > 2, "nothing is going on: %g", area / span);
    free(at);
    sn_serve_result_free(&r);
    sn_serve_load_close(&load);
}

/* Alone, a request's TTFT is the sum of its parts. */
Test(serve_laws, zero_load_ttft_is_the_sum_of_its_parts)
{
    static uint64_t id[] = {1, 2, 3, 1, 2, 4};
    static struct sn_serve_request q[] = {{0, 24, 2, 3, 0}, {1000000 * US, 22, 2, 3, 3}};
    const struct sn_serve_load load = {.n = 2, .request = q, .ids = 6, .id = id};
    const struct sn_serve_config c = serve_config();
    struct sn_serve_result r;
    const uint32_t fresh = 6, cached = 16;
    cr_assert_eq(sn_serve_run(&r, &load, &c), SN_OK);
    cr_expect_eq(r.request[1].first_ps - r.request[1].arrival_ps,
                 c.cache.read_latency_ps + sn_serve_blocks_ps(&c, true, 2) +
                     sn_ps(serve_prefill_us(NULL, &fresh, &cached, 1)) +
                     sn_serve_blocks_ps(&c, false, 1));
    sn_serve_result_free(&r);
}

/* Speculative tokens: with chance p each until the first that fails, 1 + p + p^2 a step. */
Test(serve_laws, accepted_tokens_have_their_mean)
{
    struct sn_serve_config c = serve_config();
    enum { STEPS = 200000 };
    double sum = 0;
    c.mtp = 2;
    for (uint32_t i = 0; i < STEPS; i++)
        sum += sn_serve_tokens(&c, i % 17, i, 100);
    /* Values 1, 2, 3 with 0.3, 0.21, 0.49: variance 0.757; five standard deviations. */
    cr_expect_float_eq(sum / STEPS, 1 + 0.7 + 0.49, 5 * sqrt(0.757 / STEPS));
    cr_expect_eq(sn_serve_tokens(&c, 0, 0, 1), 1, "no more than is wanted");
    c.accept = 1;
    cr_expect_eq(sn_serve_tokens(&c, 5, 5, 100), 3);
    cr_expect_eq(sn_serve_tokens(&c, 5, 5, 2), 2);
    c.accept = 0;
    cr_expect_eq(sn_serve_tokens(&c, 5, 5, 100), 1);
}

/* --- the largest rate ------------------------------------------------------------------------- */

/* Requests that come evenly meet a limit of 1.5 s at a server of 1 s each as long as the last of n
 * waits no longer than half a second: (n - 1) (1 - 1 / rate) <= 0.5. */
Test(serve_laws, the_largest_rate_of_even_arrivals)
{
    enum { N = 200 };
    struct sn_serve_request q[N];
    const struct sn_serve_load load = {.n = N, .request = q};
    const struct sn_serve_config c = server();
    const struct sn_serve_slo slo = {.ttft_s = 1.5, .tpot_s = 1, .share = 1};
    struct sn_serve_found found;
    for (double rate = 0.02; rate < 60; rate *= 50) { /* above and below */
        for (int i = 0; i < N; i++)
            q[i] = (struct sn_serve_request){sn_ps(i / rate), 20, 1, 0, 0};
        cr_assert_eq(sn_serve_find_rate(&load, &c, &slo, NULL, NULL, &found), SN_OK);
        const double want = 1 / (1 - 0.5 / (N - 1));
        cr_expect(found.rate <= want * 1.0001 && found.rate >= want / 1.011, "%g, not %g",
                  found.rate, want);
        cr_expect_float_eq(found.factor, found.rate / rate, 1e-6 * found.factor);
        cr_expect(!found.unbounded);
    }
}

Test(serve_laws, rates_without_an_end_and_without_a_beginning)
{
    struct sn_serve_request q[] = {{0, 20, 1, 0, 0}, {1000000 * US, 20, 1, 0, 0}};
    const struct sn_serve_load load = {.n = 2, .request = q};
    const struct sn_serve_config c = server();
    struct sn_serve_slo slo = {.ttft_s = 3, .tpot_s = 1, .share = 1};
    struct sn_serve_found found;
    cr_assert_eq(sn_serve_find_rate(&load, &c, &slo, NULL, NULL, &found), SN_OK);
    cr_expect(found.unbounded, "both at once are served in 2 s");
    slo.ttft_s = 0.5;
    cr_assert_eq(sn_serve_find_rate(&load, &c, &slo, NULL, NULL, &found), SN_OK);
    cr_expect(found.factor == 0 && found.rate == 0 && !found.unbounded);
    slo.share = 0.5;
    slo.ttft_s = 1;
    cr_assert_eq(sn_serve_find_rate(&load, &c, &slo, NULL, NULL, &found), SN_OK);
    cr_expect(found.unbounded, "half of them never wait");
}

/* --- checks that fail ------------------------------------------------------------------------- */

static void make(struct sn_serve_result *r, struct sn_serve_load *load, struct sn_serve_config *c)
{
    static uint64_t id[] = {1, 2, 1, 3, 1, 2};
    static struct sn_serve_request q[] = {
        {0, 16, 3, 2, 0}, {10 * US, 16, 2, 2, 2}, {1000 * US, 16, 2, 2, 4}};
    *load = (struct sn_serve_load){.n = 3, .request = q, .ids = 6, .id = id};
    *c = serve_config();
    c->capacity = 2 * 8000;
    cr_assert_eq(sn_serve_run(r, load, c), SN_OK);
}

static uint64_t errors(const struct sn_serve_result *r, const struct sn_serve_load *load,
                       const struct sn_serve_config *c)
{
    struct sn_check k = {0};
    sn_serve_check(r, load, c, &k);
    return k.errors;
}

Test(serve_laws, mutations_are_found)
{
    for (enum sn_mutation how = SN_MUTATE_NONE; how <= SN_MUTATE_WRONG_RANK; how++) {
        struct sn_serve_load load;
        struct sn_serve_config c;
        struct sn_serve_result r;
        make(&r, &load, &c);
        sn_serve_mutate(&r, how);
        cr_expect((errors(&r, &load, &c) > 0) == (how != SN_MUTATE_NONE), "mutation %d", how);
        sn_serve_result_free(&r);
    }
}

/* One number of a result is wrong at a time. */
Test(serve_laws, every_count_is_checked)
{
    struct sn_serve_load load;
    struct sn_serve_config c;
    struct sn_serve_result r;
    make(&r, &load, &c);
    cr_assert(r.pool.evicted > 0 && errors(&r, &load, &c) == 0);
    uint64_t *const count[] = {&r.tokens,         &r.kv_left,        &r.pool.inserted,
                               &r.pool.evicted,   &r.pool.blocks,    &r.pool.prefix_hits,
                               &r.pool.lookups,   &r.plane[0].bytes, &r.plane[1].bytes,
                               &r.plane[2].bytes, &r.blocks_asked};
    for (size_t i = 0; i < sizeof count / sizeof *count; i++) {
        ++*count[i];
        cr_expect(errors(&r, &load, &c) > 0, "count %zu", i);
        --*count[i];
    }
    int64_t *const time[] = {&r.prefill_ps, &r.decode_ps, &r.plane[0].busy_ps[0],
                             &r.plane[0].busy_ps[1], &r.plane[1].busy_ps[2]};
    for (size_t i = 0; i < sizeof time / sizeof *time; i++) {
        *time[i] += r.end_ps;
        cr_expect(errors(&r, &load, &c) > 0, "a resource busy above 1: %zu", i);
        *time[i] -= r.end_ps;
    }
    int64_t *const instant[] = {&r.request[1].arrival_ps, &r.request[1].start_ps,
                                &r.request[1].computed_ps, &r.request[1].first_ps,
                                &r.request[1].end_ps};
    for (size_t i = 0; i < sizeof instant / sizeof *instant; i++) {
        *instant[i] += 900 * US;
        cr_expect(errors(&r, &load, &c) > 0, "instant %zu", i);
        *instant[i] -= 900 * US;
    }
    r.completed--, r.rejected++;
    cr_expect(errors(&r, &load, &c) > 0, "rejected, but not");
    r.completed++, r.rejected--;
    r.slots_peak = c.slots + 1;
    cr_expect(errors(&r, &load, &c) > 0, "more requests than places");
    r.slots_peak = c.slots;
    r.kv_peak = c.kv_tokens + 1;
    cr_expect(errors(&r, &load, &c) > 0, "more tokens than memory");
    r.kv_peak = c.kv_tokens;
    cr_expect(errors(&r, &load, &c) == 0);
    sn_serve_result_free(&r);
}

/* --- what is refused -------------------------------------------------------------------------- */

static double never(void *of, double requests, double ctx)
{
    return NAN;
}

Test(serve_laws, times_that_are_none)
{
    struct sn_serve_request q[] = {{0, 20, 2, 0, 0}};
    const struct sn_serve_load load = {.n = 1, .request = q};
    struct sn_serve_config c = server();
    struct sn_serve_result r;
    c.times.decode_step_s = never;
    cr_expect_eq(sn_serve_run(&r, &load, &c), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "a decode step of"), "%s", sn_status_message());
    sn_serve_result_free(&r);
    q[0].arrival_ps = INT64_MAX - 5;
    cr_expect_eq(sn_serve_run(&r, &load, &c), SN_EINVAL);
    cr_expect(strstr(sn_status_message(), "53 days"), "%s", sn_status_message());
    sn_serve_result_free(&r);
}
