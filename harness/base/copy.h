/* Bulk copy between buffers of one address space, tuned where memcpy() is not.
 *
 * The variant is chosen once at run time by CPU feature and by length; exact for any length and
 * alignment; regions must not overlap; thread-safe. sn_copy() leaves the destination in cache;
 * sn_copy_stream() writes past it (non-temporal), for data that only another core will read, and
 * ends with a store fence, so that a flag stored afterwards is seen after the data. */
#ifndef SN_BASE_COPY_H
#define SN_BASE_COPY_H

#include <stddef.h>

void sn_copy(void *restrict dst, const void *restrict src, size_t bytes);
void sn_copy_stream(void *restrict dst, const void *restrict src, size_t bytes);

#endif
