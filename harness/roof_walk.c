/* The rate of a walk through memory past the caches, piece by piece. Whole walks take tens of
 * milliseconds each: on a machine that others use there is hardly an undisturbed one, and the
 * fastest of a few says little. A piece takes some 100 us, and of hundreds the fastest is
 * undisturbed. That nothing is still cached is seen to by the walk, not by the length of what is
 * timed. */
#include <math.h>
#include <stdbool.h>

#include "harness/base/clock.h"
#include "harness/roof_parts.h"

#define TOLERANCE 0.10
#define BUDGET_S  1.5  /* past this a failed self-test is final */
#define PRUNE     0.85 /* a variant below this fraction of the best is walked no further */

enum { LEAST_ROUNDS = 4 };

struct best {
    double once_s, twice_s;
};

static double timed(const struct sn_roof_walk *w, unsigned variant, uint64_t *at, uint64_t n)
{
    int64_t start = sn_clock_ns();
    w->pieces(w->arg, variant, *at, n);
    double took = (double)(sn_clock_ns() - start) * 1e-9;
    *at += n;
    return took;
}

/* Once through everything. What the one before left in the caches, its dirty lines above all, is
 * gone after w->settle pieces; from there on one and two pieces in turn are timed. */
static void walk(const struct sn_roof_walk *w, unsigned variant, uint64_t *at, struct best *b)
{
    uint64_t end = *at + w->count;
    timed(w, variant, at, w->settle);
    while (*at + 3 <= end) {
        b->once_s = fmin(b->once_s, timed(w, variant, at, 1));
        b->twice_s = fmin(b->twice_s, timed(w, variant, at, 2));
    }
    *at = end;
}

static double rate_of(const struct sn_roof_walk *w, const struct best *b)
{
    return fmax(w->units / b->once_s, 2 * w->units / b->twice_s);
}

double sn_roof_walk_rate(const struct sn_roof_walk *w, const char **reason)
{
    struct best b[SN_ROOF_VARIANTS];
    int64_t give_up = sn_clock_ns() + (int64_t)(BUDGET_S * 1e9);
    uint64_t at = 0;
    unsigned fastest = 0;
    for (unsigned v = 0; v < w->variants; v++)
        b[v] = (struct best){INFINITY, INFINITY};
    for (unsigned round = 0; round < LEAST_ROUNDS || sn_clock_ns() < give_up; round++) {
        for (unsigned v = 0; v < w->variants; v++)
            if (round < 2 || rate_of(w, &b[v]) >= PRUNE * rate_of(w, &b[fastest]))
                walk(w, v, &at, &b[v]);
        for (unsigned v = 0; v < w->variants; v++)
            if (rate_of(w, &b[v]) > rate_of(w, &b[fastest]))
                fastest = v;
        bool doubles = fabs(b[fastest].twice_s / b[fastest].once_s / 2 - 1) <= TOLERANCE;
        if (round + 1 >= LEAST_ROUNDS && doubles)
            return rate_of(w, &b[fastest]);
    }
    *reason = sn_roof_reason_self_test;
    return NAN;
}
