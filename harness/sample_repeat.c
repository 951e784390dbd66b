/* One repetition: prepare, a common start, run, and what all ranks make of it. */
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/status.h"
#include "harness/counters.h"
#include "harness/sample_parts.h"
#include "harness/watch.h"

/* What one repetition tells everybody; all of it merged by MAX. */
enum { END, MINUS_START, LOCAL, LATENESS, ELAPSED, SIGNAL, FAILED, OUTCOME };

void sn_sampler_merge(const struct sn_sampler *s, int64_t *values, int n)
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
static int name_start(struct sn_sampler *s, int status, int64_t *start_ns)
{
    int64_t msg[2] = {sn_sync_to_global(&s->clk, sn_clock_ns()), status != SN_OK};
    MPI_Request request;

    if (s->c->bench->prepare) {
        sn_sampler_merge(s, msg, 2);
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
static int counted_run(struct sn_sampler *s, int64_t when, int64_t *t0, int64_t *t1)
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

static int timed_run(struct sn_sampler *s, int64_t when, int64_t *t0, int64_t *t1)
{
    int status;

    *t0 = sn_clock_wait_until(when, s->w->oversubscribed);
    status = s->c->bench->run(s->c);
    *t1 = sn_clock_ns();
    return status;
}

int sn_sampler_repeat(struct sn_sampler *s, double *global_s, double *local_s)
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
    sn_sampler_merge(s, v, OUTCOME);
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
