/* Roofs: what this machine can do at most, measured in the same run that uses them.
 *
 * Copy bandwidths count the bytes copied once (n bytes from A to B = n), read bandwidths the bytes
 * read. Each figure is the best of several passes: a roof is a bound. Self-test: twice the work
 * takes twice the time within 10 %, else the figure is NAN with a reason.
 */
#ifndef SN_HARNESS_ROOF_H
#define SN_HARNESS_ROOF_H

#include <stddef.h>
#include <stdint.h>

#include "harness/base/peak.h"
#include "harness/world.h"

enum { SN_ROOF_POINTS = 16 };

/* Bandwidth against size: strictly rising sizes, B/s at each; NAN where the self-test failed. */
struct sn_roof_curve {
    size_t n;
    uint64_t bytes[SN_ROOF_POINTS];
    double bytes_per_s[SN_ROOF_POINTS];
    const char *reason; /* why figures are missing, or NULL */
};

struct sn_roofs {
    struct sn_roof_curve copy; /* memory to memory in one process, one core, all other ranks idle;
                                  the fastest of memcpy(), sn_copy(), sn_copy_stream() and,
                                  where the CPU has them, 512 bits at a time */
    struct sn_roof_curve read; /* reading, one core */
    struct sn_roof_curve copy_shared; /* this rank copies from the segment of the next rank of its
                                         host (MPI shared window), others idle */
    struct sn_roof_curve copy_all;    /* the same while every rank does it: per rank */
    double timer_call_s, timer_resolution_s;
    double core_hz; /* by a dependent-add chain; NAN with reason */
    const char *core_hz_reason;
    double peak_ops_per_s[SN_PEAKS];     /* in registers, one core (harness/base/peak.h), or NAN */
    double dram_read, dram_copy;         /* B/s past the caches (sn_cpu_cold_bytes()), one core */
    double dram_read_all, dram_copy_all; /* the same, all `threads` together */
    double threads;                      /* cores of this process */
    double seconds_spent;
};

/* Collective. Measures everything (about 2 s); every rank gets the same figures (the largest over
 * hosts for bandwidths, smallest for times: a roof is a bound). Sizes run from 64 B (read: 16 KiB)
 * to past the caches, those of the shared curves to at most 64 MiB (4 MiB when oversubscribed, then
 * the copies take turns on the cores). With w NULL: this process alone, without MPI, the shared
 * curves empty with a reason. What cannot be measured is no failure: it is NAN with a reason. */
int sn_roofs_measure(const struct sn_world *w, struct sn_roofs *out);

/* B/s of the curve for an operation that moves `bytes`: log-linear between points, the end points
 * outside. NAN when unknown. */
double sn_roof_at(const struct sn_roof_curve *c, uint64_t bytes);

/* Roofs of `threads` threads of one process, from those of one core and of all. Arithmetic: so many
 * cores (a kind this CPU lacks is done in f32). Memory: a working set of `bytes` that the threads
 * share evenly and walk through again and again; UINT64_MAX: past the caches. NAN when unknown. */
double sn_roof_peak(const struct sn_roofs *r, enum sn_peak_kind kind, unsigned threads);
double sn_roof_read_bytes(const struct sn_roofs *r, uint64_t bytes, unsigned threads);
double sn_roof_copy_bytes(const struct sn_roofs *r, uint64_t bytes, unsigned threads);

/* The largest figure of the curve (NAN when none). */
double sn_roof_best(const struct sn_roof_curve *c);

#endif
