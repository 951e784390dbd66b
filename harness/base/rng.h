/* Random numbers as pure functions, so that every rank computes the same without talking.
 *
 * A stream is named by (seed, stream); number `index` of it is a 64-bit hash of the three (two
 * rounds of the splitmix64 finaliser, Steele et al., OOPSLA 2014, over a mixed key). struct sn_rng
 * walks a stream for callers that want a sequence. Statistical quality is tested in
 * tests/unit/rng.c.
 */
#ifndef SN_BASE_RNG_H
#define SN_BASE_RNG_H

#include <stdint.h>

struct sn_rng {
    uint64_t key, index;
};

/* Number `index` of stream (seed, stream). */
uint64_t sn_rng_at(uint64_t seed, uint64_t stream, uint64_t index);

/* A walker at the start of stream (seed, stream). */
struct sn_rng sn_rng_make(uint64_t seed, uint64_t stream);

uint64_t sn_rng_next(struct sn_rng *r);
/* Uniform in [0, 1) with 53 bits. */
double sn_rng_uniform(struct sn_rng *r);
/* Uniform integer in [0, n), n > 0, without modulo bias. */
uint64_t sn_rng_below(struct sn_rng *r, uint64_t n);
/* Standard normal (Box-Muller, one value per call). */
double sn_rng_normal(struct sn_rng *r);
/* Exponential of mean 1. */
double sn_rng_exponential(struct sn_rng *r);

/* The splitmix64 finaliser: a bijective 64-bit mix. */
uint64_t sn_rng_mix64(uint64_t x);

#endif
