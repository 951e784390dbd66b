/* An index from 64-bit keys to 32-bit numbers: open addressing with linear probing.
 *
 * Grows by doubling at 5/8 full; removal moves later entries back, so no tombstones pile up. get,
 * put and remove O(1) on average; 12 bytes a place. Any key is allowed, sequences too: the place
 * is a hash of it.
 */
#ifndef SN_COMM_KVINDEX_H
#define SN_COMM_KVINDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SN_KVINDEX_NONE UINT32_MAX

struct sn_kvindex {  /* all zero: empty */
    uint64_t *key;   /* (cap) */
    uint32_t *value; /* (cap) SN_KVINDEX_NONE: free */
    size_t cap, n;   /* cap is 0 or a power of two */
};

void sn_kvindex_close(struct sn_kvindex *x);
/* The number of a key, or SN_KVINDEX_NONE. */
uint32_t sn_kvindex_get(const struct sn_kvindex *x, uint64_t key);
/* Sets it; value is not SN_KVINDEX_NONE. Aborts when out of memory. */
void sn_kvindex_put(struct sn_kvindex *x, uint64_t key, uint32_t value);
/* Takes it out; false when it is not there. */
bool sn_kvindex_remove(struct sn_kvindex *x, uint64_t key);

#endif
