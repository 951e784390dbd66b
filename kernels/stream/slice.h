/* stream: which elements a thread works on: whole pages of 4 KiB, as even as they allow. */
#ifndef SN_KERNELS_STREAM_SLICE_H
#define SN_KERNELS_STREAM_SLICE_H

#include <string.h>

#include "kernels/kernel.h"

static inline size_t sn_slice_first(size_t n, unsigned id, unsigned count)
{
    const size_t page = 4096 / sizeof(float);
    size_t pages = n / page;
    return id == count ? n : pages * id / count * page;
}

/* Where read puts a thread's part of the sum. */
static inline void sn_slice_put(const struct sn_memory *m, unsigned id, uint32_t sum)
{
    memcpy(m->a + (size_t)id * 16, &sum, sizeof sum);
}

static inline uint32_t sn_slice_bits(const float *p)
{
    uint32_t bits;
    memcpy(&bits, p, sizeof bits);
    return bits;
}

#endif
