/* Sampling one case: what is kept, when it is enough, and the row made of it; see sample.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/status.h"
#include "harness/base/units.h"
#include "harness/counters.h"
#include "harness/sample_parts.h"
#include "harness/stats.h"
#include "harness/watch.h"

static void keep(struct sn_sampler *s, double global_s, double local_s)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 1024;
        s->global_s = sn_realloc(s->global_s, s->cap, sizeof *s->global_s);
        s->local_s = sn_realloc(s->local_s, s->cap, sizeof *s->local_s);
        s->sorted = sn_realloc(s->sorted, s->cap, sizeof *s->sorted);
    }
    s->global_s[s->n] = global_s;
    s->local_s[s->n++] = local_s;
}

/* Inserts the samples that came since the last look: cheaper than sorting all of them again, and
 * what happens between two repetitions shall stay short. */
static void update_sorted(struct sn_sampler *s)
{
    for (; s->n_sorted < s->n; s->n_sorted++) {
        double x = s->global_s[s->n_sorted];
        size_t lo = 0, hi = s->n_sorted;
        while (lo < hi) {
            size_t mid = (lo + hi) / 2;
            if (s->sorted[mid] <= x)
                lo = mid + 1;
            else
                hi = mid;
        }
        memmove(&s->sorted[lo + 1], &s->sorted[lo], (s->n_sorted - lo) * sizeof *s->sorted);
        s->sorted[lo] = x;
    }
}

static bool narrow_enough(struct sn_sampler *s)
{
    size_t lo, hi;

    if (!sn_stats_ranks(s->n, 0.5, 0.99, &lo, &hi))
        return false;
    update_sorted(s);
    return (s->sorted[hi - 1] - s->sorted[lo - 1]) / 2 <=
           s->o.ci * sn_stats_percentile(s->sorted, s->n, 0.5);
}

bool sn_sampler_narrow(struct sn_sampler *s)
{
    return s->n >= s->o.min && (s->n - s->o.min) % 10 == 0 && narrow_enough(s);
}

enum sn_stop sn_sampler_spent(const struct sn_sampler *s)
{
    if (s->n >= s->o.max)
        return SN_STOP_MAX;
    if (s->n >= (s->elapsed_s >= 3 * s->o.budget_s ? 1 : s->fewest) &&
        s->elapsed_s >= s->o.budget_s)
        return SN_STOP_BUDGET;
    return SN_STOP_NONE;
}

int sn_sampler_step(struct sn_sampler *s, bool *kept)
{
    double global_s, local_s;
    int status = sn_sampler_repeat(s, &global_s, &local_s);

    *kept = false;
    if (status != SN_OK)
        return status;
    uint64_t most = s->w->oversubscribed ? 10 + s->n / 4 : 20 + 3 * s->n;
    if (s->late && s->row->invalid < most && s->elapsed_s < s->o.budget_s) {
        s->row->invalid++;
        return SN_OK;
    }
    s->any_late |= s->late;
    keep(s, global_s, local_s);
    *kept = true;
    return SN_OK;
}

/* Counts this rank's run() over some repetitions of their own, so that neither the counters' cost
 * is in the samples nor the harness's spinning in the counters. Rows without counters pay nothing.
 */
static int count(struct sn_sampler *s, struct sn_counters *counters)
{
    enum { REPEAT = 20 };
    struct sn_row scratch;
    double *sum = NULL, global_s, local_s;
    int64_t any = 0;
    int status = SN_OK;

    sn_row_init(&scratch);
    sn_counters_start(counters);
    sn_counters_stop(counters, 1, &scratch); /* what is asked for, and what the machine has */
    for (size_t i = 0; i < scratch.n_counters; i++)
        any |= !isnan(scratch.counters[i].value);
    sn_sampler_merge(s, &any, 1);
    sum = sn_calloc(scratch.n_counters + 1, sizeof *sum);
    s->counted = &scratch;
    s->counters = any ? counters : NULL;
    for (int r = 0; r < (any ? REPEAT : 1) && status == SN_OK; r++) {
        if (any)
            status = sn_sampler_repeat(s, &global_s, &local_s);
        for (size_t i = 0; i < scratch.n_counters; i++)
            sum[i] += scratch.counters[i].value / REPEAT;
    }
    for (size_t i = 0; i < scratch.n_counters && status == SN_OK; i++)
        sn_row_add_counter(s->row, scratch.counters[i].name, sum[i], scratch.counters[i].reason);
    s->counters = NULL;
    free(sum);
    sn_row_free(&scratch);
    return status;
}

