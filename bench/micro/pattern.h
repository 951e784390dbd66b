/* Test data: bytes that depend on seed, round, source, destination, item and position, so that data
 * of another message, of another place or of the round before are seen as errors. */
#ifndef SN_BENCH_MICRO_PATTERN_H
#define SN_BENCH_MICRO_PATTERN_H

#include <stddef.h>
#include <stdint.h>

#include "harness/bench.h"

/* One message as the check names it. */
struct sn_message {
    unsigned from, to; /* endpoints */
    uint64_t item;     /* number of the message between the two */
};

/* The key of a message's bytes: byte i is byte i % 8 of sn_rng_mix64(key + i / 8). */
uint64_t sn_pattern_key(uint64_t seed, uint64_t round, const struct sn_message *m);

void sn_pattern_fill(void *p, size_t bytes, uint64_t key);

/* Compares every byte with the pattern; adds the bytes compared and the wrong ones to k, the first
 * wrong one in words. */
void sn_pattern_check(struct sn_check *k, const void *p, size_t bytes, uint64_t key,
                      const struct sn_message *m);

/* Damages a received message as --mutate asks (nothing for SN_MUTATE_NONE): bitflip flips one bit
 * in the middle; swap exchanges its two halves; drop leaves what was there before the message
 * (zeros: the check clears the destination); wrong-rank puts in the bytes of key `other`. */
void sn_pattern_mutate(enum sn_mutation how, void *p, size_t bytes, uint64_t other);

#endif
