/* CLOCK_MONOTONIC: common to all processes of a host, disciplined but never stepped; on Linux a
 * call is a read of the time stamp counter in the vDSO, some 20 ns. */
#include "harness/base/clock.h"

#include <sched.h>
#include <stdlib.h>
#include <time.h>

int64_t sn_clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

struct sn_clock_quality sn_clock_probe(void)
{
    /* The median over batches: one call is shorter than the clock can see, and a batch that was
     * interrupted must not count. */
    enum { BATCHES = 1000, CALLS = 100 };
    double per_call_s[BATCHES];
    struct sn_clock_quality q = {.monotonic = 1, .resolution_s = 1};
    for (int b = 0; b < BATCHES; b++) {
        int64_t start = sn_clock_ns(), last = start;
        for (int i = 0; i < CALLS; i++) {
            int64_t now = sn_clock_ns();
            if (now < last)
                q.monotonic = 0;
            else if (now > last && (double)(now - last) * 1e-9 < q.resolution_s)
                q.resolution_s = (double)(now - last) * 1e-9;
            last = now;
        }
        per_call_s[b] = (double)(last - start) * 1e-9 / CALLS;
    }
    qsort(per_call_s, BATCHES, sizeof *per_call_s, by_value);
    q.call_s = per_call_s[BATCHES / 2];
    return q;
}

int64_t sn_clock_wait_until(int64_t when, int yield)
{
    int64_t now;
    /* A sleeper wakes up to a scheduler tick late, so the last millisecond is yielded and the last
     * 50 us are spun. */
    while (yield && (now = sn_clock_ns()) < when - 50000) {
        if (now < when - 1500000) {
            int64_t ns = when - now - 1000000;
            struct timespec t = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
            nanosleep(&t, NULL);
        } else {
            sched_yield();
        }
    }
    while ((now = sn_clock_ns()) < when)
        sn_clock_relax();
    return now;
}
