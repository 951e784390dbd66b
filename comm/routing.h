/* Routing: which experts each token goes to, as a pure function of (seed, layer, token).
 *
 * Kinds (comm/routings.def): balanced, uniform, zipf(s), hot(n,share), curve(FILE), trace(FILE).
 * Popularity is over logical experts; which expert is popular is a seeded permutation, so that
 * neighbours on a die are not all hot. The k experts of a token are distinct, drawn without
 * replacement in proportion to popularity; weights are positive and sum to 1.
 */
#ifndef SN_COMM_ROUTING_H
#define SN_COMM_ROUTING_H

#include <stddef.h>
#include <stdint.h>

struct sn_routing;

/* Checks the words of a specification without reading files. SN_EINVAL names the nearest kind and
 * the right form. */
int sn_routing_check(const char *spec);

/* Opens `spec` for `experts` routed experts and top-k `topk` <= experts <= 65535. SN_EINVAL, SN_EIO
 * (files: FILE:LINE). */
int sn_routing_open(struct sn_routing **out, const char *spec, unsigned experts, unsigned topk,
                    uint64_t seed);
void sn_routing_close(struct sn_routing *r);

/* expert (topk), weight (topk) of the token with global index `token` in draw `layer`. Thread-safe,
 * allocates nothing. */
void sn_routing_token(const struct sn_routing *r, uint64_t layer, uint64_t token, uint16_t *expert,
                      float *weight);

/* Expected share of activations per expert (experts), sums to 1: what was asked. */
void sn_routing_shares(const struct sn_routing *r, double *share);

/* Imbalance of n loads: max / mean (0 when all are 0). */
double sn_routing_imbalance(const uint64_t *load, size_t n);

/* For `snbench list routings`. */
void sn_routing_list(void (*emit)(void *out, const char *name, const char *brief,
                                  const char *unavailable),
                     void *out);

#endif
