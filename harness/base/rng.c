/* Counter-based random numbers: sn_rng_at() is a pure function, a walker is (key, index).
 *
 * The key is two finaliser rounds over seed and stream, so that neighbouring seeds and streams
 * share nothing; a number is two more rounds over key and index, the second xored with the key so
 * that streams whose keys differ by a multiple of the increment do not overlap shifted. */
#include "harness/base/rng.h"

#include <assert.h>
#include <math.h>

#define GOLDEN 0x9e3779b97f4a7c15ull /* 2^64 / phi, odd: the increment of splitmix64 */

uint64_t sn_rng_mix64(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

static uint64_t at(uint64_t key, uint64_t index)
{
    return sn_rng_mix64(sn_rng_mix64(key + (index + 1) * GOLDEN) ^ key);
}

struct sn_rng sn_rng_make(uint64_t seed, uint64_t stream)
{
    uint64_t s = sn_rng_mix64(seed + GOLDEN);
    return (struct sn_rng){.key = sn_rng_mix64(s ^ (stream + 1) * GOLDEN)};
}

uint64_t sn_rng_at(uint64_t seed, uint64_t stream, uint64_t index)
{
    return at(sn_rng_make(seed, stream).key, index);
}

uint64_t sn_rng_next(struct sn_rng *r)
{
    return at(r->key, r->index++);
}

double sn_rng_uniform(struct sn_rng *r)
{
    return (double)(sn_rng_next(r) >> 11) * 0x1p-53;
}

/* The high word of a 64 x 64 product, low words that would be over-represented drawn again
 * (Lemire, ACM TOMACS 29(1), 2019). */
uint64_t sn_rng_below(struct sn_rng *r, uint64_t n)
{
    assert(n > 0);
    unsigned __int128 p = (unsigned __int128)sn_rng_next(r) * n;
    if ((uint64_t)p < n) {
        uint64_t least = -n % n; /* 2^64 mod n */
        while ((uint64_t)p < least)
            p = (unsigned __int128)sn_rng_next(r) * n;
    }
    return (uint64_t)(p >> 64);
}

double sn_rng_normal(struct sn_rng *r)
{
    double u = 1 - sn_rng_uniform(r), v = sn_rng_uniform(r); /* u in (0, 1]: its log is finite */
    return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

double sn_rng_exponential(struct sn_rng *r)
{
    return -log(1 - sn_rng_uniform(r));
}
