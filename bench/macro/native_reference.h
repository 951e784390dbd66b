/* What a native run must bring, bit by bit: the same model as a plain loop on one rank. Request
 * after request, token after token, layer after layer, expert after expert in the order of the
 * gate; no microbatches, no dispatch, no pages, no speculation: what a draft would be is not known
 * here. Products, quantisation, feed-forwards and prologs go through the references of kernels/,
 * one token at a time; attention and gate through the variants that the run takes
 * (sn_native_kernel_of_one()). */
#ifndef SN_BENCH_MACRO_NATIVE_REFERENCE_H
#define SN_BENCH_MACRO_NATIVE_REFERENCE_H

#include "bench/macro/native_weights.h"

struct sn_native_expected {
    unsigned new_max;
    uint32_t *token;  /* (requests, new_max) */
    uint16_t *hidden; /* (requests, new_max, hidden): behind the last layer, what each came from */
    uint64_t *cache;  /* (requests, new_max + 1) hash of what a request that has brought so many
                         tokens has put into its cache, and of the hidden states of its prompt */
};

/* SN_ENOMEM. Cost: all weights once, and requests x tokens plain passes of the model: seconds for
 * nano. */
int sn_native_reference(const struct sn_native_shape *s, struct sn_native_expected **out);
void sn_native_expected_free(void *expected);

/* `hash` gone on with a row (n): of the cache, of hidden states. */
uint64_t sn_native_chain(uint64_t hash, const uint16_t *row, size_t n);

/* The checksum of a row: tokens, hidden states and cache of all requests in order, of which n_new
 * (requests) tokens were brought. Arrays as above, cache (requests). */
uint64_t sn_native_checksum(const struct sn_native_shape *s, unsigned new_max,
                            const uint32_t *n_new, const uint32_t *token, const uint16_t *hidden,
                            const uint64_t *cache);

#endif
