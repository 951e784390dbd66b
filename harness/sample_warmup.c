/* Warming up one case: as many operations a repetition as the timer needs, then until steady. */
#include <math.h>

#include "harness/base/clock.h"
#include "harness/base/status.h"
#include "harness/sample_parts.h"
#include "harness/stats.h"

int sn_sampler_warm_repeat(struct sn_sampler *s, double *time_s)
{
    double global_s, local_s;
    int status = sn_sampler_repeat(s, &global_s, &local_s);

    if (status != SN_OK)
        return status;
    s->row->warmup++;
    /* Local: the offsets of several hosts' clocks are not checked yet. */
    *time_s = local_s;
    return SN_OK;
}

/* Cost of one clock read, the largest over ranks. */
static double clock_call_s(const struct sn_sampler *s)
{
    enum { CALLS = 64 };
    int64_t begin = sn_clock_ns(), cost;

    for (int i = 1; i < CALLS; i++)
        (void)sn_clock_ns();
    cost = sn_clock_ns() - begin;
    sn_sampler_merge(s, &cost, 1);
    return (double)cost * 1e-9 / CALLS;
}

/* Doubles c->batch until the fastest of three repetitions is long enough for the timer. */
static int calibrate_batch(struct sn_sampler *s)
{
    const unsigned most = 1u << 24;
    double enough_s = fmax(20e-6, 20 * clock_call_s(s)), best_s, time_s;

    s->c->batch = 1;
    if (!(s->c->bench->flags & SN_BENCH_BATCH))
        return SN_OK;
    for (;; s->c->batch *= 2) {
        best_s = INFINITY;
        for (int i = 0; i < 3; i++) {
            int status = sn_sampler_warm_repeat(s, &time_s);
            if (status != SN_OK)
                return status;
            best_s = fmin(best_s, time_s);
        }
        if (best_s >= enough_s || s->c->batch >= most)
            return SN_OK;
    }
}

static double median_of(double *x, size_t n)
{
    sn_stats_sort(x, n);
    return sn_stats_percentile(x, n, 0.5);
}

static int until_steady(struct sn_sampler *s, bool *steady)
{
    enum { BLOCK = 10 };
    const double cap_s = s->o.warmup_s, least_s = fmin(0.01, cap_s / 2);
    double x[BLOCK], last = NAN, now;
    int status = sn_sampler_warm_repeat(s, &x[0]);
    size_t block = (size_t)fmin(BLOCK, fmax(1, cap_s / 4 / fmax(x[0], 1e-9)));

    *steady = false;
    while (status == SN_OK && s->elapsed_s < cap_s) {
        for (size_t i = 0; i < block && status == SN_OK; i++)
            status = sn_sampler_warm_repeat(s, &x[i]);
        if (status != SN_OK)
            break;
        now = median_of(x, block);
        *steady = fabs(now - last) < 0.05 * fmin(now, last); /* false while last is NAN */
        if (*steady && s->elapsed_s >= least_s)
            break;
        last = now;
    }
    return status;
}

int sn_sampler_warm_up(struct sn_sampler *s)
{
    int status = calibrate_batch(s);

    return status == SN_OK ? until_steady(s, &s->row->steady) : status;
}
