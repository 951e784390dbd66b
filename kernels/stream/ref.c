/* stream in plain C. What the compiler makes of it is the point: GCC calls memcpy() for the copy,
 * which may itself go around the caches. */
#include "kernels/stream/slice.h"

static uint32_t sum_of(const float *b, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += sn_slice_bits(b + i);
    return sum;
}

static void copy(float *restrict a, const float *restrict b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        a[i] = b[i];
}

static void triad(float *restrict a, const float *restrict b, const float *restrict c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        a[i] = b[i] + 3 * c[i];
}

static void run(const union sn_problem *p, const void *packed, void *scratch,
                const struct sn_team *team)
{
    const struct sn_memory *m = &p->memory;
    size_t at = sn_slice_first(m->n, team->id, team->count),
           n = sn_slice_first(m->n, team->id + 1, team->count) - at;
    if (m->kind == SN_MEMORY_READ)
        sn_slice_put(m, team->id, sum_of(m->b + at, n));
    else if (m->kind == SN_MEMORY_COPY)
        copy(m->a + at, m->b + at, n);
    else
        triad(m->a + at, m->b + at, m->c + at, n);
}

const struct sn_kernel sn_stream_ref = {.abi = SN_ABI_VERSION,
                                        .size = sizeof(struct sn_kernel),
                                        .op = "stream",
                                        .name = "ref",
                                        .brief = "plain C",
                                        .isa = "generic",
                                        .run = run};
