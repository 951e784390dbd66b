/* Copy bandwidth out of the neighbour's memory, through a shared window: one rank alone, then all.
 *
 * Every rank owns a segment, filled by itself, and copies the first n bytes of the next rank's
 * segment into its own memory, over and over, as a repeated get does. Alone: rank 0 of the host,
 * the others asleep. All: started together; the rate of a rank is its bytes over the time from the
 * first start to the last end, so that all ranks really had it at once. */
#define _GNU_SOURCE
#include "harness/roof_parts.h"

#include <math.h>
#include <sys/statvfs.h>
#include <time.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"

/* --- waiting without a core ------------------------------------------------------------------ */

static void wait_asleep(MPI_Request *request)
{
    int done = 0;
    for (MPI_Test(request, &done, MPI_STATUS_IGNORE); !done;
         MPI_Test(request, &done, MPI_STATUS_IGNORE))
        nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

void sn_roof_idle_barrier(MPI_Comm comm)
{
    MPI_Request request;
    MPI_Ibarrier(comm, &request);
    wait_asleep(&request);
}

void sn_roof_idle_max(MPI_Comm comm, double *values, int n)
{
    MPI_Request request;
    MPI_Iallreduce(MPI_IN_PLACE, values, n, MPI_DOUBLE, MPI_MAX, comm, &request);
    wait_asleep(&request);
}

/* --- the window ------------------------------------------------------------------------------ */

struct shared {
    const struct sn_world *world;
    MPI_Win win;
    int host_rank;
    char *mine, *next, *local; /* this rank's segment, the neighbour's, private memory */
    size_t segment;            /* bytes of each */
    size_t bytes, offset;      /* of a pass: length and place in `next` and `local` */
};

/* Bytes of one segment that the shared memory of this host holds for all its ranks, half left to
 * others: a container may give as little as 64 MiB, and touching more than there is kills. */
static uint64_t segment_limit(const struct sn_world *w)
{
    struct statvfs fs;
    uint64_t limit = w->oversubscribed ? 4 << 20 : 64 << 20;
    uint64_t free_bytes = sn_mem_available() / 4;
    if (!statvfs("/dev/shm", &fs) && (uint64_t)fs.f_bavail * fs.f_frsize / 2 < free_bytes)
        free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize / 2;
    uint64_t share = free_bytes / (uint64_t)w->host_ranks;
    return share < limit ? share : limit;
}

/* 1 on all ranks of the host, or 0 on all when one has failed (then nothing is held). */
static int shared_open(struct shared *s, const struct sn_world *w, size_t bytes)
{
    MPI_Errhandler old;
    MPI_Aint size;
    int unit;
    double failed = 0;
    *s = (struct shared){.world = w, .win = MPI_WIN_NULL, .segment = bytes};
    MPI_Comm_rank(w->host_comm, &s->host_rank);
    MPI_Comm_get_errhandler(w->host_comm, &old);
    MPI_Comm_set_errhandler(w->host_comm, MPI_ERRORS_RETURN);
    if (MPI_Win_allocate_shared((MPI_Aint)bytes, 1, MPI_INFO_NULL, w->host_comm, &s->mine, &s->win))
        failed = 1;
    MPI_Comm_set_errhandler(w->host_comm, old);
    MPI_Errhandler_free(&old);
    void *local = NULL;
    if (sn_mem_alloc(&local, bytes))
        failed = 1;
    s->local = local;
    double any = failed;
    sn_roof_idle_max(w->host_comm, &any, 1);
    if (any > 0) {
        if (s->win != MPI_WIN_NULL)
            MPI_Win_free(&s->win);
        sn_mem_free(s->local);
        return 0;
    }
    MPI_Win_shared_query(s->win, (s->host_rank + 1) % w->host_ranks, &size, &unit, &s->next);
    MPI_Win_lock_all(MPI_MODE_NOCHECK, s->win);
    sn_roof_fill(s->mine, bytes, (uint64_t)s->host_rank);
    MPI_Win_sync(s->win);
    sn_roof_idle_barrier(w->host_comm);
    MPI_Win_sync(s->win);
    return 1;
}

static void shared_close(struct shared *s)
{
    sn_roof_idle_barrier(s->world->host_comm);
    MPI_Win_unlock_all(s->win);
    MPI_Win_free(&s->win);
    sn_mem_free(s->local);
}

/* --- alone ----------------------------------------------------------------------------------- */

static void get_passes(void *arg, unsigned variant, uint64_t n)
{
    struct shared *s = arg;
    for (uint64_t i = 0; i < n; i++) {
        sn_roof_copy(variant, s->local + s->offset, s->next + s->offset, s->bytes);
        __asm__ volatile("" : : "r"(s->local) : "memory");
    }
}

/* Where source and destination together just fit a cache, which pages the system gave decides by up
 * to 15 % (1 MiB with an L2 of 2 MiB): a bound is the best of several places in the segment. */
enum { PLACES = 5 };

/* Sets s->offset for s->bytes; false where another place would change nothing. */
static bool choose_place(struct shared *s, size_t place)
{
    s->offset = place * (s->segment / PLACES & ~(size_t)4095);
    if (s->offset + s->bytes > s->segment)
        s->offset = 0;
    return place < 2 || (s->bytes >= 32 << 10 && s->bytes <= 4 << 20);
}

static void measure_alone(struct shared *s, struct sn_roof_curve *c, unsigned *variants)
{
    int64_t start = sn_clock_ns();
    for (size_t place = 0; place < PLACES && !sn_roof_late(start); place++)
        for (size_t i = 0; i < c->n; i++) {
            s->bytes = c->bytes[i];
            if (!choose_place(s, place))
                continue;
            struct sn_roof_work w = {get_passes, s, SN_ROOF_COPIES, (double)s->bytes};
            unsigned variant;
            double rate = sn_roof_rate(&w, sn_roof_repeats(s->bytes), &variant, &c->reason);
            if (isnan(rate) || rate <= c->bytes_per_s[i])
                continue;
            c->bytes_per_s[i] = rate;
            variants[i] = variant;
        }
    s->offset = 0;
    sn_roof_settle_reason(c);
}

/* --- all at once ----------------------------------------------------------------------------- */

/* Ranks leave together: spinning where each has a core, asleep where they share. */
static void start_together(const struct sn_world *w)
{
    if (w->oversubscribed)
        sn_roof_idle_barrier(w->comm);
    else
        MPI_Barrier(w->comm);
}

/* From then on the machine is busy with other things: no third try of a point. */
#define LATE_S 1.5

/* Seconds in which all ranks did `n` passes, all together; the fastest of `repeats`. *now_s gets
 * the time since `origin`, the same (largest) on every rank. */
static double together(struct shared *s, unsigned variant, uint64_t n, unsigned repeats,
                       int64_t origin, double *now_s)
{
    enum { MOST = 8 };
    const struct sn_world *w = s->world;
    double t[3 * MOST + 1];
    for (unsigned i = 0; i < repeats; i++) {
        start_together(w);
        int64_t start = sn_clock_ns();
        get_passes(s, variant, n);
        int64_t end = sn_clock_ns();
        t[i] = -(double)start;
        t[repeats + i] = (double)end;
        t[2 * repeats + i] = (double)(end - start);
    }
    t[3 * repeats] = (double)(sn_clock_ns() - origin) * 1e-9;
    sn_roof_idle_max(w->comm, t, 3 * (int)repeats + 1);
    *now_s = t[3 * repeats];
    double best = INFINITY;
    for (unsigned i = 0; i < repeats; i++)
        best = fmin(best, (w->common_clock ? t[repeats + i] + t[i] : t[2 * repeats + i]) * 1e-9);
    return best;
}

/* Bytes per second of every rank at s->bytes and s->offset while all copy; NAN when the self-test
 * failed. `guess`: about that. The same on every rank. */
static double rate_all(struct shared *s, unsigned variant, double guess, int64_t origin)
{
    /* Where ranks share a core a start is late by the wake-up, some 100 us: a longer chunk. */
    double chunk_s = s->world->oversubscribed ? 1e-3 : 200e-6;
    unsigned repeats = s->world->oversubscribed ? 2 : 4;
    double bytes = (double)s->bytes, now_s = 0;
    double once_s = INFINITY, twice_s = INFINITY, error = INFINITY;
    uint64_t n = (uint64_t)ceil(chunk_s * guess / bytes);
    /* Every rank has the same times, hence takes the same decisions. Afresh and with twice the
     * work where lucky runs spoil the self-test, as in sn_roof_rate(). */
    for (int tries = 0; tries < 2 || (error > 0.10 && tries < 9 && now_s < LATE_S); tries++) {
        if (tries && tries % 3 == 0) {
            n *= 2;
            once_s = twice_s = INFINITY;
        }
        once_s = fmin(once_s, together(s, variant, n, repeats, origin, &now_s));
        twice_s = fmin(twice_s, together(s, variant, 2 * n, repeats, origin, &now_s));
        error = fabs(twice_s / once_s / 2 - 1);
    }
    return error <= 0.10 ? bytes * (double)n / fmin(once_s, twice_s / 2) : NAN;
}

static void measure_all(struct shared *s, struct sn_roof_curve *c,
                        const struct sn_roof_curve *alone, const unsigned *variants)
{
    int64_t origin = sn_clock_ns();
    for (size_t i = 0; i < c->n; i++) {
        double guess = isnan(alone->bytes_per_s[i]) ? 5e9 : alone->bytes_per_s[i];
        s->bytes = c->bytes[i];
        for (size_t place = 0; place < PLACES; place++) {
            if (!choose_place(s, place) || place > (s->world->oversubscribed ? 1 : 2))
                continue;
            double rate = rate_all(s, variants[i], guess, origin);
            if (!isnan(rate) && !(rate <= c->bytes_per_s[i]))
                c->bytes_per_s[i] = rate;
        }
        if (isnan(c->bytes_per_s[i]))
            c->reason = sn_roof_reason_self_test;
    }
    s->offset = 0;
}

/* --------------------------------------------------------------------------------------------- */

/* What rank 0 of each host found alone, to every rank: the best rate and a variant per point. */
static void spread(MPI_Comm comm, struct sn_roof_curve *c, unsigned *variants)
{
    double v[2 * SN_ROOF_POINTS];
    for (size_t i = 0; i < c->n; i++) {
        v[i] = isnan(c->bytes_per_s[i]) ? -1 : c->bytes_per_s[i];
        v[c->n + i] = variants[i];
    }
    sn_roof_idle_max(comm, v, 2 * (int)c->n);
    for (size_t i = 0; i < c->n; i++) {
        c->bytes_per_s[i] = v[i] < 0 ? NAN : v[i];
        variants[i] = (unsigned)v[c->n + i];
    }
}

void sn_roof_measure_shared(const struct sn_world *w, struct sn_roofs *r)
{
    static const char no_window[] = "no shared window (MPI_Win_allocate_shared) on this host";
    struct shared s;
    unsigned variants[SN_ROOF_POINTS] = {0};
    double least = -(double)segment_limit(w);
    sn_roof_idle_max(w->comm, &least, 1);
    uint64_t largest = (uint64_t)-least;
    sn_roof_sizes(&r->copy_shared, 1, largest);
    sn_roof_sizes(&r->copy_all, 1, largest);
    double failed = !shared_open(&s, w, r->copy_all.bytes[r->copy_all.n - 1]);
    int held = !failed;
    sn_roof_idle_max(w->comm, &failed, 1);
    if (failed > 0) {
        if (held)
            shared_close(&s);
        r->copy_shared = r->copy_all = (struct sn_roof_curve){.reason = no_window};
        return;
    }
    if (s.host_rank == 0)
        measure_alone(&s, &r->copy_shared, variants);
    sn_roof_idle_barrier(w->comm);
    spread(w->comm, &r->copy_shared, variants);
    measure_all(&s, &r->copy_all, &r->copy_shared, variants);
    /* A rate that every rank had at once is one that a rank alone can have. */
    for (size_t i = 0; i < r->copy_shared.n; i++)
        r->copy_shared.bytes_per_s[i] =
            fmax(r->copy_shared.bytes_per_s[i], r->copy_all.bytes_per_s[i]);
    /* Nor is what a core copies out of a window beyond what it can copy inside its process: the
     * places above bound both where the pages decide. */
    for (size_t i = 0; i < r->copy.n && i < r->copy_shared.n; i++)
        if (r->copy.bytes[i] == r->copy_shared.bytes[i])
            r->copy.bytes_per_s[i] = fmax(r->copy.bytes_per_s[i], r->copy_shared.bytes_per_s[i]);
    shared_close(&s);
}
