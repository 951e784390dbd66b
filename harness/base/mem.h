/* Memory for buffers that are timed: aligned, touched, on huge pages where the system gives them.
 */
#ifndef SN_BASE_MEM_H
#define SN_BASE_MEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* `bytes` zeroed bytes aligned to 2 MiB (64 bytes below 1 MiB), every page touched, huge pages
 * advised; *out owned by the caller, freed with sn_mem_free(). bytes 0 gives a valid pointer.
 * SN_ENOMEM names the amount. */
int sn_mem_alloc(void **out, size_t bytes);
void sn_mem_free(void *p);

/* a * b, or false on overflow (then *out is not written). */
bool sn_mem_mul(size_t a, size_t b, size_t *out);

/* x rounded up to a multiple of `align`, a power of two. */
static inline size_t sn_mem_round_up(size_t x, size_t align)
{
    return (x + align - 1) & ~(align - 1);
}

/* Bytes of memory that can be had without swapping (MemAvailable, capped by the cgroup limit). */
uint64_t sn_mem_available(void);
/* The same with `root` before /proc and /sys, for tests; UINT64_MAX when nothing there says. */
uint64_t sn_mem_available_under(const char *root);

/* For tests: a buffer whose last byte is followed by an unreadable page, whose content is random
 * and whose start is misaligned by `bytes` mod the page size. Freed with sn_mem_guard_free(). */
int sn_mem_guard_alloc(void **out, size_t bytes);
void sn_mem_guard_free(void *p, size_t bytes);

#endif
