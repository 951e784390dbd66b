/* The parts of the roofs; for roof*.c and their tests. */
#ifndef SN_HARNESS_ROOF_PARTS_H
#define SN_HARNESS_ROOF_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "harness/roof.h"
#include "harness/world.h"

enum { SN_ROOF_VARIANTS = 4 }; /* most of one work */
enum { SN_ROOF_COPIES = 4 };   /* of sn_roof_copy() */
enum { SN_ROOF_READS = 3 };    /* of sn_roof_read() */

/* Work in units that can be repeated: passes(arg, variant, n) performs n of them and must take time
 * proportional to n. All variants do the same work in different ways. */
struct sn_roof_work {
    void (*passes)(void *arg, unsigned variant, uint64_t n);
    void *arg;
    unsigned variants;
    double units; /* bytes or operations of one pass */
};

/* Units per second, the best over variants and repeats of k and of 2 k passes, k such that k passes
 * take about 100 us (at least one pass). *variant gets the fastest. Self-test: 2 k passes take
 * twice the time of k within 10 % (the fastest of each); it may take up to three times `repeats`
 * repeats, then starts afresh with twice and four times the k; if it never holds, NAN and *reason
 * says so. */
double sn_roof_rate(const struct sn_roof_work *work, unsigned repeats, unsigned *variant,
                    const char **reason);

/* A walk in `count` equal pieces round and round: pieces(arg, variant, first, n) does pieces first
 * to first + n - 1, each number modulo `count`. */
struct sn_roof_walk {
    void (*pieces)(void *arg, unsigned variant, uint64_t first, uint64_t n);
    void *arg;
    unsigned variants;
    uint64_t count;  /* more than settle + 2 */
    uint64_t settle; /* pieces after which the caches hold nothing of another variant's doing */
    double units;    /* bytes of one piece */
};

/* Units per second of the fastest variant: the best single and double pieces of at least four
 * walks. Self-test: two pieces take twice the time of one within 10 % (the fastest of each); it may
 * walk for 1.5 s until that holds; if it never does, NAN and *reason says so. */
double sn_roof_walk_rate(const struct sn_roof_walk *w, const char **reason);

/* The words for a self-test that failed. */
extern const char sn_roof_reason_self_test[];

/* The copies that roofs compare: memcpy(), sn_copy() (cached stores), sn_copy_stream() (stores past
 * the cache), 512 bits at a time where the CPU has them. */
void sn_roof_copy(unsigned variant, void *dst, const void *src, size_t bytes);

/* Reads n bytes (64-byte aligned, a multiple of 64) with the widest loads of this CPU and
 * independent accumulators, from end to end or as 2 or 4 streams side by side, which is faster past
 * the caches of some CPUs (36 GB/s for 28 on Zen 5); the result depends on every byte. */
uint64_t sn_roof_read(unsigned variant, const void *p, size_t bytes);

/* Random bytes, so that no CPU takes the short cut it may have for zeros. `bytes` any. */
void sn_roof_fill(void *p, size_t bytes, uint64_t seed);

/* Repeats of a point of `bytes`: fewer where one pass is long. */
unsigned sn_roof_repeats(uint64_t bytes);

/* Whether a sweep begun at `start` took so long that the machine is busy with other things: then
 * there is no second one. */
bool sn_roof_late(int64_t start);

/* c->reason stays only when a figure is missing. */
void sn_roof_settle_reason(struct sn_roof_curve *c);

/* The sizes of all curves from `smallest` to `largest` (at least one): fills c->bytes and c->n,
 * figures NAN. */
void sn_roof_sizes(struct sn_roof_curve *c, uint64_t smallest, uint64_t largest);

/* The smallest size of the read curve: below, the sum of the accumulators is the time, not the
 * loads. */
#define SN_ROOF_READ_FROM (16 << 10)

/* One core of this process alone: c->copy and c->read, sizes up to `largest`. */
void sn_roof_measure_memory(struct sn_roofs *r, uint64_t largest);

/* Core clock by a chain of dependent one-cycle additions; NAN and *reason where there is none. */
double sn_roof_core_hz(const char **reason);

/* Arithmetic peaks and DRAM of this process alone. */
void sn_roof_measure_peaks(struct sn_roofs *r);
void sn_roof_measure_dram(struct sn_roofs *r);

/* Collective: copy_shared and copy_all. */
void sn_roof_measure_shared(const struct sn_world *w, struct sn_roofs *r);

/* Collective over `comm`: waits for all ranks asleep, so that the core of a rank that measures is
 * its own. */
void sn_roof_idle_barrier(MPI_Comm comm);

/* Collective: element-wise maximum on every rank, waiting asleep. */
void sn_roof_idle_max(MPI_Comm comm, double *values, int n);

#endif
