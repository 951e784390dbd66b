/* comm/kvring.h: owners against all points tried in turn; who moves when a member joins or leaves;
 * spread of the shares against what exponential gaps give. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "comm/kvring.h"
#include "harness/base/rng.h"
#include "harness/base/status.h"

static struct sn_kvring ring_of(const uint32_t *ids, unsigned n, unsigned vnodes, uint64_t seed)
{
    struct sn_kvring r;
    cr_assert_eq(sn_kvring_open(&r, ids, n, vnodes, seed), SN_OK, "%s", sn_status_message());
    return r;
}

/* The member whose point lies the least way ahead of the key, around the circle. */
static unsigned nearest_ahead(unsigned n, unsigned vnodes, uint64_t seed, uint64_t key)
{
    const uint64_t at = sn_rng_at(seed, 0, key);
    uint64_t least = UINT64_MAX;
    unsigned owner = 0;
    for (unsigned m = 0; m < n; m++)
        for (unsigned v = 0; v < vnodes; v++) {
            const uint64_t ahead = sn_rng_at(seed, 1, (uint64_t)m << 32 | v) - at;
            if (ahead < least) {
                least = ahead;
                owner = m;
            }
        }
    return owner;
}

Test(kvring, owner_is_the_next_point)
{
    static const unsigned shape[][2] = {{1, 1}, {1, 7}, {2, 1}, {3, 5}, {48, 16}, {7, 100}};
    for (size_t k = 0; k < sizeof shape / sizeof *shape; k++) {
        struct sn_kvring r = ring_of(NULL, shape[k][0], shape[k][1], k);
        for (uint64_t key = 0; key < 2000; key++)
            cr_assert_eq(sn_kvring_owner(&r, key), nearest_ahead(shape[k][0], shape[k][1], k, key),
                         "%u x %u, key %llu", shape[k][0], shape[k][1], (unsigned long long)key);
        sn_kvring_close(&r);
    }
}

/* Members are known by their ids: listed in another order they own the same keys. */
Test(kvring, order_of_members_does_not_matter)
{
    const uint32_t a[] = {5, 900, 17, 3}, b[] = {3, 17, 900, 5};
    struct sn_kvring x = ring_of(a, 4, 50, 1), y = ring_of(b, 4, 50, 1);
    for (uint64_t key = 0; key < 5000; key++)
        cr_assert_eq(a[sn_kvring_owner(&x, key)], b[sn_kvring_owner(&y, key)]);
    sn_kvring_close(&x);
    sn_kvring_close(&y);
}

/* n members and one more: a key stays or goes to the new one, and 1/(n + 1) of them go. Read the
 * other way round: who leaves gives away its own keys and no others. */
Test(kvring, one_more_member_moves_its_share)
{
    enum { N = 12, V = 64, KEYS = 20000, SEEDS = 40 };
    double moved_sum = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sn_kvring before = ring_of(NULL, N, V, seed), after = ring_of(NULL, N + 1, V, seed);
        double share[N + 1];
        unsigned moved = 0;
        sn_kvring_shares(&after, share);
        for (uint64_t key = 0; key < KEYS; key++) {
            const unsigned was = sn_kvring_owner(&before, key), is = sn_kvring_owner(&after, key);
            cr_assert(is == was || is == N, "key %llu went from %u to %u", (unsigned long long)key,
                      was, is);
            moved += is == N;
        }
        /* given the ring, binomial: 5 standard deviations */
        const double p = share[N], sd = sqrt(p * (1 - p) / KEYS);
        cr_assert_lt(fabs((double)moved / KEYS - p), 5 * sd, "seed %llu: %u moved, share %g",
                     (unsigned long long)seed, moved, p);
        moved_sum += (double)moved / KEYS;
        sn_kvring_close(&before);
        sn_kvring_close(&after);
    }
    /* over rings: mean 1/(N+1), coefficient of variation 1/sqrt(V) of each */
    const double mean = 1.0 / (N + 1), sd = mean / sqrt((double)V * SEEDS);
    cr_assert_lt(fabs(moved_sum / SEEDS - mean), 5 * sd, "%g; expected %g", moved_sum / SEEDS,
                 mean);
}

/* A share is a sum of v of the n v gaps between uniform points, so it is Beta(v, (n - 1) v):
 * variance over squared mean (n - 1) / (n v + 1). */
Test(kvring, balance_is_that_of_random_points)
{
    enum { SEEDS = 60 };
    static const unsigned shape[][2] = {{48, 1}, {48, 16}, {48, 128}, {4, 64}, {2, 200}};
    struct sn_kvring only = ring_of(NULL, 1, 1, 5);
    double all = 0;
    sn_kvring_shares(&only, &all);
    cr_assert_eq(all, 1, "one point owns the circle: %g", all);
    sn_kvring_close(&only);
    for (size_t k = 0; k < sizeof shape / sizeof *shape; k++) {
        const unsigned n = shape[k][0], v = shape[k][1];
        double square = 0, share[48];
        for (uint64_t seed = 0; seed < SEEDS; seed++) {
            struct sn_kvring r = ring_of(NULL, n, v, seed);
            double sum = 0;
            sn_kvring_shares(&r, share);
            for (unsigned m = 0; m < n; m++) {
                sum += share[m];
                square += (share[m] * n - 1) * (share[m] * n - 1);
            }
            cr_assert_float_eq(sum, 1, 1e-9, "shares sum to %.15g", sum);
            sn_kvring_close(&r);
        }
        const double got = square / (SEEDS * n), want = (n - 1.0) / ((double)n * v + 1);
        /* the variance of a sample variance: 2 of a normal, 8 of an exponential (v = 1), over the
         * n - 1 free shares of each ring; 5 standard deviations */
        const double sd = want * sqrt((2 + 6.0 / v) / (SEEDS * (n - 1.0)));
        cr_assert_lt(fabs(got - want), 5 * sd, "%u members, %u points: %g; expected %g", n, v, got,
                     want);
    }
}

/* Sequential keys fall on members as their shares say. */
Test(kvring, keys_follow_the_shares)
{
    enum { N = 16, KEYS = 200000 };
    struct sn_kvring r = ring_of(NULL, N, 100, 3);
    double share[N], chi = 0;
    unsigned count[N] = {0};
    sn_kvring_shares(&r, share);
    for (uint64_t key = 0; key < KEYS; key++)
        count[sn_kvring_owner(&r, key)]++;
    for (unsigned m = 0; m < N; m++)
        chi += (count[m] - KEYS * share[m]) * (count[m] - KEYS * share[m]) / (KEYS * share[m]);
    cr_assert_lt(chi, 44.3, "chi-square %g with 15 degrees of freedom (p = 1e-4)", chi);
    sn_kvring_close(&r);
}

Test(kvring, errors)
{
    struct sn_kvring r = {.members = 77};
    const uint32_t twice[] = {1, 9, 4, 9};
    cr_assert_eq(sn_kvring_open(&r, NULL, 0, 1, 0), SN_EINVAL);
    cr_assert_eq(sn_kvring_open(&r, NULL, 1, 0, 0), SN_EINVAL);
    cr_assert_eq(sn_kvring_open(&r, NULL, 1 << 13, 1 << 12, 0), SN_EINVAL);
    cr_assert(strstr(sn_status_message(), "8192 members x 4096 points"), "%s", sn_status_message());
    cr_assert_eq(sn_kvring_open(&r, twice, 4, 8, 0), SN_EINVAL);
    cr_assert(strstr(sn_status_message(), "member 9 "), "%s", sn_status_message());
    cr_assert_eq(r.members, 77);
}
