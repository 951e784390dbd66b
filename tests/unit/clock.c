/* The clock never goes back, agrees with the system's other clock, and waits are never short. */
#include <time.h>

#include <criterion/criterion.h>

#include "harness/base/clock.h"

Test(clock, probe)
{
    struct sn_clock_quality q = sn_clock_probe();
    cr_expect_eq(q.monotonic, 1);
    cr_expect(q.call_s > 1e-10 && q.call_s < 1e-4, "%g s a call", q.call_s);
    cr_expect(q.resolution_s >= 1e-9 && q.resolution_s < 1e-2, "%g s steps", q.resolution_s);
}

/* A sleep read on CLOCK_BOOTTIME inside and outside of it read on ours. */
Test(clock, runs_at_the_right_speed)
{
    struct timespec nap = {.tv_nsec = 50000000}, b0, b1;
    int64_t outer0 = sn_clock_ns();
    clock_gettime(CLOCK_BOOTTIME, &b0);
    int64_t inner0 = sn_clock_ns();
    nanosleep(&nap, NULL);
    int64_t inner1 = sn_clock_ns();
    clock_gettime(CLOCK_BOOTTIME, &b1);
    int64_t outer1 = sn_clock_ns();
    int64_t other = (int64_t)(b1.tv_sec - b0.tv_sec) * 1000000000 + b1.tv_nsec - b0.tv_nsec;
    cr_expect(inner1 - inner0 <= other + 1000 && other <= outer1 - outer0 + 1000);
    cr_expect(inner1 - inner0 >= nap.tv_nsec);
}

Test(clock, waits_are_never_short)
{
    static const int64_t waits[] = {-1000000, 0, 1000, 30000, 200000, 3000000, 20000000};
    for (int yield = 0; yield < 2; yield++)
        for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
            int64_t when = sn_clock_ns() + waits[i], at = sn_clock_wait_until(when, yield);
            cr_expect(at >= when && at <= sn_clock_ns(), "wait of %lld ns, yield %d",
                      (long long)waits[i], yield);
        }
}
