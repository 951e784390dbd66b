/* The wall clock: CLOCK_MONOTONIC in integer nanoseconds, common to all processes of a host. */
#ifndef SN_BASE_CLOCK_H
#define SN_BASE_CLOCK_H

#include <stdint.h>

/* Nanoseconds since an arbitrary start. */
int64_t sn_clock_ns(void);

struct sn_clock_quality {
    double call_s;       /* median cost of one sn_clock_ns() */
    double resolution_s; /* smallest step seen between two calls that differ */
    int monotonic;       /* 1: no step back in the probe */
};

/* Probes the clock with 1e5 calls (a few milliseconds). */
struct sn_clock_quality sn_clock_probe(void);

/* Waits until sn_clock_ns() >= `when`: spins, or with `yield` sleeps and yields until 50 us before.
 * Returns the first clock value at or after `when`. */
int64_t sn_clock_wait_until(int64_t when, int yield);

/* Tells the core that the caller spins. */
static inline void sn_clock_relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

#endif
