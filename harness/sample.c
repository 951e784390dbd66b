/* Sampling one case on the wall clock; see sample.h. Every decision is taken from values that one
 * all-reduce gave to all ranks, so that all of them take the same one. */
#include "harness/sample.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/status.h"
#include "harness/base/units.h"
#include "harness/counters.h"
#include "harness/stats.h"
#include "harness/sync.h"
#include "harness/watch.h"

struct sampler {
    struct sn_case *c;
    struct sn_sample_opts o;
    const struct sn_world *w;
    struct sn_watch *watch;
    struct sn_sync_clock clk;
    struct sn_sync_start start;
    int64_t begin_ns;
    bool hang;                    /* this rank stops answering in the next repetition */
    struct sn_counters *counters; /* count run() of the next repetitions into `counted`; or NULL */
    struct sn_row *counted;
    bool late;        /* the last repetition */
    double elapsed_s; /* since begin, at the end of the last repetition, on the slowest rank */
    uint64_t warmup;  /* repetitions */
    uint64_t n, cap;  /* samples, and room for them */
    double *global_s, *local_s;
    double *sorted; /* the global ones, sorted up to n_sorted */
    uint64_t n_sorted;
};

/* What one repetition tells everybody; all of it merged by MAX. */
enum { END, MINUS_START, LOCAL, LATENESS, ELAPSED, SIGNAL, FAILED, OUTCOME };

static void merge(const struct sampler *s, int64_t *values, int n)
{
    MPI_Request request;

    if (!s->w->oversubscribed) {
        MPI_Allreduce(MPI_IN_PLACE, values, n, MPI_INT64_T, MPI_MAX, s->w->comm);
        return;
    }
    MPI_Iallreduce(MPI_IN_PLACE, values, n, MPI_INT64_T, MPI_MAX, s->w->comm, &request);
    sn_sync_wait(&request, true);
}

/* The start instant on rank 0's clock. With a prepare hook the ranks come at different times and
 * may have failed: the last one names the instant. */
static int name_start(struct sampler *s, int status, int64_t *start_ns)
{
    int64_t msg[2] = {sn_sync_to_global(&s->clk, sn_clock_ns()), status != SN_OK};
    MPI_Request request;

    if (s->c->bench->prepare) {
        merge(s, msg, 2);
        if (msg[1])
            return sn_world_agree(s->w, status);
    } else if (!s->w->oversubscribed) {
        MPI_Bcast(msg, 1, MPI_INT64_T, 0, s->w->comm);
    } else {
        MPI_Ibcast(msg, 1, MPI_INT64_T, 0, s->w->comm, &request);
        sn_sync_wait(&request, true);
    }
    *start_ns = msg[0] + s->start.lead_ns;
    return SN_OK;
}

static void hang_for_ever(void)
{
    for (;;)
        pause();
}

/* run() between the counters: starting them takes microseconds, so these repetitions are no
 * samples. */
static int counted_run(struct sampler *s, int64_t when, int64_t *t0, int64_t *t1)
{
    int status;

    sn_row_free(s->counted);
    sn_row_init(s->counted);
    *t0 = sn_clock_wait_until(when, s->w->oversubscribed);
    sn_counters_start(s->counters);
    status = s->c->bench->run(s->c);
    sn_counters_stop(s->counters, s->c->batch, s->counted);
    *t1 = sn_clock_ns();
    return status;
}

static int timed_run(struct sampler *s, int64_t when, int64_t *t0, int64_t *t1)
{
    int status;

    *t0 = sn_clock_wait_until(when, s->w->oversubscribed);
    status = s->c->bench->run(s->c);
    *t1 = sn_clock_ns();
    return status;
}

