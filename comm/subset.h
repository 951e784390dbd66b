/* Random k-subsets of n items: uniform, or with a given inclusion probability for every item.
 *
 * Conditional Poisson sampling: P(S) ~ product of w_i over S, |S| = k, with w solved so that P(i in
 * S) = inclusion[i]; of all distributions with these probabilities the one of largest entropy. No
 * rejection: with F_c(i) = sum over c-subsets of items i..n-1 of their products, the next item
 * after i is the t with F_c(t+1) <= u F_c(i) < F_c(t), by bisection. Cost: open O(n k) times a few
 * tens of rounds, n k doubles; draw O(k log n), k random numbers. Sources: Chen, Dempster, Liu,
 * Biometrika 81 (1994); Tille, Sampling Algorithms (2006), ch. 5; Floyd in Bentley, CACM 30(9)
 * (1987); Knuth, TAOCP 2, 3.4.2, algorithm S. */
#ifndef SN_COMM_SUBSET_H
#define SN_COMM_SUBSET_H

#include <stdint.h>

#include "harness/base/rng.h"

struct sn_subset {
    unsigned n, k;
    unsigned certain; /* items that are in every subset: the first of `item` */
    uint16_t *item;   /* (n) certain ones first, then by falling inclusion probability */
    double *tail;     /* (k - certain, n - certain + 1) F_c(i) / F_c(0), row c - 1 */
    double error;     /* largest |realised - asked| inclusion probability, computed from `tail` */
};

/* inclusion (n): in [0, 1], summing to k within 1e-6; n <= 65535. Owned by the caller until
 * sn_subset_close(). SN_EINVAL when the table would pass 128 MiB or the weights cannot be solved to
 * 1e-9. */
int sn_subset_open(struct sn_subset *out, const double *inclusion, unsigned n, unsigned k);
void sn_subset_close(struct sn_subset *s);

/* out (k): a subset; the order of the items carries no information only after a shuffle. */
void sn_subset_draw(const struct sn_subset *s, struct sn_rng *rng, uint16_t *out);

/* out (k): a uniform k-subset of 0..n-1, k <= n <= 65535. O(k^2) for k <= 64, else O(n). */
void sn_subset_uniform(unsigned n, unsigned k, struct sn_rng *rng, uint16_t *out);

/* Shuffles x (n), n <= 65535; bias below 2^-16. */
void sn_subset_shuffle(uint16_t *x, unsigned n, struct sn_rng *rng);

/* inclusion (n) = min(1, c weight[i]) with the c that makes the sum k. weight (n) >= 0, at least k
 * of them positive; k <= n. Above the cap of 1 the excess goes to the others in proportion. */
void sn_subset_inclusion(const double *weight, unsigned n, unsigned k, double *inclusion);

#endif
