/* comm/kvindex.h against an array searched from end to end. */
#include <criterion/criterion.h>

#include "comm/kvindex.h"
#include "harness/base/rng.h"

/* Keys from a small range come and go; the table stays nearly full, so that runs of probes form and
 * removals have to move what is behind. */
Test(kvindex, like_an_array)
{
    enum { KEYS = 200, STEPS = 60000 };
    struct sn_kvindex x = {0};
    uint32_t value[KEYS];
    size_t n = 0;
    struct sn_rng rng = sn_rng_make(5, 5);
    for (unsigned k = 0; k < KEYS; k++)
        value[k] = SN_KVINDEX_NONE;
    cr_assert_eq(sn_kvindex_get(&x, 3), SN_KVINDEX_NONE);
    cr_assert(!sn_kvindex_remove(&x, 3));
    for (unsigned step = 0; step < STEPS; step++) {
        const unsigned k = (unsigned)sn_rng_below(&rng, KEYS);
        const uint64_t key = k % 2 ? k : (uint64_t)k << 40;
        if (sn_rng_below(&rng, 2)) {
            n += value[k] == SN_KVINDEX_NONE;
            value[k] = step;
            sn_kvindex_put(&x, key, step);
        } else {
            cr_assert_eq(sn_kvindex_remove(&x, key), value[k] != SN_KVINDEX_NONE);
            n -= value[k] != SN_KVINDEX_NONE;
            value[k] = SN_KVINDEX_NONE;
        }
        cr_assert_eq(x.n, n);
        for (unsigned i = 0; i < KEYS; i += step % 50 ? 37 : 1)
            cr_assert_eq(sn_kvindex_get(&x, i % 2 ? i : (uint64_t)i << 40), value[i]);
    }
    cr_assert_leq(x.cap, 512, "%zu places for at most %d keys", x.cap, KEYS);
    sn_kvindex_close(&x);
}

Test(kvindex, many)
{
    enum { N = 300000 };
    struct sn_kvindex x = {0};
    for (uint32_t i = 0; i < N; i++)
        sn_kvindex_put(&x, (uint64_t)i * 64, N - i);
    cr_assert_eq(x.n, N);
    for (uint32_t i = 0; i < N; i += 2)
        cr_assert(sn_kvindex_remove(&x, (uint64_t)i * 64));
    for (uint32_t i = 0; i < N; i++)
        cr_assert_eq(sn_kvindex_get(&x, (uint64_t)i * 64), i % 2 ? N - i : SN_KVINDEX_NONE);
    sn_kvindex_close(&x);
}