/* One repetition. Times are of the whole of it (c->batch operations). */
static int repeat(struct sampler *s, double *global_s, double *local_s)
{
    struct sn_case *c = s->c;
    int64_t start_ns = 0, t0, t1, v[OUTCOME];
    int status;

    status = c->bench->prepare ? c->bench->prepare(c) : SN_OK;
    sn_watch_tick(s->watch, true);
    status = name_start(s, status, &start_ns);
    if (status != SN_OK)
        return status;
    sn_watch_tick(s->watch, false);
    if (s->hang)
        hang_for_ever();
    sn_watch_tick(s->watch, false); /* in run(): ahead of a rank that never got here */
    int64_t when = sn_sync_to_local(&s->clk, start_ns);
    status = s->counters ? counted_run(s, when, &t0, &t1) : timed_run(s, when, &t0, &t1);
    sn_watch_tick(s->watch, true);
    c->rep++;

    v[END] = sn_sync_to_global(&s->clk, t1);
    v[MINUS_START] = -sn_sync_to_global(&s->clk, t0);
    v[LOCAL] = t1 - t0;
    v[LATENESS] = t0 - when;
    v[ELAPSED] = t1 - s->begin_ns;
    v[SIGNAL] = sn_watch_signal(s->watch);
    v[FAILED] = status != SN_OK;
    merge(s, v, OUTCOME);
    sn_watch_tick(s->watch, false);
    if (v[FAILED])
        return sn_world_agree(s->w, status);
    if (v[SIGNAL])
        return SN_FAIL(SN_EINTR, "interrupted by signal %d", (int)v[SIGNAL]);
    *global_s = (double)(v[END] + v[MINUS_START]) * 1e-9;
    *local_s = (double)v[LOCAL] * 1e-9;
    s->elapsed_s = (double)v[ELAPSED] * 1e-9;
    s->late = sn_sync_start_note(&s->start, v[LATENESS]);
    return SN_OK;
}

static int warm_repeat(struct sampler *s, double *time_s)
{
    double global_s, local_s;
    int status = repeat(s, &global_s, &local_s);

    if (status != SN_OK)
        return status;
    s->warmup++;
    /* Local: the offsets of several hosts' clocks are not checked yet. */
    *time_s = local_s;
    return SN_OK;
}

/* Cost of one clock read, the largest over ranks. */
static double clock_call_s(const struct sampler *s)
{
    enum { CALLS = 64 };
    int64_t begin = sn_clock_ns(), cost;

    for (int i = 1; i < CALLS; i++)
        (void)sn_clock_ns();
    cost = sn_clock_ns() - begin;
    merge(s, &cost, 1);
    return (double)cost * 1e-9 / CALLS;
}

