/* 64-bit hashes, stable across machines: for identities and for payload checks. */
#ifndef SN_BASE_HASH_H
#define SN_BASE_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* sn_rng_mix64() of the 64-bit FNV-1a over `n` bytes started at `h`: SN_HASH_START, or an earlier
 * result to go on from (fields then do not run together: "ab", "c" is not "a", "bc"). The same on
 * every machine. For names and ids. */
#define SN_HASH_START 0xcbf29ce484222325ull
uint64_t sn_hash_bytes(uint64_t h, const void *data, size_t n);

/* A fast 64-bit checksum of a payload (any alignment, any length), position-dependent: two swapped
 * 8-byte words or one flipped bit change it (up to chance, 2^-64). Reads every byte once; tens of
 * GB/s. */
uint64_t sn_hash_payload(const void *data, size_t n);

/* For tests: the checksum by variant 0, 1, ...; false when there is no such variant
 * or this CPU lacks it. */
bool sn_hash_payload_variant(unsigned variant, const void *data, size_t n, uint64_t *out);

#endif
