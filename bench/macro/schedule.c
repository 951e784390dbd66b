#include "bench/macro/schedule.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "harness/base/buf.h"
#include "harness/base/status.h"

const char *const sn_resource_names[] = {"cube", "vector", "hbm", "dma", "fabric", NULL};

/* A resource counts as full from here on: rounding of the sums of shares. */
static const double full = 1 - 1e-12;

/* Of a stream: its tasks in order, and the one that runs. */
struct stream {
    uint32_t *task;
    size_t n, next;
    bool running;      /* task[next - 1] */
    double fixed_left; /* seconds */
    double work_left;  /* seconds at full speed */
    double speed;      /* 0 to 1 */
};

struct run {
    const struct sn_task *tasks;
    struct sn_schedule *out;
    struct stream *streams;
    uint32_t n_streams;
    bool *ended;
    double now;
};

/* --- input ------------------------------------------------------------------------------------ */

static int check(const struct sn_task *t, size_t n, uint32_t streams)
{
    if (!(t->launch_s >= 0) || !(t->fixed_s >= 0) || !(t->work_s >= 0) ||
        isinf(t->launch_s + t->fixed_s + t->work_s))
        return SN_FAIL(SN_EINVAL,
                       "%s: %g s of launch, %g s fixed, %g s of work: a time is finite and at "
                       "least 0",
                       t->name, t->launch_s, t->fixed_s, t->work_s);
    if (t->stream >= streams)
        return SN_FAIL(SN_EINVAL, "%s: stream %u of %u", t->name, t->stream, streams);
    for (int r = 0; r < SN_RESOURCES; r++)
        if (!(t->use[r] >= 0 && t->use[r] <= 1))
            return SN_FAIL(SN_EINVAL, "%s: %g of %s: a share is 0 to 1", t->name, t->use[r],
                           sn_resource_names[r]);
    for (size_t i = 0; i < t->n_after; i++)
        if (t->after[i] >= n)
            return SN_FAIL(SN_EINVAL, "%s: waits for task %u of %zu", t->name, t->after[i], n);
    return SN_OK;
}

/* --- speeds ----------------------------------------------------------------------------------- */

static bool works(const struct stream *s)
{
    return s->running && s->fixed_left <= 0 && s->work_left > 0;
}

static const struct sn_task *running(const struct run *r, const struct stream *s)
{
    return &r->tasks[s->task[s->next - 1]];
}

/* Raises the speeds of all that work until each is at 1 or uses a resource that is full. */
static void share(struct run *r)
{
    bool held[SN_RESOURCES] = {false};
    double level = 0;
    for (uint32_t i = 0; i < r->n_streams; i++)
        r->streams[i].speed = -1; /* still rising, or not working */
    while (level < 1) {
        double used[SN_RESOURCES] = {0}, slope[SN_RESOURCES] = {0}, most = 1;
        for (uint32_t i = 0; i < r->n_streams; i++) {
            const struct stream *s = &r->streams[i];
            for (int k = 0; k < SN_RESOURCES && works(s); k++)
                *(s->speed < 0 ? &slope[k] : &used[k]) +=
                    running(r, s)->use[k] * (s->speed < 0 ? 1 : s->speed);
        }
        for (int k = 0; k < SN_RESOURCES; k++)
            if (!held[k] && slope[k] > 0)
                most = fmin(most, fmax(level, (1 - used[k]) / slope[k]));
        level = most;
        for (int k = 0; k < SN_RESOURCES; k++)
            held[k] = held[k] || (slope[k] > 0 && used[k] + slope[k] * level >= full);
        for (uint32_t i = 0; i < r->n_streams; i++) {
            struct stream *s = &r->streams[i];
            for (int k = 0; k < SN_RESOURCES && works(s) && s->speed < 0; k++)
                if (held[k] && running(r, s)->use[k] > 0)
                    s->speed = level;
        }
    }
    for (uint32_t i = 0; i < r->n_streams; i++)
        if (r->streams[i].speed < 0)
            r->streams[i].speed = 1;
}

/* --- time ------------------------------------------------------------------------------------- */

/* The last of what task t waits for: of its stream, or `after`. */
static uint32_t last_before(const struct run *r, const struct stream *s, const struct sn_task *t)
{
    uint32_t last = s->next ? s->task[s->next - 1] : SN_SCHEDULE_NONE;
    for (size_t i = 0; i < t->n_after; i++)
        if (last == SN_SCHEDULE_NONE || r->out->span[t->after[i]].end_s > r->out->span[last].end_s)
            last = t->after[i];
    return last;
}

static bool can_start(const struct run *r, const struct stream *s)
{
    if (s->running || s->next == s->n)
        return false;
    const struct sn_task *t = &r->tasks[s->task[s->next]];
    for (size_t i = 0; i < t->n_after; i++)
        if (!r->ended[t->after[i]])
            return false;
    return true;
}

static void start(struct run *r, struct stream *s)
{
    uint32_t at = s->task[s->next];
    const struct sn_task *t = &r->tasks[at];
    r->out->span[at] = (struct sn_span){
        .start_s = r->now, .launch_s = fmax(0, t->launch_s - r->now), .held = last_before(r, s, t)};
    s->fixed_left = r->out->span[at].launch_s + t->fixed_s;
    s->work_left = t->work_s;
    s->running = true;
    s->next++;
}

