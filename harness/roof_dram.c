/* Memory past the caches, one core and all cores together: so much is walked through that nothing
 * of it is still cached when the walk begins again. */
#include <math.h>
#include <omp.h>
#include <stdbool.h>

#include "harness/base/cpu.h"
#include "harness/base/mem.h"
#include "harness/roof_parts.h"

enum { PIECE = 4 << 20, LEAST_PIECES = 8 }; /* of a thread */

struct memory {
    char *from, *to;
    size_t each; /* bytes of a piece that one thread does */
    uint64_t count;
    unsigned threads;
    bool copy;
    uint64_t sum;
};

static uint64_t part(const struct memory *m, unsigned variant, uint64_t piece, unsigned id)
{
    size_t at = (piece % m->count * m->threads + id) * m->each;
    if (!m->copy)
        return sn_roof_read(variant, m->from + at, m->each);
    sn_roof_copy(variant, m->to + at, m->from + at, m->each);
    return 0;
}

static void pieces(void *arg, unsigned variant, uint64_t first, uint64_t n)
{
    struct memory *m = arg;
    uint64_t sum = 0;
#pragma omp parallel num_threads((int)m->threads) reduction(+ : sum) if (m->threads > 1)
    for (uint64_t i = first; i < first + n; i++)
        sum += part(m, variant, i, (unsigned)omp_get_thread_num());
    m->sum += sum;
}

/* `bytes` are walked through, twice as many for a copy. */
static double rate(struct memory *m, size_t bytes, bool copy, unsigned threads)
{
    const char *reason;
    size_t each = bytes / threads / LEAST_PIECES & ~(size_t)4095;
    m->copy = copy;
    m->threads = threads;
    m->each = each < PIECE ? each : PIECE;
    m->count = bytes / (m->each * threads);
    /* Copied or not, half the caches' bytes of either side have replaced what was there. */
    size_t settle = sn_cpu_cache_bytes() / 2 / (m->each * threads) + 1;
    struct sn_roof_walk w = {.pieces = pieces,
                             .arg = m,
                             .variants = copy ? SN_ROOF_COPIES : SN_ROOF_READS,
                             .count = m->count,
                             .settle = settle < m->count / 2 ? settle : m->count / 2,
                             .units = (double)(m->each * threads)};
    return sn_roof_walk_rate(&w, &reason);
}

void sn_roof_measure_dram(struct sn_roofs *r)
{
    unsigned cores = sn_cpu_count();
    struct memory m = {0};
    size_t bytes = sn_cpu_cold_bytes();
    r->threads = cores;
    r->dram_read = r->dram_copy = r->dram_read_all = r->dram_copy_all = NAN;
    if (bytes > sn_mem_available() / 4 || sn_mem_alloc((void **)&m.from, bytes))
        return;
    sn_roof_fill(m.from, bytes, 2);
    m.to = m.from + bytes / 2;
    /* A copy walks half from and half to, so that both together are as much. */
    r->dram_read = rate(&m, bytes, false, 1);
    r->dram_read_all = cores > 1 ? rate(&m, bytes, false, cores) : r->dram_read;
    r->dram_copy = rate(&m, bytes / 2, true, 1);
    r->dram_copy_all = cores > 1 ? rate(&m, bytes / 2, true, cores) : r->dram_copy;
    sn_mem_free(m.from);
}

/* One core's rate times the threads where each has a cache of its own, and what all together get
 * from memory where not. */
static double shared(double one, double all, unsigned threads)
{
    return threads <= 1 ? one : fmin(threads * one, fmax(one, all));
}

double sn_roof_read_bytes(const struct sn_roofs *r, uint64_t bytes, unsigned threads)
{
    if (bytes == UINT64_MAX)
        return shared(r->dram_read, r->dram_read_all, threads);
    return threads * sn_roof_at(&r->read, bytes / threads);
}

double sn_roof_copy_bytes(const struct sn_roofs *r, uint64_t bytes, unsigned threads)
{
    if (bytes == UINT64_MAX)
        return shared(r->dram_copy, r->dram_copy_all, threads);
    return threads * sn_roof_at(&r->copy, bytes / threads);
}
