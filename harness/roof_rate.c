/* The rate of repeatable work: the best of several repeats, and the self-test that twice the work
 * takes twice the time. The test is on the fastest k and the fastest 2 k passes, so that a repeat
 * in which the system took the core away spoils neither. */
#include "harness/roof_parts.h"

#include <math.h>
#include <stdbool.h>

#include "harness/base/clock.h"

const char sn_roof_reason_self_test[] =
    "self-test failed: twice the work did not take twice the time within 10 %";

#define CHUNK_S   100e-6
#define TOLERANCE 0.10
#define BUDGET_S  0.25 /* past this two repeats are enough, and a failed self-test is final */
#define LONG_S    1e-3
#define PRUNE     0.85 /* a variant below this fraction of the best is tried no further */

static double seconds(const struct sn_roof_work *w, unsigned variant, uint64_t n)
{
    int64_t start = sn_clock_ns();
    w->passes(w->arg, variant, n);
    return (double)(sn_clock_ns() - start) * 1e-9;
}

/* Passes of one chunk; also warms caches and page tables. */
static uint64_t passes_of_chunk(const struct sn_roof_work *w, unsigned variant)
{
    uint64_t n = 1;
    double s = seconds(w, variant, n);
    for (int tries = 0; s < CHUNK_S && tries < 40; tries++) {
        double grow = s > CHUNK_S / 100 ? 1.1 * CHUNK_S / s : 20;
        n = (uint64_t)ceil((double)n * grow);
        s = seconds(w, variant, n);
    }
    return n;
}

struct trial {
    uint64_t n; /* passes of a chunk */
    double once_s, twice_s, rate;
};

static void repeat(const struct sn_roof_work *w, unsigned variant, struct trial *t)
{
    double work = w->units * (double)t->n;
    t->once_s = fmin(t->once_s, seconds(w, variant, t->n));
    t->twice_s = fmin(t->twice_s, seconds(w, variant, 2 * t->n));
    t->rate = fmax(work / t->once_s, 2 * work / t->twice_s);
}

static unsigned fastest(const struct trial *v, unsigned n)
{
    unsigned best = 0;
    for (unsigned i = 1; i < n; i++)
        if (v[i].rate > v[best].rate)
            best = i;
    return best;
}

/* Up to 3 x repeats of all variants worth it; true when the fastest passed the self-test. */
static bool try(const struct sn_roof_work *w, unsigned repeats, struct trial *v, int64_t give_up)
{
    for (unsigned i = 0; i < w->variants; i++)
        v[i].once_s = v[i].twice_s = INFINITY, v[i].rate = 0;
    for (unsigned done = 0; done < 3 * repeats; done++) {
        double best_rate = v[fastest(v, w->variants)].rate;
        for (unsigned i = 0; i < w->variants; i++) {
            /* One interruption spoils a short chunk, so that gets a second chance. */
            if (done > (v[i].once_s < LONG_S) && v[i].rate < PRUNE * best_rate)
                continue;
            repeat(w, i, &v[i]);
        }
        const struct trial *b = &v[fastest(v, w->variants)];
        bool late = done && sn_clock_ns() > give_up;
        if ((done + 1 >= repeats || late) && fabs(b->twice_s / b->once_s / 2 - 1) <= TOLERANCE)
            return true;
        if (late)
            return false;
    }
    return false;
}

double sn_roof_rate(const struct sn_roof_work *w, unsigned repeats, unsigned *variant,
                    const char **reason)
{
    struct trial v[SN_ROOF_VARIANTS];
    for (unsigned i = 0; i < w->variants; i++)
        v[i].n = passes_of_chunk(w, i);
    /* Where a buffer just fits a cache a short chunk has lucky runs; a longer one averages them. */
    int64_t give_up = sn_clock_ns() + (int64_t)(BUDGET_S * 1e9);
    for (int afresh = 0; afresh < 3 && (!afresh || sn_clock_ns() < give_up); afresh++) {
        if (try(w, repeats, v, give_up)) {
            *variant = fastest(v, w->variants);
            return v[*variant].rate;
        }
        for (unsigned i = 0; i < w->variants; i++)
            v[i].n *= 2;
    }
    *reason = sn_roof_reason_self_test;
    return NAN;
}