static void stop(struct run *r, struct stream *s)
{
    uint32_t at = s->task[s->next - 1];
    const struct sn_task *t = &r->tasks[at];
    struct sn_span *span = &r->out->span[at];
    span->end_s = r->now;
    span->slowed_s = fmax(0, span->end_s - span->start_s - span->launch_s - t->fixed_s - t->work_s);
    s->running = false;
    r->ended[at] = true;
}

/* Until the next task ends its fixed part or its work. */
static double step(const struct run *r)
{
    double least = INFINITY;
    for (uint32_t i = 0; i < r->n_streams; i++) {
        const struct stream *s = &r->streams[i];
        if (s->running)
            least = fmin(least, works(s) ? s->work_left / s->speed : fmax(0, s->fixed_left));
    }
    return least;
}

static void advance(struct run *r, double dt)
{
    r->now += dt;
    for (uint32_t i = 0; i < r->n_streams; i++) {
        struct stream *s = &r->streams[i];
        if (!s->running)
            continue;
        if (!works(s)) {
            s->fixed_left = s->fixed_left <= dt ? 0 : s->fixed_left - dt;
            continue;
        }
        for (int k = 0; k < SN_RESOURCES; k++)
            r->out->busy_s[k] += running(r, s)->use[k] * s->speed * dt;
        s->work_left = s->work_left / s->speed <= dt ? 0 : s->work_left - s->speed * dt;
    }
}

/* Starts and stops tasks that take no time too, until nothing more happens at this instant. */
static void settle(struct run *r)
{
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = 0; i < r->n_streams; i++) {
            struct stream *s = &r->streams[i];
            if (s->running && s->fixed_left <= 0 && s->work_left <= 0)
                stop(r, s), more = true;
            if (can_start(r, s))
                start(r, s), more = true;
        }
    }
}

/* Nothing runs, and each first one of the tasks that are left waits for one that cannot start. */
static int stuck(const struct run *r)
{
    for (uint32_t i = 0; i < r->n_streams; i++) {
        const struct stream *s = &r->streams[i];
        if (s->next == s->n)
            continue;
        const struct sn_task *t = &r->tasks[s->task[s->next]];
        for (size_t k = 0; k < t->n_after; k++)
            if (!r->ended[t->after[k]])
                return SN_FAIL(SN_EINVAL, "%s waits for %s, which cannot start", t->name,
                               r->tasks[t->after[k]].name);
    }
    return SN_OK;
}

static void line_up(struct run *r, size_t n)
{
    for (size_t i = 0; i < n; i++)
        r->streams[r->tasks[i].stream].n++;
    for (uint32_t i = 0; i < r->n_streams; i++) {
        struct stream *s = &r->streams[i];
        s->task = sn_calloc(s->n + 1, sizeof *s->task);
        s->n = 0;
    }
    for (size_t i = 0; i < n; i++) {
        struct stream *s = &r->streams[r->tasks[i].stream];
        s->task[s->n++] = (uint32_t)i;
    }
}

int sn_schedule_run(struct sn_schedule *out, const struct sn_task *tasks, size_t n,
                    uint32_t streams)
{
    *out = (struct sn_schedule){0};
    for (size_t i = 0; i < n; i++) {
        int status = check(&tasks[i], n, streams);
        if (status != SN_OK)
            return status;
    }
    *out = (struct sn_schedule){.span = sn_calloc(n + 1, sizeof *out->span), .n = n};
    struct run r = {.tasks = tasks,
                    .out = out,
                    .streams = sn_calloc(streams + 1, sizeof *r.streams),
                    .n_streams = streams,
                    .ended = sn_calloc(n + 1, sizeof *r.ended)};
    line_up(&r, n);
    settle(&r);
    share(&r);
    for (double dt = step(&r); isfinite(dt); dt = step(&r)) {
        advance(&r, dt);
        settle(&r);
        share(&r);
    }
    out->end_s = r.now;
    int status = stuck(&r);
    for (uint32_t i = 0; i < streams; i++)
        free(r.streams[i].task);
    free(r.streams);
    free(r.ended);
    if (status != SN_OK)
        sn_schedule_free(out);
    return status;
}

void sn_schedule_free(struct sn_schedule *s)
{
    free(s->span);
    *s = (struct sn_schedule){0};
}

size_t sn_schedule_critical(const struct sn_schedule *s, uint32_t *path)
{
    uint32_t last = SN_SCHEDULE_NONE;
    size_t n = 0;
    for (uint32_t i = 0; i < s->n; i++)
        if (last == SN_SCHEDULE_NONE || s->span[i].end_s > s->span[last].end_s)
            last = i;
    for (; last != SN_SCHEDULE_NONE; last = s->span[last].held)
        path[n++] = last;
    for (size_t i = 0; i < n / 2; i++) {
        uint32_t x = path[i];
        path[i] = path[n - 1 - i];
        path[n - 1 - i] = x;
    }
    return n;
}
