/* quantize by vectors: what the variants share. A variant defines BLOCK, the elements that it takes
 * at a time, and the functions on a block that are declared below, and includes this file.
 *
 * One pass over memory: while row t is written, from the cache, row t + 1 is searched for its
 * largest absolute value, so that reading and writing never wait for each other. The search
 * compares bit patterns without sign as integers, which have the order of the values and show NaN
 * and infinities. Blocks may overlap at both ends of a row: the same bytes are written twice. */
#ifndef SN_KERNELS_QUANTIZE_ROWS_H
#define SN_KERNELS_QUANTIZE_ROWS_H

#include <string.h>

#include "kernels/quantize/row.h"

/* Bytes between what is searched and what is prefetched. The core's own look-ahead holds some ten
 * lines of this loop, which does not hide the latency of DRAM. Measured on Zen 3, bf16 (4096, 7168)
 * cold, stores past the caches, both ways, beside a copy with such stores in the same minute:
 * without 16.4 GB/s of 27.1; 1 KiB ahead 20.5 of 28.1; 2 KiB 25.4 of 32.5; 4 KiB 24.5 of 31.4. */
#define AHEAD 2048

#define SN_INLINE static inline __attribute__((always_inline))

/* max(m, |x|) of BLOCK elements, as integers; the largest of them all. */
SN_INLINE vmax_t block_max(vmax_t m, const void *x, enum sn_type type);
SN_INLINE uint32_t largest_of(vmax_t m, enum sn_type type);
/* rint(x r) ^ flip of BLOCK elements; `stream`: q is aligned to BLOCK, past the caches. */
SN_INLINE void block_write(uint8_t *q, const void *x, float r, uint8_t flip, enum sn_type type,
                           bool stream);

SN_INLINE const char *at(const void *x, size_t i, enum sn_type type)
{
    return (const char *)x + i * (type == SN_F32 ? 4 : 2);
}

/* Rows of less than BLOCK elements: one block that zeros make full. */
SN_INLINE const char *fill_up(char *buffer, const void *x, size_t h, enum sn_type type)
{
    memset(buffer, 0, 4 * BLOCK);
    memcpy(buffer, x, (size_t)(at(x, h, type) - (const char *)x));
    return buffer;
}

SN_INLINE uint32_t row_max(const void *x, size_t h, enum sn_type type)
{
    char buffer[4 * BLOCK];
    vmax_t m = NO_MAX;
    if (h < BLOCK)
        return largest_of(block_max(m, fill_up(buffer, x, h, type), type), type);
    for (size_t i = 0; i + BLOCK <= h; i += BLOCK)
        m = block_max(m, at(x, i, type), type);
    return largest_of(block_max(m, at(x, h - BLOCK, type), type), type);
}

/* Writes the row x, which is finite, and returns the largest of the row `next`. */
SN_INLINE uint32_t row_write(uint8_t *q, const void *x, const void *next, size_t h, float r,
                             uint8_t flip, enum sn_type type, bool stream)
{
    if (h < BLOCK) {
        char buffer[4 * BLOCK];
        uint8_t out[BLOCK];
        block_write(out, fill_up(buffer, x, h, type), r, flip, type, false);
        memcpy(q, out, h);
        return row_max(next, h, type);
    }
    vmax_t m = block_max(NO_MAX, next, type);
    size_t i = stream ? -(uintptr_t)q % BLOCK : 0;
    if (i)
        block_write(q, x, r, flip, type, false);
    for (; i + 2 * BLOCK <= h; i += 2 * BLOCK) {
        for (size_t b = 0; b < 2 * BLOCK; b += 64 / 2) /* lines of bf16; of f32 every second */
            __builtin_prefetch(at(next, i + b, type) + AHEAD);
        m = block_max(m, at(next, i, type), type);
        m = block_max(m, at(next, i + BLOCK, type), type);
        block_write(q + i, at(x, i, type), r, flip, type, stream);
        block_write(q + i + BLOCK, at(x, i + BLOCK, type), r, flip, type, stream);
    }
    if (i + BLOCK <= h) {
        m = block_max(m, at(next, i, type), type);
        block_write(q + i, at(x, i, type), r, flip, type, stream);
        i += BLOCK;
    }
    if (i < h)
        block_write(q + h - BLOCK, at(x, h - BLOCK, type), r, flip, type, false);
    return largest_of(block_max(m, at(next, h - BLOCK, type), type), type);
}

SN_INLINE float value_of(uint32_t bits, enum sn_type type)
{
    float x;
    bits = type == SN_F32 ? bits : bits << 16;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The rows from `first` to before `end`, at least one. */
SN_INLINE void rows_of(const struct sn_quantize *g, size_t first, size_t end, enum sn_type type,
                       bool stream)
{
    const uint32_t infinite = type == SN_F32 ? SN_QUANTIZE_INF_F32 : SN_QUANTIZE_INF_BF16;
    const uint8_t flip = g->q_type == SN_U8 ? 0x80 : 0;
    uint32_t bits = row_max(at(g->x, first * g->ldx, type), g->h, type);
    for (size_t t = first; t < end; t++) {
        const char *x = at(g->x, t * g->ldx, type),
                   *next = t + 1 < end ? at(x, g->ldx, type) : x; /* the last: what is cached */
        if (bits >= infinite) {
            sn_quantize_row(g, t);
            bits = row_max(next, g->h, type);
            continue;
        }
        float amax = value_of(bits, type);
        g->scale[t] = amax / 127;
        bits = row_write((uint8_t *)g->q + t * g->ldq, x, next, g->h, sn_quantize_factor(amax),
                         flip, type, stream);
    }
}

/* A thread's share: rows that lie together. */
SN_INLINE void rows_of_team(const struct sn_quantize *g, const struct sn_team *team, bool stream)
{
    size_t first = g->t * team->id / team->count, end = g->t * (team->id + 1) / team->count;
    if (first == end)
        return;
    if (g->x_type == SN_F32)
        rows_of(g, first, end, SN_F32, stream);
    else
        rows_of(g, first, end, SN_BF16, stream);
}

/* Stores past the caches pay where the output does not fit into them; else its reader finds it
 * there. Measured with cold input: see README.md. */
SN_INLINE bool output_is_large(const union sn_problem *p)
{
    return p->quantize.t * p->quantize.h > sn_cpu_cache_bytes() / 2;
}

#endif
