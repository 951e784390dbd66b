/* stream by vectors: what the variants share. A variant defines LANES, vec_t, ivec_t and the
 * operations on them that are used below, and includes this file. Eight vectors a turn: as many
 * sums as hide the latency of an addition at three loads a cycle. */
#ifndef SN_KERNELS_STREAM_LOOPS_H
#define SN_KERNELS_STREAM_LOOPS_H

#include <stdbool.h>

#include "kernels/stream/slice.h"

#define SN_INLINE static inline __attribute__((always_inline))
enum { TURN = 8 * LANES };

static uint32_t sum_of(const float *b, size_t n)
{
    ivec_t sums[8];
    uint32_t lane[LANES], sum = 0;
    size_t i = 0;
    for (int j = 0; j < 8; j++)
        sums[j] = izero();
    for (; i + TURN <= n; i += TURN)
#pragma GCC unroll 8
        for (size_t j = 0; j < 8; j++)
            sums[j] = iadd(sums[j], iload(b + i + j * LANES));
    for (; i + LANES <= n; i += LANES)
        sums[0] = iadd(sums[0], iload(b + i));
    for (int j = 1; j < 8; j++)
        sums[0] = iadd(sums[0], sums[j]);
    istore(lane, sums[0]);
    for (int j = 0; j < LANES; j++)
        sum += lane[j];
    for (; i < n; i++)
        sum += sn_slice_bits(b + i);
    return sum;
}

SN_INLINE void put(float *a, vec_t x, bool past_caches)
{
    if (past_caches)
        stream(a, x);
    else
        store(a, x);
}

/* Elements before a is aligned to a vector: stores past the caches need that, others like it. */
static size_t head_of(const float *a, size_t n)
{
    size_t head = -(uintptr_t)a % (LANES * sizeof(float)) / sizeof(float);
    return head < n ? head : n;
}

SN_INLINE void copy(float *restrict a, const float *restrict b, size_t n, bool past_caches)
{
    size_t i = head_of(a, n);
    memcpy(a, b, i * sizeof *a);
    for (; i + TURN <= n; i += TURN)
#pragma GCC unroll 8
        for (size_t j = 0; j < TURN; j += LANES)
            put(a + i + j, load(b + i + j), past_caches);
    memcpy(a + i, b + i, (n - i) * sizeof *a);
}

SN_INLINE void triad(float *restrict a, const float *restrict b, const float *restrict c, size_t n,
                     bool past_caches)
{
    size_t i = 0, head = head_of(a, n);
    for (; i < head; i++)
        a[i] = b[i] + 3 * c[i];
    for (; i + TURN <= n; i += TURN)
#pragma GCC unroll 8
        for (size_t j = i; j < i + TURN; j += LANES)
            put(a + j, three_times(load(b + j), load(c + j)), past_caches);
    for (; i < n; i++)
        a[i] = b[i] + 3 * c[i];
}

SN_INLINE void run_slice(const struct sn_memory *m, const struct sn_team *team, bool past_caches)
{
    size_t at = sn_slice_first(m->n, team->id, team->count),
           n = sn_slice_first(m->n, team->id + 1, team->count) - at;
    if (m->kind == SN_MEMORY_READ)
        sn_slice_put(m, team->id, sum_of(m->b + at, n));
    else if (m->kind == SN_MEMORY_COPY)
        copy(m->a + at, m->b + at, n, past_caches);
    else
        triad(m->a + at, m->b + at, m->c + at, n, past_caches);
    if (past_caches)
        _mm_sfence();
}

/* What is written goes past the caches where all arrays together do not fit into them. */
SN_INLINE bool is_large(const union sn_problem *p)
{
    return p->memory.kind != SN_MEMORY_READ &&
           p->memory.n * (p->memory.kind == SN_MEMORY_COPY ? 8 : 12) > sn_cpu_cache_bytes();
}

SN_INLINE const char *only_writes(const union sn_problem *p, unsigned threads)
{
    return p->memory.kind == SN_MEMORY_READ ? "kind=read writes nothing past the caches" : NULL;
}

#endif
