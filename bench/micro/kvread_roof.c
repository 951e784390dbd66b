/* The copy roof beside the reads, on the wall clock.
 *
 * A roof measured before the row is no measure for it: the memory of a machine that is shared, or
 * clocked up and down, moved by a factor of 2 within a minute; and the roof's curve copies one
 * buffer of the reads' size over and over, where reads come from anywhere in a larger pool. So
 * before every repetition each reader copies as many bytes straight, in one piece, out of the
 * segment that it reads from (its neighbour's; its own with placement=local), from where the
 * repetition before stopped, into the memory that its reads fill; all readers at once. The share of
 * the roof is the median of each repetition's own, which drifts do not move.
 *
 * Stores: through the caches, or around them. Which is faster depends on whether the destination
 * still is in a cache, and that on what else is: a trial decides, and the reads then do the same.
 * Measured (EPYC 7003, 2 cores, 32 MiB L3 shared with others, 16 MiB a reader out of 32 MiB):
 * around 1.28 to 1.4 times as fast, straight or by blocks of 128 KiB. */
#include <math.h>
#include <stdlib.h>

#include "bench/micro/kvread.h"
#include "comm/kvslab.h"
#include "harness/base/buf.h"
#include "harness/base/clock.h"
#include "harness/base/copy.h"
#include "harness/stats.h"

enum { TRIALS = 5, ROOFS_MOST = 1 << 16 };

bool sn_kvread_has_roof(const struct sn_kvread *s)
{
    const struct sn_world *w = s->env->world;
    return !s->model && s->fabric.transport->mapped && w->hosts == 1 && !w->oversubscribed;
}

/* `bytes` out of the ring of `held` bytes at src, from `at` on. */
static void copy_straight(char *dst, const char *src, uint64_t held, uint64_t at, uint64_t bytes,
                          bool stream)
{
    while (bytes) {
        const uint64_t n = bytes < held - at ? bytes : held - at;
        if (stream)
            sn_copy_stream(dst, src + at, n);
        else
            sn_copy(dst, src + at, n);
        dst += n;
        bytes -= n;
        at = 0;
    }
}

/* Seconds from the first start to the last end over all ranks; the same on every rank. */
static double straight(struct sn_kvread *s, bool stream)
{
    const struct sn_world *w = s->env->world;
    const uint64_t bytes = (uint64_t)s->reads * s->payload;
    const uint64_t held = sn_kv_slots_bytes(s->payload, s->slots);
    double t[3]; /* - start, end, the largest of a rank */
    MPI_Barrier(w->comm);
    const int64_t start = sn_clock_ns();
    for (unsigned r = 0; r < s->readers; r++) {
        const unsigned to = s->placement == SN_KVREAD_LOCAL ? r : (r + 1) % s->members;
        if (sn_fabric_mine(&s->fabric, s->reader_at[r]))
            copy_straight(s->own[r], s->fabric.transport->peer(s->fabric.link, s->member_at[to]),
                          held, s->straight_at, bytes, stream);
    }
    const int64_t end = sn_clock_ns();
    t[0] = -(double)start;
    t[1] = (double)end;
    t[2] = (double)(end - start);
    MPI_Allreduce(MPI_IN_PLACE, t, 3, MPI_DOUBLE, MPI_MAX, w->comm);
    s->straight_at = (s->straight_at + bytes) % held;
    return 1e-9 * (w->common_clock ? t[1] + t[0] : t[2]);
}

static double median(double *x, size_t n)
{
    sn_stats_sort(x, n);
    return sn_stats_percentile(x, n, 0.5);
}

/* All ranks have the same times, hence decide alike. */
static bool stream_is_faster(struct sn_kvread *s)
{
    double t[2][TRIALS];
    for (unsigned i = 0; i < TRIALS; i++)
        for (int stream = 0; stream < 2; stream++)
            t[stream][i] = straight(s, stream);
    return median(t[1], TRIALS) < median(t[0], TRIALS);
}

double sn_kvread_measure_roof(struct sn_kvread *s)
{
    if (!sn_kvread_has_roof(s) || s->roof_s.n == ROOFS_MOST)
        return NAN;
    if (!s->roof_s.n)
        s->fabric.link->stream = stream_is_faster(s);
    sn_kvread_list_add(&s->roof_s, straight(s, s->fabric.link->stream));
    return s->roof_s.x[s->roof_s.n - 1];
}

double sn_kvread_roof(const struct sn_kvread *s, double *best)
{
    double *x, middle;
    *best = NAN;
    if (!s->roof_s.n)
        return NAN;
    x = sn_calloc(s->roof_s.n, sizeof *x);
    for (size_t i = 0; i < s->roof_s.n; i++)
        x[i] = s->roof_s.x[i];
    middle = median(x, s->roof_s.n);
    *best = x[0];
    free(x);
    return middle;
}
