/* Memory for buffers that are compared: huge pages in random order.
 *
 * Not all of a machine's memory is equally fast. In a virtual machine some regions stayed a quarter
 * slower than others (30 and 41 GB/s, in steps of 128 MiB; why, the host knows): of two variants
 * with 700 MB each one took 31 ms or 23 by where its buffers lay. While a mix is open
 * sn_mem_alloc() takes blocks of 1 MiB and more from huge pages that were touched before and
 * shuffled, so that every variant gets about the same share of each region, as far as the pages
 * reach. */
#ifndef SN_BASE_MEM_MIX_H
#define SN_BASE_MEM_MIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SN_MEM_MIX_PAGE = 2 << 20 };

/* Takes and touches about `bytes`, at most 32 GiB, in an order drawn with `seed`; nothing where
 * that is more than half of the memory there is. Without pages in the mix blocks come from where
 * they come otherwise. One mix at a time; while it is open one thread allocates. */
void sn_mem_mix_open(uint64_t bytes, uint64_t seed);

/* Gives back what is left; blocks that were taken stay. */
void sn_mem_mix_close(void);

/* Has it n pages? For sn_mem_alloc() alone. */
bool sn_mem_mix_has(size_t n);
/* Moves n of its pages to `to`, a multiple of their size; false: could not, some may be there. */
bool sn_mem_mix_take(char *to, size_t n);

#endif
