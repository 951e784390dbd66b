/* Clock offsets by simulated exchanges with known truth, the linear clock model, and the start. */
#include <math.h>

#include <criterion/criterion.h>

#include "harness/base/rng.h"
#include "harness/sync.h"

/* Exchanges with random ways there and back, each at least 300 ns, peer ahead by `offset_ns`. */
static void exchanges(struct sn_sync_probe *p, size_t n, int64_t offset_ns, uint64_t stream)
{
    struct sn_rng r = sn_rng_make(1, stream);
    int64_t t = 5000000000000000ll; /* 58 days after boot: doubles of seconds lose nanoseconds */
    for (size_t i = 0; i < n; i++) {
        int64_t there = 300 + (int64_t)(500 * sn_rng_exponential(&r));
        int64_t back = 300 + (int64_t)(500 * sn_rng_exponential(&r));
        p[i] = (struct sn_sync_probe){t, t + there + offset_ns, t + there + back};
        t += there + back + 100;
    }
}

Test(sync, offset_within_its_bound)
{
    static const int64_t offsets[] = {0, 1000000, -1000000, 123456789, -5};
    struct sn_sync_probe p[20];
    for (int o = 0; o < 5; o++)
        for (uint64_t stream = 0; stream < 200; stream++) {
            double offset_s, error_s;
            exchanges(p, 20, offsets[o], stream);
            sn_sync_offset(p, 20, &offset_s, &error_s);
            double off = fabs(offset_s * 1e9 - (double)offsets[o]);
            cr_expect(off <= error_s * 1e9 + 0.01, "off by %g ns, bound %g ns", off, error_s * 1e9);
            cr_expect(error_s < 2e-6);
        }
}

/* One slow, lopsided exchange among good ones must not count. */
Test(sync, shortest_exchange_wins)
{
    static const struct sn_sync_probe p[] = {
        {0, 90000, 100000}, {200000, 200500, 201000}, {300000, 300000, 390000}};
    double offset_s, error_s;
    sn_sync_offset(p, 3, &offset_s, &error_s);
    cr_expect(fabs(offset_s) < 1e-15 && fabs(error_s - 500e-9) < 1e-15);
}

/* A clock 1 ms ahead that gains 50 ppm: mapped instants agree with the truth, there and back. */
Test(sync, linear_clock)
{
    const int64_t base = 86400ll * 30 * 1000000000;
    struct sn_sync_clock clk = {.offset_s = 1e-3, .drift = 50e-6, .at_ns = base};
    for (int64_t dt = 0; dt <= 10000000000ll; dt += 777777777) {
        int64_t local = base + dt;
        int64_t truth = local - 1000000 - llround(50e-6 * (double)dt);
        cr_expect(sn_sync_to_global(&clk, local) == truth);
        cr_expect(llabs(sn_sync_to_local(&clk, truth) - local) <= 1, "back at +%lld ns",
                  (long long)dt);
    }
    struct sn_sync_clock none = {0};
    cr_expect(sn_sync_to_global(&none, base + 1) == base + 1);
    cr_expect(sn_sync_to_local(&none, base + 1) == base + 1);
}

Test(sync, lead_grows_when_ranks_are_late)
{
    struct sn_sync_start s;
    sn_sync_start_init(&s, 1e-6, false);
    int64_t lead = s.lead_ns;
    cr_expect(lead == 2000);
    /* 5 late of 20 is 25 %: not more than 25 %. */
    for (int i = 0; i < 20; i++)
        cr_expect(sn_sync_start_note(&s, i < 5 ? s.slack_ns + 1 : s.slack_ns) == (i < 5));
    cr_expect(s.lead_ns == lead);
    for (int i = 0; i < 20; i++)
        sn_sync_start_note(&s, i < 6 ? 100000 : 0);
    cr_expect(s.lead_ns == 2 * lead);
    /* Always late: every length between least and most is tried, again and again. */
    int64_t largest = 0, smallest = INT64_MAX;
    for (int i = 0; i < 2000; i++) {
        sn_sync_start_note(&s, 100000);
        largest = s.lead_ns > largest ? s.lead_ns : largest;
        smallest = s.lead_ns < smallest ? s.lead_ns : smallest;
    }
    cr_expect(smallest == lead && largest <= s.most_ns && 2 * largest > s.most_ns,
              "from %lld to %lld ns", (long long)smallest, (long long)largest);
    /* A broadcast that other work made slow does not set the lead. */
    sn_sync_start_init(&s, 8e-3, false);
    cr_expect(s.lead_ns == 20000, "%lld ns", (long long)s.lead_ns);
    sn_sync_start_init(&s, 8e-3, true);
    cr_expect(s.lead_ns == 16000000, "%lld ns", (long long)s.lead_ns);
}
