/* Copy and read bandwidth of one core in its own memory, from a cache line to past the caches.
 *
 * The curve is swept twice and each point keeps its best: a slow second of a shared machine then
 * costs nothing. Buffers hold random bytes: some CPUs store zeros over zeros for free. */
#include "harness/roof_parts.h"

#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "harness/base/clock.h"
#include "harness/base/copy.h"
#include "harness/base/cpu.h"
#include "harness/base/mem.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

/* --- the operations -------------------------------------------------------------------------- */

#if defined(__x86_64__)
/* Libraries prefer 256 bits; in the first-level cache of Zen 5 these take two thirds of the time.
 */
__attribute__((target("avx512f"))) static void copy_avx512(char *dst, const char *src, size_t bytes)
{
    size_t at = 0;
    for (; at + 256 <= bytes; at += 256)
#pragma GCC unroll 4
        for (size_t i = 0; i < 256; i += 64)
            _mm512_storeu_si512(dst + at + i, _mm512_loadu_si512(src + at + i));
    memcpy(dst + at, src + at, bytes - at);
}

/* Eight accumulators: an addition takes one cycle, a core starts at most three loads a cycle. */
__attribute__((target("avx512f"))) static uint64_t read_avx512(const char *p, size_t bytes,
                                                               unsigned streams)
{
    __m512i a[8];
    for (int i = 0; i < 8; i++)
        a[i] = _mm512_setzero_si512();
    size_t part = bytes / streams & ~(size_t)511, at;
    for (at = 0; at < part; at += 512)
        for (unsigned s = 0; s < streams; s++)
#pragma GCC unroll 8
            for (int i = 0; i < 8; i++)
                a[i] = _mm512_add_epi64(a[i], _mm512_load_si512(p + s * part + at + 64 * i));
    for (at = part * streams; at < bytes; at += 64)
        a[0] = _mm512_add_epi64(a[0], _mm512_load_si512(p + at));
    uint64_t lanes[8], sum = 0;
    for (int i = 1; i < 8; i++)
        a[0] = _mm512_add_epi64(a[0], a[i]);
    _mm512_storeu_si512(lanes, a[0]);
    for (int i = 0; i < 8; i++)
        sum += lanes[i];
    return sum;
}

__attribute__((target("avx2"))) static uint64_t read_avx2(const char *p, size_t bytes,
                                                          unsigned streams)
{
    __m256i a[8];
    for (int i = 0; i < 8; i++)
        a[i] = _mm256_setzero_si256();
    size_t part = bytes / streams & ~(size_t)255, at;
    for (at = 0; at < part; at += 256)
        for (unsigned s = 0; s < streams; s++) {
            const char *q = p + s * part + at;
#pragma GCC unroll 8
            for (int i = 0; i < 8; i++)
                a[i] = _mm256_add_epi64(a[i], _mm256_load_si256((const void *)(q + 32 * i)));
        }
    for (at = part * streams; at < bytes; at += 32)
        a[0] = _mm256_add_epi64(a[0], _mm256_load_si256((const void *)(p + at)));
    uint64_t lanes[4], sum = 0;
    for (int i = 1; i < 8; i++)
        a[0] = _mm256_add_epi64(a[0], a[i]);
    _mm256_storeu_si256((void *)lanes, a[0]);
    for (int i = 0; i < 4; i++)
        sum += lanes[i];
    return sum;
}
#endif

static uint64_t read_plain(const char *p, size_t bytes)
{
    const uint64_t *q = (const void *)p;
    uint64_t a[8] = {0}, sum = 0;
    for (size_t at = 0; at < bytes / 8; at += 8)
#pragma GCC unroll 8
        for (int i = 0; i < 8; i++)
            a[i] += q[at + (size_t)i];
    for (int i = 0; i < 8; i++)
        sum += a[i];
    return sum;
}

uint64_t sn_roof_read(unsigned variant, const void *p, size_t bytes)
{
    unsigned streams = 1u << variant;
#if defined(__x86_64__)
    if (sn_cpu_has(SN_CPU_AVX512F))
        return read_avx512(p, bytes, streams);
    if (sn_cpu_has(SN_CPU_AVX2))
        return read_avx2(p, bytes, streams);
#endif
    (void)streams;
    return read_plain(p, bytes);
}

