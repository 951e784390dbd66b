/* Student's t for the tests of `snbench diagnose`: tails, quantiles, and how heavy a sample's tails
 * are. */
#ifndef SN_HARNESS_DIAGNOSE_TAIL_H
#define SN_HARNESS_DIAGNOSE_TAIL_H

#include <stddef.h>

/* P(T > x) for nu degrees of freedom (INFINITY: normal), by the regularised incomplete beta
 * function: I_{nu/(nu+x^2)}(nu/2, 1/2) / 2 (Abramowitz and Stegun 26.7.1). nu > 0; relative error
 * below 1e-10. */
double sn_tail_t(double x, double nu);

/* The x with P(T > x) = p, 0 < p <= 1/2. */
double sn_tail_t_quantile(double p, double nu);

/* Maximum likelihood of a centred t distribution over a grid of nu (3, 4, 5, 7, 10, 20, INFINITY)
 * with its scale: *scale gets sigma, the result is nu. n >= 1, not all zero. O(n). */
double sn_tail_fit(const double *x, size_t n, double *scale);

#endif
