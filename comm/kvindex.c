/* Hash index with linear probing (comm/kvindex.h; Knuth, TAOCP 3, 6.4, algorithms L and R). */
#include "comm/kvindex.h"

#include <stdlib.h>

#include "harness/base/buf.h"
#include "harness/base/rng.h"

enum { FIRST_CAP = 64 };

void sn_kvindex_close(struct sn_kvindex *x)
{
    free(x->key);
    free(x->value);
    *x = (struct sn_kvindex){0};
}

static size_t home(const struct sn_kvindex *x, uint64_t key)
{
    return sn_rng_mix64(key) & (x->cap - 1);
}

/* Where the key is, or the free place where it would go. cap > 0. */
static size_t seek(const struct sn_kvindex *x, uint64_t key)
{
    size_t at = home(x, key);
    while (x->value[at] != SN_KVINDEX_NONE && x->key[at] != key)
        at = (at + 1) & (x->cap - 1);
    return at;
}

uint32_t sn_kvindex_get(const struct sn_kvindex *x, uint64_t key)
{
    return x->cap ? x->value[seek(x, key)] : SN_KVINDEX_NONE;
}

static void grow(struct sn_kvindex *x)
{
    struct sn_kvindex larger = {.cap = x->cap ? 2 * x->cap : FIRST_CAP, .n = x->n};
    larger.key = sn_calloc(larger.cap, sizeof *larger.key);
    larger.value = sn_calloc(larger.cap, sizeof *larger.value);
    for (size_t i = 0; i < larger.cap; i++)
        larger.value[i] = SN_KVINDEX_NONE;
    for (size_t i = 0; i < x->cap; i++)
        if (x->value[i] != SN_KVINDEX_NONE) {
            const size_t at = seek(&larger, x->key[i]);
            larger.key[at] = x->key[i];
            larger.value[at] = x->value[i];
        }
    sn_kvindex_close(x);
    *x = larger;
}

void sn_kvindex_put(struct sn_kvindex *x, uint64_t key, uint32_t value)
{
    if (x->n * 8 >= x->cap * 5)
        grow(x);
    const size_t at = seek(x, key);
    x->n += x->value[at] == SN_KVINDEX_NONE;
    x->key[at] = key;
    x->value[at] = value;
}

bool sn_kvindex_remove(struct sn_kvindex *x, uint64_t key)
{
    if (x->cap == 0)
        return false;
    const size_t mask = x->cap - 1;
    size_t hole = seek(x, key);
    if (x->value[hole] == SN_KVINDEX_NONE)
        return false;
    /* what probed past the hole moves into it: all whose home is not between hole and place */
    for (size_t at = (hole + 1) & mask; x->value[at] != SN_KVINDEX_NONE; at = (at + 1) & mask)
        if (((at - home(x, x->key[at])) & mask) >= ((at - hole) & mask)) {
            x->key[hole] = x->key[at];
            x->value[hole] = x->value[at];
            hole = at;
        }
    x->value[hole] = SN_KVINDEX_NONE;
    x->n--;
    return true;
}