void sn_roof_copy(unsigned variant, void *dst, const void *src, size_t bytes)
{
#if defined(__x86_64__)
    if (variant == 3 && sn_cpu_has(SN_CPU_AVX512F)) {
        copy_avx512(dst, src, bytes);
        return;
    }
#endif
    if (variant == 1)
        sn_copy(dst, src, bytes);
    else if (variant == 2)
        sn_copy_stream(dst, src, bytes);
    else
        memcpy(dst, src, bytes);
}

void sn_roof_fill(void *p, size_t bytes, uint64_t seed)
{
    /* One block of random numbers, then copies of it: a tenth of the time for large buffers. */
    enum { BLOCK = 64 << 10 };
    struct sn_rng rng = sn_rng_make(seed, 0);
    size_t first = bytes < BLOCK ? bytes : BLOCK, at = 0;
    for (; at + 8 <= first; at += 8) {
        uint64_t x = sn_rng_next(&rng);
        memcpy((char *)p + at, &x, 8);
    }
    for (; at < first; at++)
        ((unsigned char *)p)[at] = (unsigned char)sn_rng_next(&rng);
    for (; at < bytes; at += first)
        memcpy((char *)p + at, p, bytes - at < first ? bytes - at : first);
}

/* --- the curves ------------------------------------------------------------------------------ */

#define LONG_BYTES (64 << 20) /* swept once above this: one pass is tens of milliseconds */

struct buffers {
    void *dst, *src;
    size_t bytes;
    uint64_t sum;
};

static void copy_passes(void *arg, unsigned variant, uint64_t n)
{
    struct buffers *b = arg;
    for (uint64_t i = 0; i < n; i++) {
        sn_roof_copy(variant, b->dst, b->src, b->bytes);
        __asm__ volatile("" : : "r"(b->dst) : "memory");
    }
}

static void read_passes(void *arg, unsigned variant, uint64_t n)
{
    struct buffers *b = arg;
    for (uint64_t i = 0; i < n; i++) {
        b->sum += sn_roof_read(variant, b->src, b->bytes);
        __asm__ volatile("" : : "r"(b) : "memory");
    }
}

static void sweep(struct sn_roof_curve *c, struct buffers *b,
                  void (*passes)(void *, unsigned, uint64_t), unsigned variants, int round)
{
    for (size_t i = 0; i < c->n; i++) {
        if (round && c->bytes[i] > LONG_BYTES && !isnan(c->bytes_per_s[i]))
            continue;
        unsigned variant;
        b->bytes = c->bytes[i];
        struct sn_roof_work w = {passes, b, variants, (double)c->bytes[i]};
        double rate = sn_roof_rate(&w, sn_roof_repeats(c->bytes[i]), &variant, &c->reason);
        c->bytes_per_s[i] = fmax(c->bytes_per_s[i], rate); /* fmax ignores NAN */
    }
}

void sn_roof_measure_memory(struct sn_roofs *r, uint64_t largest)
{
    sn_roof_sizes(&r->copy, 1, largest);
    sn_roof_sizes(&r->read, SN_ROOF_READ_FROM, largest);
    struct buffers b = {0};
    size_t bytes = r->copy.bytes[r->copy.n - 1];
    if (sn_mem_alloc(&b.dst, bytes) || sn_mem_alloc(&b.src, bytes)) {
        r->copy.reason = r->read.reason = "no memory for the buffers";
        sn_mem_free(b.dst);
        return;
    }
    sn_roof_fill(b.src, bytes, 1);
    int64_t start = sn_clock_ns();
    for (int round = 0; round < 2 && !sn_roof_late(start); round++) {
        sweep(&r->copy, &b, copy_passes, SN_ROOF_COPIES, round);
        sweep(&r->read, &b, read_passes, SN_ROOF_READS, round);
    }
    sn_roof_settle_reason(&r->copy);
    sn_roof_settle_reason(&r->read);
    sn_mem_free(b.src);
    sn_mem_free(b.dst);
}