/* Global times if the clocks kept to what was foretold, else local ones. */
static const double *choose_clock(struct sn_sampler *s)
{
    struct sn_row *row = s->row;
    double residual_s, most_s;

    row->sync = s->w->oversubscribed ? "round-yield" : "round";
    if (s->w->common_clock)
        return s->global_s;
    sn_sync_remeasure(s->w->comm, sn_sync_wall(), s->w->oversubscribed, &s->clk, &residual_s);
    update_sorted(s);
    most_s = fmin(5e-6, 0.1 * sn_stats_percentile(s->sorted, s->n, 0.5));
    if (residual_s <= most_s) {
        sn_row_add_flag(row, "synced-clock");
        return s->global_s;
    }
    row->sync = "local";
    sn_row_add_flag(row, "local-clock");
    return s->local_s;
}

static void fill_row(struct sn_sampler *s)
{
    struct sn_row *row = s->row;
    const double *time_s = choose_clock(s);

    for (uint64_t i = 0; i < s->n; i++)
        s->sorted[i] = sn_units_snap(time_s[i] / s->c->batch);
    sn_row_set_samples(row, s->sorted, s->n);
    row->n = s->n;
    row->batch = s->c->batch;
    if (s->any_late)
        sn_row_add_flag(row, "late-start");
    if (!row->steady)
        sn_row_add_flag(row, "unsteady");
}

static struct sn_sample_opts with_defaults(const struct sn_sample_opts *o)
{
    struct sn_sample_opts d = *o;

    d.max = d.max ? d.max : 1000;
    d.min = d.min ? d.min : 20;
    d.min = d.min < d.max ? d.min : d.max;
    d.ci = d.ci > 0 ? d.ci : 0.025;
    d.budget_s = d.budget_s > 0 ? d.budget_s : 1;
    d.warmup_s = d.warmup_s > 0 ? d.warmup_s : 0.2 * d.budget_s;
    return d;
}

void sn_sampler_open(struct sn_sampler *s, struct sn_case *c, const struct sn_sample_opts *o,
                     struct sn_row *row)
{
    const struct sn_world *w = c->env->world;
    double residual_s;

    *s = (struct sn_sampler){.c = c,
                             .row = row,
                             .o = with_defaults(o),
                             .w = w,
                             .watch = c->env->watch,
                             .clk = w->clock,
                             .fewest = 6}; /* for a 95 % interval of the median */
    row->stop = SN_STOP_NONE;
    if (!w->common_clock)
        sn_sync_remeasure(w->comm, sn_sync_wall(), w->oversubscribed, &s->clk, &residual_s);
    sn_sync_start_init(&s->start, w->bcast_s, w->oversubscribed);
    /* After a prepare the caches hold other things: 2 broadcasts were too short a lead for half of
     * the repetitions of dispatch (late-start), 20 us cost nothing beside them. */
    if (c->bench->prepare && !w->oversubscribed && s->start.least_ns < 20000)
        s->start.lead_ns = s->start.least_ns = 20000;
    s->begin_ns = sn_clock_ns();
}

void sn_sampler_close(struct sn_sampler *s)
{
    free(s->global_s);
    free(s->local_s);
    free(s->sorted);
}

void sn_sampler_pause(struct sn_sampler *s)
{
    s->spent_ns = sn_clock_ns() - s->begin_ns;
}

void sn_sampler_go_on(struct sn_sampler *s)
{
    s->begin_ns = sn_clock_ns() - s->spent_ns;
}

int sn_sampler_finish(struct sn_sampler *s, struct sn_counters *counters)
{
    int status;

    sn_watch_phase(s->watch, "count");
    status = count(s, counters);
    if (status == SN_OK)
        fill_row(s);
    return status;
}

int sn_sample(struct sn_case *c, const struct sn_sample_opts *o, struct sn_counters *counters,
              struct sn_row *row)
{
    struct sn_sampler s;
    bool kept;
    int status;

    sn_watch_phase(c->env->watch, "warm-up");
    sn_sampler_open(&s, c, o, row);
    status = sn_sampler_warm_up(&s);
    if (status == SN_OK)
        sn_watch_phase(s.watch, "sample");
    s.hang = c->env->hang_rank == c->env->world->rank;
    while (status == SN_OK && row->stop == SN_STOP_NONE) {
        status = sn_sampler_step(&s, &kept);
        if (status == SN_OK && kept)
            row->stop = sn_sampler_narrow(&s) ? SN_STOP_CI : sn_sampler_spent(&s);
    }
    if (status == SN_OK)
        status = sn_sampler_finish(&s, counters);
    sn_sampler_close(&s);
    return status;
}
