/* Routing: which experts each token goes to, as a pure function of (seed, layer, token).
 *
 * Kinds (comm/routings.def): balanced, uniform, zipf(S), hot(N,SHARE), curve(FILE), trace(FILE).
 * The k experts of a token are distinct. By popularity (zipf, hot, curve): expert e is among them
 * with probability exactly k s_e, s_e the asked share of activations; of the distributions with
 * these probabilities the one of largest entropy (conditional Poisson sampling, comm/subset.h). A
 * share above 1/k cannot be: it is cut, the excess goes to the others in proportion. Popularity is
 * dealt by a permutation drawn from the seed, so that neighbours on a die are not all hot; it is
 * the same for every layer. balanced: comm/routing_balanced.c; trace: comm/routing_trace.c.
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

/* expert (topk), weight (topk) of the token with global index `token` in draw `layer`: distinct, in
 * an order without meaning (trace: that of the file); positive, sum 1 to rounding, at most 17 to 1
 * apart. weight may be NULL: the experts stay the same. Thread-safe, allocates nothing. */
void sn_routing_token(const struct sn_routing *r, uint64_t layer, uint64_t token, uint16_t *expert,
                      float *weight);

/* Expected share of activations per expert (experts), sums to 1: what was asked, cut to 1/topk
 * where no drawing without replacement can reach it; for a trace what was recorded. */
void sn_routing_shares(const struct sn_routing *r, double *share);

/* Imbalance of n loads: max / mean (0 when all are 0). */
double sn_routing_imbalance(const uint64_t *load, size_t n);

/* For `snbench list routings`. */
void sn_routing_list(void (*emit)(void *out, const char *name, const char *brief,
                                  const char *unavailable),
                     void *out);

#endif