/* Doubles c->batch until the fastest of three repetitions is long enough for the timer. */
static int calibrate_batch(struct sampler *s)
{
    const unsigned most = 1u << 24;
    double enough_s = fmax(20e-6, 20 * clock_call_s(s)), best_s, time_s;

    s->c->batch = 1;
    if (!(s->c->bench->flags & SN_BENCH_BATCH))
        return SN_OK;
    for (;; s->c->batch *= 2) {
        best_s = INFINITY;
        for (int i = 0; i < 3; i++) {
            int status = warm_repeat(s, &time_s);
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

static int warm_up(struct sampler *s, bool *steady)
{
    enum { BLOCK = 10 };
    const double cap_s = s->o.warmup_s, least_s = fmin(0.01, cap_s / 2);
    double x[BLOCK], last = NAN, now;
    int status = warm_repeat(s, &x[0]);
    size_t block = (size_t)fmin(BLOCK, fmax(1, cap_s / 4 / fmax(x[0], 1e-9)));

    *steady = false;
    while (status == SN_OK && s->elapsed_s < cap_s) {
        for (size_t i = 0; i < block && status == SN_OK; i++)
            status = warm_repeat(s, &x[i]);
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

static void keep(struct sampler *s, double global_s, double local_s)
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
static void update_sorted(struct sampler *s)
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

static bool narrow_enough(struct sampler *s)
{
    size_t lo, hi;

    if (!sn_stats_ranks(s->n, 0.5, 0.99, &lo, &hi))
        return false;
    update_sorted(s);
    return (s->sorted[hi - 1] - s->sorted[lo - 1]) / 2 <=
           s->o.ci * sn_stats_percentile(s->sorted, s->n, 0.5);
}

static enum sn_stop verdict(struct sampler *s)
{
    const uint64_t fewest = 6; /* for a 95 % interval of the median */

    if (s->n >= s->o.min && (s->n - s->o.min) % 10 == 0 && narrow_enough(s))
        return SN_STOP_CI;
    if (s->n >= s->o.max)
        return SN_STOP_MAX;
    if (s->n >= (s->elapsed_s >= 3 * s->o.budget_s ? 1 : fewest) && s->elapsed_s >= s->o.budget_s)
        return SN_STOP_BUDGET;
    return SN_STOP_NONE;
}

static int sample(struct sampler *s, struct sn_row *row)
{
    bool any_late = false;
    double global_s, local_s;

    row->stop = SN_STOP_NONE;
    while (row->stop == SN_STOP_NONE) {
        int status = repeat(s, &global_s, &local_s);
        if (status != SN_OK)
            return status;
        uint64_t most = s->w->oversubscribed ? 10 + s->n / 4 : 20 + 3 * s->n;
        if (s->late && row->invalid < most && s->elapsed_s < s->o.budget_s) {
            row->invalid++;
            continue;
        }
        any_late |= s->late;
        keep(s, global_s, local_s);
        row->stop = verdict(s);
    }
    if (any_late)
        sn_row_add_flag(row, "late-start");
    return SN_OK;
}

/* Counts this rank's run() over some repetitions of their own, so that neither the counters' cost
 * is in the samples nor the harness's spinning in the counters. Rows without counters pay nothing.
 */
static int count(struct sampler *s, struct sn_counters *counters, struct sn_row *row)
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
    merge(s, &any, 1);
    sum = sn_calloc(scratch.n_counters + 1, sizeof *sum);
    s->counted = &scratch;
    s->counters = any ? counters : NULL;
    for (int r = 0; r < (any ? REPEAT : 1) && status == SN_OK; r++) {
        if (any)
            status = repeat(s, &global_s, &local_s);
        for (size_t i = 0; i < scratch.n_counters; i++)
            sum[i] += scratch.counters[i].value / REPEAT;
    }
    for (size_t i = 0; i < scratch.n_counters && status == SN_OK; i++)
        sn_row_add_counter(row, scratch.counters[i].name, sum[i], scratch.counters[i].reason);
    s->counters = NULL;
    free(sum);
    sn_row_free(&scratch);
    return status;
}

/* Global times if the clocks kept to what was foretold, else local ones. */
static const double *choose_clock(struct sampler *s, struct sn_row *row)
{
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

static void fill_row(struct sampler *s, struct sn_row *row)
{
    const double *time_s = choose_clock(s, row);

    for (uint64_t i = 0; i < s->n; i++)
        s->sorted[i] = sn_units_snap(time_s[i] / s->c->batch);
    sn_row_set_samples(row, s->sorted, s->n);
    row->n = s->n;
    row->warmup = s->warmup;
    row->batch = s->c->batch;
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

int sn_sample(struct sn_case *c, const struct sn_sample_opts *o, struct sn_counters *counters,
              struct sn_row *row)
{
    const struct sn_world *w = c->env->world;
    struct sampler s = {.c = c, .o = with_defaults(o), .w = w, .watch = c->env->watch};
    double residual_s;
    int status;

    sn_watch_phase(s.watch, "warm-up");
    s.clk = w->clock;
    if (!w->common_clock)
        sn_sync_remeasure(w->comm, sn_sync_wall(), w->oversubscribed, &s.clk, &residual_s);
    sn_sync_start_init(&s.start, w->bcast_s, w->oversubscribed);
    /* After a prepare the caches hold other things: 2 broadcasts were too short a lead for half of
     * the repetitions of dispatch (late-start), 20 us cost nothing beside them. */
    if (c->bench->prepare && !w->oversubscribed && s.start.least_ns < 20000)
        s.start.lead_ns = s.start.least_ns = 20000;
    s.begin_ns = sn_clock_ns();
    status = calibrate_batch(&s);
    if (status == SN_OK)
        status = warm_up(&s, &row->steady);
    if (status == SN_OK) {
        sn_watch_phase(s.watch, "sample");
        s.hang = c->env->hang_rank == w->rank;
        row->invalid = 0;
        status = sample(&s, row);
    }
    if (status == SN_OK) {
        sn_watch_phase(s.watch, "count");
        status = count(&s, counters, row);
    }
    if (status == SN_OK)
        fill_row(&s, row);
    free(s.global_s);
    free(s.local_s);
    free(s.sorted);
    return status;
}
