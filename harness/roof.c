/* Roofs: the order of the measurements, the agreement of the ranks, and the look-up.
 *
 * One rank of each host measures alone first (timer, core clock, arithmetic, copy, read, DRAM),
 * then copies from its neighbour, then all copy at once; whoever does not measure sleeps. Cost:
 * about 2.5 s. */
#include "harness/roof.h"

#include <math.h>
#include <unistd.h>

#include "harness/base/clock.h"
#include "harness/base/mem.h"
#include "harness/base/status.h"
#include "harness/roof_parts.h"

void sn_roof_sizes(struct sn_roof_curve *c, uint64_t smallest, uint64_t largest)
{
    /* Dense where the caches end, and down to a word for the latencies of small messages. */
    static const uint64_t sizes[] = {8,        64,        512,       4 << 10, 16 << 10,
                                     64 << 10, 256 << 10, 512 << 10, 1 << 20, 2 << 20,
                                     4 << 20,  16 << 20,  64 << 20};
    *c = (struct sn_roof_curve){0};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && (!c->n || sizes[i] <= largest); i++) {
        if (sizes[i] < smallest)
            continue;
        c->bytes[c->n] = sizes[i];
        c->bytes_per_s[c->n++] = NAN;
    }
}

unsigned sn_roof_repeats(uint64_t bytes)
{
    return bytes <= 1 << 20 ? 6 : bytes <= 4 << 20 ? 3 : 2;
}

bool sn_roof_late(int64_t start)
{
    return sn_clock_ns() - start > 1000000000;
}

void sn_roof_settle_reason(struct sn_roof_curve *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (isnan(c->bytes_per_s[i]))
            return;
    c->reason = NULL;
}

double sn_roof_at(const struct sn_roof_curve *c, uint64_t bytes)
{
    size_t below = c->n, above = c->n; /* nearest points with a figure */
    for (size_t i = 0; i < c->n; i++) {
        if (isnan(c->bytes_per_s[i]))
            continue;
        if (c->bytes[i] <= bytes)
            below = i;
        else if (above == c->n)
            above = i;
    }
    if (below == c->n && above == c->n)
        return NAN;
    if (below == c->n)
        return c->bytes_per_s[above];
    if (above == c->n)
        return c->bytes_per_s[below];
    double x0 = log((double)c->bytes[below]), x1 = log((double)c->bytes[above]);
    double t = (log((double)bytes) - x0) / (x1 - x0);
    return c->bytes_per_s[below] + t * (c->bytes_per_s[above] - c->bytes_per_s[below]);
}

double sn_roof_best(const struct sn_roof_curve *c)
{
    double best = NAN;
    for (size_t i = 0; i < c->n; i++)
        if (!(c->bytes_per_s[i] <= best) && !isnan(c->bytes_per_s[i]))
            best = c->bytes_per_s[i];
    return best;
}

/* Every rank gets the best of all: the largest figure of each point, the smallest time. */
static void agree(MPI_Comm comm, struct sn_roofs *r)
{
    struct sn_roof_curve *curves[] = {&r->copy, &r->read, &r->copy_shared, &r->copy_all};
    double *peaks[] = {&r->peak_ops_per_s[SN_PEAK_INT8],
                       &r->peak_ops_per_s[SN_PEAK_BF16],
                       &r->peak_ops_per_s[SN_PEAK_F32],
                       &r->dram_read,
                       &r->dram_copy,
                       &r->dram_read_all,
                       &r->dram_copy_all,
                       &r->threads};
    enum { FIGURES = sizeof peaks / sizeof *peaks };
    double v[4 * SN_ROOF_POINTS + FIGURES + 4];
    int n = 0;
    for (int k = 0; k < 4; k++)
        for (size_t i = 0; i < curves[k]->n; i++, n++)
            v[n] = isnan(curves[k]->bytes_per_s[i]) ? -INFINITY : curves[k]->bytes_per_s[i];
    for (int i = 0; i < FIGURES; i++)
        v[n++] = isnan(*peaks[i]) ? -INFINITY : *peaks[i];
    v[n++] = isnan(r->core_hz) ? -INFINITY : r->core_hz;
    v[n++] = isnan(r->timer_call_s) ? -INFINITY : -r->timer_call_s;
    v[n++] = isnan(r->timer_resolution_s) ? -INFINITY : -r->timer_resolution_s;
    v[n++] = r->seconds_spent;
    sn_roof_idle_max(comm, v, n);
    n = 0;
    for (int k = 0; k < 4; k++) {
        const char *reason = NULL;
        for (size_t i = 0; i < curves[k]->n; i++, n++) {
            curves[k]->bytes_per_s[i] = v[n] > 0 ? v[n] : NAN;
            if (!(v[n] > 0))
                reason = curves[k]->reason ? curves[k]->reason : sn_roof_reason_self_test;
        }
        curves[k]->reason = curves[k]->n ? reason : curves[k]->reason;
    }
    for (int i = 0; i < FIGURES; i++, n++)
        *peaks[i] = v[n] > 0 ? v[n] : NAN;
    r->core_hz = v[n] > 0 ? v[n] : NAN;
    if (v[n++] > 0)
        r->core_hz_reason = NULL;
    r->timer_call_s = -v[n++];
    r->timer_resolution_s = -v[n++];
    r->seconds_spent = v[n++];
}

/* The largest size of the curves, the same on all ranks: 64 MiB (a copy takes twice that), at most
 * an eighth of the free memory: other processes live here too. A last-level cache may be larger
 * still (480 MiB seen in a virtual machine): the curves say sizes, not levels. */
static uint64_t largest_size(const struct sn_world *w)
{
    double least = -fmin(64 << 20, (double)(sn_mem_available() / 8));
    if (w)
        sn_roof_idle_max(w->comm, &least, 1);
    return (uint64_t)-least;
}

int sn_roofs_measure(const struct sn_world *w, struct sn_roofs *out)
{
    static const char alone[] = "needs MPI";
    int64_t start = sn_clock_ns();
    struct sn_roofs r = {.timer_call_s = NAN,
                         .timer_resolution_s = NAN,
                         .core_hz = NAN,
                         .peak_ops_per_s = {NAN, NAN, NAN},
                         .dram_read = NAN,
                         .dram_copy = NAN,
                         .dram_read_all = NAN,
                         .dram_copy_all = NAN,
                         .threads = NAN};
    uint64_t largest = largest_size(w);
    int host_rank = 0;
    if (w)
        MPI_Comm_rank(w->host_comm, &host_rank);
    sn_roof_sizes(&r.copy, 1, largest);
    sn_roof_sizes(&r.read, SN_ROOF_READ_FROM, largest);
    if (host_rank == 0) {
        struct sn_clock_quality q = sn_clock_probe();
        r.timer_call_s = q.call_s;
        r.timer_resolution_s = q.resolution_s;
        r.core_hz = sn_roof_core_hz(&r.core_hz_reason);
        sn_roof_measure_peaks(&r);
        sn_roof_measure_memory(&r, largest);
        sn_roof_measure_dram(&r);
    }
    if (w) {
        sn_roof_idle_barrier(w->comm);
        sn_roof_measure_shared(w, &r);
        r.seconds_spent = (double)(sn_clock_ns() - start) * 1e-9;
        agree(w->comm, &r);
    } else {
        r.copy_shared.reason = r.copy_all.reason = alone;
        r.seconds_spent = (double)(sn_clock_ns() - start) * 1e-9;
    }
    *out = r;
    return SN_OK;
}
