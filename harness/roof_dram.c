/* Memory past the caches, one core and all cores together: so much is walked through that nothing
 * of it is still cached when the walk begins again. */
#include <math.h>
#include <omp.h>

#include "harness/base/cpu.h"
#include "harness/base/mem.h"
#include "harness/roof_parts.h"

struct walk {
    char *from, *to;
    size_t bytes;
    unsigned threads;
    bool copy;
    uint64_t sum;
};

static uint64_t slice(const struct walk *w, unsigned id, unsigned variant)
{
    size_t each = w->bytes / w->threads & ~(size_t)4095, at = each * id;
    if (!w->copy)
        return sn_roof_read(w->from + at, each);
    sn_roof_copy(variant, w->to + at, w->from + at, each);
    return 0;
}

static void passes(void *arg, unsigned variant, uint64_t n)
{
    struct walk *w = arg;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        if (w->threads == 1) {
            sum += slice(w, 0, variant);
            continue;
        }
#pragma omp parallel num_threads((int)w->threads) reduction(+ : sum)
        sum += slice(w, (unsigned)omp_get_thread_num(), variant);
    }
    w->sum += sum;
}

static double rate(struct walk *w, bool copy, unsigned threads)
{
    unsigned variant;
    const char *reason;
    w->copy = copy;
    w->threads = threads;
    size_t counted = (w->bytes / threads & ~(size_t)4095) * threads;
    struct sn_roof_work work = {passes, w, copy ? SN_ROOF_COPIES : 1, (double)counted};
    return sn_roof_rate(&work, 2, &variant, &reason);
}

void sn_roof_measure_dram(struct sn_roofs *r)
{
    unsigned cores = sn_cpu_count();
    struct walk w = {.bytes = sn_cpu_cold_bytes()};
    r->threads = cores;
    r->dram_read = r->dram_copy = r->dram_read_all = r->dram_copy_all = NAN;
    if (w.bytes > sn_mem_available() / 4 || sn_mem_alloc((void **)&w.from, w.bytes))
        return;
    sn_roof_fill(w.from, w.bytes, 2);
    r->dram_read = rate(&w, false, 1);
    r->dram_read_all = cores > 1 ? rate(&w, false, cores) : r->dram_read;
    /* A copy walks half from and half to, so that both together are as much. */
    w.bytes /= 2;
    w.to = w.from + w.bytes;
    r->dram_copy = rate(&w, true, 1);
    r->dram_copy_all = cores > 1 ? rate(&w, true, cores) : r->dram_copy;
    sn_mem_free(w.from);
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
